"""Networks ready to use. Each is a Program; where Lava is, `build()` gives its process graph."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
