"""Lava's LearningLIF and the neurons of its continually learning prototypes have the bits of Lava's models, natively."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
from lava.magma.core.process.process import AbstractProcess
from lava.proc.clp.novelty_detector.process import NoveltyDetector
from lava.proc.clp.nsm.process import Allocator, Readout
from lava.proc.clp.prototype_lif.process import PrototypeLIF
from lava.proc.dense.process import Dense, LearningDense
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LearningLIF
from random_graphs import spread

from neuromorph.errors import LavaRunError, SimulationError
from neuromorph.laws.law import Law, Variable
from neuromorph.laws.lif import A_IN, LIF
from neuromorph.laws.prototypes import ALLOCATOR, NOVELTY_DETECTOR, PROTOTYPE_LIF
from neuromorph.processes.simulating.simulate import lower, simulate
from neuromorph.processes.simulating.simulation import SteppedWarning
from neuromorph.processes.stepping.stepper import LavaStepper

STEPS = 24

pytestmark = [
    pytest.mark.filterwarnings("ignore::neuromorph.processes.simulating.simulation.SteppedWarning"),
    pytest.mark.filterwarnings("ignore:Conversion of an array:DeprecationWarning"),  # in Lava's Allocator
]


def fixed(examples: int) -> settings:
    return settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )


seeds = st.integers(0, 2**32 - 1)


def hold_the_same(process: AbstractProcess, stepper: LavaStepper, steps: int) -> None:
    """Makes `steps` steps one by one in both, and compares every Var after each."""
    for _ in range(steps):
        stepper.step()
        simulate(process, 1)
        for one in stepper.models:
            for var in one.vars.members:
                if var.init is None or isinstance(var.init, str) or var.name.endswith(("_tau", "_impulse")):
                    continue
                there = np.broadcast_to(np.ravel(stepper.get(one, var.name)), np.shape(np.ravel(var.get())))
                assert np.array_equal(np.ravel(var.get()), there), (stepper.time_step, one.name, var.name)


def values(rng: np.random.Generator, law: Law, size: int) -> dict[str, Any]:
    """Of parameters and states that are Vars, anywhere in their ranges."""

    def of(v: Variable) -> Any:
        return int(spread(rng, v.low, v.high)) if v.shared else spread(rng, v.low, v.high, size)

    return {v.name: of(v) for v in (*law.parameters, *law.states) if not v.index}


def sent(rng: np.random.Generator, low: int, high: int, size: int, often: float = 1.0) -> Source:
    return Source(data=spread(rng, low, high, (size, STEPS)) * (rng.random((size, STEPS)) < often))


def kept(*ports: Any) -> None:
    for port in ports:
        port.connect(Sink(shape=port.shape, buffer=STEPS).a_in)


def prototypes(rng: np.random.Generator, size: int, called: Source) -> PrototypeLIF:
    """Prototypes that learn what comes when they are called."""
    rule = Loihi3FLearningRule(dw="2^-3*y1*x1*y0 - 2^-4*x0*w", x1_tau=int(rng.integers(1, 65536)), t_epoch=1)
    made = values(rng, PROTOTYPE_LIF, size)
    y1 = made.pop("y1")
    cells = PrototypeLIF(shape=(size,), learning_rule=rule, **made)
    cells.y1.init = y1
    synapse = LearningDense(
        weights=2 * rng.integers(-128, 128, (size, 3)),
        learning_rule=rule,
        num_message_bits=8,
        graded_spike_cfg=GradedSpikeCfg.OVERWRITE,
    )
    Source(data=2 * rng.integers(0, 128, (3, STEPS))).s_out.connect(synapse.s_in)
    synapse.a_out.connect(cells.a_in)
    sent(rng, -1, 3, size, 0.2).s_out.connect(cells.reset_in)
    sent(rng, A_IN.low // 8, A_IN.high // 8, size).s_out.connect(cells.a_in)
    called.s_out.connect(cells.a_third_factor_in)
    cells.s_out_bap.connect(synapse.s_in_bap)
    cells.s_out_y1.connect(synapse.s_in_y1)
    kept(cells.s_out, cells.s_out_bap, cells.s_out_y1)
    return cells


@fixed(30)
@given(seeds, st.integers(1, 5))
def test_prototypes_of_which_one_is_called_learn_as_lavas(seed: int, size: int) -> None:
    """Of the port that calls them the first element alone counts."""
    rng = np.random.default_rng(seed)
    others = sent(rng, -9, 99, size).data.init
    others[0] = rng.integers(0, size + 1, STEPS) * (rng.random(STEPS) < 0.4)
    cells = prototypes(rng, size, Source(data=others))
    lower(cells)
    stepper = LavaStepper(cells)
    hold_the_same(cells, stepper, STEPS // 2)
    given_y1 = spread(rng, 0, 127, size)
    cells.y1.set(given_y1)
    stepper.set_var(cells.y1, given_y1)
    hold_the_same(cells, stepper, STEPS // 2)


@pytest.mark.parametrize("number", [4, 2**20, -1])
def test_a_number_that_no_prototype_has_is_refused(number: int) -> None:
    called = Source(data=np.full((3, 1), number))
    cells = prototypes(np.random.default_rng(1), 3, called)
    with pytest.raises(SimulationError, match=rf"step 1.*a_third_factor_in = {number} is outside 0..3"):
        simulate(cells, 1)


def test_prototypes_of_several_axes_are_stepped() -> None:
    cells = PrototypeLIF(shape=(2, 3), vth=1)
    with pytest.warns(SteppedWarning, match=r"has the shape \(2, 3\).*numbers neurons along one axis"):
        simulate(cells, 1)


@fixed(25)
@given(seeds, st.sampled_from([(1,), (4,), (2, 3)]))
def test_a_learning_lif_is_a_lif(seed: int, shape: tuple[int, ...]) -> None:
    rng, size = np.random.default_rng(seed), int(np.prod(shape))
    drawn = {name: np.reshape(v, shape) if np.ndim(v) else v for name, v in values(rng, LIF, size).items()}
    cells = LearningLIF(shape=shape, **drawn)
    sent(rng, A_IN.low, A_IN.high, size).s_out.reshape(shape).connect(cells.a_in)
    kept(cells.s_out)
    lower(cells)
    stepper = LavaStepper(cells)
    hold_the_same(cells, stepper, STEPS // 2)
    cells.y2.set(np.full(shape, 5))  # Lava keeps it, and does nothing with it
    stepper.set_var(cells.y2, 5)
    hold_the_same(cells, stepper, STEPS // 2)


@pytest.mark.parametrize("port", ["s_out_bap", "s_out_y1", "s_out_y2", "s_out_y3"])
def test_where_a_learning_lif_never_sends_nobody_waits(port: str) -> None:
    """Lava hangs."""
    rule = Loihi3FLearningRule(dw="x0*y1", x1_impulse=16, x1_tau=10, t_epoch=1)
    cells, synapse = LearningLIF(shape=(2,), learning_rule=rule), LearningDense(weights=np.zeros((2, 2)), learning_rule=rule)
    getattr(cells, port).connect(getattr(synapse, port.replace("_out", "_in")))
    with pytest.raises(LavaRunError, match=rf"deadlock in step 1.*LearningLIF\) '{port}' -> .*: empty, nobody sends"):
        simulate(cells, 3)


def test_what_sends_a_third_factor_to_a_learning_lif_is_not_waited_for() -> None:
    """It never takes it, and Lava hangs when the channel is full."""
    cells, factor = LearningLIF(shape=(2,)), Source(data=np.ones((2, 1)))
    factor.s_out.connect(cells.a_third_factor_in)
    with pytest.raises(LavaRunError, match=r"deadlock in step \d+.*a_third_factor_in.*full"):
        simulate(cells, 200)


# ---- the detector's clock is no Var -----------------------------------------------------------------------------------------


def detector(rng: np.random.Generator, t_wait: int) -> NoveltyDetector:
    found = NoveltyDetector(t_wait=t_wait)
    sent(rng, -3, 3, 1, 0.3).s_out.connect(found.input_aval_in)
    sent(rng, -3, 3, 1, 0.2).s_out.connect(found.output_aval_in)
    kept(found.novelty_detected_out)
    return found


@fixed(30)
@given(seeds, st.integers(-2, 9), st.integers(1, STEPS))
def test_a_novelty_detector_fires_when_lavas_does(seed: int, t_wait: int, first: int) -> None:
    """Over two runs, with another patience in the second."""
    rng = np.random.default_rng(seed)
    found = detector(rng, t_wait)
    lower(found)
    stepper = LavaStepper(found)
    hold_the_same(found, stepper, first)
    later = int(spread(rng, NOVELTY_DETECTOR.parameters[0].low, NOVELTY_DETECTOR.parameters[0].high))
    found.t_wait.set(np.array([later]))
    stepper.set_var(found.t_wait, later)
    hold_the_same(found, stepper, STEPS - first)


BEYOND = NOVELTY_DETECTOR.parameters[0].high + 1


def grows(found: NoveltyDetector, t_wait: int) -> None:
    kept(found.novelty_detected_out)


def waits_beyond_the_chip_and_back(found: NoveltyDetector, t_wait: int) -> None:
    found.t_wait.set(np.array([BEYOND]))
    with pytest.warns(SteppedWarning, match=f"t_wait = {BEYOND} is outside"):
        simulate(found, 1)
    found.t_wait.set(np.array([t_wait]))


@pytest.mark.parametrize("between", [grows, waits_beyond_the_chip_and_back])
@pytest.mark.parametrize("cut", range(1, 8))
def test_the_clock_goes_on_in_what_the_graph_becomes(between: Callable[[NoveltyDetector, int], None], cut: int) -> None:
    """An input at step 1 is new at step 6, however the run is cut; where the detector is patient in that step, at the next."""
    found = NoveltyDetector(t_wait=4)
    Source(data=np.array([[1, *[0] * 20]])).s_out.connect(found.input_aval_in)
    Source(data=np.zeros((1, 1))).s_out.connect(found.output_aval_in)
    fired = Sink(shape=(1,), buffer=12)
    found.novelty_detected_out.connect(fired.a_in)
    simulate(found, cut)
    between(found, 4)
    simulate(found, 12 - cut - (between is waits_beyond_the_chip_and_back))
    patient_then = cut == 5 and between is waits_beyond_the_chip_and_back
    assert [*np.flatnonzero(fired.data.get()[0]) + 1] == [7 if patient_then else 6]


@fixed(25)
@given(seeds, st.integers(1, STEPS))
def test_an_allocator_counts_as_lavas(seed: int, first: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = ALLOCATOR.states[0].low, ALLOCATOR.states[0].high
    made = Allocator(n_protos=3, next_alloc_id=int(rng.choice([1, high - 1, high, low, spread(rng, low, high)])))
    sent(rng, -2, 2, 1, 0.5).s_out.connect(made.trigger_in)
    kept(made.allocate_out)
    lower(made)
    stepper = LavaStepper(made)
    hold_the_same(made, stepper, first)
    made.next_alloc_id.set(np.array([7]))
    stepper.set_var(made.next_alloc_id, 7)
    hold_the_same(made, stepper, STEPS - first)


@fixed(15)
@given(seeds)
def test_a_whole_network_of_prototypes_learns_as_lavas(seed: int) -> None:
    """As Lava's tutorial wires it; its readout is stepped."""
    rng, size = np.random.default_rng(seed), 3
    patterns = Source(data=rng.integers(0, 2, STEPS) * rng.integers(0, 128, (2, STEPS)) * 2)
    rule = Loihi3FLearningRule(dw="2^-3*y1*x1*y0", x1_tau=65535, t_epoch=1)
    cells = PrototypeLIF(shape=(size,), du=4095, dv=4095, vth=int(rng.integers(1, 63500)), learning_rule=rule)
    found, allocator, readout = NoveltyDetector(t_wait=2), Allocator(n_protos=size), Readout(n_protos=size)
    stored = LearningDense(
        weights=np.zeros((size, 2)), learning_rule=rule, num_message_bits=8, graded_spike_cfg=GradedSpikeCfg.OVERWRITE
    )

    def all_to_one(out: Any, target: Any, **options: Any) -> None:
        synapse = Dense(weights=np.ones((target.size, out.size)), **options)
        out.connect(synapse.s_in)
        synapse.a_out.connect(target)

    patterns.s_out.connect(stored.s_in)
    stored.a_out.connect(cells.a_in)
    all_to_one(patterns.s_out, found.input_aval_in)
    all_to_one(cells.s_out, found.output_aval_in)
    all_to_one(found.novelty_detected_out, allocator.trigger_in)
    if seed % 2:
        readout.trigger_alloc.connect(allocator.trigger_in)
    all_to_one(allocator.allocate_out, cells.a_third_factor_in, num_message_bits=8)
    cells.s_out_bap.connect(stored.s_in_bap)
    cells.s_out_y1.connect(stored.s_in_y1)
    cells.s_out.connect(readout.inference_in)
    Source(data=rng.integers(0, 3, (1, STEPS))).s_out.connect(readout.label_in)
    kept(readout.user_output, readout.feedback)
    stepper = LavaStepper(cells)
    while allocator.next_alloc_id.get() <= size and stepper.time_step < STEPS:
        hold_the_same(cells, stepper, 1)
