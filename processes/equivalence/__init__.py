"""Lava and the engine held against each other: Lava's models stepped in-process, its runtime guarded, or what is recorded of them."""
