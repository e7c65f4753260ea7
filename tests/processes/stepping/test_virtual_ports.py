"""What lies between a RefPort and a Var, or between two ports, is passed through as in Lava."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import AbstractVirtualPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF

from neuromorph.errors import LoweringError
from neuromorph.processes.simulating.simulate import simulate

pytestmark = pytest.mark.filterwarnings("ignore::neuromorph.processes.simulating.simulation.SteppedWarning")


class Changer(AbstractProcess):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.ref, self.seen = RefPort(shape), Var(shape, init=0)


@implements(proc=Changer, protocol=LoihiProtocol)
@requires(CPU)
class ChangerModel(PyLoihiProcessModel):
    """Reads the Var, and writes it back with every element changed by its place."""

    ref: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    seen: np.ndarray = LavaPyType(np.ndarray, np.int32)

    def post_guard(self) -> bool:
        return True

    def run_post_mgmt(self) -> None:
        self.seen = self.ref.read()
        self.ref.write(self.seen + np.arange(self.seen.size).reshape(self.seen.shape))


class Turned(AbstractVirtualPort):
    """A port between two others, with a function of one's own."""

    def __init__(self, source: Any, function: Any, target: Any) -> None:
        super().__init__(source.shape)
        self.function = function
        source._connect_forward([self], AbstractVirtualPort, [None])
        self._connect_forward([target], type(target), [None])

    def get_transform_func_fwd(self) -> Any:
        return self.function

    get_transform_func_bwd = get_transform_func_fwd


def test_a_ref_port_reads_and_writes_through_reshape_and_transpose() -> None:
    lif, changer = LIF(shape=(6,), du=0, dv=0, vth=1000, v=np.arange(6)), Changer((2, 3))
    changer.ref.transpose((1, 0)).flatten().connect(RefPort.create_implicit_var_port(lif.v))
    simulate(lif, 1)
    seen = np.arange(6).reshape(3, 2).T
    np.testing.assert_array_equal(changer.seen.get(), seen)
    np.testing.assert_array_equal(lif.v.get(), (seen + np.arange(6).reshape(2, 3)).T.ravel())
    simulate(lif, 1)
    np.testing.assert_array_equal(changer.seen.get(), seen + np.arange(6).reshape(2, 3))


def test_a_virtual_port_of_ones_own_may_put_elements_elsewhere() -> None:
    frames = np.arange(12).reshape(3, 4)
    for function in (functools.partial(np.flip, axis=0), lambda sent: np.roll(sent, 1)):
        source, sink = Source(data=frames), Sink(shape=(3,), buffer=4)
        Turned(source.s_out, function, sink.a_in)
        simulate(source, 4)
        np.testing.assert_array_equal(sink.data.get().T, [function(frame) for frame in frames.T])


@pytest.mark.parametrize("function", [lambda sent: 2 * sent, lambda sent: sent + 1, lambda sent: sent**2])
def test_a_virtual_port_that_computes_is_refused(function: Any) -> None:
    source, sink = Source(data=np.arange(12).reshape(3, 4)), Sink(shape=(3,), buffer=4)
    Turned(source.s_out, function, sink.a_in)
    with pytest.raises(
        LoweringError, match="a connection goes through a Turned, which does not only put elements elsewhere"
    ):
        simulate(source, 1)
