"""What laws are computed with. One `Arithmetic` per kind of number; the laws name its operations and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Arithmetic(NamedTuple):
    """The operations a neuron law may use besides + - * and comparison (in `select`, which makes a number of it).

    There is no division but by powers of two, as on the chip: `scale_down` rounds to nearest, `floor_down` down. Floors of signed
    numbers drift: a sum of them loses half a unit a step; so errors are scaled down to nearest.

    Fixed point is what Lava's bit-accurate models do (integers, 24-bit registers, 12-bit decays); in floating point the
    register operations are the identity and decays are plain factors.
    """

    function: Callable[[Callable[..., Any]], Callable[..., Any]]
    """Makes a plain function callable where this arithmetic runs: the identity, or Numba's njit."""
    decay: Callable[[Any, Any, Any], Any]
    """decay(x, d, offset): x loses its d-th part. Fixed: sgn(x) * ((|x| * (4096 - d - offset)) >> 12). Float: x * (1 - d)."""
    align: Callable[[Any], Any]
    """Input and threshold to the register's scale. Fixed: 32-bit x << 6. Float: x."""
    word: Callable[[Any], Any]
    """What 32 bits hold of x: modulo 2^32, as Lava's int32 overflow. Float: x."""
    wrap: Callable[[Any], Any]
    """Current register overflow, once modulo 2^24 as Lava does: > 2^23 loses 2^24, <= -2^23 gains it. Float: x."""
    saturate: Callable[[Any], Any]
    """Voltage register: clip to +-(2^23 - 1). Float: x."""
    bias: Callable[[Any, Any], Any]
    """bias(mantissa, exponent): mantissa << exponent (>> when negative). Float: mantissa (Lava's float model ignores exponents)."""
    select: Callable[[Any, Any, Any], Any]
    """select(condition, a, b): a where the condition holds, else b."""
    clip: Callable[[Any, Any, Any], Any]
    """clip(x, low, high)."""
    floor: Callable[[Any], Any]
    """The largest integer up to a real x, as an integer (float: as a float)."""
    whole: Callable[[Any], Any]
    """A number without fraction, as an integer in every arithmetic: what has bits to shift and mix (laws/noise.py)."""
    halve: Callable[[Any], Any]
    """x / 2; fixed: rounded down."""
    scale_down: Callable[[Any, Any], Any]
    """scale_down(x, k) = x / 2^k; fixed: rounded to nearest, ties upward, so that signed errors do not drift."""
    floor_down: Callable[[Any, Any], Any]
    """floor_down(x, k) = x / 2^k; fixed: rounded toward minus infinity, an arithmetic shift. k of 0..62, as in scale_down."""
    widen: Callable[[Any], Any]
    """To the resolution in which compartments are kept: x * 2^6. Float: x."""
    narrow: Callable[[Any], Any]
    """Back: scale_down(x, 6). Float: x."""
    add_portion: Callable[[Any, Any, Any], Any]
    """add_portion(x, y, p): x and p/256 of y; fixed: the portion rounded to nearest."""
    approach: Callable[[Any, Any, Any], Any]
    """approach(x, y, p): x after going p/256 of the way to y; fixed: what it goes rounded to nearest."""
    anneal: Callable[[Any, Any], Any]
    """anneal(x, k): x after losing its 2^-k-th part, rounded toward keeping. Fixed: x - (x >> k)."""
    level: Callable[[Any], Any]
    """The 7-bit level a 24-bit rate register stands for: x / 2^16; fixed: rounded down."""
