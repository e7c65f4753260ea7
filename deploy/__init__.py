"""From a Program to a chip: artifacts, what a chip asks of a Program, freezing."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
