"""Lowering of a Lava process graph to a Program."""

import neuromorph.processes.lava_first  # noqa: F401 (before anything of Lava)
