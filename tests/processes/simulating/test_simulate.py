"""`simulate` leaves in Vars, Monitors and sinks what Lava's runtime would."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.process import Dense, LearningDense
from lava.proc.io import sink, source
from lava.proc.lif.process import LIF, LIFReset
from lava.proc.monitor.process import Monitor
from random_graphs import Graph, graphs
from scipy.sparse import csr_matrix
from specimens import Layer

from neuromorph.errors import LoweringError
from neuromorph.processes.equivalence.runtime import lava_run
from neuromorph.processes.simulating.simulate import restart, simulate
from neuromorph.processes.stepping.stepper import LavaStepper

pytestmark = [
    pytest.mark.filterwarnings("ignore::neuromorph.processes.lowering.values.QuantizationWarning"),
    pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning"),
]
STEPS = st.integers(1, 25)
Values = dict[tuple[str, str], Any]


def fixed(examples: int) -> settings:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=checks)


def values(processes: list[AbstractProcess]) -> Values:
    """What users read: every Var that holds numbers."""
    held = {(p.name, v.name): v.get() for p in processes for v in p.vars}
    dense = {k: v.toarray() if isinstance(v, csr_matrix) else v for k, v in held.items()}
    shapes = {(p.name, v.name): v.shape for p in processes for v in p.vars}
    return {k: np.broadcast_to(np.asarray(v, float), shapes[k]) for k, v in dense.items() if not isinstance(v, str | None)}


def unlike(one: Values, other: Values) -> list[tuple[str, str]]:
    assert one.keys() == other.keys()
    return [key for key in one if not np.array_equal(one[key], other[key])]


class Rewound:
    """The graph's Vars as they are now; `rewind` puts them back, and simulate to step 1."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.before = [(v, v.init) for p in graph.processes for v in p.vars]

    def rewind(self) -> None:
        restart(self.graph.process)
        for var, init in self.before:
            var.init = init


@fixed(150)
@given(graphs(), STEPS, STEPS)
def test_two_runs_are_one(graph: Graph, first: int, second: int) -> None:
    rewound = Rewound(graph)
    total = min(first + second, graph.steps)  # Monitors hold no more
    first = min(first, total)
    simulate(graph.process, total)
    once = values(graph.processes)
    rewound.rewind()
    simulate(graph.process, first)
    simulate(graph.process, total - first)
    assert unlike(once, values(graph.processes)) == []


@fixed(60)
@given(graphs())
def test_a_restart_begins_at_step_one(graph: Graph) -> None:
    rewound = Rewound(graph)
    simulate(graph.process, graph.steps)
    once = values(graph.processes)
    rewound.rewind()
    simulate(graph.process, graph.steps)
    assert unlike(once, values(graph.processes)) == []


@pytest.mark.lava
@fixed(10)
@given(graphs(st.integers(20, 40), concat=False))
def test_vars_and_monitors_hold_what_those_of_lava_s_runtime_do(graph: Graph) -> None:
    rewound = Rewound(graph)
    simulate(graph.process, graph.steps)
    held = values(graph.processes)
    monitors = [p for p in graph.processes if isinstance(p, Monitor)]
    recorded = [monitor.get_data() for monitor in monitors]
    rewound.rewind()

    def read() -> Values:
        # Lava can neither give a string or None back, nor a sparse matrix that lost entries
        readable = {
            (p.name, v.name): v
            for p in graph.processes
            for v in p.vars
            if p.runtime and isinstance(v.init, int | np.ndarray)
        }
        found = {key: np.asarray(var.get()) for key, var in readable.items()}
        for monitor, mine in zip(monitors, recorded, strict=True):
            theirs = monitor.get_data()
            assert theirs.keys() == mine.keys()
            for process, seen in theirs.items():
                for variable, data in seen.items():
                    assert np.array_equal(data, mine[process][variable])
        return found

    found = lava_run(graph.process, graph.steps, time_limit=60, after=read)
    assert [key for key in found if not np.array_equal(found[key], held[key])] == []


