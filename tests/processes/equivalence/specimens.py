"""Processes that misbehave, and a hierarchical one, each beside its model, where Lava finds it."""

import os
from typing import ClassVar

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import Dense
from lava.proc.lif.process import LIF


class Odd(AbstractProcess):
    """Passes on what it receives, three elements, until step 3; then does what `how` says."""

    def __init__(self, how: str = "fine") -> None:
        super().__init__(how=how, steps=[])
        self.s_in = InPort(shape=(3,))
        self.s_out = OutPort(shape=(3,))
        self.seen = Var(shape=(3,), init=0)
        self.sent = Var(shape=(3,), init=0)
        self.nothing = Var(shape=(1,), init=None)


class Unpicklable(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


@implements(proc=Odd, protocol=LoihiProtocol)
@requires(CPU)
class PyOddModel(PyLoihiProcessModel):
    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int8)
    seen: np.ndarray = LavaPyType(np.ndarray, np.int32)
    sent: np.ndarray = LavaPyType(np.ndarray, np.int32)
    nothing: str = LavaPyType(str, str)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        if proc_params["how"] == "cannot be built":
            raise ValueError("no such model")

    def run_spk(self) -> None:
        self.seen[:] += self.s_in.recv()
        if self.time_step == 3:
            getattr(self, self.proc_params["how"].replace(" ", "_"))()
        self.sent[:] = 300 + self.seen  # more than the port's type holds
        self.s_out.send(self.sent)
        self.sent[:] = 0
        self.proc_params["steps"].append(self.time_step)

    def post_guard(self) -> bool:
        return self.proc_params["how"] == "raise late"

    def run_post_mgmt(self) -> None:
        if self.time_step == 3:
            raise ValueError("as ordered")

    def fine(self) -> None:
        pass

    raise_late = fine

    def raise_an_error(self) -> None:
        raise ValueError("as ordered")

    def raise_unpicklable(self) -> None:
        raise Unpicklable(1, 2)

    def receive_twice(self) -> None:
        self.s_in.recv()

    def die(self) -> None:
        os._exit(7)

    def compute_for_ever(self) -> None:
        while True:
            pass


def loop(how: str) -> Odd:
    """An Odd in a loop with Dense and LIF."""
    odd, dense, lif = Odd(how), Dense(weights=8 * np.eye(3)), LIF(shape=(3,), vth=1, du=4095, dv=4095)
    odd.s_out.connect(dense.s_in)
    dense.a_out.connect(lif.a_in)
    lif.s_out.connect(odd.s_in)
    return odd


class Deaf(AbstractProcess):
    """Has an InPort and never looks."""

    def __init__(self) -> None:
        super().__init__()
        self.a_in = InPort(shape=(3,))


@implements(proc=Deaf, protocol=LoihiProtocol)
@requires(CPU)
class PyDeafModel(PyLoihiProcessModel):
    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)


class Layer(AbstractProcess):
    """Dense and LIF in one; `u` stands for the LIF's."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__(weights=weights)
        self.s_in = InPort(shape=(weights.shape[1],))
        self.s_out = OutPort(shape=(weights.shape[0],))
        self.u = Var(shape=(weights.shape[0],), init=0)


@implements(proc=Layer, protocol=LoihiProtocol)
@tag("fixed_pt")
class LayerModel(AbstractSubProcessModel):
    built: ClassVar[int] = 0

    def __init__(self, proc: Layer) -> None:
        weights = proc.proc_params["weights"]
        self.dense = Dense(weights=weights)
        self.lif = LIF(shape=(weights.shape[0],), vth=2, du=1000, dv=500)
        proc.s_in.connect(self.dense.s_in)
        self.dense.a_out.connect(self.lif.a_in)
        self.lif.s_out.connect(proc.s_out)
        proc.u.alias(self.lif.u)
        LayerModel.built += 1
