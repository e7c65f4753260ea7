"""Lava models of TiedDense."""

from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neuromorph.processes.tied.process import TiedDense


class TiedModel(PyLoihiProcessModel):
    """What the two models share."""

    s_in: Any
    a_out: Any
    a_buff: Any
    weights: Any
    reader: Any

    def run_spk(self) -> None:
        self.a_out.send(self.a_buff)
        self.a_buff = self.weights.T.dot(self.s_in.recv()).astype(self.a_buff.dtype)

    def post_guard(self) -> bool:
        return True

    def run_post_mgmt(self) -> None:
        self.weights = self.reader.read()


@implements(proc=TiedDense, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyTiedDenseModelFloat(TiedModel):
    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    a_buff: npt.NDArray[Any] = LavaPyType(np.ndarray, float)
    weights: npt.NDArray[Any] = LavaPyType(np.ndarray, float)
    reader: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, float)


@implements(proc=TiedDense, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyTiedDenseModelFixed(TiedModel):
    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    a_buff: npt.NDArray[Any] = LavaPyType(np.ndarray, np.int32)
    weights: npt.NDArray[Any] = LavaPyType(np.ndarray, np.int32, precision=9)
    reader: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
