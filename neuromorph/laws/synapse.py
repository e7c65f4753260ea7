"""Ranges of what a connection holds besides its weights: data for the checks of Programs and for the tests."""

PAYLOAD_RANGE = (-(2**23), 2**23 - 1)
"""Graded payloads have 24 bits, signed."""
MESSAGE_BITS_RANGE = (0, 32)
"""num_message_bits: 0 makes spikes binary."""
WEIGHT_BITS_RANGE = (1, 8)
"""num_weight_bits."""
EXPONENT_RANGE = (-8, 7)
"""weight_exp: four bits, signed (chip-facts: -8..7 on Loihi)."""
DELAY_RANGE = (0, 63)
"""Delays have six bits."""
TAU_RANGE = (0, 65535)
"""Trace time constants in steps; 0 clears a trace in every step, 65535 all but keeps it."""
IMPULSE_RANGE = (0, 127)
"""Trace impulses; a trace has seven bits."""
SEED_RANGE = (0, 2**32 - 1)
"""rng_seed of a learning rule."""
EPOCH_RANGE = (1, 63)
"""Steps per learning epoch: spike times within an epoch have six bits."""
