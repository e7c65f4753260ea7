"""What is no process, no configuration and no number of steps is refused in one line that says what to give instead."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.lif.process import LIF

from neuromorph.errors import LoweringError, NeuromorphError, RangeError
from neuromorph.processes.equivalence.check import check_bits
from neuromorph.processes.equivalence.runtime import lava_run
from neuromorph.processes.simulating.simulate import lower, restart, simulate
from neuromorph.processes.simulating.simulation import SteppedWarning
from neuromorph.processes.stepping.stepper import LavaStepper

LIFS = LIF(shape=(2,))
NO_PROCESSES = [None, "x", 3, [LIFS], LIF, LIFS.s_out, LIFS.v, np.zeros(2)]
TAKERS: dict[str, Callable[[Any], Any]] = {
    "simulate": lambda process: simulate(process, 1),
    "lower": lower,
    "restart": restart,
    "LavaStepper": LavaStepper,
    "check_bits": lambda process: check_bits(process, 1),
    "lava_run": lambda process: lava_run(process, 1, time_limit=5, after=lambda: None),
}
COUNTERS: dict[str, Callable[[Any], Any]] = {
    "simulate": lambda steps: simulate(LIFS, steps),
    "LavaStepper": lambda steps: LavaStepper(LIFS).step(steps),
    "check_bits": lambda steps: check_bits(LIFS, steps),
    "lava_run": lambda steps: lava_run(LIF(shape=(2,)), steps, time_limit=5, after=lambda: None),
}


def refused(kind: type[NeuromorphError], call: Callable[[], Any], *words: str) -> None:
    with pytest.raises(kind) as raised:
        call()
    text = str(raised.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("given", NO_PROCESSES, ids=lambda given: type(given).__name__)
def test_what_is_no_process(taker: str, given: Any) -> None:
    name = given.__name__ if isinstance(given, type) else type(given).__name__
    refused(LoweringError, lambda: TAKERS[taker](given), name, "no process of Lava; give one process of the graph")


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize("steps", [None, "3", -1, 2.5, float("nan"), True, [1], np.ones((9, 9))], ids=str)
def test_what_is_no_number_of_steps(counter: str, steps: Any) -> None:
    refused(RangeError, lambda: COUNTERS[counter](steps), " = ")


@pytest.mark.parametrize("config", [5, Loihi2SimCfg, object()], ids=lambda given: type(given).__name__)
def test_what_is_no_run_configuration(config: Any) -> None:
    for call in (lambda: simulate(LIF(shape=(2,)), 1, config), lambda: LavaStepper(LIFS, config)):
        refused(LoweringError, call, "no run configuration; give one, such as Loihi2SimCfg")


def test_a_tag_stands_for_its_configuration() -> None:
    lif = LIF(shape=(2,))
    for config in ("fixed_pt", Loihi2SimCfg(select_tag="fixed_pt")):
        simulate(lif, 1, config)


@pytest.mark.parametrize("name", ["v", "bias_mant"])
@pytest.mark.parametrize("stepped", [False, True])
def test_values_that_do_not_have_the_shape_of_their_var(name: str, stepped: bool) -> None:
    lif = LIF(shape=(2,), vth=2**17 if stepped else 1)  # more than the chip holds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SteppedWarning)
        simulate(lif, 1)
    var, before = getattr(lif, name), getattr(lif, name).get()
    for given in (np.ones(5), np.ones((2, 2)), np.ones((1, 2))):
        var.init = given
        for _ in range(2):
            refused(RangeError, lambda: simulate(lif, 1), f"(LIF): {name} has the shape (2,)", f"{given.shape} were given")
        assert np.array_equal(var.get(), before)
    var.init = np.array([3, 4])
    simulate(lif, 0)
    assert np.array_equal(var.get(), [3, 4])
