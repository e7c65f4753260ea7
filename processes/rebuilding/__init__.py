"""Program -> Lava: the process graph that lowers to a given Program."""

from neuromorph.processes.rebuilding.rebuild import rebuild

__all__ = ["rebuild"]
