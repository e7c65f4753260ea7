"""Lava's pointwise neurons: the same bits natively and in Lava's models, through a life of runs and of Vars that are set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lava.magma.core.process.process import AbstractProcess
from lava.proc.atrlif.process import ATRLIF
from lava.proc.dense.process import Dense
from lava.proc.graded.process import InvSqrt, NormVecDelay
from lava.proc.io import sink, source
from lava.proc.lif.process import TernaryLIF
from lava.proc.resfire.process import RFZero
from lava.proc.rf.process import RF
from lava.proc.rf_iz.process import RF_IZ
from lava.proc.sdn.process import ActivationMode, Delta, Sigma, SigmaDelta
from pointwise import POINTWISE, made, takes
from random_graphs import spread

from neuromorph.errors import LoweringError, SimulationError
from neuromorph.processes import simulate
from neuromorph.processes.equivalence.check import check_bits
from neuromorph.processes.simulating.simulation import SteppedWarning
from neuromorph.processes.stepping.stepper import LavaStepper

# Lava's InvSqrt makes a number of an array of one element
pytestmark = pytest.mark.filterwarnings("ignore:Conversion of an array with ndim:DeprecationWarning")
KINDS = pytest.mark.parametrize("kind", POINTWISE, ids=lambda kind: kind.__name__)
SEEDS = st.integers(0, 2**32 - 1)
STEPS = 12


def fixed(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.generate],
    )


def fed(kind: type[AbstractProcess], rng: np.random.Generator, steps: int = STEPS) -> tuple[Any, list[Any]]:
    """One population with sources on every input, often two, and a sink on every output."""

    def within(low: int, high: int, shape: Any = None) -> Any:
        return spread(rng, low, high, shape)

    shape = [(1,), (4,), (2, 3)][rng.integers(3)]
    process = made(kind, shape, within)
    for port in process.in_ports.members:
        low, high = takes(kind, port.name)
        for share in (1,) if rng.random() < 0.5 else (2, 2):
            data = within(low // share, high // share, (*port.shape, steps))
            source.RingBuffer(data=data).s_out.connect(port)
    sinks = [sink.RingBuffer(shape=port.shape, buffer=2 * steps) for port in process.out_ports.members]
    for port, kept in zip(process.out_ports.members, sinks, strict=True):
        port.connect(kept.a_in)
    return process, sinks


def assert_alike(process: Any, sinks: list[Any], stepper: LavaStepper) -> None:
    for owner in (process, *sinks):
        for var in owner.vars.members:
            np.testing.assert_array_equal(var.get(), stepper.get(owner, var.name), err_msg=var.name)


@KINDS
@fixed(25)
@given(seed=SEEDS)
def test_every_var_and_output_equals_lava_s_over_runs_and_settings(kind: type[AbstractProcess], seed: int) -> None:
    rng = np.random.default_rng(seed)
    process, sinks = fed(kind, rng)
    stepper = LavaStepper(process)
    for steps in (1, int(rng.integers(1, STEPS)), 3):
        simulate(process, steps, strict=True)
        stepper.step(steps)
        assert_alike(process, sinks, stepper)
        law = POINTWISE[kind]
        known = [v for v in (*law.states, *law.parameters) if v.name in process.vars.member_names]
        for v in rng.permutation(np.array(known, dtype=object))[:2]:
            var = getattr(process, v.name)
            new = np.asarray(spread(rng, v.low, v.high, var.shape))
            var.set(new)
            stepper.set_var(var, new)
        if kind is ATRLIF and isinstance(process.delta_v.init, float):  # an integer stays one
            new = np.array([rng.integers(0, 4097) / 4096])
            process.delta_v.set(new)
            stepper.set_var(process.delta_v, new)


@pytest.mark.lava
@KINDS
def test_lava_s_own_runtime_has_the_same_bits(kind: type[AbstractProcess]) -> None:
    process, _ = fed(kind, np.random.default_rng(3))
    assert check_bits(process, STEPS, runtime=True, time_limit=60).first_difference is None


@pytest.mark.parametrize("first", range(0, 2**24, 2**20))
def test_inverse_roots_of_all_magnitudes(first: int) -> None:
    rng = np.random.default_rng(first)
    near = (2 ** rng.integers(0, 24, 30) + rng.integers(-1, 2, 30)).clip(0, 2**24 - 1)
    data = np.concatenate([near, first + rng.integers(0, 2**20, 30)]).reshape(1, -1)
    root, kept = InvSqrt(shape=(1,)), sink.RingBuffer(shape=(1,), buffer=60)
    source.RingBuffer(data=np.minimum(data, 2**23 - 1)).s_out.connect(root.a_in)
    root.s_out.connect(kept.a_in)
    assert check_bits(kept, 60).first_difference is None


@pytest.mark.parametrize("sent", [-1, -(2**20)])
def test_an_inverse_root_of_what_lava_has_none_of_says_so(sent: int) -> None:
    root = InvSqrt(shape=(1,))
    source.RingBuffer(data=np.array([[5, sent]])).s_out.connect(root.a_in)
    with pytest.raises(SimulationError, match=f"step 2, .*a_in = {sent} is outside 0..16777215"):
        simulate(root, 2, strict=True)


@pytest.mark.parametrize(
    ("process", "why"),
    [
        (lambda: InvSqrt(shape=(3,)), "one inverse root only"),
        (lambda: ATRLIF(shape=(3,)), "delta_i = 0.4 is no multiple of 1/4096"),
        (lambda: RF(shape=(3,), period=10, alpha=0.1, decay_bits=12, vth=2**23), "vth = 8388608 is outside"),
        (lambda: RF_IZ(shape=(3,), period=10, alpha=0.1, decay_bits=12, vth=2**23), "vth = 8388608 is outside"),
        (lambda: Delta(shape=(3,), vth=1, spike_exp=16), "spike_exp = 16 is outside 0..15"),
    ],
)
def test_what_no_law_holds_is_stepped_with_the_reason(process: Any, why: str) -> None:
    with pytest.warns(SteppedWarning, match=why):
        simulate(process(), 2)


def test_what_takes_messages_of_64_bits_is_stepped_for_lava_then_computes_in_64() -> None:
    """Lava's TernaryLIF sends these; the products of an RFZero would wrap in 32."""
    signs, resonator = (
        TernaryLIF(shape=(1,), vth_hi=1, vth_lo=-1, bias_mant=3000),
        RFZero(shape=(1,), freqs=1.0, decay_tau=1.0),
    )
    for name, value in (("u", 2**20), ("v", -(2**20)), ("lct", 30_000), ("lst", 9_000)):
        getattr(resonator, name).init = np.array([value])
    signs.s_out.connect(resonator.u_in)
    stepper = LavaStepper(resonator)
    stepper.step(6)
    with pytest.warns(SteppedWarning, match="takes messages of 64 bits of .*TernaryLIF"):
        simulate(resonator, 6)
    assert np.array_equal(resonator.u.get(), stepper.get(resonator, "u"))
    with pytest.raises(LoweringError, match="64 bits"):
        simulate(resonator, 1, strict=True)


