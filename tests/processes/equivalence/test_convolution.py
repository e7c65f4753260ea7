"""Conv runs natively with the bits of Lava's model: any stride, padding, dilation and groups, wrapped to 24 bits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lava.magma.core.process.process import AbstractProcess
from lava.proc.conv.process import Conv
from lava.proc.io import sink, source
from lava.proc.lif.process import LIF
from lava.proc.monitor.process import Monitor

from neuromorph.errors import LoweringError, ProgramError, RangeError, SimulationError
from neuromorph.processes.simulating.simulate import lower, simulate
from neuromorph.processes.simulating.simulation import SteppedWarning
from neuromorph.processes.stepping.stepper import LavaStepper

seeds = st.integers(0, 2**32 - 1)
STEPS = 6


def fixed(examples: int) -> settings:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=checks)


class Convolved(NamedTuple):
    """Frames through a random Conv, neurons, and a second Conv; the outputs of both are recorded."""

    first: Conv
    neurons: LIF
    second: Conv
    recorded: sink.RingBuffer
    monitor: Monitor | None

    @property
    def processes(self) -> tuple[AbstractProcess, ...]:
        return self.first, self.neurons, self.second, self.recorded


def random_conv(rng: np.random.Generator, taken: tuple[int, ...], bits: int) -> Conv:
    groups = int(rng.choice([g for g in (1, 2, 3) if taken[2] % g == 0]))
    while True:
        options = {
            "stride": tuple(map(int, rng.integers(1, 4, 2))),
            "padding": tuple(map(int, rng.integers(0, 4, 2))),
            "dilation": tuple(map(int, rng.integers(1, 4, 2))),
        }
        kernel = rng.integers(1, 4, 2)
        reach = np.array(options["dilation"]) * (kernel - 1) + 1
        if (np.array(taken[:2]) + 2 * np.array(options["padding"]) >= reach).all():
            break
    weight = rng.integers(-256, 256, (groups * int(rng.integers(1, 4)), *kernel, taken[2] // groups))
    ignored = {"weight_exp": int(rng.integers(-8, 8)), "num_weight_bits": int(rng.integers(1, 9))}
    return Conv(weight=weight, input_shape=taken, groups=groups, num_message_bits=bits, **options, **ignored)


def convolved(seed: int, monitored: bool = False) -> Convolved:
    """Sums that LIF takes (18 bits) go through neurons, others straight on, to a Conv that makes them binary."""
    rng = np.random.default_rng(seed)
    taken = tuple(map(int, rng.integers(1, 8, 3)))
    bits = int(rng.choice([0, 1, 24]))
    gentle, fan_in = rng.random() < 0.5, 256 * 9 * taken[2]
    limit = 2**18 // fan_in if gentle else 2**31 // fan_in  # beyond 32 bits Lava's sum is undefined
    largest = min(int(rng.choice([1, 100, 2**14, 2**23 - 1])), limit)
    frames = rng.integers(-largest, largest + 1, (*taken, 4)) * (rng.random((*taken, 4)) < rng.choice([0.2, 1.0]))
    first = random_conv(rng, taken, bits)
    neurons = LIF(shape=first.a_out.shape, vth=int(rng.choice([1, 500])), dv=int(rng.integers(0, 4096)), du=4095)
    second = random_conv(rng, first.a_out.shape, 8 if gentle else 0)
    recorded = sink.RingBuffer(shape=second.a_out.shape, buffer=4)
    size = 2**18 if gentle else 2**31
    first.a_buf.init = rng.integers(-size, size, first.a_buf.shape)
    source.RingBuffer(data=frames).s_out.connect(first.s_in)
    if gentle:
        first.a_out.connect(neurons.a_in)
    else:
        first.a_out.connect(second.s_in)
    neurons.s_out.connect(second.s_in)
    second.a_out.connect(recorded.a_in)
    monitor = Monitor() if monitored else None
    if monitor:
        monitor.probe(first.a_buf, 3 * STEPS)
    return Convolved(first, neurons, second, recorded, monitor)


def assert_alike(ours: Convolved, theirs: Convolved, stepper: LavaStepper) -> None:
    for mine, other in zip(ours.processes, theirs.processes, strict=True):
        for var in mine.vars.members:
            assert np.array_equal(var.get(), stepper.get(other, var.name)), (type(mine).__name__, var.name)


@fixed(40)
@given(seeds)
def test_every_variable_is_lava_s_after_every_step(seed: int) -> None:
    ours, theirs = convolved(seed), convolved(seed)
    stepper = LavaStepper(theirs.neurons)
    for _ in range(STEPS):
        simulate(ours.neurons, 1, strict=True)
        stepper.step()
        assert_alike(ours, theirs, stepper)


@fixed(30)
@given(seeds)
def test_vars_that_are_set_count_from_then_on(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = convolved(seed, monitored=True), convolved(seed)
    stepper = LavaStepper(theirs.neurons)
    seen = []
    for steps in (2, 3, 1):
        simulate(ours.neurons, steps, strict=True)
        for _ in range(steps):
            stepper.step()
            seen.append(stepper.get(theirs.first, "a_buf"))
        for mine, other in ((ours.first, theirs.first), (ours.second, theirs.second)):
            for name, low, high in (("weight", -256, 256), ("a_buf", -(2**18), 2**18)):
                var = getattr(mine, name)
                given = rng.integers(low, high, var.shape)
                if name == "weight" or rng.random() < 0.5:
                    var.set(given)
                    stepper.set_var(getattr(other, name), given)
    assert_alike(ours, theirs, stepper)
    assert ours.monitor is not None
    (recorded,) = ours.monitor.get_data()[ours.first.name].values()
    assert np.array_equal(recorded[: len(seen)], seen)


def alone(**values: object) -> tuple[Conv, source.RingBuffer]:
    frames = np.full((2, 2, 1, 1), values.pop("payload", 1))
    conv = Conv(input_shape=(2, 2, 1), **{"weight": np.full((1, 2, 2, 1), 255), "num_message_bits": 24, **values})
    sent = source.RingBuffer(data=frames)
    sent.s_out.connect(conv.s_in)
    return conv, sent


@pytest.mark.parametrize(
    "values",
    [
        {"weight": np.full((1, 2, 2, 1), 256)},
        {"weight": np.full((1, 2, 2, 1), 2.5)},
        {"weight": np.full((2, 1, 1, 1), -257)},
    ],
)
def test_weights_that_no_synapse_holds_are_stepped(values: dict[str, np.ndarray]) -> None:
    (ours, _), (theirs, _) = alone(**values), alone(**values)
    stepper = LavaStepper(theirs)
    stepper.step(2)
    with pytest.warns(SteppedWarning, match="weight"):
        simulate(ours, 2)
    assert np.array_equal(ours.a_buf.get(), stepper.get(theirs, "a_buf"))


@pytest.mark.parametrize("name", ["stride", "padding", "dilation"])
def test_a_reach_of_more_than_a_byte_is_not_native(name: str) -> None:
    conv, _ = alone(weight=np.ones((1, 1, 1, 1)))
    getattr(conv, name).init = np.array([128, 1])
    with pytest.raises(RangeError, match=f"kernel {name} = 128 is outside"):
        lower(conv)


def test_a_kernel_that_does_not_fit_its_ports_is_not_native() -> None:
    for name, value in (("kernel_size", np.array([1, 1])), ("stride", np.array([2, 1])), ("groups", np.array([2]))):
        conv = Conv(weight=np.ones((1, 2, 2, 3), int), input_shape=(4, 4, 3))
        getattr(conv, name).init = value
        with pytest.raises((LoweringError, ProgramError)):
            lower(conv)


def test_a_sum_beyond_32_bits_is_told() -> None:
    conv, _ = alone(payload=2**22)
    with pytest.raises(SimulationError, match=r"step 1, 'Process_.*', neuron 0: its drive a_buff leaves 32 bits"):
        simulate(conv, 1)
    conv, _ = alone(payload=2**22, weight=np.full((1, 2, 2, 1), -128))
    simulate(conv, 1)
    assert conv.a_buf.get() == [[[0]]]  # -2^31, of whose bits the last 24 are left


def test_a_kernel_is_stored_once() -> None:
    conv = Conv(weight=np.ones((16, 3, 3, 3), int), input_shape=(32, 32, 3), padding=1)
    assert lower(conv).synapses[0].weights.shape == (16, 3, 3, 3)


def test_a_drive_that_is_overwritten_is_summed_anew() -> None:
    conv, _ = alone()
    simulate(conv, 2)
    conv.a_buf.set(np.full((1, 1, 1), 7))
    simulate(conv, 1)
    assert conv.a_buf.get() == [[[4 * 255]]]
