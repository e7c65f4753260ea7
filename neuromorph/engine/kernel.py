"""The one signature of all compiled operations, and the loop that calls them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numba import njit, typed, types
from numba.types import float64, int16, int32, int64

MEM, SYN, REAL = types.Array(int32, 1, "C"), types.Array(int16, 1, "C"), types.Array(float64, 1, "C")
ROWS = types.Array(int64, 1, "C")
SIGNATURE = int64(int64, ROWS, MEM, SYN, REAL)
OPERATION = types.FunctionType(SIGNATURE)
OPERATIONS = types.ListType(OPERATION)


def kernel(function: Callable[..., int]) -> Any:
    """Compile `function(t, d, mem, syn, real) -> 0 or an error code`, kept on disk."""
    return njit(SIGNATURE, cache=True)(function)


@njit(OPERATIONS(), cache=True)
def _empty():  # type: ignore[no-untyped-def]
    return typed.List.empty_list(OPERATION)


@njit(types.void(OPERATIONS, OPERATION), cache=True)
def _append(listed, one):  # type: ignore[no-untyped-def]
    listed.append(one)


def operations(kernels: Sequence[Any]) -> Any:
    """The list of operations of one step, as the loop takes it. (Methods of a typed list would compile in every process.)"""
    listed = _empty()
    for one in kernels:
        _append(listed, one)
    return listed


@njit(types.UniTuple(int64, 3)(OPERATIONS, int64, int64, int64, int64, ROWS, ROWS, MEM, SYN, REAL), cache=True)
def run_steps(operations, first, last, start, steps, rows, starts, mem, syn, real):  # type: ignore[no-untyped-def]
    """Make `steps` steps after step `start` of the operations first..last-1; rows[starts[k]:starts[k + 1]] describes operation k.

    Returns (error code, step, operation), all 0 when nothing was wrong.
    """
    for t in range(start + 1, start + steps + 1):
        for k in range(first, last):
            code = operations[k](t, rows[starts[k] : starts[k + 1]], mem, syn, real)
            if code != 0:
                return code, t, k
    return 0, 0, 0
