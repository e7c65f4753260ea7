"""Binary and low-bit weights for any rule: its states are inferred with few-valued weights, its updates move real ones.

Every weight has a latent value theta, which the network's parameter holds. In units of its connection's scale c = gain / sqrt(fan-in)
(c = gain where a rule gives every layer inputs of length 1), t = theta / c, the rule sees c w(t). Weights take 2^bits - 1 levels from
-1 to 1, evenly spaced and with 0 among them; one bit takes two, -1 and 1. Between two levels lies a boundary b; h is half the distance of
levels (for one bit b = 0, h = 1), x = (t - b) / h for the nearest boundary. With q = - (the rule's update) dl/dw at w, latent values move
against d::

    ste      w = b + h sgn x                                 d = q, 0 where |t| > 1 and t would grow
    adaste   w = b + h clip((x + mu (1 + alpha) sgn x) / (1 + mu), -1, 1)
             d = q min(1, |w(t) - b'| / |t - b'|),  b' the next boundary downhill (against the sign of q)
             d = q / (1 + mu) where there is none, but 0 if also |x| >= 1 - mu alpha: w is at its end
             d = q within 1e-3 of a boundary

adaste is a finite difference of w, over a step that leads as far beyond the boundary as t is on this side of it; for mu -> 0 it is ste
within -1..1, and from mu alpha = 1 on w = sgn t (one bit) and d = q min(1, 1 / |t|) toward 0, 0 away from it. mu grows by
`growth` per epoch from `mu` up to 1 / alpha. Predictions use the levels themselves, b + h sgn x, at any mu. sgn 0 = 1.

Weights rest within a step, also those of always-on learning, which move by the sum of its changes at the end of a phase: in the middle
they would leave their levels. Lateral weights of a recurrent network end at half that scale, as they are drawn (recurrent.py).
Biases stay real, and so do feedback weights of their own, which learn what the latent ones do (feedback.py). The scale is fixed, one
number a connection: a shift on a chip.

Sources: AdaSTE (CVPR 2022), eq. of the inner problem and its code; straight-through: Bengio 2013, BinaryConnect 2015. Differences: the
authors cap the slope of d at 1/2 and jump to 1 close to 0, here the cap is 1; theta starts at +-10 there, here where the
rule's own first weights do; more than two levels are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.learning.derived import derived
from neuromorph.learning.network.connections import Connection
from neuromorph.learning.network.network import Network
from neuromorph.learning.rule import Batch, Outcome, Rule

NEAR = 1e-3
MOST_BITS = 8


@dataclass(frozen=True)
class Levels:
    """`count` levels from -1 to 1."""

    count: int

    @property
    def half(self) -> float:
        """Half the distance of two levels."""
        return 1 / (self.count - 1)

    def boundary(self, j: Tensor) -> Tensor:
        """Between levels j and j + 1."""
        return (2 * j + 1) * self.half - 1

    def place(self, t: Tensor) -> Tensor:
        """j, with a fraction, such that t = boundary(j)."""
        return ((t + 1) / self.half - 1) / 2

    def nearest(self, t: Tensor) -> Tensor:
        """The boundary next to t."""
        return self.boundary(self.place(t).round().clamp(0, self.count - 2))

    def downhill(self, t: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        """The boundary that t meets when it moves against q, and whether there is one."""
        below = self.place(t).floor()
        j = torch.where(q > 0, below.clamp(max=self.count - 2), (below + 1).clamp(min=0))
        return self.boundary(j), (j >= 0) & (j <= self.count - 2)


def rounded(t: Tensor, levels: Levels) -> Tensor:
    """The level of t: b + h sgn x."""
    b = levels.nearest(t)
    return b + torch.copysign(t.new_tensor(levels.half), t - b)


def attracted(t: Tensor, levels: Levels, mu: float, alpha: float) -> Tensor:
    """w*(t) of AdaSTE: the minimum of (w - t)^2 / 2 + mu (h (1 + alpha) - |w - b|)^2 / 2 within h of b."""
    b = levels.nearest(t)
    x = t - b
    pulled = x.add_(torch.copysign(t.new_tensor(mu * (1 + alpha) * levels.half), x)).div_(1 + mu)
    return pulled.clamp_(-levels.half, levels.half).add_(b)


def adaptive(q: Tensor, t: Tensor, levels: Levels, mu: float, alpha: float) -> Tensor:
    """d of AdaSTE."""
    b, has_boundary = levels.downhill(t, q)
    chord = (attracted(t, levels, mu, alpha) - b).abs() / (t - b).abs().clamp(min=torch.finfo(t.dtype).tiny)
    distance = (t - levels.nearest(t)).abs()
    inside = torch.where(distance < levels.half * (1 - mu * alpha), 1 / (1 + mu), 0.0)
    slope = torch.where(has_boundary, chord.clamp(max=1), inside)
    return q * torch.where(distance <= NEAR, 1.0, slope)


def straight_through(q: Tensor, t: Tensor) -> Tensor:
    """d of the straight-through estimator."""
    return torch.where((t.abs() > 1) & (q * t < 0), 0.0, q)


@dataclass(kw_only=True)
class Quantised(Rule):
    """A rule whose weights are few-valued, by the straight-through estimator. `quantised` makes one of a rule without."""

    bits: int = field(default=1, metadata={"help": "of a weight, 1 to 8"})
    gain: float = field(default=1.0, metadata={"help": "weights end at +-gain / sqrt(fan-in)"})

    base: ClassVar[type[Rule]]
    method: ClassVar[str] = "ste"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._is_quantised = False

    def check(self) -> None:
        super().check()
        if not 1 <= self.bits <= MOST_BITS:
            raise RangeError(f"bits = {self.bits} is outside 1..{MOST_BITS}; more make no difference to real weights")
        if self.gain <= 0:
            raise RangeError(f"gain = {self.gain} leaves no weights; give gain > 0")

    @property
    def indivisible(self) -> str:
        return super().indivisible or "the direction of a latent weight depends on the sign of the whole batch's update"

    @property
    def levels(self) -> Levels:
        return Levels(2 if self.bits == 1 else 2**self.bits - 1)

    def seen(self, t: Tensor) -> Tensor:
        """w(t): what the rule infers with."""
        return rounded(t, self.levels)

    def direction(self, q: Tensor, t: Tensor) -> Tensor:
        """d."""
        return straight_through(q, t)

    def step(self, network: Network, batch: Batch) -> Outcome:
        with self.inferring(network):
            outcome = self.base.step(self, network, batch)
        for k, (name, connection) in enumerate(_named(network), 1):
            if name in outcome.updates:
                t = connection.weight.data / self._scale(connection)
                outcome.updates[name] = -self.direction(-outcome.updates[name], t)
                outcome.updates |= network.feedback.learn(k, outcome.updates[name])
        return outcome

    def predict(self, network: Network, x: Tensor) -> Tensor:
        if self._is_quantised:  # the rule itself asks, in the middle of a step
            return self.base.predict(self, network, x)
        with self._weights(network, lambda t: rounded(t, self.levels)):
            return self.base.predict(self, network, x)

    @contextmanager
    def inferring(self, network: Network) -> Iterator[None]:
        with self._weights(network, self.seen):
            yield

    @contextmanager
    def _weights(self, network: Network, seen: Callable[[Tensor], Tensor]) -> Iterator[None]:
        """Within, parameters hold c w(t); afterwards, whatever happened, theta."""
        latent = [(connection, connection.weight.data) for _, connection in _named(network)]
        try:
            for connection, theta in latent:
                c = self._scale(connection)
                connection.weight.data = connection.existing(seen(theta / c).mul_(c))
            self._is_quantised = True
            yield
        finally:
            self._is_quantised = False
            for connection, theta in latent:
                connection.weight.data = theta

    def _scale(self, connection: Connection) -> float:
        gain = self.gain * connection.share
        return gain if self.unit_inputs else gain / math.sqrt(connection.weight[0].numel())


@dataclass(kw_only=True)
class Adaptive(Quantised):
    """By AdaSTE."""

    mu: float = field(default=0.01, metadata={"help": "pull toward the levels in the first epoch"})
    growth: float = field(default=1.05, metadata={"help": "of mu, an epoch"})
    alpha_ste: float = field(
        default=0.01, metadata={"help": "mu grows up to 1 / alpha_ste, where weights are at their levels"}
    )

    method: ClassVar[str] = "adaste"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._epoch = 0

    def check(self) -> None:
        super().check()
        if self.mu < 0 or self.growth < 1 or self.alpha_ste <= 0:
            raise RangeError(
                f"mu = {self.mu}, growth = {self.growth}, alpha_ste = {self.alpha_ste}: give mu >= 0, growth >= 1, alpha_ste > 0"
            )

    @property
    def mu_now(self) -> float:
        return min(self.mu * self.growth**self._epoch, 1 / self.alpha_ste)

    def begin_epoch(self, epoch: int) -> None:
        super().begin_epoch(epoch)
        self._epoch = epoch

    def seen(self, t: Tensor) -> Tensor:
        return attracted(t, self.levels, self.mu_now, self.alpha_ste)

    def direction(self, q: Tensor, t: Tensor) -> Tensor:
        return adaptive(q, t, self.levels, self.mu_now, self.alpha_ste)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"epoch": self._epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        rest = dict(state)
        self._epoch = rest.pop("epoch")
        super().load_state_dict(rest)


METHODS: dict[str, type[Quantised]] = {kind.method: kind for kind in (Quantised, Adaptive)}


@cache
def quantised(method: str, base: type[Rule]) -> type[Rule]:
    """The rule METHOD+NAME of a rule. Raises RangeError for an unknown method, and for weights that have bounds of their own."""
    if method not in METHODS:
        raise RangeError(f"unknown quantisation {method!r}; {did_you_mean(method, METHODS)}, as in ste+dp")
    if issubclass(base, Quantised):
        raise RangeError(
            f"{method}+{base.name}: weights are few-valued by one method; take {base.name}, or {method}+{base.base.name}"
        )
    if base.constrain is not Rule.constrain:
        raise RangeError(f"{base.name} keeps its weights within bounds of its own, which few-valued weights would leave")
    kind = METHODS[method]
    named = {
        "name": f"{method}+{base.name}",
        "source": f"AdaSTE (CVPR 2022); {base.source}",
        "settings": replace(base.settings, first="uniform", weight_decay=0.0),
        "learns_within": False,
        "__doc__": f"{base.name} with few-valued weights.",
    }
    return derived((quantised, (method, base)), (kind, base), base, named)


def _named(network: Network) -> list[tuple[str, Connection]]:
    return [(f"connections.{k}.weight", network.connection(k + 1)) for k in range(len(network.connections))]
