"""The Program: a network as frozen data, between the process graph and everything downstream of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
