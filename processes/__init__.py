"""The door to Lava: processes of our laws, lowering of graphs to Programs, native simulation, equality with Lava."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
