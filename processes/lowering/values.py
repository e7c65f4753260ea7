"""Values of a process's Vars and parameters, as the fixed-point models of Lava would take them; nothing rounded silently."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.utils.weightutils import SignMode as LavaSignMode
from scipy.sparse import csr_matrix, spmatrix

from neuromorph.errors import LoweringError, RangeError
from neuromorph.laws.products.plasticity import WEIGHT_RANGE, SignMode
from neuromorph.laws.synapse import WEIGHT_BITS_RANGE
from neuromorph.laws.weights import QuantizationWarning, grid, mode_of, on_grid
from neuromorph.processes.lowering.discovery import describe
from neuromorph.program import Array
from neuromorph.program.synapse import entries

Names = Mapping[AbstractProcess, str]
"""What processes are called in a Program."""


def value(process: AbstractProcess, name: str) -> Array:
    """A Var's value now, broadcast to its shape; a sparse one as a dense array."""
    var: Var = getattr(process, name)
    now = held(var)
    try:
        return np.broadcast_to(now.toarray() if isinstance(now, spmatrix) else np.asarray(now), var.shape)
    except ValueError:
        raise LoweringError(f"{describe(process)}: {name} has shape {np.shape(now)}, and its Var has {var.shape}") from None


@runtime_checkable
class Holder(Protocol):
    """A runtime that is no one of Lava's, and knows its Vars by their types."""

    def value_of(self, var: Var) -> Any: ...

    def unseen_of(self, process: AbstractProcess) -> Mapping[str, Array]: ...


def held(var: Var) -> Any:
    """What a Var holds now, sparse or dense."""
    if isinstance(var.process.runtime, Holder):
        return var.process.runtime.value_of(var)
    try:
        return var.get()
    except RuntimeError as error:  # Lava's runtime has ended, and the value with it
        raise LoweringError(f"{describe(var.process)}: {var.name} cannot be read ({error}); build the graph anew") from None


def unseen(process: AbstractProcess, name: str, default: int) -> Array:
    """A state that is no Var, as what runs the process has it now; `default` where nothing runs it yet."""
    runtime = process.runtime
    known = runtime.unseen_of(process) if isinstance(runtime, Holder) else {}
    return np.asarray(known.get(name, default)).ravel()


def number(process: AbstractProcess, name: str) -> int:
    """The one value of a Var of one element."""
    return int(whole(process, name, value(process, name)).ravel()[0])


def whole(process: AbstractProcess, name: str, values: Any) -> Array:
    """`values` as integers. Raises RangeError when one is not: Lava would cut its fraction off."""
    given: Array = np.asarray(values)
    if np.issubdtype(given.dtype, np.integer):
        return given
    with np.errstate(invalid="ignore"):  # NaN and infinity have no integer, and are told as such
        cut = given.astype(np.int64)
    if not np.array_equal(cut, given):
        raise RangeError(
            f"{describe(process)}: {name} = {given[cut != given].flat[0]} is not an integer; Lava's fixed-point model "
            "would cut it off: scale and round it yourself"
        )
    return cut


def setting(process: AbstractProcess, name: str, default: int, bounds: tuple[int, int]) -> int:
    """A parameter of a process that is no Var, in range, or a RangeError."""
    return within(process, name, process.proc_params.get(name, default), bounds)


def within(process: AbstractProcess, name: str, given: Any, bounds: tuple[int, int]) -> int:
    """`given` as an integer, or a RangeError."""
    one = int(whole(process, name, given))
    if not bounds[0] <= one <= bounds[1]:
        raise RangeError(f"{describe(process)}: {name} = {one} is outside {bounds[0]}..{bounds[1]}")
    return one


def sign_mode_of(process: AbstractProcess, weights: Array, plastic: bool) -> SignMode:
    """The sign mode given to the process; where none is, MIXED if plastic, else what the weights' signs say (as Lava)."""
    given = process.proc_params.get("sign_mode", LavaSignMode.MIXED if plastic else None)
    if given is not None or plastic:
        if not isinstance(given, LavaSignMode) or given.value not in WEIGHT_RANGE:
            raise LoweringError(
                f"{describe(process)}: sign_mode {given} is none of MIXED, EXCITATORY, INHIBITORY; give one of these"
            )
        return SignMode(given.value)
    return mode_of(weights)


def truncated(process: AbstractProcess, weights: Array, mode: SignMode) -> Array:
    """Weights on the grid of num_weight_bits and sign mode (`on_grid`).

    Warns when bits are lost, raises RangeError outside the mode's range (Lava
    clips static weights there, and wraps plastic ones in their first epoch).
    """
    weights = weights.astype(np.int64, copy=False)
    low, high = WEIGHT_RANGE[mode]
    wrong = (weights < low) | (weights > high)
    if wrong.any():
        raise RangeError(
            f"{describe(process)}: weights = {weights[wrong].flat[0]} is outside {low}..{high} for sign mode {mode.name}"
        )
    bits = setting(process, "num_weight_bits", 8, WEIGHT_BITS_RANGE)
    kept = on_grid(weights, mode, bits)
    changed = int(np.count_nonzero(kept != weights))
    if changed:
        warnings.warn(
            f"{describe(process)}: {changed} weights lose low bits, as in Lava: {bits}-bit weights of sign mode {mode.name} "
            f"are multiples of {grid(mode, bits)}",
            QuantizationWarning,
            stacklevel=2,
        )
    return kept


def matrix(process: AbstractProcess, name: str) -> tuple[Array, Array | None]:
    """A matrix Var: (dense[post, pre], None), or (values, index) of a sparse one, sorted by pre, then post."""
    values = held(getattr(process, name))
    if not isinstance(values, csr_matrix):
        return whole(process, name, value(process, name)), None
    index, stored = entries(values)
    if (np.diff(index) == 0).all(axis=0).any():
        raise LoweringError(
            f"{describe(process)}: {name} holds two entries for one synapse; call its sum_duplicates() first"
        )
    return whole(process, name, stored), index
