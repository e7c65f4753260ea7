"""What joins a graph to the world outside: queues in this process where Lava's runtime lays pipes, and what `feed` gives them."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any, Protocol

import numpy as np
from lava.magma.compiler.channels.pypychannel import CspRecvPort, CspSendPort
from lava.magma.core.process.ports.ports import AbstractPort
from lava.proc.io.utils import ChannelConfig, ReceiveEmpty, ReceiveNotEmpty, SendFull

from neuromorph.errors import RangeError, SimulationError
from neuromorph.processes.lowering.discovery import describe
from neuromorph.program import Array

Ask = Callable[[int, int], Any]
"""(step, count) -> the messages of this step and of up to count - 1 that follow."""
Receive = Callable[[int, Array], Any]
"""(step, messages): what came at this step and at those that followed."""


class _Messages(Protocol):
    """Messages in their order, one a step."""

    @property
    def left(self) -> int | None:
        """For how many steps there are some, None where only time will tell."""

    def offer(self, step: int, most: int) -> Array:
        """Those for `step` and the steps that follow, a row a step: up to `most`; none at the end."""

    def drop(self, count: int) -> None:
        """Steps that have been made."""


class _Sent:
    """Those that were sent and not taken yet."""

    def __init__(self, added_up: bool) -> None:
        self.queue: deque[Array] = deque()
        self._added_up = added_up

    @property
    def left(self) -> int:
        return min(len(self.queue), 1) if self._added_up else len(self.queue)

    def offer(self, step: int, most: int) -> Array:
        if self._added_up and self.queue:
            return np.asarray(np.sum(self.queue, axis=0))[np.newaxis]
        return np.array(list(islice(self.queue, most)))

    def drop(self, count: int) -> None:
        for _ in range(len(self.queue) if self._added_up else count):
            self.queue.popleft()


class _Given:
    """Rows of an array, which is not copied."""

    def __init__(self, rows: Array) -> None:
        self._rows = rows

    @property
    def left(self) -> int:
        return len(self._rows)

    def offer(self, step: int, most: int) -> Array:
        return self._rows[:most]

    def drop(self, count: int) -> None:
        self._rows = self._rows[count:]


class _Asked:
    """What a callable answers; it is asked again when that is used up."""

    def __init__(self, ask: Ask, shape: tuple[int, ...], owner: str) -> None:
        self._ask, self._shape, self._owner = ask, shape, owner
        self._rows: Array = np.zeros((0, *shape))
        self.left = None

    def offer(self, step: int, most: int) -> Array:
        if not len(self._rows):
            rows = np.asarray(self._ask(step, most))
            rows = rows[np.newaxis] if rows.shape == self._shape else rows
            if rows.shape[1:] != self._shape or len(rows) > most:
                raise RangeError(
                    f"{self._owner}: asked for step {step} and up to {most} steps, its data have shape {rows.shape}; give one message of "
                    f"shape {self._shape}, or {_rows_of(self._shape)}"
                )
            self._rows = np.array(rows)
        return self._rows[:most]

    def drop(self, count: int) -> None:
        self._rows = self._rows[count:]


def _rows_of(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['steps', *map(str, shape)])})"


class Inlet(CspSendPort):
    """Where messages come into a graph: what stands for Lava's end of a pipe in the process."""

    def __init__(self, port: AbstractPort) -> None:
        self._owner, self._shape, self._size = describe(port.process), port.shape, port.external_pipe_buffer_size
        config = _config(port)
        self._zeros = config.receive_empty == ReceiveEmpty.NON_BLOCKING_ZEROS
        self._sent = _Sent(config.receive_not_empty == ReceiveNotEmpty.ACCUMULATE)
        self._messages: _Messages = self._sent

    def probe(self) -> bool:
        return bool(len(self._sent.queue) < self._size)

    def send(self, data: Any) -> None:
        """One message. Raises where Lava's would wait for a run, which nobody could begin."""
        if self._messages is not self._sent and self._messages.left != 0:
            raise SimulationError(f"{self._owner} is fed, and sends nothing else meanwhile; feed it all, or send it all")
        if np.shape(data) != self._shape:
            raise RangeError(f"{self._owner}: a message has shape {np.shape(data)}; its port has {self._shape}")
        if not self.probe():
            raise SimulationError(
                f"{self._owner}: its buffer of {self._size} is full, and Lava would wait for ever; simulate before you send more, give "
                "a larger buffer_size, or feed it"
            )
        self._sent.queue.append(np.array(data))

    def feed(self, data: Any) -> None:
        """From the next step on these messages, in place of those that were fed before."""
        if self._sent.queue:
            raise SimulationError(
                f"{self._owner}: {len(self._sent.queue)} messages that were sent to it wait; simulate them before you feed it"
            )
        if callable(data):
            self._messages = _Asked(data, self._shape, self._owner)
            return
        rows = np.asarray(data)
        if rows.shape[1:] != self._shape or not rows.ndim:
            raise RangeError(f"{self._owner}: data have shape {rows.shape}; give {_rows_of(self._shape)}, or a callable")
        self._messages = _Given(rows)

    def check(self, steps: int) -> None:
        """Raises SimulationError where it is known now that messages would be missing."""
        left = self._now().left
        if left is not None and left < steps and not self._zeros:
            raise SimulationError(
                f"{self._owner} is to send at {steps} steps, and has messages for {left}; feed or send it more, run {left} steps, or "
                "choose ReceiveEmpty.NON_BLOCKING_ZEROS"
            )

    def is_empty(self, step: int) -> bool:
        return not len(self._now().offer(step, 1))

    def offer(self, step: int, most: int) -> Array:
        """The messages for `step` and steps after it, at least for one. Raises SimulationError where there are none."""
        rows = self._now().offer(step, most)
        if len(rows):
            return rows
        if self._zeros:
            return np.broadcast_to(np.zeros(1, np.int8), (most, *self._shape))
        raise SimulationError(
            f"{self._owner}: its data end before step {step}; feed more, or ReceiveEmpty.NON_BLOCKING_ZEROS"
        )

    def drop(self, count: int) -> None:
        """Steps that have been made with what was offered; beyond the end zeros were."""
        if self._messages.left != 0:
            self._messages.drop(count)

    def _now(self) -> _Messages:
        if self._messages.left == 0:
            self._messages = self._sent
        return self._messages


