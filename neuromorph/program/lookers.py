"""Nodes that look at a state of a population, or set it, at the end of every so manieth step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from neuromorph.errors import ProgramError, check_count
from neuromorph.program.equality import ByValue
from neuromorph.program.neurons import Population
from neuromorph.program.values import INT32, Array, whole


@dataclass(frozen=True, eq=False)
class Looker(ByValue):
    """Acts at the end of steps t with (t - 1) mod every == offset, when all has learned, on `variable`, a state of `node`.

    Lookers act one after the other, in the order in which a Program has them.
    """

    name: str
    node: str
    variable: str
    every: int = 1
    offset: int = 0

    def __post_init__(self) -> None:
        owner = f"{type(self).__name__.lower()} '{self.name}'"
        check_count(f"{owner}: every", self.every, 1)
        check_count(f"{owner}: offset", self.offset, 0)

    def check(self, target: object) -> None:
        """Raise ProgramError or RangeError for a node that has no such state, or not one that it can take."""
        if not isinstance(target, Population) or self.variable not in target.states:
            raise ProgramError(
                f"{type(self).__name__.lower()} '{self.name}' looks at {self.node}.{self.variable}, which is no state of a population"
            )

    @property
    def inputs(self) -> dict[str, int]:
        return {}

    @property
    def outputs(self) -> dict[str, int]:
        return {}


@dataclass(frozen=True, eq=False)
class Read(Looker):
    """Keeps the last `length` values that it read: data[:, counter mod length] = the state, counter += 1. data: (size, length)."""

    data: Array = field(default_factory=lambda: np.zeros((1, 1), np.int32))
    counter: Array = field(default_factory=lambda: np.zeros(1, np.int32))

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, bounds in (("data", INT32), ("counter", (0, INT32[1]))):
            values = whole(getattr(self, name), f"read '{self.name}'", name, bounds).astype(np.int32, copy=False)
            object.__setattr__(self, name, values)

    def check(self, target: object) -> None:
        super().check(target)
        if isinstance(target, Population) and (self.data.ndim != 2 or len(self.data) != target.size or not self.data.size):
            raise ProgramError(
                f"read '{self.name}': data has shape {self.data.shape}; give a row for each of {target.size} neurons"
            )


@dataclass(frozen=True, eq=False)
class Reset(Looker):
    """Sets the state of all neurons to `value`: before probes look at it, or after where it is `late`."""

    value: int = 0
    late: bool = False

    def check(self, target: object) -> None:
        super().check(target)
        if isinstance(target, Population):
            state = next(v for v in target.law.states if v.name == self.variable)
            state.check(np.array(self.value), f"reset '{self.name}'")
