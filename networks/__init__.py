"""Networks ready to use. Each is a Program; where Lava is, `build()` gives its process graph."""

from neuromorph.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
