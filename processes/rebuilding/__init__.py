"""Program -> Lava: the process graph that lowers to a given Program."""

import neuromorph.processes.lava_first  # noqa: F401 (before anything of Lava)
from neuromorph.processes.rebuilding.rebuild import rebuild

__all__ = ["rebuild"]
