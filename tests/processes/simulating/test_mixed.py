"""Graphs of which some processes run natively and others are stepped by Lava's models have the bits of Lava's models alone."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import Dense
from lava.proc.io.sink import Read
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIF
from random_graphs import AS_IN_LAVA, Graph, generated, graphs

from neuromorph.errors import LavaRunError, LoweringError
from neuromorph.processes.lowering import dividing
from neuromorph.processes.simulating.simulate import lower, restart, simulate
from neuromorph.processes.simulating.simulation import SteppedWarning
from neuromorph.processes.stepping.stepper import LavaStepper

pytestmark = AS_IN_LAVA


@generated(40)
@given(graphs(), st.integers(0, 2**32 - 1), st.integers(0, 30))
def test_whatever_part_is_stepped_all_bits_are_lavas(
    monkeypatch: pytest.MonkeyPatch, graph: Graph, seed: int, first: int
) -> None:
    """In two calls, so that what runs is kept between them."""
    rng, native = np.random.default_rng(seed), dividing.support_of
    chosen = {model for model in dividing.SUPPORTED if rng.random() < 0.4}
    monkeypatch.setattr(dividing, "support_of", lambda model: None if model in chosen else native(model))
    stepper = LavaStepper(graph.process)
    stepper.step(graph.steps)
    first = min(first, graph.steps)
    simulate(graph.process, first)
    simulate(graph.process, graph.steps - first)
    for process in set(graph.processes) & stepper.models.keys():
        for var in process.vars.members:
            held = var.get()
            if held is None or isinstance(held, str) or var.name.endswith(("_tau", "_impulse")):
                continue  # Lava's model shows taus and impulses without their fractions, and computes with them
            held = held.toarray() if hasattr(held, "toarray") else held
            there = np.broadcast_to(stepper.get(process, var.name), var.shape)
            assert np.array_equal(held, there), (process.name, type(process).__name__, var.name, chosen)


class Doubler(AbstractProcess):
    """A user's process: hands on twice what it takes, counts its steps, and can fail."""

    def __init__(self, shape: tuple[int, ...], fails_at: int = -1, ends_at: int = -1) -> None:
        super().__init__(shape=shape, fails_at=fails_at, ends_at=ends_at)
        self.a_in, self.s_out, self.made = InPort(shape=shape), OutPort(shape=shape), Var(shape=(1,), init=0)


