"""Independent judges of rules and laws: backpropagation's gradient, locality, Norse."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
