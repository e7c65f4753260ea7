"""Lava's channels over a queue in memory: the same ports, types, copies and capacity."""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.compiler.channels.pypychannel import CspRecvPort, CspSendPort
from lava.magma.core.model.py.ports import PyVarPort
from lava.utils.sparse import find
from scipy.sparse import csr_matrix

from neuromorph.processes.lowering.graph import Index
from neuromorph.processes.stepping.scheduler import Scheduler

Array = npt.NDArray[Any]
CAPACITY = 64  # of a channel, as Lava's compiler sets it: one more message and the sender waits


class Channel:
    """Carries messages of one shape; whatever is sent is cast to `dtype`, as in Lava's shared memory."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, scheduler: Scheduler, route: str) -> None:
        self.shape, self.dtype, self.scheduler, self.route = shape, dtype, scheduler, route
        self.messages: deque[Array] = deque()

    def put(self, data: Any) -> None:
        if data.shape != self.shape:
            raise AssertionError(f"{data.shape=} self._shape={self.shape} Mismatch")  # the words of Lava
        if isinstance(data, csr_matrix):
            data = find(data, explicit_zeros=True)[2]
        message = np.empty(self.shape, self.dtype)
        message[:] = data[:]
        if len(self.messages) >= CAPACITY:
            self.scheduler.wait(lambda: len(self.messages) < CAPACITY, lambda: f"{self.route}: full, nobody receives")
        self.messages.append(message)

    def get(self) -> Array:
        if not self.messages:
            self.scheduler.wait(lambda: bool(self.messages), lambda: f"{self.route}: empty, nobody sends")
        return self.messages.popleft()


class _Port:
    """What Lava's port classes keep about themselves; neither shared memory nor threads."""

    def __init__(self, name: str, channel: Channel) -> None:
        self._name, self._shape, self._dtype, self._size = name, channel.shape, channel.dtype, CAPACITY
        self._channel = channel

    @property
    def route(self) -> str:
        return self._channel.route

    def start(self) -> None:
        pass

    def join(self) -> None:
        pass


class SendPort(_Port, CspSendPort):
    def send(self, data: Any) -> None:
        self._channel.put(data)

    def probe(self) -> bool:
        return len(self._channel.messages) < CAPACITY


class RecvPort(_Port, CspRecvPort):
    """The end of an Edge: messages arrive in the target's `shape` in the order of `index`, zero for -1."""

    def __init__(self, name: str, channel: Channel, shape: tuple[int, ...], index: Index | None = None) -> None:
        super().__init__(name, channel)
        self._target_shape, self._index = shape, index
        if index is not None:
            self._arrives = np.flatnonzero(index >= 0)

    def recv(self) -> Array:
        return self._routed(self._channel.get())

    def peek(self) -> Array:
        message = self._channel.get()
        self._channel.messages.appendleft(message)
        return self._routed(message.copy())

    def probe(self) -> bool:
        return bool(self._channel.messages)

    def _routed(self, message: Array) -> Array:
        received = message
        if self._index is not None:
            received = np.zeros(self._index.size, message.dtype)
            received[self._arrives] = message.ravel()[self._index[self._arrives]]
        return received.reshape(self._target_shape)


class AnswerPort(RecvPort):
    """Where a RefPort receives the value it asked for: the Var's process answers as soon as it is `idle`."""

    def __init__(self, name: str, channel: Channel, var_port: PyVarPort, idle: Callable[[], bool]) -> None:
        super().__init__(name, channel, channel.shape)
        self._var_port, self._idle = var_port, idle

    def recv(self) -> Array:
        channel = self._channel
        if not channel.messages:
            channel.scheduler.wait(self._idle, lambda: f"{channel.route}: its process answers between phases only")
            serve(self._var_port)
        return super().recv()


def serve(var_port: PyVarPort) -> None:
    """Carries out what has been asked of the Var, in the order it was asked."""
    _, requests = var_port.csp_ports
    while requests.probe():
        var_port.service()
