"""A value that leaves its range while running stops the run: which, where, when."""

from typing import Any

import numpy as np
import pytest
from connections import NEURONS, STATIC, connection, learning, rule
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.process import Dense
from lava.proc.io import sink, source

from neuromorph.errors import SimulationError
from neuromorph.laws import lif as laws
from neuromorph.laws.synapse import PAYLOAD_RANGE
from neuromorph.processes.lowering import values
from neuromorph.processes.simulating.simulate import simulate

RULES = ("dw", "dd", "dt")


def driven(data: Any, made: AbstractProcess, port: str = "s_in") -> AbstractProcess:
    ring = source.RingBuffer(data=np.atleast_2d(data))
    ring.s_out.connect(getattr(made, port))
    return made


def fails(process: AbstractProcess, *words: str, steps: int = 5) -> None:
    before = [values.value(process, var.name).copy() for var in process.vars.members if var.name not in RULES]
    with pytest.raises(SimulationError) as raised:
        simulate(process, steps, strict=True)
    for word in words:
        assert word in str(raised.value)
    after = [values.value(process, var.name) for var in process.vars.members if var.name not in RULES]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


GRADED = [GradedSpikeCfg.OVERWRITE, GradedSpikeCfg.ADD_WITH_SATURATION, GradedSpikeCfg.ADD_WITHOUT_SATURATION]


@pytest.mark.parametrize("mode", GRADED)
@pytest.mark.parametrize("payload", [1, 253, 255, 256, -2, -1])
def test_a_payload_that_is_no_trace(mode: GradedSpikeCfg, payload: int) -> None:
    text = "2^-1*u0*(x1+1)*(y1-64)"

    def made() -> AbstractProcess:
        return learning(learned=rule(text), graded_spike_cfg=mode, num_message_bits=8)

    data = np.array([[0, 0, 254, 0], [0, 2, 0, payload], [0, 0, 0, 0]])
    fails(driven(data, made()), "step 4, 'plastic', neuron 1", f"payload {payload}", "even payloads of 0..254")
    simulate(driven(data[:, :3], made()), 20)
    binary = learning(learned=rule(text), graded_spike_cfg=mode)
    simulate(driven(data, binary), 20)  # a binary synapse hands on that there was a spike, not its payload
    simulate(driven(data, learning(num_message_bits=8)), 20)  # and regular impulses do not look at payloads


@pytest.mark.parametrize("value", [-1, 128, 300])
@pytest.mark.parametrize("trace", [1, 2, 3])
def test_a_post_trace_without_its_seven_bits(trace: int, value: int) -> None:
    made = learning(learned=rule("x0*y1", three=True))
    port = f"s_in_y{trace}"
    shown = [0, 0, 0]
    shown[trace - 1] = value
    fails(driven([[0, 0, 127], [0, 0, value]], made, port), "step 3, 'plastic', neuron 1", str(shown), "0..127")


@pytest.mark.parametrize("process", NEURONS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_more_input_than_a_neuron_takes(process: type[AbstractProcess], sign: int) -> None:
    limit = laws.A_IN.high
    simulate(driven([0, sign * limit], process(shape=(1,)), "a_in"), 5)
    made = process(shape=(1,), name="here")
    fails(
        driven([0, sign * (limit + 1)], made, "a_in"),
        "step 2, 'here', neuron 0",
        f"a_in = {sign * (limit + 1)}",
    )


@pytest.mark.parametrize("kind", STATIC)
def test_a_sum_that_leaves_32_bits(kind: type[AbstractProcess]) -> None:
    high = PAYLOAD_RANGE[1]
    for exponent, payload, wrong in ((0, high, False), (0, -high, False), (1, high, True), (1, -high, True)):
        made = connection(kind, [[254, 2, 0]], num_message_bits=24, weight_exp=exponent)
        made = driven([[0, 0, payload], [0, 0, 0], [0, 0, 0]], made)
        if wrong:
            fails(made, "step 3, 'here', neuron 0", "32 bits", "weight_exp")
        else:
            simulate(made, 5)


def test_a_payload_that_leaves_24_bits() -> None:
    first = connection(Dense, [[254]], num_message_bits=24)
    second = Dense(weights=np.array([[2]]), num_message_bits=24, name="second")
    driven([0, 2**20], first).a_out.connect(second.s_in)
    fails(second, "step 3, 'second', neuron 0", f"payload {254 * 2**20}", "24 bits")


def test_a_sum_of_messages_that_leaves_32_bits() -> None:
    one, two = (Dense(weights=np.array([[254]]), weight_exp=7, num_message_bits=24) for _ in "ab")
    kept = sink.RingBuffer(shape=(1,), buffer=5)
    for dense in (one, two):
        driven([2**16 - 100], dense).a_out.connect(kept.a_in)
    fails(kept, "step 2", f"'{kept.name}'", "32 bits")
