"""Ranges of what a connection holds besides its weights: data for the checks of Programs and for the tests."""

EXPONENT_RANGE = (-8, 7)
"""weight_exp: four bits, signed (chip-facts: -8..7 on Loihi)."""
DELAY_RANGE = (0, 63)
"""Delays have six bits."""
TAU_RANGE = (0, 65535)
"""Trace time constants in steps; 0 clears a trace in every step, 65535 all but keeps it."""
IMPULSE_RANGE = (0, 127)
"""Trace impulses; a trace has seven bits."""
EPOCH_RANGE = (1, 63)
"""Steps per learning epoch: spike times within an epoch have six bits."""
