"""Independent judges of rules and laws: backpropagation's gradient, locality, Norse."""

from neuromorph.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
