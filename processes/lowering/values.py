"""Values of a process's Vars and parameters, as the fixed-point models of Lava would take them; nothing rounded silently."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from scipy.sparse import csr_matrix

from neuromorph.errors import LoweringError, RangeError
from neuromorph.laws.plasticity import WEIGHT_RANGE, SignMode
from neuromorph.processes.lowering.discovery import describe
from neuromorph.program import Array


class QuantizationWarning(UserWarning):
    """Weights lose low bits, as they do in Lava's fixed-point models and on the chip."""


def value(process: AbstractProcess, name: str) -> Array:
    """A Var's value now, broadcast to its shape, as float64 or int64."""
    var: Var = getattr(process, name)
    return np.broadcast_to(np.asarray(var.get()), var.shape)


def number(process: AbstractProcess, name: str) -> int:
    """The one value of a Var of one element."""
    return int(whole(process, name, value(process, name)).ravel()[0])


def whole(process: AbstractProcess, name: str, values: Any) -> Array:
    """`values` as integers. Raises RangeError when one is not: Lava would cut its fraction off."""
    values = np.asarray(values)
    if np.issubdtype(values.dtype, np.integer):
        return values
    cut = np.trunc(values).astype(np.int64)
    if not np.array_equal(cut, values):
        raise RangeError(
            f"{describe(process)}: {name} = {values[cut != values].flat[0]} is not an integer; Lava's fixed-point model "
            "would cut it off: scale and round it yourself"
        )
    return cut


def sign_mode_of(process: AbstractProcess, weights: Array, default: SignMode | None) -> SignMode:
    """The sign mode given to the process, else `default`, else (as Lava's Dense) what the weights' signs say."""
    given = process.proc_params.get("sign_mode")
    if given is not None:
        if given.value not in WEIGHT_RANGE:
            raise LoweringError(
                f"{describe(process)}: sign_mode {given.name} is none of MIXED, EXCITATORY, INHIBITORY"
            )
        return SignMode(given.value)
    if default is not None:
        return default
    if weights.size == 0 or weights.min() >= 0:
        return SignMode.EXCITATORY
    return SignMode.INHIBITORY if weights.max() <= 0 else SignMode.MIXED


def truncated(process: AbstractProcess, weights: Array, mode: SignMode) -> Array:
    """Weights on the grid of num_weight_bits and sign mode: low bits cut by an arithmetic shift of the magnitude's sign.

    Lava's utils.weightutils.truncate_weights. Warns when bits are lost, raises RangeError outside the mode's range (Lava
    clips static weights there, and wraps plastic ones in their first epoch).
    """
    low, high = WEIGHT_RANGE[mode]
    wrong = (weights < low) | (weights > high)
    if wrong.any():
        raise RangeError(
            f"{describe(process)}: weights = {weights[wrong].flat[0]} is outside {low}..{high} for sign mode {mode.name}"
        )
    bits = int(process.proc_params.get("num_weight_bits", 8))
    if not 1 <= bits <= 8:
        raise RangeError(f"{describe(process)}: num_weight_bits = {bits} is outside 1..8")
    lost = 8 - bits + int(mode == SignMode.MIXED)
    sign = -1 if mode == SignMode.INHIBITORY else 1
    kept = sign * ((sign * weights >> lost) << lost)
    changed = int(np.count_nonzero(kept != weights))
    if changed:
        warnings.warn(
            f"{describe(process)}: {changed} weights lose low bits, as in Lava: {bits}-bit weights of sign mode {mode.name} "
            f"are multiples of {1 << lost}",
            QuantizationWarning,
            stacklevel=2,
        )
    return kept


def matrix(process: AbstractProcess, name: str) -> tuple[Array, Array | None]:
    """A matrix Var: (dense[post, pre], None), or (values, index) of a sparse one, sorted by pre, then post."""
    values = getattr(process, name).get()
    if not isinstance(values, csr_matrix):
        return whole(process, name, value(process, name)), None
    entries = values.tocoo()
    order = np.lexsort((entries.row, entries.col))
    index = np.stack([entries.row[order], entries.col[order]]).astype(np.int64)
    return whole(process, name, entries.data[order]), index