@pytest.mark.filterwarnings("ignore::neuromorph.processes.simulating.simulation.SteppedWarning")
def test_a_stepped_atrlif_keeps_its_scaled_thresholds_and_a_native_one_becomes_stepped() -> None:
    """Through delta_i that no law takes, and back."""
    neuron = ATRLIF(shape=(3,), delta_i=0.5, theta_0=7, theta_step=3.75, bias_mant=np.array([100, 300, 900]))
    stepper = LavaStepper(neuron)
    for given_delta in (0.4, 0.5, 0.3, 0.25):
        simulate(neuron, 3)
        stepper.step(3)
        assert_alike(neuron, [], stepper)
        neuron.delta_i.set(np.array([given_delta]))
        stepper.set_var(neuron.delta_i, np.array([given_delta]))


def connected(*pairs: Any) -> None:
    for port, into in pairs:
        port.connect(into)


def test_a_sigma_delta_network_runs_all_native() -> None:
    rng = np.random.default_rng(1)
    ring, kept = source.RingBuffer(data=rng.integers(-50, 50, (6, 9))), sink.RingBuffer(shape=(4,), buffer=30)
    delta, first = (
        Delta(shape=(6,), vth=3, spike_exp=2),
        Dense(weights=2 * rng.integers(-60, 60, (5, 6)), num_message_bits=16),
    )
    hidden = SigmaDelta(shape=(5,), vth=9, spike_exp=2, bias=4, act_mode=ActivationMode.RELU)
    second = Dense(weights=2 * rng.integers(-60, 60, (4, 5)), num_message_bits=16, weight_exp=-6)
    last = Sigma(shape=(4,))
    connected(
        (ring.s_out, delta.a_in), (delta.s_out, first.s_in), (first.a_out, hidden.a_in), (hidden.s_out, second.s_in),
        (second.a_out, last.a_in), (last.s_out, kept.a_in),
    )  # fmt: skip
    assert check_bits(kept, 30).first_difference is None


def test_a_normalizing_loop_runs_all_native() -> None:
    """As in Lava's networks of graded vectors: squares are summed, their inverse root comes back two steps later."""
    ring = source.RingBuffer(data=np.random.default_rng(2).integers(-50, 50, (4, 9)))
    norm, root, kept = NormVecDelay(shape=(4,)), InvSqrt(shape=(1,)), sink.RingBuffer(shape=(4,), buffer=30)
    summed = Dense(weights=2 * np.ones((1, 4)), num_message_bits=24)
    back = Dense(weights=2 * np.ones((4, 1)), num_message_bits=24)
    connected(
        (ring.s_out, norm.a_in1), (norm.s2_out, summed.s_in), (summed.a_out, root.a_in), (root.s_out, back.s_in),
        (back.a_out, norm.a_in2), (norm.s_out, kept.a_in),
    )  # fmt: skip
    assert check_bits(kept, 30).first_difference is None
    simulate(kept, 30, strict=True)
    assert np.unique(kept.data.get()).size > 30
