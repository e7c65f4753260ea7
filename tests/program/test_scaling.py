"""What is found by name is found in one step: a Program ten times as large takes about ten times as long."""

import gc
import time
from collections.abc import Callable

import numpy as np
import pytest

from neuromorph.deploy.check.rules import complaints
from neuromorph.deploy.freeze import freeze, pause
from neuromorph.engine.engine import Engine
from neuromorph.engine.layout import Layout
from neuromorph.laws.lif import LIF
from neuromorph.program import Link, Population, Program, Synapse

VALUES = ({v.name: np.array([v.default]) for v in LIF.parameters}, {v.name: np.array([v.default]) for v in LIF.states})


def chain(nodes: int) -> Program:
    """Half populations, half synapses, one behind the other in a ring, all of the populations into the first one as well."""
    half = nodes // 2
    cells = [Population(f"p{k}", LIF, 1, *VALUES) for k in range(half)]
    synapses = [Synapse(f"s{k}", (1, 1), np.array([[2]])) for k in range(half)]
    links = [Link((f"p{k}", "s_out"), (f"s{k}", "s_in")) for k in range(half)]
    links += [Link((f"s{k}", "a_out"), (f"p{(k + 1) % half}", "a_in")) for k in range(half)]
    links += [Link((f"s{k}", "a_out"), ("p0", "a_in")) for k in range(half - 1)]
    return Program((*cells, *synapses), tuple(links))


def seconds(work: Callable[[], object]) -> float:
    """The shortest of three times, in seconds of this process, without the collector of garbage."""
    taken = []
    for _ in range(3):
        gc.collect()
        gc.disable()
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
        gc.enable()
    return min(taken)


def set_all(program: Program) -> None:
    engine = Engine(program)
    for synapse in program.synapses:
        engine.set(synapse.name, "weights", np.array([[4]]))


@pytest.fixture(scope="module")
def programs() -> tuple[Program, Program]:
    Engine(chain(2))  # compiles what there is to compile
    return chain(2_000), chain(20_000)


SLOWLY = [pytest.param(work, 25, marks=pytest.mark.full) for work in (set_all, complaints, freeze, pause)]


@pytest.mark.parametrize(("work", "most"), [(Layout, 12), *SLOWLY])
def test_ten_times_the_nodes_take_about_ten_times_as_long(
    work: Callable[[Program], object], most: int, programs: tuple[Program, Program]
) -> None:
    """What looked through all nodes for each would take a hundred times as long."""
    small, large = programs
    assert any(
        seconds(lambda: work(large)) < most * seconds(lambda: work(small)) for _ in range(3)
    )  # a busy machine only adds


def test_building_too() -> None:
    assert any(
        seconds(lambda: chain(20_000)) < 12 * seconds(lambda: chain(2_000)) for _ in range(3)
    )  # a busy machine only adds
