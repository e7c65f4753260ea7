"""Leaky integrate-and-fire: Lava's LIF, LIFReset and TernaryLIF.

Equation (fixed point; D(x, d) = sgn(x) * ((|x| * (4096 - d)) >> 12) rounds toward zero)::

    u <- wrap24( D(u, du + 1) + (a_in << 6) )
    v <- clip24( D(v, dv) + u + bias ),   bias = bias_mant << bias_exp
    s_out = v > (vth << 6);  v <- 0 where s_out != 0

Order: u first, v takes the new u; strict comparison; reset in the same step; u is not reset; no delay here (Lava's Dense
adds one step). LIFReset zeroes u and v before the update where t mod interval == offset mod interval. TernaryLIF sends +1
above vth_hi, -1 below vth_lo and resets on both.

Source: Lava 0.10.0 proc/lif/models.py, bit-accurate and floating-point models; the +1 on du is the chip's ds_offset bit.
Units: per step. Differences to the chip: no refractory period, no axonal delay, a_in may have 19 bits where the chip wraps at 16.
"""

from __future__ import annotations

from collections.abc import Mapping

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import Array, Law, Step, Variable

STATE_LIMIT = 2**23
INPUT_LIMIT = 2**18

A_IN = Variable("a_in", -INPUT_LIMIT, INPUT_LIMIT, "summed synaptic input; more and u does not wrap back into 24 bits")
U = Variable("u", 1 - STATE_LIMIT, STATE_LIMIT, "current, 24 bits; Lava lets +2^23 stand")
V = Variable("v", 1 - STATE_LIMIT, STATE_LIMIT - 1, "voltage, 24 bits")
DU = Variable("du", -1, 4095, "current decay, 1/4096 a step, plus 1; -1 keeps the current for ever", shared=True)
DV = Variable("dv", 0, 4095, "voltage decay, 1/4096 a step", shared=True)
BIAS_MANT = Variable("bias_mant", -4096, 4095, "bias mantissa, 13 bits")
BIAS_EXP = Variable("bias_exp", 0, 7, "bias exponent, 3 bits")
VTH = Variable("vth", 0, 2**17 - 1, "threshold mantissa, 17 bits, scaled by 2^6", default=10, shared=True)
SPIKE = Variable("s_out", 0, 1, "spike")


def make_membrane(ops: Arithmetic) -> Step:
    """One step of current and voltage, before the threshold."""
    decay, align, wrap, saturate, scale = ops.decay, ops.align, ops.wrap, ops.saturate, ops.bias

    def membrane(a_in, u, v, du, dv, bias_mant, bias_exp):  # type: ignore[no-untyped-def]
        u = wrap(decay(u, du, 1) + align(a_in))
        return u, saturate(decay(v, dv, 0) + u + scale(bias_mant, bias_exp))

    return ops.function(membrane)


def make_lif(ops: Arithmetic) -> Step:
    align, select, membrane = ops.align, ops.select, make_membrane(ops)

    def lif(t, a_in, u, v, du, dv, bias_mant, bias_exp, vth):  # type: ignore[no-untyped-def]
        u, v = membrane(a_in, u, v, du, dv, bias_mant, bias_exp)
        spiked = v > align(vth)
        return u, select(spiked, 0, v), select(spiked, 1, 0)

    return ops.function(lif)


def make_lif_reset(ops: Arithmetic) -> Step:
    select, lif = ops.select, make_lif(ops)

    def lif_reset(t, a_in, u, v, du, dv, bias_mant, bias_exp, vth, reset_interval, reset_offset):  # type: ignore[no-untyped-def]
        reset = t % reset_interval == reset_offset % reset_interval
        return lif(t, a_in, select(reset, 0, u), select(reset, 0, v), du, dv, bias_mant, bias_exp, vth)

    return ops.function(lif_reset)


def make_ternary_lif(ops: Arithmetic) -> Step:
    align, select, membrane = ops.align, ops.select, make_membrane(ops)

    def ternary_lif(t, a_in, u, v, du, dv, bias_mant, bias_exp, vth_hi, vth_lo):  # type: ignore[no-untyped-def]
        u, v = membrane(a_in, u, v, du, dv, bias_mant, bias_exp)
        spike = select(v > align(vth_hi), 1, 0) - select(v < align(vth_lo), 1, 0)
        return u, select(spike != 0, 0, v), spike

    return ops.function(ternary_lif)


def _thresholds_in_order(parameters: Mapping[str, Array]) -> str | None:
    lo, hi = int(parameters["vth_lo"].flat[0]), int(parameters["vth_hi"].flat[0])
    return f"vth_lo = {lo} is above vth_hi = {hi}" if lo > hi else None


LIF = Law(
    name="lif",
    inputs=(A_IN,),
    outputs=(SPIKE,),
    states=(U, V),
    parameters=(DU, DV, BIAS_MANT, BIAS_EXP, VTH),
    make=make_lif,
)

LIF_RESET = Law(
    name="lif_reset",
    inputs=(A_IN,),
    outputs=(SPIKE,),
    states=(U, V),
    parameters=(
        *LIF.parameters,
        Variable("reset_interval", 1, 2**24 - 1, "steps between resets", default=1, shared=True),
        Variable("reset_offset", 0, 2**24 - 1, "phase of the reset in steps", shared=True),
    ),
    make=make_lif_reset,
)

TERNARY_LIF = Law(
    name="ternary_lif",
    inputs=(A_IN,),
    outputs=(Variable("s_out", -1, 1, "signed spike"),),
    states=(U, V),
    parameters=(
        *LIF.parameters[:-1],
        Variable("vth_hi", 1 - 2**17, 2**17 - 1, "upper threshold mantissa, scaled by 2^6", default=10, shared=True),
        Variable(
            "vth_lo",
            1 - 2**17,
            2**17 - 1,
            "lower threshold mantissa, scaled by 2^6",
            default=-10,
            shared=True,
        ),
    ),
    make=make_ternary_lif,
    conditions=(_thresholds_in_order,),
)
