"""How one neuron and one synapse change in one step: written once, computed by every body."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
