"""What a law is: how one neuron changes in one step, with its names, ranges and bits.

Everything that has to agree on a neuron is derived from its `Law`: the Vars of the Lava Process, the fields of a
Population, the checks of the lowering, the names in the artifact, the random values of the tests and the compiled kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neuromorph.errors import LawError, RangeError
from neuromorph.laws.check import complaints
from neuromorph.laws.source import source_hash

Array = npt.NDArray[Any]
REGISTER = (-(2**31), 2**31 - 1)
"""What the engine, the artifact and Lava's models keep a value in."""


@dataclass(frozen=True)
class Variable:
    """One number of a neuron: a port, a state or a parameter.

    `low` and `high` bound it in fixed point (inclusive). `even` restricts it to even numbers. A `shared` parameter has one
    value per population, a `shared` input is a port of one element that every neuron receives (Lava: shape (1,)); of all others
    there is one per neuron. An `index` is the number of one of the population's neurons, counted from 1: as a parameter each neuron's
    own, as an input that of the neuron which is meant, or 0. `default`: of states and parameters. Raises LawError for a range that is
    empty, or outside 32 bits.
    """

    name: str
    low: int
    high: int
    meaning: str
    default: int = 0
    even: bool = False
    shared: bool = False
    index: bool = False

    def __post_init__(self) -> None:
        if not all(isinstance(end, int) and REGISTER[0] <= end <= REGISTER[1] for end in (self.low, self.high)):
            raise LawError(f"variable '{self.name}' has the range {self.low}..{self.high}; give integers of 32 bits")
        if self.low > self.high:
            raise LawError(f"variable '{self.name}' has the range {self.low}..{self.high}; low must not lie above high")

    def __repr__(self) -> str:
        special = "".join(f", {name}={value}" for name, value in self._special().items())
        return f"Variable({self.name!r}, {self.low}, {self.high}, {self.meaning!r}{special})"

    def __str__(self) -> str:
        special = "".join(
            f", {name} {value}" if name == "default" else f", {name}" for name, value in self._special().items()
        )
        return f"{self.name:16} {f'{self.low}..{self.high}{special}':32} {self.meaning}"

    def _special(self) -> dict[str, int]:
        """What is not as in most variables."""
        return {name: value for name in ("default", "even", "shared", "index") if (value := getattr(self, name))}

    @property
    def bits(self) -> int:
        """Bits of a register that holds the range, sign included."""
        if self.low < 0:
            return max((-self.low - 1).bit_length(), self.high.bit_length()) + 1
        return self.high.bit_length()

    def top(self, size: int) -> int:
        """The highest value in a population of `size` neurons."""
        return min(size, self.high) if self.index else self.high

    def initial(self, size: int) -> Any:
        """What it is in a population of `size` neurons where nothing is given."""
        return np.arange(1, size + 1) if self.index else self.default

    def check(self, values: Array, owner: str) -> Array:
        """`values` as int64, or a RangeError that names owner, variable, value and range."""
        values = np.asarray(values)
        if values.dtype.kind not in "biuf":
            raise RangeError(
                f"{owner}: {self.name} is of type {values.dtype}; give whole numbers of {self.low}..{self.high} ({self.meaning})"
            )
        wrong = ~((values >= self.low) & (values <= self.high))
        if wrong.any():
            raise RangeError(
                f"{owner}: {self.name} = {values[wrong].flat[0]} is outside {self.low}..{self.high} ({self.meaning})"
            )
        whole = values.astype(np.int64)
        if not np.array_equal(whole, values):
            bad = values[whole != values].flat[0]
            raise RangeError(f"{owner}: {self.name} = {bad} is not an integer; fixed point takes whole numbers only")
        if self.even and (whole & 1).any():
            raise RangeError(f"{owner}: {self.name} = {whole[(whole & 1) == 1].flat[0]} is odd; {self.meaning}")
        return whole


Step = Callable[..., Any]
KINDS = ("inputs", "outputs", "states", "parameters")


