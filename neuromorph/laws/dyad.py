"""Dyads: two-compartment neurons whose mean carries activity and whose difference carries the error.

Hidden dyad, in one step (t counts steps, age counts them from 0 since the last phase spike)::

    age   <- 0 where a phase spike arrived, else age + 1
    drive  = a_in / 2^shift + bias
    e_plus  <- a_in_error   at odd age    (what was sent at even age: positive errors)
    e_minus <- a_in_error   at even age   (what was sent at odd age: negative errors)
    Delta  = (e_plus - e_minus) / 2^shift_error,  0 before age nudge_from (one sign has come, the other not yet)
    s_plus  <- s_plus  + ( f(drive + nudge * Delta)       - s_plus ) / 2^leak
    s_minus <- s_minus + ( f(drive - (1 - nudge) * Delta) - s_minus) / 2^leak,    f(x) = clip(x, 0, top)
    mean  = s_minus + alpha * (s_plus - s_minus)
    delta = s_plus - s_minus,  0 where |delta| < margin,  clipped to +-limit

Convention for alpha (one, pinned by tests): mean = alpha * s_plus + (1 - alpha) * s_minus. Dual propagation (DP) nudges with
nudge = alpha, DP-transpose with nudge = 1 - alpha. Two Tales eq. 2 (DP) and eq. 19 (DP-transpose). ReLU is top = infinity
(fixed point: 127, the seven bits of a pre-trace), hard sigmoid a finite top.

Axons. The activity axon sends 2 * mean at every step (a learning synapse sees x1 = payload / 2 = mean). The error axon
sends 2 * |delta| at an *event* and nothing otherwise: an event is an even age with delta > 0 or an odd age with delta < 0.
So signed errors travel as unsigned spikes, and a neuron without an error sends nothing.

Learning ports, written at every step; bap = event. Bottom-up synapses (on the basal side) see y1 = 64 + delta and y3 = rate
at an event, else 64 and 0; top-down ones (apical) y1 = 64 + mean/2 at even and 64 - mean/2 at odd age, and y3 = rate while
mean > 1. Outside the learning window (age < learn_from) y3 = 0 on both. (y3 must not stay up without an event: Lava decays
traces by exp(-1/65535), so that now and then y1 = 64 reads as 63 and would move every weight.) With the rule x0*x1*y3*(y1-64) both change
by delta * mean in expectation (the pre-spike of a top-down synapse is the error axon above), from different weights, with nothing
transported. y3 = 0 pauses both exactly. y2 is a tick: 1 at every second event (basal) or every second pair of steps with mean > 1 (apical)
in the window, else 0. A rule spends it on what should act at half the events: a decay -x0*w*y2*y3, or +x0*y2 against the floor of every
product.

Rate: y3 = rate >> 16, where rate is a 24-bit register that loses its 2^-rate_shift-th part every rate_interval phases
(0: never): annealing is the neuron's own business.

Order: clock, error hold, compartments, ports; all outputs are of the same step. A phase spike drops the error that arrives
with it (it belongs to the sample before) and, with reset = 1, zeroes compartments and held errors.

Bits in fixed point: a_in 32, s_plus and s_minus 24 (six of them fraction, so that a leak does not stall), e_plus and e_minus
24, age 15, rate 24, alpha and nudge 8 (of 256). Scaling down rounds to nearest: floors would drift on signed errors.
Differences to the papers: top-down errors arrive in two halves, one per sign; the mean is rounded to 7 bits.
The dyad of an output is in laws/readout.py.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import Law, Silence, Step, Variable
from neuromorph.laws.phase import NUDGED

AGE_LIMIT = 2**15 - 1


def make_clock(ops: Arithmetic) -> Step:
    """Age within the phase, the annealed rate, and the rate that plasticity sees now."""
    select, anneal, level = ops.select, ops.anneal, ops.level

    def clock(phase, age, rate, phases, learn_from, rate_interval, rate_shift):  # type: ignore[no-untyped-def]
        opens = phase > 0
        age = select(opens, 0, select(age >= AGE_LIMIT, AGE_LIMIT - 1, age + 1))
        phases = select(opens, phases + 1, phases)
        due = phases > rate_interval
        rate = select(due, select(rate_interval > 0, anneal(rate, rate_shift), rate), rate)
        phases = select(due, select(rate_interval > 0, 1, 0), phases)
        return age, rate, phases, select(age >= learn_from, level(rate), 0)

    return ops.function(clock)


def make_ports(ops: Arithmetic) -> Step:
    """What a dyad sends, and its ticks: both axons and the learning ports of both sides."""
    select, halve = ops.select, ops.halve

    def ports(age, mean, delta, y3, tick, tick_apical):  # type: ignore[no-untyped-def]
        even = age % 2 == 0
        size = select(even, delta, -delta)
        event = select(size > 0, 1, 0)
        half = halve(mean)
        open_now = select(y3 > 0, 1, 0)
        learns = event * open_now
        learns_apical = select(half > 0, open_now, 0)
        y2 = tick * learns
        y3_apical = y3 * learns_apical
        y2_apical = tick_apical * learns_apical
        tick = select(learns > 0, 1 - tick, tick)
        tick_apical = select(even, tick_apical, select(learns_apical > 0, 1 - tick_apical, tick_apical))
        y1 = 64 + event * delta
        y1_apical = 64 + select(even, half, -half)
        return (
            tick,
            tick_apical,
            2 * mean,
            2 * event * size,
            event,
            y1,
            y2,
            y3 * event,
            y1_apical,
            y2_apical,
            y3_apical,
        )

    return ops.function(ports)


def make_difference(ops: Arithmetic) -> Step:
    """The expressed error: dead zone below margin, saturation at limit."""
    select, clip = ops.select, ops.clip

    def difference(s_plus, s_minus, margin, limit):  # type: ignore[no-untyped-def]
        delta = s_plus - s_minus
        small = select(delta < 0, -delta, delta) < margin
        return select(small, 0, clip(delta, -limit, limit))

    return ops.function(difference)


def make_nudged(ops: Arithmetic) -> Step:
    """Where an error pushes the two compartments, before their activation: drive + nudge * error, drive - (1 - nudge) * error."""
    add_portion = ops.add_portion

    def nudged(drive_plus, drive_minus, error, nudge):  # type: ignore[no-untyped-def]
        return add_portion(drive_plus, error, nudge), add_portion(drive_minus, error, nudge - 256)

    return ops.function(nudged)


def make_mean(ops: Arithmetic) -> Step:
    """The activity of a dyad, s_minus + alpha * (s_plus - s_minus)."""
    add_portion = ops.add_portion

    def mean(s_minus, delta, alpha):  # type: ignore[no-untyped-def]
        return add_portion(s_minus, delta, alpha)

    return ops.function(mean)


def make_dyad(ops: Arithmetic) -> Step:
    select, clip, scale_down = ops.select, ops.clip, ops.scale_down
    widen, narrow = ops.widen, ops.narrow
    clock, ports, difference = make_clock(ops), make_ports(ops), make_difference(ops)
    nudged, mean_of = make_nudged(ops), make_mean(ops)

    def dyad(  # type: ignore[no-untyped-def]
        t, a_in, a_in_error, phase,
        s_plus, s_minus, e_plus, e_minus, age, rate, phases, tick, tick_apical,
        shift, bias, shift_error, alpha, nudge, top, leak, margin, limit, nudge_from,
        reset, learn_from, rate_interval, rate_shift,
    ):  # fmt: skip
        age, rate, phases, y3 = clock(phase, age, rate, phases, learn_from, rate_interval, rate_shift)
        opens = phase > 0
        kept = select(opens, 1 - reset, 1)
        odd = age % 2 == 1
        e_plus = select(odd, a_in_error, e_plus * kept)
        e_minus = select(odd, e_minus * kept, select(opens, e_minus * kept, a_in_error))
        drive = scale_down(a_in, shift) + bias
        error = select(age >= nudge_from, scale_down(e_plus - e_minus, shift_error), 0)
        drive_plus, drive_minus = nudged(drive, drive, error, nudge)
        s_plus = s_plus * kept
        s_minus = s_minus * kept
        s_plus = s_plus + scale_down(widen(clip(drive_plus, 0, top)) - s_plus, leak)
        s_minus = s_minus + scale_down(widen(clip(drive_minus, 0, top)) - s_minus, leak)
        plus = narrow(s_plus)
        minus = narrow(s_minus)
        mean = mean_of(minus, plus - minus, alpha)
        delta = difference(plus, minus, margin, limit)
        tick, tick_apical, s_out, s_error, bap, y1, y2, y3, y1_apical, y2_apical, y3_apical = ports(
            age, mean, delta, y3, tick, tick_apical
        )
        return (
            s_plus, s_minus, e_plus, e_minus, age, rate, phases, tick, tick_apical,
            s_out, s_error, bap, y1, y2, y3, y1_apical, y2_apical, y3_apical,
        )  # fmt: skip

    return ops.function(dyad)


COMPARTMENT = 2**13 - 1
PHASE = Variable("phase", 0, NUDGED, "opens a phase: 1 free, 2 nudged; 0 nothing", shared=True)
A_IN = Variable("a_in", -(2**31), 2**31 - 1, "bottom-up drive")
OUTPUTS = (
    Variable("s_out", 0, 254, "activity axon, 2 * mean; a learning synapse reads payloads of 0..254", even=True),
    Variable("s_error", 0, 126, "error axon, 2 * |delta| at an event", even=True),
    Variable("s_out_bap", 0, 1, "event"),
    Variable("s_out_y1", 0, 127, "64 + delta at an event"),
    Variable("s_out_y2", 0, 1, "tick, 1 at every second event in the learning window"),
    Variable("s_out_y3", 0, 127, "learning rate, at an event in the learning window"),
    Variable("s_apical_y1", 0, 127, "64 + mean/2 at even, 64 - mean/2 at odd age"),
    Variable("s_apical_y2", 0, 1, "tick, 1 at every second pair of steps in the learning window while mean > 1"),
    Variable("s_apical_y3", 0, 127, "learning rate in the learning window while mean > 1"),
)
SILENCE = Silence("rate", ("s_out_y2", "s_out_y3", "s_apical_y2", "s_apical_y3"))
S_PLUS = Variable("s_plus", -(COMPARTMENT << 6), COMPARTMENT << 6, "upper compartment, in 1/64")
S_MINUS = Variable("s_minus", -(COMPARTMENT << 6), COMPARTMENT << 6, "lower compartment, in 1/64")
CLOCK_STATES = (
    Variable("age", -1, AGE_LIMIT, "steps since the phase opened", default=-1),
    Variable("rate", 0, 127 << 16, "learning rate, 7 bits and 16 of fraction"),
    Variable("phases", 0, 2**24 - 1, "phases since the rate last fell"),
    Variable("tick", 0, 1, "what y2 will be at the next event"),
    Variable("tick_apical", 0, 1, "what y2 will be at the next apical event"),
)
SHIFT = Variable("shift", 0, 24, "drive = a_in / 2^shift", shared=True)
BIAS = Variable("bias", -COMPARTMENT, COMPARTMENT, "added to the drive")
ALPHA = Variable("alpha", 0, 256, "weight of s_plus in the mean, of 256", default=128, shared=True)
NUDGE = Variable("nudge", 0, 256, "share of Delta that lifts s_plus, of 256", default=128, shared=True)
LEAK = Variable("leak", 0, 6, "s moves by 2^-leak of the way; 0: at once", shared=True)
MARGIN = Variable("margin", 0, 127, "errors below this are none", shared=True)
LIMIT = Variable("limit", 1, 63, "errors saturate here", default=63, shared=True)
NUDGE_FROM = Variable("nudge_from", 0, AGE_LIMIT, "age from which errors act on the compartments", shared=True)
CLOCK_PARAMETERS = (
    Variable("reset", 0, 1, "1: a phase spike zeroes the state", default=1, shared=True),
    Variable("learn_from", 0, AGE_LIMIT, "age from which plasticity sees the rate", shared=True),
    Variable("rate_interval", 0, 2**24 - 1, "phases between two falls of the rate; 0: it never falls", shared=True),
    Variable("rate_shift", 1, 15, "the rate falls by its 2^-rate_shift-th part", default=1, shared=True),
)

DYAD = Law(
    name="dyad",
    inputs=(A_IN, Variable("a_in_error", -(2**23), 2**23 - 1, "top-down drive"), PHASE),
    outputs=OUTPUTS,
    states=(
        S_PLUS,
        S_MINUS,
        Variable("e_plus", -(2**23), 2**23 - 1, "top-down drive of positive errors, held"),
        Variable("e_minus", -(2**23), 2**23 - 1, "top-down drive of negative errors, held"),
        *CLOCK_STATES,
    ),
    parameters=(
        SHIFT,
        BIAS,
        Variable("shift_error", 0, 24, "Delta = (e_plus - e_minus) / 2^shift_error", shared=True),
        ALPHA,
        NUDGE,
        Variable("top", 1, 127, "upper end of the activation; 7 bits", default=127, shared=True),
        LEAK,
        MARGIN,
        LIMIT,
        NUDGE_FROM,
        *CLOCK_PARAMETERS,
    ),
    make=make_dyad,
    silence=SILENCE,
)
