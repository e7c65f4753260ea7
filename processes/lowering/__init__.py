"""Lowering of a Lava process graph to a Program, and native simulation of the graph."""

import neuromorph.processes.lava_first  # noqa: F401 (before anything of Lava)
from neuromorph.processes.lowering.simulate import lower, restart, simulate

__all__ = ["lower", "restart", "simulate"]