class Outlet(CspRecvPort):
    """Where messages leave a graph: what stands for Lava's end of a pipe in the process."""

    def __init__(self, port: AbstractPort) -> None:
        self._owner, self._shape, self._size = describe(port.process), port.shape, port.external_pipe_buffer_size
        self._waits = _config(port).send_full == SendFull.BLOCKING
        self._queue = _Queue()
        self._receive: Receive | None = None

    def probe(self) -> bool:
        return bool(self._queue)

    def recv(self) -> Array:
        if not self._queue:
            raise SimulationError(
                f"{self._owner}: nothing has come that was not received, and Lava would wait for ever; simulate first, or choose "
                "ReceiveEmpty.NON_BLOCKING_ZEROS"
            )
        return self._queue.popleft()

    def peek(self) -> Array:
        return self._queue[0]

    def hand_to(self, receive: Receive) -> None:
        self._receive = receive

    def room(self) -> int | None:
        """For how many messages; None where there is no end to it."""
        return None if self._receive else self._size - len(self._queue)

    def check(self, steps: int) -> None:
        """Raises SimulationError where messages would find no room, and Lava would wait."""
        room = self.room()
        if room is not None and room < steps and self._waits:
            raise SimulationError(
                f"{self._owner}: its buffer of {self._size} has room for {room} messages, and {steps} steps are to be made; receive "
                "what there is, give a larger buffer_size, or feed it a callable that takes them"
            )

    def put(self, step: int, messages: Array) -> None:
        """What came at `step` and the steps that followed."""
        if self._receive is not None:
            self._receive(step, messages.astype(float))
            return
        kept = messages[: self._size - len(self._queue)]
        self._queue.extend(kept.astype(float))
        if len(kept) < len(messages):
            warnings.warn("Send buffer is full. Dropping items ...", stacklevel=2)  # the words of Lava


class _Queue(deque[Array]):
    def qsize(self) -> int:
        """As Lava's extractor asks of a pipe."""
        return len(self)


class InletEnd(CspRecvPort):
    """The other end of an Inlet, in a model of Lava."""

    def __init__(self, port: AbstractPort, dtype: Any, step: Callable[[], int]) -> None:
        self._name, self._dtype, self._inlet, self._step = port.name, dtype, inlet_of(port), step

    @property
    def _queue(self) -> InletEnd:
        return self

    def qsize(self) -> int:
        """As Lava's injector asks of a pipe; messages that are to be added up are one here."""
        return int(self.probe())

    def probe(self) -> bool:
        return not self._inlet.is_empty(self._step())

    def recv(self) -> Array:
        message: Array = self._inlet.offer(self._step(), 1)[0].astype(self._dtype)
        self._inlet.drop(1)
        return message

    def join(self) -> None:
        pass


class OutletEnd(CspSendPort):
    """The other end of an Outlet, in a model of Lava."""

    def __init__(self, port: AbstractPort, dtype: Any, step: Callable[[], int]) -> None:
        self._name, self._dtype, self._outlet, self._step = port.name, dtype, outlet_of(port), step

    def probe(self) -> bool:
        return self._outlet.room() != 0

    def send(self, data: Any) -> None:
        if not self.probe():
            self._outlet.check(1)
        self._outlet.put(self._step(), np.array(data, self._dtype)[np.newaxis])

    def join(self) -> None:
        pass


def inlet_of(port: AbstractPort) -> Inlet:
    """The one of an InPort that is marked as the end of a pipe."""
    if not isinstance(getattr(port, "external_pipe_csp_send_port", None), Inlet):
        port.external_pipe_csp_send_port = Inlet(port)
    return port.external_pipe_csp_send_port  # type: ignore[no-any-return]


def outlet_of(port: AbstractPort) -> Outlet:
    """The one of an OutPort that is marked as the end of a pipe."""
    if not isinstance(getattr(port, "external_pipe_csp_recv_port", None), Outlet):
        port.external_pipe_csp_recv_port = Outlet(port)
    return port.external_pipe_csp_recv_port  # type: ignore[no-any-return]


def _config(port: AbstractPort) -> ChannelConfig:
    given = port.process.proc_params.get("channel_config")
    return given if isinstance(given, ChannelConfig) else ChannelConfig()
