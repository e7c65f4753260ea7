"""How one neuron and one synapse change in one step: written once, computed by every body."""

from neuromorph.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
