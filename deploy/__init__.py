"""From a Program to a chip: artifacts, what a chip asks of a Program, freezing."""

from neuromorph.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
