"""Resonate-and-fire: Lava's RF, RF_IZ and RFZero.

Equation of RF and RF_IZ (fixed point; Z(x) = sgn(x) * (|x| >> decay_bits) rounds toward zero)::

    re' = clip24( Z(cos_decay * real) - Z(sin_decay * imag) + (a_real_in << state_exp) )
    im' = clip24( Z(sin_decay * real) + Z(cos_decay * imag) + (a_imag_in << state_exp) )

    RF:     s_out = re' >= vth and im' >= 0 and imag < 0;  real <- re', imag <- im'
    RF_IZ:  s_out = im' >= vth;  real <- re', imag <- im', where it fires 0 and vth - 1

Equation of RFZero (modulo 2^32, products too; >> rounds down)::

    u' = (u * lct >> 15) - (v * lst >> 15) + u_in;  v' = (v * lct >> 15) + (u * lst >> 15) + v_in
    s_out = u' where u' > uth and v' >= 0 and v < 0, else 0;  u <- u', v <- v'

Order: both parts from the state before the step; RF's crossing from imag before it. What is shifted left is shifted within 32 bits.

Odd, and so here too: products of RFZero overflow from states of 17 bits on.

Ranges: states and thresholds of RF and RF_IZ have 24 bits, decays 17 (Lava means 12), ports 32; of RFZero all has 32.

Source: Lava 0.10.0 proc/rf/models.py, proc/rf_iz/models.py, proc/resfire/models.py. In floats RF equals Lava's below 2^23 (Lava clips
nothing there, and shifts nothing, as this text); RF_IZ does not: Lava puts imag to vth - 0.00001.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import REGISTER, Law, Step, Variable
from neuromorph.laws.lif import STATE_LIMIT

TOP = STATE_LIMIT - 1
DECAY_LIMIT = 2**16
ZERO_BITS = 15
"""Fraction bits of RFZero's decays."""

RESONATING = (
    Variable("real", -TOP, TOP, "real part, 24 bits"),
    Variable("imag", -TOP, TOP, "imaginary part, 24 bits"),
)
DECAYS = (
    Variable("sin_decay", -DECAY_LIMIT, DECAY_LIMIT, "sine of the turn in a step, decayed, by 2^decay_bits", shared=True),
    Variable("cos_decay", -DECAY_LIMIT, DECAY_LIMIT, "cosine of it", shared=True),
    Variable("state_exp", 0, 15, "fraction bits of states", shared=True),
    Variable("decay_bits", 0, 31, "fraction bits of decays", shared=True),
)
VTH = Variable("vth", 1 - TOP, TOP, "threshold, in the scale of states", default=1, shared=True)
COMPLEX_IN = (
    Variable("a_real_in", *REGISTER, "real part of the input"),
    Variable("a_imag_in", *REGISTER, "imaginary part of the input"),
)
SPIKE = Variable("s_out", 0, 1, "spike")


def make_rounded_to_zero(ops: Arithmetic) -> Step:
    """(x, k) -> x / 2^k, rounded toward zero; in floating point x, for Lava scales nothing there."""
    select, shift = ops.select, ops.bias

    def rounded_to_zero(x, k):  # type: ignore[no-untyped-def]
        size = shift(abs(x), -k)
        return select(x < 0, -size, size)

    return ops.function(rounded_to_zero)


def make_turned(ops: Arithmetic) -> Step:
    word, shift, clip, scaled = ops.word, ops.bias, ops.clip, make_rounded_to_zero(ops)

    def turned(a_real_in, a_imag_in, real, imag, sin_decay, cos_decay, state_exp, decay_bits):  # type: ignore[no-untyped-def]
        re = scaled(cos_decay * real, decay_bits) - scaled(sin_decay * imag, decay_bits)
        im = scaled(sin_decay * real, decay_bits) + scaled(cos_decay * imag, decay_bits)
        re, im = re + word(shift(a_real_in, state_exp)), im + word(shift(a_imag_in, state_exp))
        return clip(re, -TOP, TOP), clip(im, -TOP, TOP)

    return ops.function(turned)


def make_resonate(ops: Arithmetic) -> Step:
    select, turned = ops.select, make_turned(ops)

    def resonate(t, a_real_in, a_imag_in, real, imag, sin_decay, cos_decay, state_exp, decay_bits, vth):  # type: ignore[no-untyped-def]
        re, im = turned(a_real_in, a_imag_in, real, imag, sin_decay, cos_decay, state_exp, decay_bits)
        return re, im, select((re >= vth) & (im >= 0) & (imag < 0), 1, 0)

    return ops.function(resonate)


def make_resonate_reset(ops: Arithmetic) -> Step:
    select, turned = ops.select, make_turned(ops)

    def resonate_reset(t, a_real_in, a_imag_in, real, imag, sin_decay, cos_decay, state_exp, decay_bits, vth):  # type: ignore[no-untyped-def]
        re, im = turned(a_real_in, a_imag_in, real, imag, sin_decay, cos_decay, state_exp, decay_bits)
        fires = im >= vth
        return select(fires, 0, re), select(fires, vth - 1, im), select(fires, 1, 0)

    return ops.function(resonate_reset)


def make_resonate_zero(ops: Arithmetic) -> Step:
    word, select, down = ops.word, ops.select, ops.floor_down

    def resonate_zero(t, u_in, v_in, u, v, uth, lst, lct):  # type: ignore[no-untyped-def]
        new_u = word(down(word(u * lct), ZERO_BITS) - down(word(v * lst), ZERO_BITS) + u_in)
        new_v = word(down(word(v * lct), ZERO_BITS) + down(word(u * lst), ZERO_BITS) + v_in)
        return new_u, new_v, select((new_u > uth) & (new_v >= 0) & (v < 0), new_u, 0)

    return ops.function(resonate_zero)


RESONATE = Law("resonate", COMPLEX_IN, (SPIKE,), RESONATING, (*DECAYS, VTH), make_resonate)
RESONATE_RESET = Law("resonate_reset", COMPLEX_IN, (SPIKE,), RESONATING, (*DECAYS, VTH), make_resonate_reset)

RESONATE_ZERO = Law(
    name="resonate_zero",
    inputs=(
        Variable("u_in", *REGISTER, "real part of the input"),
        Variable("v_in", *REGISTER, "imaginary part of the input"),
    ),
    outputs=(Variable("s_out", *REGISTER, "graded spike: the amplitude"),),
    states=(Variable("u", *REGISTER, "real part"), Variable("v", *REGISTER, "imaginary part")),
    parameters=(
        Variable("uth", *REGISTER, "threshold", default=1, shared=True),
        Variable("lst", *REGISTER, "sine of the turn in a step, decayed, by 2^15"),
        Variable("lct", *REGISTER, "cosine of it"),
    ),
    make=make_resonate_zero,
)
