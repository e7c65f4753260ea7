"""However a run is cut into pieces, it gives the same bits; and running costs no memory."""

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import Graph, graphs

from neuromorph.engine import engine as engine_module
from neuromorph.engine.engine import Engine
from neuromorph.engine.layout import BLOCK
from neuromorph.processes.simulating.simulate import lower
from neuromorph.program import Program

pytestmark = [pytest.mark.filterwarnings("ignore::neuromorph.processes.lowering.values.QuantizationWarning")]
FIXED = settings(
    max_examples=120,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def after(program: Program, *pieces: int) -> Program:
    """The Program after runs of so many steps, each by an engine of its own."""
    for steps in pieces:
        engine = Engine(program)
        engine.run(steps)
        program = engine.snapshot()
    return program


@FIXED
@given(graphs(), st.integers(0, 30), st.integers(0, 30))
def test_a_snapshot_runs_on_as_the_engine_would(graph: Graph, first: int, second: int) -> None:
    program = lower(graph.process)
    before = copy.deepcopy(program)
    pieces = first, second, graph.steps
    assert after(program, *pieces) == after(program, sum(pieces))
    assert program == before


@FIXED
@given(graphs(st.integers(20, 60)), st.integers(1, 13))
def test_blocks_do_not_matter(graph: Graph, block: int) -> None:
    program = lower(graph.process)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine_module, "BLOCK", block)
        cut = Engine(program)
        cut.run(graph.steps)
    whole = Engine(program)
    whole.run(graph.steps)
    assert cut.snapshot() == whole.snapshot()
    for probe in program.probes:
        assert np.array_equal(cut.get(probe.name, "data"), whole.get(probe.name, "data"))


@settings(FIXED, max_examples=3)
@given(graphs(st.just(BLOCK + 300)))
def test_the_edge_of_a_real_block_does_not_matter(graph: Graph) -> None:
    program = lower(graph.process)
    counts: list[int] = []
    whole = Engine(program)
    whole.run(graph.steps, counts.append)
    assert counts == [BLOCK, 300]
    assert whole.snapshot() == after(program, BLOCK - 5, 10, 295)


@FIXED
@given(graphs())
def test_what_a_snapshot_holds_is_what_the_engine_holds(graph: Graph) -> None:
    engine = Engine(lower(graph.process))
    engine.run(graph.steps)
    again = Engine(engine.snapshot())
    assert again.step == engine.step == graph.steps
    for node in engine.program.nodes:
        for name in (*getattr(node, "states", ()), *getattr(node, "parameters", ())):
            assert np.array_equal(engine.get(node.name, name), again.get(node.name, name)), (node.name, name)


MANY_RUNS = """
import resource, sys
import numpy as np
from small_program import learner
from neuromorph.engine.engine import Engine

program = learner()
engine = Engine(program)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def work(times):
    for _ in range(times):
        once = Engine(program)
        once.run(3)
        once.snapshot()
        engine.run(5)

work(200)
before = peak()
work(int(sys.argv[1]))
print(peak() - before)
"""


def grown(runs: int) -> int:
    """KiB that the largest size of a fresh process grows by in so many short runs."""
    tests = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tests)!r}){MANY_RUNS}", str(runs)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_short_runs_leak_no_memory() -> None:
    assert grown(1000) < 1024


@pytest.mark.full
def test_many_short_runs_leak_no_memory() -> None:
    assert grown(10_000) < 1024
