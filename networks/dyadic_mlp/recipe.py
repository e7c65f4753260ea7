"""How a dyadic network learns at chip precision: every number a neuron or a rule is given."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from neuromorph.errors import RangeError


@dataclass(frozen=True)
class Recipe:
    """Parameters of a DyadicMLP, all integers or fractions the chip can hold.

    Activities are 0..127 and travel as payloads 2 * activity, so a drive is scaled down by 2^shift after a sum of
    weight * payload. `shift`, `shift_error` (top-down drive): of the hidden layers from the bottom up, the last one for all
    above it. `bias`: added to the drives of each hidden layer, one value a neuron; empty: 0 everywhere. `shift_out`, `offset`: scale
    and lift of the readout's drive; `target_on`, `target_off`: its targets.
    `margin`: errors of the readout below it are none: without this dead zone the rounding of events that need not be spoils
    the feedback. `limit`: errors saturate there. `alpha`, `beta` as in laws/dyad.py.
    `spread`, `spread_out`: standard deviation of the first weights between hidden layers (and from the input), and to and
    from the readout, forward and feedback alike; `spread_random`: of fixed random feedback. `exponent`, `exponent_feedback`: the learning
    rules' scale 2^exponent; `decay`: 2^decay scales the decay of weights at every second event (None: no decay).
    `rate`: y3 at the start; it falls by its 2^-rate_shift-th part in equal intervals, to `rate_end` at the end of training.
    `steps`: steps a sample is shown; None: 4 * hidden layers + 2, what activity and both signs of the error need to pass
    once up and down, plasticity in the last two.
    """

    shift: tuple[int, ...] = (12,)
    bias: tuple[tuple[int, ...], ...] = ()
    shift_out: int = 12
    shift_error: tuple[int, ...] = (7,)
    offset: int = 14
    target_on: int = 114
    target_off: int = 14
    alpha: float = 0.5
    beta: float = 0.5
    margin: int = 14
    limit: int = 63
    spread: float = 40.0
    spread_out: float = 2.0
    spread_random: float = 60.0
    exponent: int = -7
    exponent_feedback: int = -6
    decay: int | None = -7
    rate: int = 127
    rate_end: float = 12.0
    rate_shift: int = 4
    steps: int | None = None
    epochs: int = 24

    def steps_for(self, hidden_layers: int) -> int:
        return 4 * hidden_layers + 2 if self.steps is None else self.steps

    def hidden(self, k: int) -> dict[str, Any]:
        """Shift, bias and shift_error of hidden layer k = 0, 1, ..., from the bottom up."""
        return {
            "shift": self.shift[min(k, len(self.shift) - 1)],
            "bias": self.bias[k] if self.bias else 0,
            "shift_error": self.shift_error[min(k, len(self.shift_error) - 1)],
        }

    def rate_interval(self, samples: int) -> int:
        """Samples between two falls of the rate, so that it goes from `rate` to `rate_end` in `samples`; 0: never falls."""
        if self.rate_end >= self.rate:
            return 0
        falls = math.log(self.rate / self.rate_end) / -math.log1p(-(2.0**-self.rate_shift))
        return max(1, round(samples / falls))

    def as_dict(self) -> dict[str, Any]:
        """In what JSON holds."""
        return {k: _thawed(v) for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        """Raises RangeError for names that a Recipe does not have."""
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise RangeError(f"a Recipe has no {sorted(unknown)}; it has {[f.name for f in fields(cls)]}")
        return cls(**{k: _frozen(v) for k, v in values.items()})


def _thawed(value: Any) -> Any:
    return [_thawed(part) for part in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


MNIST = Recipe()
DIGITS = Recipe(shift_out=11, decay=-6, rate_end=10.0, epochs=60)
MNIST_DEEP = replace(MNIST, shift=(11,), shift_error=(8, 9), margin=18, decay=-6, rate_end=32.0)
DIGITS_DEEP = replace(DIGITS, shift=(11, 10), shift_error=(6, 7), spread_out=10.0)
GENERAL = Recipe(spread_out=10.0, decay=None)
"""For data that nobody has found a recipe for; `calibrated` gives it scales, biases and epochs.

Without decay, for where classes overlap errors never end, and a decay at every second event keeps weights small; with a readout that
is not near zero at first, for then errors find hidden layers before the first ones have silenced them.
"""


def recipe_for(data: str, hidden_layers: int) -> Recipe | None:
    """The recipe found for a data set of this name, on held-out training images; None: calibrate one.

    With more than one hidden layer errors reach more neurons, and are scaled down further.
    """
    return {"mnist": (MNIST, MNIST_DEEP), "digits": (DIGITS, DIGITS_DEEP)}.get(data, (None, None))[hidden_layers > 1]
