"""The door to Lava: processes of our laws, lowering of graphs to Programs, native simulation, equality with Lava."""

from neuromorph.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
