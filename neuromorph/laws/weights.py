"""Which weights a connection can hold, before it learns: eight bits, the sign among them where signs are mixed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.laws.products.plasticity import SignMode

Array = NDArray[Any]


class QuantizationWarning(UserWarning):
    """Weights lost bits that the chip (and Lava) cannot hold."""


STATIC_RANGE = {SignMode.MIXED: (-256, 254), SignMode.EXCITATORY: (0, 255), SignMode.INHIBITORY: (-255, 0)}
"""Of static weights; with mixed signs they are even."""


def mode_of(weights: Array) -> SignMode:
    """The sign mode of static weights, as Lava tells it from their signs."""
    if (weights >= 0).all():
        return SignMode.EXCITATORY
    return SignMode.INHIBITORY if (weights <= 0).all() else SignMode.MIXED


def grid(mode: SignMode, bits: int = 8) -> int:
    """Weights of `bits` bits are multiples of this; of eight bits and one sign of 1, of mixed signs of 2."""
    return 1 << 8 - bits + int(mode == SignMode.MIXED)


def on_grid(weights: Array, mode: SignMode, bits: int = 8) -> Array:
    """`weights` without the bits that a connection does not hold: cut towards zero, of mixed signs towards -infinity.

    What Lava (utils/weightutils.py, truncate_weights) does to the weights of every connection before its first step.
    Plastic weights of mixed signs then move in steps of 1, so that only a connection that begins cuts their low bit.
    """
    sign, step = -1 if mode == SignMode.INHIBITORY else 1, grid(mode, bits)
    kept: Array = sign * (sign * np.asarray(weights) // step * step)
    return kept


def off_grid(weights: Array, mode: SignMode) -> Array:
    """Which of these static weights have no eight bits."""
    low, high = STATIC_RANGE[mode]
    wrong: Array = (weights < low) | (weights > high) | (on_grid(weights, mode) != weights)
    return wrong
