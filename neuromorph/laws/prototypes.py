"""Continually learning prototypes: Lava's PrototypeLIF, and the neurons that say when a new prototype is due.

A prototype is a LIF (laws/lif.py) that learns in one shot when it is called by its number::

    u, v <- the LIF's;  both 0 where reset_in > 0
    called = (a_third_factor_in == number)
    where a_third_factor_in is not 0:  y1 <- 127 called;  s_out = called    else  y1 stays, s_out = v > (vth << 6)
    s_out_bap = called;  s_out_y1 = y1;  v <- 0 where s_out is not 0

Lava's port a_third_factor_in has an element for each neuron, and the model looks at the first alone. Numbers count from 1. A number
that no neuron has ends Lava's run with an IndexError, a negative one counts from the end there; both are refused here.
y1 is kept until another neuron is called. The vth, u, v: ranges and bits of the LIF.

A novelty detector fires when an input has come and no output within t_wait steps; an allocator sends the next free number when
triggered. Order of the detector's step: an input starts the clock anew, an output stops it, then it fires, then it counts::

    input_aval_in:   waiting <- 1, t_passed <- 0
    output_aval_in or t_passed > t_wait:  waiting <- 0, t_passed <- 0;  novelty_detected_out = 1 unless there is an output
    t_passed <- t_passed + waiting

Where Lava is odd: the detector's clock is no Var; with a negative t_wait it fires at every step without an output; the allocator
counts on past n_protos.

Source: Lava 0.10.0 proc/clp/prototype_lif, novelty_detector and nsm, the models of fixed point. Units: per step.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import REGISTER, Law, Step, Variable
from neuromorph.laws.lif import LIF, SPIKE, make_membrane

RATE = 127
"""What y1 of a called prototype is, the largest learning rate of 7 bits."""
WAIT_LIMIT = 2**24


def make_prototype_lif(ops: Arithmetic) -> Step:
    align, select, membrane = ops.align, ops.select, make_membrane(ops)

    def prototype_lif(  # type: ignore[no-untyped-def]
        t, a_in, reset_in, a_third_factor_in, u, v, y1, du, dv, bias_mant, bias_exp, vth, number
    ):
        u, v = membrane(a_in, u, v, du, dv, bias_mant, bias_exp)
        u, v = select(reset_in > 0, 0, u), select(reset_in > 0, 0, v)
        teaching = a_third_factor_in != 0
        called = select(a_third_factor_in == number, 1, 0)
        y1 = select(teaching, RATE * called, y1)
        spike = select(teaching, called, select(v > align(vth), 1, 0))
        return u, select(spike != 0, 0, v), y1, spike, called, y1

    return ops.function(prototype_lif)


def make_novelty_detector(ops: Arithmetic) -> Step:
    select = ops.select

    def novelty_detector(t, input_aval_in, output_aval_in, waiting, t_passed, t_wait):  # type: ignore[no-untyped-def]
        begins, ends = input_aval_in != 0, output_aval_in != 0
        waiting, t_passed = select(begins, 1, waiting), select(begins, 0, t_passed)
        late = t_passed > t_wait
        waiting, t_passed = select(ends | late, 0, waiting), select(ends | late, 0, t_passed)
        return waiting, t_passed + waiting, select(ends, 0, select(late, 1, 0))

    return ops.function(novelty_detector)


def make_allocator(ops: Arithmetic) -> Step:
    select = ops.select

    def allocator(t, trigger_in, next_alloc_id):  # type: ignore[no-untyped-def]
        triggered = trigger_in != 0
        following = select(next_alloc_id < REGISTER[1], next_alloc_id + 1, REGISTER[0])
        return select(triggered, following, next_alloc_id), select(triggered, next_alloc_id, 0)

    return ops.function(allocator)


NUMBER = Variable("number", 1, REGISTER[1], "its number, counted from 1", default=1, index=True)
TRACE = Variable("y1", 0, RATE, "learning rate, 7 bits")

PROTOTYPE_LIF = Law(
    name="prototype_lif",
    inputs=(
        *LIF.inputs,
        Variable("reset_in", *REGISTER, "above 0: forget current and voltage"),
        Variable("a_third_factor_in", 0, REGISTER[1], "number of the prototype that is to learn", shared=True, index=True),
    ),
    outputs=(SPIKE, Variable("s_out_bap", 0, 1, "gate of learning"), Variable("s_out_y1", 0, RATE, TRACE.meaning)),
    states=(*LIF.states, TRACE),
    parameters=(*LIF.parameters, NUMBER),
    make=make_prototype_lif,
)

NOVELTY_DETECTOR = Law(
    name="novelty_detector",
    inputs=(
        Variable("input_aval_in", *REGISTER, "not 0: an input has come"),
        Variable("output_aval_in", *REGISTER, "not 0: an output has come"),
    ),
    outputs=(Variable("novelty_detected_out", 0, 1, "a new prototype is due"),),
    states=(
        Variable("waiting", 0, 1, "whether an output is awaited"),
        Variable("t_passed", 0, WAIT_LIMIT, "steps since the input"),
    ),
    parameters=(Variable("t_wait", -WAIT_LIMIT, WAIT_LIMIT - 1, "steps in which an output is not late"),),
    make=make_novelty_detector,
)

ALLOCATOR = Law(
    name="allocator",
    inputs=(Variable("trigger_in", *REGISTER, "not 0: allocate"),),
    outputs=(Variable("allocate_out", *REGISTER, "number of the prototype that is allocated, 0: none"),),
    states=(Variable("next_alloc_id", *REGISTER, "number of the next prototype", default=1),),
    parameters=(),
    make=make_allocator,
)
