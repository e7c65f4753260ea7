"""How a dyadic network learns at chip precision: every number a neuron or a rule is given."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from neuromorph.errors import RangeError


@dataclass(frozen=True)
class Recipe:
    """Parameters of a DyadicMLP, all integers or fractions the chip can hold.

    Activities are 0..127 and travel as payloads 2 * activity, so a drive is scaled down by 2^shift after a sum of
    weight * payload. `shift`: hidden layers, `shift_out`: readout, `shift_error`: top-down drive of |delta| payloads.
    `margin`: errors of the readout below it are none (the dead zone, without which rounding noise spoils the feedback);
    `margin_hidden` likewise. Targets are `target_on` and `target_off`; `offset` lifts the readout's drive.
    `spread`, `spread_out`, `spread_feedback`: standard deviation of the first weights of the first layer, of later layers,
    of the feedback. `rate`, `rate_out`: y3 at the start; it falls by its 2^-rate_shift-th part until `rate_end` at the end
    of training. `exponent`, `exponent_out`, `exponent_feedback`: learning rules have scale 2^exponent.
    `steps`: steps a sample is shown; None: 4 * hidden layers + 2, what activity and both signs of the error need to pass
    once up and down, plasticity in the last two.
    """

    shift: int = 12
    shift_out: int = 12
    shift_error: int = 7
    bias: int = 0
    offset: int = 14
    target_on: int = 114
    target_off: int = 14
    alpha: float = 0.5
    beta: float = 0.5
    margin: int = 12
    margin_hidden: int = 1
    limit: int = 63
    spread: float = 40.0
    spread_out: float = 2.0
    spread_feedback: float = 2.0
    rate: int = 127
    rate_out: int = 127
    rate_end: float = 5.0
    rate_shift: int = 4
    exponent: int = -7
    exponent_out: int = -7
    exponent_feedback: int = -6
    steps: int | None = None
    epochs: int = 30

    def steps_for(self, hidden_layers: int) -> int:
        return 4 * hidden_layers + 2 if self.steps is None else self.steps

    def rate_interval(self, samples: int) -> int:
        """Samples between two falls of the rate, so that it goes from `rate` to `rate_end` in `samples`; 0: never falls."""
        if self.rate_end >= self.rate:
            return 0
        falls = math.log(self.rate / self.rate_end) / -math.log1p(-(2.0**-self.rate_shift))
        return max(1, round(samples / falls))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Recipe:
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise RangeError(f"a Recipe has no {sorted(unknown)}; it has {[f.name for f in fields(cls)]}")
        return cls(**values)
