"""TiedDense: a connection that carries another one's weights backwards. Simulation only: no chip transports weights."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import InPort, OutPort, RefPort
from lava.magma.core.process.process import AbstractProcess, LogConfig
from lava.magma.core.process.variable import Var
from lava.proc.dense.process import Dense


class TiedDense(AbstractProcess):
    """a_out(t + 1) = W^T . s_in(t), where W is what `forward` (a Dense or LearningDense) holds before it learns in step t.

    Payloads are graded. Ports: s_in (post neurons of `forward`), a_out (its pre neurons). W is read through a RefPort at
    the end of every step, so a learning `forward` is followed at once. `forward` must come without a weight exponent.
    """

    def __init__(self, *, forward: Dense, name: str | None = None, log_config: LogConfig | None = None) -> None:
        super().__init__(name=name, log_config=log_config)
        post, pre = forward.weights.shape
        self.s_in = InPort(shape=(post,))
        self.a_out = OutPort(shape=(pre,))
        self.a_buff = Var(shape=(pre,), init=0)
        self.weights = Var(shape=(post, pre), init=forward.weights.init)
        self.reader = RefPort(shape=(post, pre))
        self.reader.connect_var(forward.weights)
