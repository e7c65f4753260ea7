"""io.sink.Read and io.Reset run natively with the bits of Lava's models, wherever they come in the order of a step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.process import Dense
from lava.proc.io import source
from lava.proc.io.reset import Reset
from lava.proc.io.sink import Read
from lava.proc.lif.process import LIF
from lava.proc.monitor.process import Monitor
from test_convolution import fixed

from neuromorph.deploy.artifact.file import load, save
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.errors import RebuildingError
from neuromorph.processes.rebuilding import rebuild
from neuromorph.processes.simulating.simulate import lower, simulate
from neuromorph.processes.simulating.simulation import SteppedWarning
from neuromorph.processes.stepping.stepper import LavaStepper
from neuromorph.program.fingerprint import fingerprint

seeds = st.integers(0, 2**32 - 1)
LENGTH = 40


def looker(rng: np.random.Generator, neurons: LIF, early: list[AbstractProcess]) -> AbstractProcess:
    """A Read, Reset or Monitor of `neurons`; those in `early` were made before these."""
    made = early.pop() if early and rng.random() < 0.5 else _looking(rng)
    var = neurons.u if rng.random() < 0.3 else neurons.v
    if isinstance(made, Monitor):
        made.probe(var, LENGTH)
    else:
        made.connect_var(var)
    return made


def _looking(rng: np.random.Generator) -> AbstractProcess:
    every, kind = int(rng.integers(1, 6)), rng.integers(0, 3)
    offset = int(rng.integers(0, 8))
    if kind == 0:
        return Read(buffer=int(rng.integers(1, 5)), interval=every, offset=offset)
    if kind == 1:
        return Reset(reset_value=int(rng.integers(-(2**12), 2**12)), interval=every, offset=offset)
    return Monitor()


def graph(seed: int) -> tuple[LIF, list[AbstractProcess]]:
    rng = np.random.default_rng(seed)
    early = [_looking(rng) for _ in range(rng.integers(0, 3))]
    neurons = LIF(
        shape=(2, 2), vth=int(rng.choice([50, 5000])), dv=int(rng.integers(0, 4096)), du=int(rng.integers(0, 4096))
    )
    sent = source.RingBuffer(data=rng.integers(0, 2, (5, 7)))
    dense = Dense(weights=rng.integers(-50, 50, (4, 5)) * 2)
    sent.s_out.connect(dense.s_in)
    dense.a_out.reshape((2, 2)).connect(neurons.a_in)
    return neurons, [neurons, *(looker(rng, neurons, early) for _ in range(rng.integers(1, 6)))]


def held(process: AbstractProcess, read: Any) -> dict[str, np.ndarray]:
    return {v.name: read(v) for v in process.vars.members if not isinstance(v.init, str | None)}


@fixed(40)
@given(seeds)
@pytest.mark.filterwarnings("ignore::neuromorph.processes.simulating.simulation.SteppedWarning")
def test_every_variable_is_lava_s_in_runs_with_vars_set_between(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (_, ours), (_, theirs) = graph(seed), graph(seed)
    stepper = LavaStepper(theirs[0])
    for _ in range(4):
        steps = int(rng.integers(1, 6))
        simulate(ours[0], steps)
        stepper.step(steps)
        for mine, other in zip(ours, theirs, strict=True):
            ons = held(mine, lambda var: var.get())
            off = held(other, lambda var, other=other: stepper.get(other, var.name))
            for name in ons:
                assert np.array_equal(ons[name], off[name]), (type(mine).__name__, name)
        mine, other = next(
            iter((m, o) for m, o in zip(ours, theirs, strict=True) if not isinstance(m, LIF | Monitor)), (None, None)
        )
        if mine is not None and rng.random() < 0.5:
            name, value = rng.choice(["interval", "offset"]), int(rng.integers(1, 4))
            getattr(mine, name).set(np.array([value]))
            stepper.set_var(getattr(other, name), np.array([value]))


def looked_at(**options: Any) -> tuple[LIF, Read, Reset]:
    neurons = LIF(shape=(3,), bias_mant=5, dv=0, vth=10**4)
    reading, setting = Read(buffer=4, interval=2, offset=1), Reset(interval=5, offset=4, **options)
    reading.connect_var(neurons.v)
    setting.connect_var(neurons.v)
    return neurons, reading, setting


def test_they_are_nodes_of_a_program() -> None:
    neurons, reading, _ = looked_at()
    simulate(neurons, 7, strict=True)
    assert np.array_equal(reading.data.get(), [[10, 20, 5, 0]] * 3)
    program = lower(neurons)
    assert [type(looker).__name__ for looker in program.lookers] == ["Read", "Reset"]
    with pytest.raises(RebuildingError, match=r"looks at .*\.v through a RefPort"):
        rebuild(program)


def test_they_come_back_from_an_artifact(tmp_path: Any) -> None:
    neurons, _, _ = looked_at(reset_value=-7)
    simulate(neurons, 3)
    program = lower(neurons)
    save(program, tmp_path / "a", Provenance())
    again = load(tmp_path / "a").program
    assert again == program
    assert fingerprint(again) == fingerprint(program)
    assert fingerprint(again) != fingerprint(lower(looked_at()[0]))


@pytest.mark.parametrize("value", [2**30, 0.5])
def test_a_value_that_no_state_takes_is_stepped(value: float) -> None:
    neurons, reading, _ = looked_at(reset_value=value)
    with pytest.warns(SteppedWarning, match="Reset"):
        simulate(neurons, 4)
    assert np.array_equal(reading.data.get()[0], [10, 20, 0, 0])


def test_a_read_that_joins_later_begins_to_count_there() -> None:
    neurons, _, _ = looked_at()
    simulate(neurons, 3)
    late = Read(buffer=3)
    late.connect_var(neurons.v)
    simulate(neurons, 2, strict=True)
    assert np.array_equal(late.data.get()[0], [20, 0, 0])
