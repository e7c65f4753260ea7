"""Lava and the engine held against each other: Lava's models stepped in-process, Lava's runtime guarded, `check_bits`."""
