"""Local learning as Lava processes: build, simulate bit for bit, compile for Loihi-class chips.

The names below are loaded at first use, so that `import neuromorph` alone loads neither Lava, torch, Numba
nor matplotlib.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuromorph.processes.equivalence import check_bits
    from neuromorph.processes.lowering import lower, simulate
    from neuromorph.program import Program

__all__ = ["Program", "__version__", "check_bits", "lower", "simulate"]

__version__ = version("neuromorph")

_HOME_OF = {
    "Program": "neuromorph.program",
    "check_bits": "neuromorph.processes.equivalence",
    "lower": "neuromorph.processes.lowering",
    "simulate": "neuromorph.processes.lowering",
}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'neuromorph' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
