"""Fixed point over NumPy integer arrays, as Lava's bit-accurate models compute."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.arithmetic import Arithmetic

REGISTER = 2**23
"""Half the range of a 24-bit register."""
COMPARTMENT_BITS = 6
"""Fraction bits in which dyads keep their compartments, so that a leak does not stall between two integers."""

LARGEST_SHIFT = 62
"""How far operations shift at most. Further, or less than 0, they shift alike in all fixed-point arithmetics: by k modulo 64."""


def _shift(k: Any) -> Any:
    return np.asarray(k, dtype=np.int64) & 63


def _decay(x: Any, d: Any, offset: Any) -> Any:
    x = np.asarray(x, dtype=np.int64)
    return np.sign(x) * (np.abs(x) * (4096 - d - offset) >> 12)


def _word(x: Any) -> Any:
    return np.asarray(x, dtype=np.int64).astype(np.int32).astype(np.int64)


def _align(x: Any) -> Any:
    return _word(np.asarray(x, dtype=np.int64) << 6)


def _wrap(x: Any) -> Any:
    x = _word(x)
    return np.where(x > REGISTER, x - 2 * REGISTER, np.where(x <= -REGISTER, x + 2 * REGISTER, x))


def _saturate(x: Any) -> Any:
    return np.clip(_word(x), 1 - REGISTER, REGISTER - 1)


def _bias(mantissa: Any, exponent: Any) -> Any:
    mantissa = np.asarray(mantissa, dtype=np.int64)
    exponent = np.asarray(exponent, dtype=np.int64)
    return np.where(exponent >= 0, mantissa << _shift(exponent), mantissa >> _shift(-exponent))


def _scale_down(x: Any, k: Any) -> Any:
    x, k = np.asarray(x, dtype=np.int64), _shift(k)
    return (x + ((1 << k) >> 1)) >> k


def _add_portion(x: Any, y: Any, p: Any) -> Any:
    return x + _scale_down(y * p, 8)


FIXED = Arithmetic(
    function=lambda f: f,
    decay=_decay,
    align=_align,
    word=_word,
    wrap=_wrap,
    saturate=_saturate,
    bias=_bias,
    select=np.where,
    clip=np.clip,
    floor=lambda x: np.floor(np.asarray(x, dtype=np.float64)).astype(np.int64),
    whole=lambda x: np.asarray(x, dtype=np.int64),
    halve=lambda x: np.asarray(x, dtype=np.int64) >> 1,
    scale_down=_scale_down,
    floor_down=lambda x, k: np.asarray(x, dtype=np.int64) >> _shift(k),
    widen=lambda x: np.asarray(x, dtype=np.int64) << COMPARTMENT_BITS,
    narrow=lambda x: _scale_down(x, COMPARTMENT_BITS),
    add_portion=_add_portion,
    approach=lambda x, y, p: _add_portion(x, y - x, p),
    anneal=lambda x, k: x - (np.asarray(x, dtype=np.int64) >> _shift(k)),
    level=lambda x: np.asarray(x, dtype=np.int64) >> 16,
)
