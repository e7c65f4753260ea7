import neuromorph.processes.lava_first  # noqa: F401 (before anything of Lava)
