"""Models that draw global random numbers have what they have in Lava's workers, and leave those of the program as they are."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import Dense
from lava.proc.lif.process import LIF

from neuromorph.processes.equivalence.runtime import lava_run
from neuromorph.processes.simulating.simulate import simulate

pytestmark = pytest.mark.filterwarnings("ignore::neuromorph.processes.simulating.simulation.SteppedWarning")


class Drawing(AbstractProcess):
    """Sums what it draws: when it is built, before it receives and after it has sent."""

    def __init__(self) -> None:
        super().__init__()
        self.a_in, self.s_out = InPort(shape=(2,)), OutPort(shape=(2,))
        self.drawn = Var(shape=(2,), init=0)


@implements(proc=Drawing, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class DrawingModel(PyLoihiProcessModel):
    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    drawn: np.ndarray[Any, Any] = LavaPyType(np.ndarray, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.first = np.random.randint(1000)

    def run_spk(self) -> None:
        self.drawn += self.first + np.random.randint(0, 1000, 2)
        self.drawn += self.a_in.recv()
        self.drawn += int(100 * np.random.normal())
        self.s_out.send(self.drawn)


def graph() -> list[Drawing]:
    """Two, the first made of which waits for the second within a step; between them run native neurons."""
    last, first = Drawing(), Drawing()
    dense, lif = Dense(weights=2 * np.eye(2)), LIF(shape=(2,), vth=40, du=4095, dv=4095)
    first.s_out.connect(dense.s_in)
    dense.a_out.connect(lif.a_in)
    lif.s_out.connect(last.a_in)
    return [last, first]


def seeded() -> None:
    np.random.seed(5)
    random.seed(6)
    np.random.normal()  # another one lies ready


def drawn(processes: list[Drawing]) -> list[list[float]]:
    return [process.drawn.get().tolist() for process in processes]


def test_each_model_draws_as_in_lava_s_runtime_and_the_program_s_own_stay() -> None:
    seeded()
    ours = graph()
    simulate(ours[0], 2)
    after = np.random.normal(), np.random.rand(), random.random()
    simulate(ours[0], 0)
    simulate(ours[0], 3)
    extra = LIF(shape=(2,))
    ours[0].s_out.connect(extra.a_in)
    simulate(ours[0], 1)
    seeded()
    whole = graph()
    simulate(whole[0], 6)
    assert drawn(ours) == drawn(whole)
    assert after == (np.random.normal(), np.random.rand(), random.random())
    seeded()
    theirs = graph()
    assert drawn(whole) == lava_run(theirs[0], 6, time_limit=40, after=lambda: drawn(theirs))
