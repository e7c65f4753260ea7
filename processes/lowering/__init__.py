"""Lowering of a Lava process graph to a Program, and native simulation of the graph."""

from neuromorph.processes.lowering.simulate import lower, restart, simulate

__all__ = ["lower", "restart", "simulate"]
