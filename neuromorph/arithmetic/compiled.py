"""Fixed point over single integers, compiled by Numba. Bit for bit `fixed` (a test holds the two together)."""

from functools import partial

import numba
import numpy as np

from neuromorph.arithmetic import Arithmetic
from neuromorph.arithmetic.fixed import COMPARTMENT_BITS, REGISTER

njit = partial(numba.njit, forceinline=True, error_model="numpy")
"""Laws are small and called in inner loops: always inlined, so that those loops become vector instructions. // and % by zero are 0,
as NumPy has it."""


@njit
def _decay(x, d, offset):  # type: ignore[no-untyped-def]
    kept = (abs(x) * (4096 - d - offset)) >> 12
    return kept if x >= 0 else -kept


@njit
def _int32(x):  # type: ignore[no-untyped-def]
    return np.int64(np.int32(x))


@njit
def _align(x):  # type: ignore[no-untyped-def]
    return _int32(x << 6)


@njit
def _wrap(x):  # type: ignore[no-untyped-def]
    x = _int32(x)
    if x > REGISTER:
        return x - 2 * REGISTER
    return x + 2 * REGISTER if x <= -REGISTER else x


@njit
def _saturate(x):  # type: ignore[no-untyped-def]
    return min(max(_int32(x), 1 - REGISTER), REGISTER - 1)


@njit
def _bias(mantissa, exponent):  # type: ignore[no-untyped-def]
    return mantissa << (exponent & 63) if exponent >= 0 else mantissa >> (-exponent & 63)


@njit
def _select(condition, a, b):  # type: ignore[no-untyped-def]
    return a if condition else b


@njit
def _clip(x, low, high):  # type: ignore[no-untyped-def]
    return min(max(x, low), high)


@njit
def _floor(x):  # type: ignore[no-untyped-def]
    return np.int64(np.floor(x))


@njit
def _whole(x):  # type: ignore[no-untyped-def]
    return np.int64(x)


@njit
def _halve(x):  # type: ignore[no-untyped-def]
    return x >> 1


@njit
def _scale_down(x, k):  # type: ignore[no-untyped-def]
    k = k & 63
    return (x + ((np.int64(1) << k) >> 1)) >> k


@njit
def _floor_down(x, k):  # type: ignore[no-untyped-def]
    return x >> (k & 63)


@njit
def _widen(x):  # type: ignore[no-untyped-def]
    return x << COMPARTMENT_BITS


@njit
def _narrow(x):  # type: ignore[no-untyped-def]
    return _scale_down(x, COMPARTMENT_BITS)


@njit
def _add_portion(x, y, p):  # type: ignore[no-untyped-def]
    return x + _scale_down(y * p, 8)


@njit
def _approach(x, y, p):  # type: ignore[no-untyped-def]
    return _add_portion(x, y - x, p)


@njit
def _anneal(x, k):  # type: ignore[no-untyped-def]
    return x - (x >> (k & 63))


@njit
def _level(x):  # type: ignore[no-untyped-def]
    return x >> 16


COMPILED = Arithmetic(
    function=njit,
    decay=_decay,
    align=_align,
    word=_int32,
    wrap=_wrap,
    saturate=_saturate,
    bias=_bias,
    select=_select,
    clip=_clip,
    floor=_floor,
    whole=_whole,
    halve=_halve,
    scale_down=_scale_down,
    floor_down=_floor_down,
    widen=_widen,
    narrow=_narrow,
    add_portion=_add_portion,
    approach=_approach,
    anneal=_anneal,
    level=_level,
)


@njit
def _clip32(x, low, high):  # type: ignore[no-untyped-def]
    return min(max(np.int32(x), np.int32(low)), np.int32(high))


COMPILED_32 = COMPILED._replace(clip=_clip32)
"""For laws whose every value fits 32 bits: loops over them become vector instructions on twice as many numbers."""
