"""Native simulation of a Lava process graph: what stands where Lava's runtime would."""

import neuromorph.processes.lava_first  # noqa: F401 (before anything of Lava)
