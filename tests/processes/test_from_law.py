"""A Process of one's own law: two lines, both of Lava's models, every name and value checked."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava.proc.io.source import RingBuffer as Source

from neuromorph.errors import LavaRunError, LawError, LoweringError, RangeError
from neuromorph.laws import check
from neuromorph.laws.law import Law, Variable
from neuromorph.processes.equivalence.check import check_bits
from neuromorph.processes.from_law import FixedModel, LawProcess, models_of
from neuromorph.processes.rebuilding.rebuild import rebuild
from neuromorph.processes.simulating.simulate import lower, simulate
from neuromorph.processes.stepping.stepper import LavaStepper
from neuromorph.program import Population, Wiring


def make(ops: Any) -> Any:
    select = ops.select

    def step(t, a_in, gate, v, step, gain):  # type: ignore[no-untyped-def]
        v = v + select(gate > 0, gain * a_in, 0) + step
        return v, select(v > 50, 1, 0)

    return ops.function(step)


SUMMING = Law(
    name="summing",
    inputs=(Variable("a_in", -99, 99, "input"), Variable("gate", 0, 1, "opens all", shared=True)),
    outputs=(Variable("s_out", 0, 1, "spike"),),
    states=(Variable("v", -999, 999, "sum"),),
    parameters=(
        Variable("step", -9, 9, "added at every step"),
        Variable("gain", 0, 9, "of the input", default=2, shared=True),
    ),
    make=make,
)


class Summing(LawProcess):
    law = SUMMING


PySummingModelFixed, PySummingModelFloat = models_of(Summing)


class Lawless(LawProcess):
    pass


def summing(**values: Any) -> Summing:
    cells = Summing(shape=(3,), name="cells", **values)
    Source(data=np.arange(12).reshape(3, 4)).s_out.connect(cells.a_in)
    Source(data=np.array([[1, 0, 1, 1]])).s_out.connect(cells.gate)
    return cells


def test_a_process_is_two_lines_and_runs_everywhere() -> None:
    """Also with a parameter called `step`, which is no name of the models'."""
    assert check_bits(summing(step=[1, -1, 3]), 40).equal
    assert check_bits(summing(gain=3), 12, runtime=True, time_limit=120).equal
    cells = summing(v=[0, 1, 2])
    simulate(cells, 4)
    assert cells.v.get().tolist() == [2 * (0 + 2 + 3), 1 + 2 * (4 + 6 + 7), 2 + 2 * (8 + 10 + 11)]


def test_it_lowers_to_its_law() -> None:
    node = lower(summing(step=2))["cells"]
    assert isinstance(node, Population)
    assert node.law is SUMMING
    assert (node.inputs, node.parameters["step"].tolist()) == ({"a_in": 3, "gate": 1}, [2, 2, 2])


def test_the_floating_model_takes_fractions() -> None:
    cells = summing(step=0.5, gain=0.25)
    stepper = LavaStepper(cells, "floating_pt")
    stepper.step(4)
    np.testing.assert_array_equal(stepper.get(cells, "v"), 2 + 0.25 * np.array([0 + 2 + 3, 4 + 6 + 7, 8 + 10 + 11]))
    with pytest.raises(LavaRunError, match=r"step = 0\.5 is not an integer"):
        LavaStepper(cells)


def test_a_misspelt_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(LawError, match=r"process 'c' \(Summing\): law 'summing' has no gian; did you mean gain\?"):
        Summing(shape=(3,), name="c", gian=2)


@pytest.mark.parametrize(
    ("shape", "values"), [((), {}), ((0,), {}), (3, {}), ((3,), {"gain": [1, 2]}), ((3,), {"v": [1, 2]})]
)
def test_shapes_are_checked(shape: Any, values: dict[str, Any]) -> None:
    with pytest.raises(RangeError):
        Summing(shape=shape, **values)


def test_a_process_without_a_law_has_no_models() -> None:
    with pytest.raises(LawError, match="Lawless says no law"):
        models_of(Lawless)


def test_a_model_that_does_something_else_is_not_lowered_as_its_law(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PySummingModelFixed, "run_spk", lambda self: None)
    with pytest.raises(LoweringError, match="PySummingModelFixed has no native form"):
        lower(summing())


def test_a_law_may_not_take_a_name_that_lava_needs() -> None:
    """What Lava's classes and ours hold, as laws/check.py lists it without importing them."""
    own = {v.name for v in SUMMING.arguments + SUMMING.outputs} - {"step"}

    def public(thing: Any) -> set[str]:
        return {name for name in dir(thing) if not name.startswith("_")} - own

    cells = summing()
    running = LavaStepper(cells).models[cells]
    assert public(cells) - {"step"} | {"shape", "log_config"} == check.OF_PROCESSES
    assert public(FixedModel) == check.OF_MODELS
    attributes = {name for name in public(running) if not name.endswith("_port")} - public(FixedModel)
    assert attributes - {"step", "law", "proc_params"} == check.OF_RUNNING_MODELS


def test_a_file_that_is_read_twice_makes_one_law() -> None:
    """As Lava does when it compiles a graph."""
    again = importlib.util.spec_from_file_location("read_again", Path(__file__))
    assert again is not None
    assert again.loader is not None
    module = importlib.util.module_from_spec(again)
    again.loader.exec_module(module)
    assert module.SUMMING is not SUMMING
    assert module.SUMMING.key == SUMMING.key


def test_a_network_of_ones_own_law_is_rebuilt() -> None:
    net = Wiring()
    shown, gate = net.source("shown", np.arange(12).reshape(4, 3)), net.source("gate", [[1], [0], [1], [1]])
    cells = net.population("cells", SUMMING, 3, step=[-1, 0, 2], gain=3, v=[5, -5, 0])
    net.link(shown.s_out, cells.a_in)
    net.link(gate.s_out, cells.gate)
    program = net.program()
    processes = rebuild(program)
    assert isinstance(processes["cells"], Summing)
    assert lower(processes["cells"]) == program
    assert check_bits(processes["cells"], 4).first_difference is None
