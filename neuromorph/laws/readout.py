"""The readout dyad: a dyad at the output, nudged toward a target and linear in its compartments.

As laws/dyad.py has it, with a = clip(drive, low, top) for the activation and, for what arrives from above,

    Delta = beta * (target - a)    in a nudged phase (phase spike 2), from age nudge_from on (before, the output is the last sample's)
    Delta = 0                      in a free one (phase spike 1)

This is the linearised squared-error nudging (DP's exact rule divides by (1 + alpha beta)(1 - (1 - alpha) beta), which only rescales
delta). `drive` keeps what arrived, unscaled: its value at a sample's last step is the network's answer.
Order, axons, learning ports and bits: as there; `nudged` has one bit, `drive` 32.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.dyad import (
    A_IN,
    ALPHA,
    BIAS,
    CLOCK_PARAMETERS,
    CLOCK_STATES,
    COMPARTMENT,
    LEAK,
    LIMIT,
    MARGIN,
    NUDGE,
    NUDGE_FROM,
    OUTPUTS,
    PHASE,
    S_MINUS,
    S_PLUS,
    SHIFT,
    SILENCE,
    make_clock,
    make_difference,
    make_mean,
    make_nudged,
    make_ports,
)
from neuromorph.laws.law import Law, Step, Variable
from neuromorph.laws.phase import NUDGED


def make_readout(ops: Arithmetic) -> Step:
    select, clip, scale_down, add_portion = ops.select, ops.clip, ops.scale_down, ops.add_portion
    widen, narrow = ops.widen, ops.narrow
    clock, ports, difference = make_clock(ops), make_ports(ops), make_difference(ops)
    nudged_apart, mean_of = make_nudged(ops), make_mean(ops)

    def readout(  # type: ignore[no-untyped-def]
        t, a_in, a_target, phase,
        s_plus, s_minus, drive, nudged, age, rate, phases, tick, tick_apical,
        shift, bias, alpha, nudge, beta, low, top, leak, margin, limit, nudge_from,
        reset, learn_from, rate_interval, rate_shift,
    ):  # fmt: skip
        age, rate, phases, y3 = clock(phase, age, rate, phases, learn_from, rate_interval, rate_shift)
        opens = phase > 0
        nudged = select(opens, select(phase == NUDGED, 1, 0), nudged)
        kept = select(opens, 1 - reset, 1)
        s_plus = s_plus * kept
        s_minus = s_minus * kept
        drive = a_in
        a = clip(scale_down(a_in, shift) + bias, low, top)
        error = add_portion(0, (a_target - a) * select(age >= nudge_from, nudged, 0), beta)
        a_plus, a_minus = nudged_apart(a, a, error, nudge)
        s_plus = s_plus + scale_down(widen(a_plus) - s_plus, leak)
        s_minus = s_minus + scale_down(widen(a_minus) - s_minus, leak)
        plus = narrow(s_plus)
        minus = narrow(s_minus)
        mean = clip(mean_of(minus, plus - minus, alpha), low, top)
        delta = difference(plus, minus, margin, limit)
        tick, tick_apical, s_out, s_error, bap, y1, y2, y3, y1_apical, y2_apical, y3_apical = ports(
            age, mean, delta, y3, tick, tick_apical
        )
        return (
            s_plus, s_minus, drive, nudged, age, rate, phases, tick, tick_apical,
            s_out, s_error, bap, y1, y2, y3, y1_apical, y2_apical, y3_apical,
        )  # fmt: skip

    return ops.function(readout)


READOUT = Law(
    name="readout",
    inputs=(
        A_IN,
        Variable(
            "a_target", 254 - COMPARTMENT, COMPARTMENT - 254, "target; further out, a compartment would leave its range"
        ),
        PHASE,
    ),
    outputs=OUTPUTS,
    states=(
        S_PLUS,
        S_MINUS,
        Variable("drive", -(2**31), 2**31 - 1, "bottom-up drive as received: the prediction is its argmax"),
        Variable("nudged", 0, 1, "1 in a nudged phase"),
        *CLOCK_STATES,
    ),
    parameters=(
        SHIFT,
        BIAS,
        ALPHA,
        NUDGE,
        Variable("beta", 0, 256, "nudging strength, of 256", default=128, shared=True),
        Variable("low", 0, 127, "lower end of the output", shared=True),
        Variable("top", 0, 127, "upper end of the output; 7 bits", default=127, shared=True),
        LEAK,
        MARGIN,
        LIMIT,
        NUDGE_FROM,
        *CLOCK_PARAMETERS,
    ),
    make=make_readout,
    answer="drive",
    silence=SILENCE,
)
