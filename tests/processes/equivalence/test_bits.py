"""The engine equals Lava's fixed-point models bit for bit, on random graphs of Lava's own processes."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
from lava.magma.core.process.ports.ports import (
    AbstractPort,
    AbstractVirtualPort,
    ConcatPort,
    ReshapePort,
    TransposePort,
)
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.process import DelayDense, Dense, LearningDense
from lava.proc.io import sink, source
from lava.proc.lif.process import LIF, LIFReset, TernaryLIF
from lava.proc.monitor.process import Monitor
from lava.proc.sparse.process import DelaySparse, LearningSparse, Sparse
from random_graphs import Graph, graphs
from specimens import Layer

from neuromorph.engine import layout
from neuromorph.engine.engine import Engine
from neuromorph.laws.lif import A_IN, DU, U, V
from neuromorph.laws.products.rule import GradedSpike
from neuromorph.processes.equivalence import check
from neuromorph.processes.equivalence.check import check_bits
from neuromorph.processes.simulating.simulate import lower

pytestmark = [
    pytest.mark.filterwarnings("ignore::neuromorph.processes.lowering.values.QuantizationWarning"),
    # of Lava's DelaySparse, and of its casts of payloads that it then does not use
    pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning"),
]


def fixed(examples: int, shrink: bool = True) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )


def assert_equal(graph: Graph, runtime: bool = False) -> None:
    found = check_bits(graph.process, graph.steps, runtime=runtime, time_limit=60).first_difference
    assert found is None, f"{found} in {graph}"


@pytest.mark.lava
@fixed(30, shrink=False)
@given(graphs(st.integers(50, 70), concat=False))
def test_every_variable_equals_that_of_lava_s_runtime(graph: Graph) -> None:
    assert_equal(graph, runtime=True)


@fixed(200)
@given(graphs())
def test_every_variable_equals_lava_s_after_every_step(graph: Graph) -> None:
    assert_equal(graph)


@pytest.mark.full
@pytest.mark.timeout(3600)
@fixed(10_000)
@given(graphs(st.integers(1, 60)))
def test_every_variable_of_many_graphs_equals_lava_s_after_every_step(graph: Graph) -> None:
    assert_equal(graph)


@pytest.mark.full
@pytest.mark.lava
@pytest.mark.timeout(1800)
@fixed(200, shrink=False)
@given(graphs(st.integers(50, 120), concat=False))
def test_every_variable_of_many_graphs_equals_that_of_lava_s_runtime(graph: Graph) -> None:
    assert_equal(graph, runtime=True)


def between(port: AbstractPort) -> list[AbstractPort]:
    """The virtual ports on the way to a port."""
    return [p for one in port.in_connections for p in (one, *between(one)) if isinstance(p, AbstractVirtualPort)]


def test_the_random_graphs_reach_what_they_are_to_reach() -> None:
    """Each kind of process, port, rule and mode; spikes; learning that moves weights and tags."""
    seen: Counter[object] = Counter()

    @fixed(150)
    @given(graphs())
    def look(graph: Graph) -> None:
        engine = Engine(lower(graph.process))
        before = engine.snapshot()
        engine.run(graph.steps)
        after = engine.snapshot()
        for process in graph.processes:
            seen[type(process)] += 1
            seen.update(type(port) for into in process.in_ports.members for port in between(into))
            if rule := process.proc_params.get("learning_rule"):
                seen[type(rule)] += 1
                seen[process.proc_params["graded_spike_cfg"].name] += 1
                seen["long epoch"] += rule.t_epoch > 1
                for target in ("dw", "dd", "dt"):
                    seen[target] += getattr(rule, f"{target}_str") is not None
        for one, other in zip(before.synapses, after.synapses, strict=True):
            if one.plasticity:
                seen["moved"] += not np.array_equal(one.weights, other.weights)
                seen["odd weight"] += bool((other.weights & 1).any())
                seen["saturated"] += bool(np.isin(other.weights, [-256, -255, 255]).any())
                seen["tag moved"] += not np.array_equal(one.states["tag_1"], other.states["tag_1"])
                seen["trace"] += bool(other.states["y1"].any() and other.states["x1"].any())
        for population in after.populations:
            seen["spikes"] += bool(engine.get(population.name, "s_out").any())
            seen["negative u"] += bool((population.states.get("u", np.zeros(1)) < 0).any())
        for link in after.links:
            seen["reordered"] += link.index is not None

    look()
    kinds = (LIF, LIFReset, TernaryLIF, Dense, Sparse, DelayDense, DelaySparse, LearningDense, LearningSparse)
    others = (source.RingBuffer, sink.RingBuffer, Monitor, Layer, Loihi2FLearningRule, Loihi3FLearningRule)
    modes = [mode.name for mode in GradedSpike]
    effects = ["long epoch", "dw", "dd", "dt", "moved", "odd weight", "saturated", "tag moved", "trace"]
    effects += ["spikes", "negative u", "reordered"]
    virtual = (ReshapePort, TransposePort, ConcatPort)
    wanted = (*kinds, *others, *modes, *effects, *virtual)
    assert {what: seen[what] for what in wanted if seen[what] < 8} == {}


@pytest.mark.parametrize("kind", [LIF, LIFReset, TernaryLIF])
def test_the_ends_of_the_registers(kind: type[AbstractProcess]) -> None:
    """+2^23 stands, one step more wraps to the other end, v saturates: for every u near an end, every last a_in."""
    top = U.high
    u = np.concatenate([np.arange(top - 200, top + 1, 8), np.arange(U.low, U.low + 200, 8)])
    steps = np.arange(-4, 5)
    near = [*steps, *(A_IN.low - steps[steps < 0]), *(A_IN.high + steps[steps < 0]), A_IN.low, A_IN.high]
    options = {"reset_interval": 1000} if kind is LIFReset else {}
    for a_in in near:
        lif = kind(shape=u.shape, u=u, v=np.sign(u) * V.high, du=DU.low, bias_mant=np.sign(u) * 7, **options)
        ring = source.RingBuffer(data=np.full((u.size, 1), a_in))
        ring.s_out.connect(lif.a_in)
        assert check_bits(lif, 6).first_difference is None, a_in


@pytest.mark.parametrize("rule", [Loihi2FLearningRule, Loihi3FLearningRule])
@pytest.mark.parametrize("sent", [0, 1])
def test_a_spike_time_that_is_set_by_hand_counts_as_a_spike(rule: type[Loihi2FLearningRule], sent: int) -> None:
    """Of the first step: pre neuron 1 has a spike time and sends nothing, neuron 2 sends `sent`."""
    learned = rule(dw="2^3*x0", x1_tau=10, x1_impulse=16, t_epoch=1, rng_seed=5)
    synapse = LearningDense(weights=np.full((2, 3), 10), learning_rule=learned)
    synapse.tx.init = np.array([0, 1, 0])
    source.RingBuffer(data=np.array([[0, 0], [0, 0], [0, sent]])).s_out.connect(synapse.s_in)
    neurons = LIF(shape=(2,))
    synapse.a_out.connect(neurons.a_in)
    assert_equal(Graph(4, [neurons]))


@pytest.mark.parametrize("sign", ["-", ""])
def test_the_ends_of_synaptic_variables(sign: str) -> None:
    """Driven against their ends: weights, and tags, of which tag_1 reaches -257 once in 128 epochs."""
    text = f"{sign}7*2^8*u0"
    rule = Loihi2FLearningRule(dw=text, dd=text, dt=text, rng_seed=1)
    plastic = LearningDense(weights=np.array([[8, -8]]), learning_rule=rule)
    assert check_bits(plastic, 400).first_difference is None
    engine = Engine(lower(plastic))
    reached = set()
    for _ in range(400):
        engine.run(1)
        reached |= {int(tag) for tag in engine.get(plastic.name, "tag_1").flat}
    assert reached == ({-257, -256} if sign else {255})


def small_graph() -> dict[str, object]:
    """Source, Dense, LIF, LearningDense, LIF: a process of each by name."""
    rng = np.random.default_rng(5)
    rule = Loihi2FLearningRule(
        dw="2^-1*x0*y1 - 2^-2*y0*x1", x1_tau=9, x1_impulse=40, y1_tau=7, y1_impulse=30, rng_seed=3, t_epoch=2
    )
    ring = source.RingBuffer(data=rng.integers(0, 2, (4, 13)))
    first, hidden = (
        Dense(weights=2 * rng.integers(1, 60, (3, 4)), name="first"),
        LIF(shape=(3,), vth=40, name="hidden"),
    )
    plastic = LearningDense(weights=2 * rng.integers(1, 60, (2, 3)), learning_rule=rule, name="plastic")
    last = LIF(shape=(2,), vth=40, du=2000, dv=100, name="last")
    for port, into in (
        (ring.s_out, first.s_in),
        (first.a_out, hidden.a_in),
        (hidden.s_out, plastic.s_in),
        (plastic.a_out, last.a_in),
        (last.s_out, plastic.s_in_bap),
    ):
        port.connect(into)
    return {p.name: p for p in (first, hidden, plastic, last)}


@pytest.mark.parametrize(
    ("population", "variable"),
    [
        ("hidden", "u"),
        ("last", "v"),
        ("first", "a_buff"),
        ("plastic", "weights"),
        ("plastic", "x1"),
        ("plastic", "tag_1"),
    ],
)
@pytest.mark.parametrize("step", [1, 7])
def test_one_wrong_bit_is_found_where_and_when_it_arises(monkeypatch, population, variable, step) -> None:
    class Wrong(Engine):
        def run(self, steps, progress=None):
            super().run(steps, progress)
            if self.step == step:
                values = self.get(population, variable)
                values.flat[-1] ^= 1
                self.set(population, variable, values)

    monkeypatch.setattr(check, "Engine", Wrong)
    found = check_bits(small_graph()["last"], 20).first_difference
    assert found is not None
    assert (found.step, found.population, found.variable) == (step, population, variable)
    assert found.native == found.lava ^ 1
    assert f"step {step}, '{population}', {variable}[" in str(found)
    assert str(found).endswith(f"Lava has {found.lava}, the engine {found.native}")


def test_one_wrong_bit_is_found_in_lava_s_runtime_too(monkeypatch) -> None:
    class Wrong(Engine):
        def run(self, steps, progress=None):
            super().run(steps, progress)
            self.set("hidden", "v", self.get("hidden", "v") ^ 1)

    monkeypatch.setattr(check, "Engine", Wrong)
    found = check_bits(small_graph()["last"], 20, runtime=True, time_limit=30).first_difference
    assert found is not None
    assert (found.step, found.population, found.variable) == (20, "hidden", "v")


def test_a_wrong_decay_a_wrong_stream_and_a_wrong_parameter_are_found(monkeypatch) -> None:
    assert check_bits(small_graph()["last"], 40).equal
    right = layout.decay_factor
    with monkeypatch.context() as patched:
        patched.setattr(layout, "decay_factor", lambda tau: right(tau + 0.5))
        assert not check_bits(small_graph()["last"], 40).equal
    lowered = check.Lowered.of

    def changed(**changes):
        def of(graph, step):
            found = lowered(graph, step)
            plastic = found.program["plastic"]
            wrong = replace(plastic, plasticity=replace(plastic.plasticity, **changes))
            return replace(found, program=found.program.with_nodes(wrong))

        return of

    for changes in ({"rng_seed": 4}, {"t_epoch": 3}):
        monkeypatch.setattr(check.Lowered, "of", changed(**changes))
        assert not check_bits(small_graph()["last"], 60).equal


def test_what_is_compared_is_every_state_of_every_node() -> None:
    """Of the plastic synapse traces, spike times, x0, y0, tags, buffer, weights; 2 of Dense; u and v."""
    result = check_bits(small_graph()["last"], 3)
    assert (result.steps, result.variables) == (3, 13 + 2 + 2 + 2)


def test_the_graph_is_left_as_it_was() -> None:
    made = small_graph()
    before = {(n, v.name): np.array(v.init) for n, p in made.items() for v in p.vars}
    check_bits(made["last"], 20)
    after = {(n, v.name): np.array(v.init) for n, p in made.items() for v in p.vars}
    assert all(np.array_equal(before[k], after[k]) for k in before)