@implements(proc=Doubler, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class DoublerModel(PyLoihiProcessModel):
    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    made: np.ndarray = LavaPyType(np.ndarray, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.hidden = 0

    def run_spk(self) -> None:
        self.hidden += 1
        self.made = np.array([self.hidden])
        if self.hidden == self.proc_params["fails_at"]:
            raise KeyError("nothing there")
        if self.hidden == self.proc_params["ends_at"]:
            self._req_pause = True
        self.s_out.send(2 * self.a_in.recv())


def between(**options: int) -> tuple[RingBuffer, LIF, Doubler, LIF]:
    """A neuron, a user's process and a neuron, one behind the other within a step."""
    source = RingBuffer(data=np.arange(12).reshape(2, 6))
    first, last = LIF(shape=(2,), vth=0, du=4095, dv=4095), LIF(shape=(2,), vth=9999, dv=0, du=4095)
    made = Doubler((2,), **options)
    source.s_out.connect(first.a_in)
    first.s_out.connect(made.a_in)
    made.s_out.connect(last.a_in)
    return source, first, made, last


def test_a_user_s_process_runs_between_native_neurons_and_a_warning_names_it() -> None:
    *_, made, last = between()
    with pytest.warns(SteppedWarning, match=r"(?s)1 of 4 processes.*a step takes \d+ us.*Doubler.*no native form") as told:
        simulate(last, 6)
    assert "use one of" not in str(told[0].message)  # that is for what is refused
    assert made.made.get() == [6]
    assert np.array_equal(
        last.v.get(), [64 * 10, 64 * 12]
    )  # all spikes but that for the first payload, 0, of the first neuron
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulate(last, 1)  # it is said once, and what it keeps beside its Vars goes on
    assert made.made.get() == [7]


def test_what_is_not_native_is_refused_where_it_has_to_be() -> None:
    *_, made, last = between()
    other = Doubler((2,))
    last.s_out.connect(other.a_in)
    for refuse in (lambda: lower(last), lambda: simulate(last, 3, strict=True)):
        with pytest.raises(LoweringError) as found:
            refuse()
        for process in (made, other):
            assert f"'{process.name}' (Doubler): its model DoublerModel has no native form" in str(found.value)
    assert made.runtime is None


def test_an_error_of_a_model_is_told_with_its_step() -> None:
    *_, last = between(fails_at=4)
    with pytest.raises(LavaRunError, match=r"\(Doubler\) raised KeyError in step 4, spiking phase: 'nothing there'"):
        simulate(last, 6)
    restart(last)
    simulate(last, 3)


def test_a_model_may_end_a_run() -> None:
    *_, made, last = between(ends_at=3)
    simulate(last, 6)
    assert made.made.get() == [3]
    assert last.runtime.step == 3
    simulate(last, 2)
    assert made.made.get() == [5]


def test_vars_of_stepped_processes_are_set_as_those_of_native_ones() -> None:
    neurons = LIF(shape=(2,), bias_mant=10, dv=0, vth=2**17)  # which no chip holds
    reader = Read(buffer=6)
    reader.connect_var(neurons.v)
    simulate(neurons, 2)
    neurons.v.set(np.array([100, 0]))
    neurons.bias_mant.init = np.array([1, 2])
    simulate(neurons, 1)
    assert np.array_equal(neurons.v.get(), [101, 2])
    assert np.array_equal(reader.data.get()[:, :3], [[10, 20, 101], [10, 20, 2]])


def test_a_value_that_no_chip_takes_is_computed_as_lava_does() -> None:
    """Thresholds, decays and biases past their bits, one per neuron, odd and fractional static weights."""
    for values in (
        {"dv": 4096},
        {"vth": 2**17},
        {"vth": np.array([1, 5])},
        {"bias_mant": 2**13},
        {"du": np.array([0, 4095])},
    ):
        ours, theirs = (LIF(shape=(2,), **{"bias_mant": 100, "vth": 300, **values}) for _ in range(2))
        stepper = LavaStepper(theirs)
        stepper.step(5)
        with pytest.warns(SteppedWarning):
            simulate(ours, 5)
        for name in ("u", "v"):
            assert np.array_equal(getattr(ours, name).get(), stepper.get(theirs, name))
    dense = Dense(weights=np.array([[2.5, 300]]))
    stepper = LavaStepper(Dense(weights=np.array([[2.5, 300]])))
    stepper.step(2)
    with pytest.warns(SteppedWarning):
        simulate(dense, 2)
    (there,) = stepper.models.values()
    assert np.array_equal(dense.weights.get(), there.weights)


def test_a_run_configuration_is_kept_and_another_one_refused() -> None:
    lif = LIF(shape=(1,), bias_mant=0.25, vth=10, dv=0, du=0)
    simulate(lif, RunSteps(3), Loihi2SimCfg(select_tag="floating_pt"))
    assert lif.v.get() == [0.75]
    simulate(lif, np.int64(1), Loihi2SimCfg(select_tag="floating_pt"))
    simulate(lif, 2.0)
    assert lif.v.get() == [1.5]
    with pytest.raises(LoweringError, match="begun with another run configuration"):
        simulate(lif, 1, Loihi2SimCfg(select_tag="fixed_pt"))


@pytest.mark.parametrize("mode", [1, np.int64(2), 3])
def test_a_sign_mode_that_is_a_number_is_stepped_as_lava_reads_it(mode: Any) -> None:
    found = []
    for native in (True, False):
        source, dense = RingBuffer(data=np.ones((2, 3), int)), Dense(weights=np.array([[10, -21], [7, 300]]), sign_mode=mode)
        source.s_out.connect(dense.s_in)
        lif = LIF(shape=(2,), vth=1000, du=0, dv=0)
        dense.a_out.connect(lif.a_in)
        if native:
            simulate(lif, 3)
            found.append(lif.v.get())
        else:
            stepper = LavaStepper(lif)
            stepper.step(3)
            found.append(stepper.get(lif, "v"))
    np.testing.assert_array_equal(*found)
