"""Lava and the engine held against each other: Lava's models stepped in-process, its runtime guarded, `check_bits`."""

import neuromorph.processes.lava_first  # noqa: F401 (before anything of Lava)
from neuromorph.processes.equivalence.check import check_bits

__all__ = ["check_bits"]
