"""Nodes that send and receive: populations of neurons, sources, sinks, and what sends from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from neuromorph.errors import ProgramError, check_count, did_you_mean
from neuromorph.laws.law import Law
from neuromorph.laws.synapse import PAYLOAD_RANGE
from neuromorph.program.equality import ByValue
from neuromorph.program.values import INT32, Array, array_of, whole


def check_law(law: object, owner: str) -> None:
    """Raise ProgramError for anything but a Law."""
    if not isinstance(law, Law):
        raise ProgramError(f"{owner}: law = {law!r} is no Law; give the Law itself, such as neuromorph.laws.LIF")


@dataclass(frozen=True, eq=False)
class Population(ByValue):
    """Neurons that obey one law. Parameters hold one value (shared) or one per neuron; states one per neuron, flat.

    An input port has one element per neuron, or one that all of them receive (shared).
    """

    name: str
    law: Law
    size: int
    parameters: Mapping[str, Array]
    states: Mapping[str, Array]

    def __post_init__(self) -> None:
        law, owner = self.law, f"population '{self.name}'"
        check_law(law, owner)
        check_count(f"{owner}: size", self.size, 1)
        for kind, variables, values in (
            ("parameter", law.parameters, self.parameters),
            ("state", law.states, self.states),
        ):
            names = [v.name for v in variables]
            for unknown in set(values) - set(names):
                raise ProgramError(f"{owner}: law '{law.name}' has no {kind} {unknown}; {did_you_mean(unknown, names)}")
            for missing in set(names) - set(values):
                raise ProgramError(f"{owner}: its {kind}s must be {names}; {missing} is missing")
            checked = {}
            for variable in variables:
                array = variable.check(array_of(values[variable.name], owner, variable.name), owner).ravel()
                if array.size not in ((1,) if variable.shared else (1, self.size)):
                    raise ProgramError(f"{owner}: {variable.name} has {array.size} values for {self.size} neurons")
                checked[variable.name] = array if variable.shared else np.broadcast_to(array, self.size).copy()
            object.__setattr__(self, f"{kind}s", checked)
        law.check(self.parameters, owner)

    @property
    def inputs(self) -> dict[str, int]:
        return {v.name: 1 if v.shared else self.size for v in self.law.inputs}

    @property
    def outputs(self) -> dict[str, int]:
        return {v.name: self.size for v in self.law.outputs}


@dataclass(frozen=True, eq=False)
class Source(ByValue):
    """Plays frames: port p sends frames[p][order[((t-1) // hold) mod len(order)]] at step t.

    A port in `pulses` sends at the first step of a frame only, zero after. Lava's source RingBuffer is hold = 1; a
    Presenter holds every sample for its steps and opens it with a pulse. frames[p]: int32 (frames, size of p), 24 bits.
    """

    name: str
    frames: Mapping[str, Array]
    hold: int = 1
    order: Array | None = None
    pulses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        owner = f"source '{self.name}'"
        frames = {p: whole(f, owner, p, PAYLOAD_RANGE).astype(np.int32, copy=False) for p, f in self.frames.items()}
        for port, values in frames.items():
            if values.ndim != 2:
                raise ProgramError(f"{owner}: {port} has shape {values.shape}; give (frames, size), one row a frame")
        lengths = {p: len(f) for p, f in frames.items()}
        if len(set(lengths.values())) != 1 or 0 in lengths.values():
            raise ProgramError(f"{owner}: all ports need the same number of frames, at least 1: {lengths}")
        check_count(f"{owner}: steps of a frame", self.hold, 1)
        count = next(iter(lengths.values()))
        order = whole(np.arange(count) if self.order is None else self.order, owner, "order", (0, count - 1))
        if order.ndim != 1 or not order.size:
            raise ProgramError(f"{owner}: order has shape {order.shape}; give numbers of frames, one after the other")
        object.__setattr__(self, "frames", frames)
        object.__setattr__(self, "order", order)

    @property
    def inputs(self) -> dict[str, int]:
        return {}

    @property
    def outputs(self) -> dict[str, int]:
        return {port: int(np.shape(f)[1]) for port, f in self.frames.items()}


@dataclass(frozen=True, eq=False)
class Sink(ByValue):
    """Keeps the last `length` messages: data[:, (t-1) mod length] = a_in at step t. data: int (size, length)."""

    name: str
    data: Array

    def __post_init__(self) -> None:
        data = whole(self.data, f"sink '{self.name}'", "data", INT32)
        object.__setattr__(self, "data", data.astype(np.int32, copy=False))

    @property
    def inputs(self) -> dict[str, int]:
        return {"a_in": int(self.data.shape[0])}

    @property
    def outputs(self) -> dict[str, int]:
        return {}


@dataclass(frozen=True)
class Outside:
    """What takes part in every step without being of the Program: the sizes of what it sends from its ports, and of what it takes.

    Whoever runs the Program puts its messages in (`Engine.take`), and runs the parts of a step between them (`Engine.run_turn`). Of one
    with room for `ahead` steps they are put in before a run (`Engine.feed`), and what has come to it is taken out after that
    (`Engine.came`). No file and no chip holds one.
    """

    name: str
    outputs: Mapping[str, int]
    inputs: Mapping[str, int] = field(default_factory=dict)
    ahead: int = 0
