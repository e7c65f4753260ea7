"""Noise as a function: the number that a neuron draws in a step is a mix of its own key and the step.

    draw(key, t) = mix(key XOR mix(t)),    mix(x): x ^= x >> 15; x *= 0x2c1b3c6d; x ^= x >> 12; x *= 0x297a2d39; x ^= x >> 15

all modulo 2^32. So there is no state: cutting a run, saving it, or splitting a population over cores changes no bit, and NumPy, Numba and
Lava draw the same numbers. `key` is a parameter of the law, one per neuron, 0..2^31 - 1, drawn at random; neurons of one key draw alike.
For a second number in the same step, draw with another key.

The result is uniform in 0..2^32 - 1, in floating point too: `draw(key, t) < p * 2**24` holds with probability p / 256, and
`ops.floor_down(draw(key, t), 24)` is uniform in 0..255.

Source of the constants: C. Wellons, hash-prospector (a 32-bit mix of low bias).
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import Step

WORD = 2**32 - 1


def make_draw(ops: Arithmetic) -> Step:
    """The number that the neuron of this key draws in step t."""
    whole = ops.whole

    def mix(x):  # type: ignore[no-untyped-def]
        x = ((x ^ (x >> 15)) * 0x2C1B3C6D) & WORD
        x = ((x ^ (x >> 12)) * 0x297A2D39) & WORD
        return x ^ (x >> 15)

    mixed = ops.function(mix)

    def draw(key, t):  # type: ignore[no-untyped-def]
        return mixed(whole(key) ^ mixed(whole(t) & WORD))

    return ops.function(draw)
