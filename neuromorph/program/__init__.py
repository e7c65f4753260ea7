"""The Program: a network as frozen data, between the process graph and everything downstream of it."""

from neuromorph.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