@dataclass(frozen=True)
class Silence:
    """What ends a neuron's teaching: where `state` is 0 it stays 0 and `outputs` send 0, whatever arrives.

    A product with a factor from one of these outputs then changes nothing.
    """

    state: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Law:
    """The dynamics of one neuron.

    `make(ops)` returns `step(t, *inputs, *states, *parameters) -> (*states, *outputs)`, a function of one neuron's values
    written with `+ - * < >` and the operations in `ops` (an `Arithmetic`) only, so that one text serves floats, NumPy
    integers, compiled integers and tensors. `t` counts steps from 1, as Lava does.

    `conditions` are relations between parameters that ranges cannot say: each takes the parameters of one population (by
    name) and returns a complaint or None.

    `answer` names the state whose value at the last step of a sample is the network's answer: a population of such a law is a
    readout. `silence` says what pauses the plasticity that the neurons drive.

    A Law checks itself when it is made, and raises LawError with all that is wrong: names that stand twice or that Lava needs, ranges,
    defaults, conditions that the defaults break, and a step that, tried once on the defaults, fails or returns something else.
    `source`: hash of the files that `make` is written in.
    """

    name: str
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    states: tuple[Variable, ...]
    parameters: tuple[Variable, ...]
    make: Callable[[Any], Step]
    conditions: tuple[Callable[[Mapping[str, Array]], str | None], ...] = ()
    answer: str | None = None
    silence: Silence | None = None
    source: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        owner = f"law '{self.name}'"
        for kind in KINDS:
            object.__setattr__(self, kind, _variables(getattr(self, kind), kind, owner))
        if wrong := list(complaints(self)):
            raise LawError(f"{owner}: {'; '.join(wrong)}")
        object.__setattr__(self, "source", source_hash(self.make, owner))

    def __repr__(self) -> str:
        """The names of its variables, in one line."""
        kinds = (f"{kind} {', '.join(v.name for v in getattr(self, kind))}" for kind in KINDS if getattr(self, kind))
        return f"<Law {self.name}: {'; '.join(kinds)}>"

    def __str__(self) -> str:
        """A table of its variables: name, range, what is special about it, meaning."""
        lines = [f"law {self.name}"]
        for kind in KINDS:
            lines += [kind, *(f"  {v}" for v in getattr(self, kind))]
        return "\n".join(lines)

    @property
    def key(self) -> str:
        """Name and source: what tells laws apart, in this process and in the next."""
        return f"{self.name}@{self.source[:16]}"

    @property
    def signature(self) -> dict[str, Any]:
        """Names, ranges and kinds, in what JSON has: what an artifact keeps beside the name."""
        kinds = {kind: getattr(self, kind) for kind in KINDS}
        shapes = {kind: [[v.name, v.low, v.high, v.even, v.shared] for v in variables] for kind, variables in kinds.items()}
        silence = [self.silence.state, *self.silence.outputs] if self.silence else None
        return {**shapes, "answer": self.answer, "silence": silence}

    @property
    def arguments(self) -> tuple[Variable, ...]:
        """The step's arguments after `t`, in order."""
        return self.inputs + self.states + self.parameters

    @property
    def results(self) -> tuple[Variable, ...]:
        """What the step returns, in order."""
        return self.states + self.outputs

    def check(self, parameters: Mapping[str, Array], owner: str) -> None:
        """Raise RangeError where a relation between parameters does not hold."""
        for condition in self.conditions:
            complaint = condition(parameters)
            if complaint:
                raise RangeError(f"{owner}: {complaint}")


def _variables(given: Any, kind: str, owner: str) -> tuple[Variable, ...]:
    if isinstance(given, Variable):
        raise LawError(f"{owner}: its {kind} are one Variable, no tuple; write a comma behind it: ({given.name},)")
    if not isinstance(given, tuple | list) or not all(isinstance(each, Variable) for each in given):
        raise LawError(f"{owner}: its {kind} are no tuple of Variables; write (Variable(...), Variable(...))")
    return tuple(given)
