"""Lava models of Presenter."""

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neuromorph.errors import RangeError
from neuromorph.laws.law import Variable
from neuromorph.processes.from_law import Array, check_fixed
from neuromorph.processes.presenter.process import Presenter

INT32 = (-(2**31), 2**31 - 1)
TABLES = (Variable("samples", *INT32, "payloads"), Variable("targets", *INT32, "targets"))


class PresenterModel(PyLoihiProcessModel):
    s_phase: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=2)
    order: Array = LavaPyType(np.ndarray, np.int32)
    steps: Array = LavaPyType(np.ndarray, np.int32)
    opening: Array = LavaPyType(np.ndarray, np.int32, precision=2)

    def run_spk(self) -> None:
        turn, age = divmod(self.time_step - 1, self.steps.item())
        k = self.order[turn % self.order.size]
        if not 0 <= k < len(self.samples):  # the Var may have been set
            raise RangeError(f"{self.proc_params['owner']}: order holds {k}, outside 0..{len(self.samples) - 1}")
        self.s_out.send(self.samples[k])
        self.s_target.send(self.targets[k])
        self.s_phase.send(self.opening * (age == 0))


@implements(proc=Presenter, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyPresenterModelFloat(PresenterModel):
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    s_target: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    samples: Array = LavaPyType(np.ndarray, float)
    targets: Array = LavaPyType(np.ndarray, float)


@implements(proc=Presenter, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyPresenterModelFixed(PresenterModel):
    """Raises RangeError when it is built with a sample or target that is no integer of 32 bits."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=32)
    s_target: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=32)
    samples: Array = LavaPyType(np.ndarray, np.int32, precision=32)
    targets: Array = LavaPyType(np.ndarray, np.int32, precision=32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        check_fixed(TABLES, proc_params["values"], proc_params["owner"])
