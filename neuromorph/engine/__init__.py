"""Runs a Program natively: one compiled call for many steps, bit for bit as Lava's fixed-point models."""

import lazy_loader

from neuromorph.engine import cache  # noqa: F401 (says where kernels are kept before any is compiled)

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
