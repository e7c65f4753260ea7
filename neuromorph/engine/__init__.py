"""Runs a Program natively: one compiled call for many steps, bit for bit as Lava's fixed-point models."""

from neuromorph.engine import cache  # noqa: F401 (says where kernels are kept before any is compiled)
from neuromorph.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
