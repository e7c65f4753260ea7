"""Local learning as Lava processes: build, simulate bit for bit, compile for Loihi-class chips.

The names in __init__.pyi are loaded at first use, here and in the packages below, so that `import neuromorph` alone loads
neither Lava, torch, Numba nor matplotlib.
"""

from importlib.metadata import version

from neuromorph.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)

__version__ = version("neuromorph")
del version, attach