def chain() -> tuple[AbstractProcess, ...]:
    """Source, a hierarchical process, LearningDense with its post-neurons, a sink."""
    rng = np.random.default_rng(2)
    rule = Loihi2FLearningRule(dw="2^-1*x0*y1 - 2^-2*y0*x1", x1_tau=9, x1_impulse=40, y1_tau=7, y1_impulse=30, rng_seed=3)
    ring, layer = source.RingBuffer(data=rng.integers(0, 2, (4, 9))), Layer(rng.integers(1, 50, (3, 4)) * 2)
    plastic = LearningDense(weights=rng.integers(1, 50, (2, 3)) * 2, learning_rule=rule)
    last, kept = LIF(shape=(2,), vth=20, du=4095), sink.RingBuffer(shape=(2,), buffer=30)
    ring.s_out.connect(layer.s_in)
    layer.s_out.connect(plastic.s_in)
    plastic.a_out.connect(last.a_in)
    last.s_out.connect(plastic.s_in_bap)
    last.s_out.connect(kept.a_in)
    return ring, layer, plastic, last, kept


def test_a_hierarchical_process_shows_its_aliased_vars_step_by_step() -> None:
    ring, layer, plastic, last, kept = chain()
    monitor = Monitor()
    monitor.probe(layer.u, 30)
    stepper = LavaStepper(last)
    for step in range(1, 31):
        stepper.step()
        simulate((ring, layer, plastic, last, kept)[step % 5], 1)  # any of them stands for the graph
        for process, variable in ((layer, "u"), (last, "v"), (plastic, "weights"), (kept, "data")):
            assert np.array_equal(getattr(process, variable).get(), stepper.get(process, variable))
    (recorded,) = monitor.get_data()[layer.name].values()
    assert np.array_equal(recorded, stepper.get(monitor, "var_read_0"))
    assert np.array_equal(recorded[-1], layer.u.get())
    assert recorded.any()
    assert 0 < np.mean(kept.data.get()) < 1


def test_a_monitor_of_weights_shows_them_as_lava_does() -> None:
    """(steps, post, pre)."""
    *_, plastic, last, _ = chain()
    monitor = Monitor()
    monitor.probe(plastic.weights, 20)
    stepper = LavaStepper(last)
    stepper.step(20)
    simulate(last, 20)
    (recorded,) = monitor.get_data()[plastic.name].values()
    assert recorded.shape == (20, 2, 3)
    assert np.array_equal(recorded, stepper.get(monitor, "var_read_0"))
    assert np.array_equal(recorded[-1], plastic.weights.get())


def test_a_run_goes_on_from_the_values_that_vars_hold() -> None:
    lif = LIF(shape=(2,), du=4095, dv=0, bias_mant=1, vth=100)
    simulate(lif, 10)
    assert np.array_equal(lif.v.get(), [10, 10])
    lif.v.init = np.array([100, 200])
    lif.bias_mant.init = 2
    simulate(lif, 10)
    assert np.array_equal(lif.v.get(), [120, 220])


def test_time_goes_on_too() -> None:
    lif = LIFReset(shape=(1,), du=4095, dv=0, bias_mant=1, vth=100, reset_interval=7, reset_offset=3)
    seen = []
    for _ in range(20):
        simulate(lif, 1)
        seen.append(int(lif.v.get()[0]))
    assert seen == [1, 2, *(1 + (t - 3) % 7 for t in range(3, 21))]


def test_weights_are_cut_once() -> None:
    """The second run neither cuts nor refuses what the first one left, though the signs look different."""
    dense = Dense(weights=np.array([[-256, 1]]))
    simulate(dense, 1)
    assert np.array_equal(dense.weights.get(), [[-256, 0]])
    simulate(dense, 1)
    assert np.array_equal(dense.weights.get(), [[-256, 0]])


def test_progress_is_told() -> None:
    counts: list[int] = []
    simulate(LIF(shape=(1,)), 5000, progress=counts.append)
    assert sum(counts) == 5000
    assert len(counts) == 2


@pytest.mark.lava
def test_a_graph_that_lava_has_compiled_is_refused() -> None:
    lif = LIF(shape=(1,), name="here")
    lava_run(lif, 1, time_limit=20, after=lambda: None)
    with pytest.raises(LoweringError, match=r"'here' \(LIF\): Lava has compiled this graph.*build it anew"):
        simulate(lif, 1)
