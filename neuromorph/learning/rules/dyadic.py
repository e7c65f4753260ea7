"""Dyadic learning: dyads in a recurrent network W_lambda, feed-forward, symmetric, skew-symmetric or between.

All units hold compartments s_plus, s_minus, their mean and their difference delta (alpha = 1/2), and solve::

    min_(s_plus) max_(s_minus)  (loss(s_plus) + loss(s_minus)) / 2
                                + (G(s_plus) - G(s_minus) - delta^T (W mean + theta_0 x + b)) / beta,     grad G = f^-1
    s_plus, s_minus = f(W mean + theta_0 x + b +- W^T delta / 2 -+ beta/2 g(s_plus, s_minus))

g = d loss / d output, in the output layer only. In layers, with theta_k the weights into layer k, W_lambda has theta below the
diagonal and (2 lambda - 1) theta^T above it. What the two compartments of a neuron send up is

    up_plus = mean + (lambda - 1/2) delta,  up_minus = mean - (lambda - 1/2) delta      (up_0 = x)

and a step of layer k, for k = 1..L in this order, each from the newest states of its neighbours, is

    drive_(+-) = theta_k up_(+-),(k-1) + b_k + (2 lambda - 1) theta_(k+1)^T mean_(k+1),   Delta = theta_(k+1)^T delta_(k+1)
    output: the same with Delta = -beta/2 (g_plus + g_minus), and -beta/4 (g_plus - g_minus) added to both drives
    s_plus  <- f((1 - eps) s_plus  + eps (drive_plus  + Delta / 2))
    s_minus <- f((1 - eps) s_minus + eps (drive_minus - Delta / 2))
    dtheta_k = <s_plus_k up_plus_(k-1)^T - s_minus_k up_minus_(k-1)^T> / beta,   db_k = <delta_k> / beta

which is <delta_k mean_(k-1)^T + (2 lambda - 1) mean_k delta_(k-1)^T> / beta: the gradient of the objective at its saddle.

lambda = 1    symmetric: the compartments know nothing of each other; centred equilibrium propagation with nudges +-beta/2
lambda = 1/2  feed-forward: dual propagation with alpha = 1/2
lambda = 0    skew-symmetric: s_plus meets s_minus only; |ds| <= |theta_0 dx| whatever the weights, and the saddle exists for
              beta < 2 (squared error). Elsewhere it needs the largest eigenvalue of lambda (theta + theta^T) below 1.

eps = 2 / (1 + sqrt(1 + K^2)), K = max_k (|theta_k| + |theta_(k+1)|) over the weights between units, makes the slowest mode of the
linear skew network critically damped: it shrinks by 1 - eps a step, about 2/K. (Updating all layers at once would ask for
eps = 1 / (1 + K^2): K / 2 times as many steps.) Norms are not local; a fixed eps is.

Two-phase form of the skew network (dyadic-two-phase): one compartment u, s = f(W u + theta_0 x -+ beta/2 g), inferred with either sign.
s_plus_k is u of the first phase where L - k is even, of the second where it is odd: the product of the ends changes its sign with the
depth. Each phase gives a term of the update, so that there is an ISD form.

Pooling between hidden layers is for lambda = 1/2 alone. Elsewhere the compartments send up different states, from which pooling would
choose different maxima; and at lambda < 1/2 a mean that comes down weakens the maximum that it comes from until another one is, and so on,
so that nothing settles. Pooled inputs are clamped: there both see the same.

Sources: thesis chapter 4 (paper E), eq. 4.3-4.8; homotopy in lambda: thesis section 6.2. Differences: the papers' inference
is mirror descent; here neighbours are updated in turn with a damping that keeps the fixed points. alpha = 1/2 throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, cast

import torch
from torch import Tensor

from neuromorph.arithmetic.tensors import TENSORS
from neuromorph.errors import RangeError
from neuromorph.laws.dyad import make_mean, make_nudged
from neuromorph.laws.hopfield import make_leaky
from neuromorph.learning.network.activations import Activation
from neuromorph.learning.network.connections import Convolution, Start
from neuromorph.learning.network.feedback import Direct
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network, States, Updates, check_sizes
from neuromorph.learning.network.recurrent import Recurrent
from neuromorph.learning.phases.terms import Term, TwoTermRule, added
from neuromorph.learning.relaxing.relaxation import choose_switches
from neuromorph.learning.relaxing.until_still import SettlingRule
from neuromorph.learning.rule import Batch, Outcome, Settings, check_bounds, check_share

nudged = make_nudged(TENSORS)
mean_of = make_mean(TENSORS)
leaky = make_leaky(TENSORS)
HALF = 128
"""alpha and nudge, of 256."""


class SaddleStates:
    """Compartments, mean and difference of all layers, what the compartments send up, and the last residual."""

    def __init__(self, network: Network, x: Tensor) -> None:
        self.plus, self.minus = network.zeros("s_plus", x), network.zeros("s_minus", x)
        self.mean, self.delta = network.zeros("mean", x), network.zeros("delta", x)
        self.up_plus, self.up_minus = network.zeros("up_plus", x), network.zeros("up_minus", x)
        self.residual = torch.zeros(0)

    def move(self, network: Network, k: int, drives: tuple[Tensor, Tensor], error: Tensor, eps: float, lam: float) -> None:
        """Both compartments of layer k toward f(drive +- error / 2), by the law of the dyad."""
        held = (TENSORS.approach(s[k], drive, 256 * eps) for s, drive in zip((self.plus, self.minus), drives, strict=True))
        plus, minus = (network.activate_(k, s) for s in nudged(*held, error.mul_(eps), HALF))
        delta = plus - minus
        mean = mean_of(minus, delta, HALF)
        sent = {0.0: (minus, plus), 0.5: (mean, mean), 1.0: (plus, minus)}.get(lam)
        self.plus[k], self.minus[k], self.delta[k], self.mean[k] = plus, minus, delta, mean
        self.up_plus[k], self.up_minus[k] = sent or (mean_of(minus, delta, 256 * share) for share in (lam, 1 - lam))


@dataclass(kw_only=True)
class SaddleRule(SettlingRule):
    """What dyadic rules share: the nudge of the output."""

    def check(self) -> None:
        super().check()
        if self.loss == "squared" and self.beta >= 2:
            raise RangeError(
                f"beta = {self.beta}: with squared error s_minus of the output has a pole at beta / 2 = 1, beyond which there is no saddle; "
                "give beta < 2, or loss cross-entropy"
            )

    def pulls(self, plus: Tensor, minus: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss in the drive of both output compartments, and in their error."""
        loss = make_loss(self.loss)
        of_plus, of_minus = loss.gradient(plus, y), loss.gradient(minus, y)
        return (of_plus - of_minus).mul_(-self.beta / 4), (of_plus + of_minus).mul_(-self.beta / 2)


@dataclass(kw_only=True)
class Dyadic(SaddleRule):
    """Dyadic learning in layers, W_lambda. lam moves in a straight line to lam_end within lam_batches, if these are given."""

    lam: float = field(default=0.5, metadata={"help": "0 skew-symmetric, 1/2 feed-forward, 1 symmetric"})
    lam_end: float | None = field(default=None, metadata={"help": "where lam goes in training; None: it stays"})
    lam_batches: int = field(default=0, metadata={"help": "number of batches in which lam goes to lam_end"})

    name: ClassVar[str] = "dyadic"
    source: ClassVar[str] = "Dyadic Learning (MLNCP 2024), thesis chapter 4, eq. 4.7"
    settings: ClassVar[Settings] = Settings(first="uniform")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._batches = 0

    def check(self) -> None:
        super().check()
        check_share("lam", self.lam, "W = theta + (2 lam - 1) theta^T")
        if self.lam_end is not None:
            check_share("lam_end", self.lam_end, "W = theta + (2 lam - 1) theta^T")
        if (self.lam_end is None) != (self.lam_batches == 0) or self.lam_batches < 0:
            raise RangeError(
                f"lam_end = {self.lam_end}, lam_batches = {self.lam_batches}: lam moves when both are given, and stays when neither is"
            )

    def fits(self, network: Network) -> None:
        check_bounds(self.name, network)  # the damping keeps the fixed points of clips alone
        if {self.lam, self.lam_end} <= {0.5, None}:
            return
        if any(isinstance(c, Convolution) and c.pool for c in map(network.connection, range(2, network.depth + 1))):
            raise RangeError(
                f"{self.name} at lam = {self.lam} sends up different states of both compartments, from which pooling chooses different "
                "maxima, and errors would return to other units than those they came from: take convolutions without pooling (but the "
                "lowest), or lam = 0.5; for a symmetric network with pooling rule ep with nudge = centred"
            )
        if isinstance(network.feedback, Direct):
            raise RangeError(
                f"with direct feedback the output drives all layers, but at lam = {self.lam} a layer is driven by the mean of the "
                "next one: take another feedback, or lam = 0.5"
            )

    @property
    def lam_now(self) -> float:
        """lambda of the batch that comes."""
        if self.lam_end is None:
            return self.lam
        return self.lam + (self.lam_end - self.lam) * min(1.0, self._batches / self.lam_batches)

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        dyads = self.infer(network, batch)
        found = Outcome(self.plasticity(network, dyads), self.predict(network, batch.x), dyads.residual)
        self._batches += 1
        return found

    def infer(self, network: Network, batch: Batch) -> SaddleStates:
        """The dyads under nudging, from zero."""
        dyads, eps, lam = SaddleStates(network, batch.x), self.damping(network), self.lam_now
        clamped = network.up(1, dyads.mean)
        choose_switches(network, dyads.mean)

        def step() -> None:
            for k in range(1, network.depth + 1):
                drives, error = self._drives(network, k, dyads, clamped, batch.y)
                dyads.move(network, k, drives, error, eps, lam)

        dyads.residual = self.settle([dyads.plus, dyads.minus], step)
        return dyads

    def _drives(
        self, network: Network, k: int, dyads: SaddleStates, clamped: Tensor, y: Tensor
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Drives of s_plus and s_minus of layer k, and its error."""
        plus = clamped if k == 1 else network.up(k, dyads.up_plus)
        minus = plus if k == 1 or self.lam_now == 0.5 else network.up(k, dyads.up_minus)
        if k == network.depth:
            (both, error), share = self.pulls(dyads.plus[k], dyads.minus[k], y), 1.0
        else:
            error, share = network.down(k, dyads.delta), 2 * self.lam_now - 1
            if share == 0:
                return (plus, minus), error
            both = network.down(k, dyads.mean)
        return (torch.add(plus, both, alpha=share), torch.add(minus, both, alpha=share)), error

    def plasticity(self, network: Network, dyads: SaddleStates) -> Updates:
        scale = 1 / (self.beta * len(dyads.mean[0]))
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            if k == 1 or self.lam_now == 0.5:
                updates |= network.pair(k, dyads.delta, dyads.mean, scale)
            else:
                less = network.pair(k, dyads.minus, dyads.up_minus, -scale)
                updates |= added(network.pair(k, dyads.plus, dyads.up_plus, scale), less)
        return updates

    def phase(
        self,
        network: Network,
        name: str,
        x: Tensor,
        push: Callable[[Tensor], Tensor] | None = None,
        start: States | None = None,
    ) -> tuple[States, Tensor]:
        """One compartment at s = f(W_lambda s + theta_0 x + b), with push(s_L) added to the output's drive; and the residual."""
        s, eps, back = network.zeros(name, x), self.damping(network), 2 * self.lam_now - 1
        if start is not None:
            s[1:] = start[1:]
        clamped = network.up(1, s)
        choose_switches(network, s)

        def step() -> None:
            for k in range(1, network.depth + 1):
                drive = clamped if k == 1 else network.up(k, s)
                if k == network.depth:
                    drive = drive + push(s[k]) if push else drive
                elif back:
                    drive = torch.add(drive, network.down(k, s), alpha=back)
                s[k] = leaky(s[k], drive, 256 * eps, *network.bounds(k))

        residual = self.settle([s], step)
        return s, residual

    def predict(self, network: Network, x: Tensor) -> Tensor:
        return network(x) if self.lam_now == 0.5 else self.phase(network, "free", x)[0][-1]

    def damping(self, network: Network) -> float:
        """eps."""
        if self.eps is not None:
            return self.eps
        norms = [0.0, *(network.norm(k) for k in range(2, network.depth + 1)), 0.0]
        loop = max(below + above for below, above in pairwise(norms))
        return float(2 / (1 + (1 + loop**2) ** 0.5))

    def state_dict(self) -> dict[str, Any]:
        return {"batches": self._batches}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._batches = state["batches"]


@dataclass(kw_only=True)
class SkewDyadic(Dyadic):
    """lambda = 0: both compartments at once."""

    lam: float = 0.0
    steps: int = 15

    name: ClassVar[str] = "dyadic-skew"
    source: ClassVar[str] = "Dyadic Learning (MLNCP 2024), thesis section 4.2: skew-symmetric weights"

    def check(self) -> None:
        super().check()
        if self.lam != 0 or self.lam_end is not None:
            raise RangeError(f"{self.name} is dyadic at lam = 0, where it stays; for another lam ask for dyadic")


@dataclass(kw_only=True)
class SkewPhases(SkewDyadic, TwoTermRule):
    """lambda = 0: one compartment in two phases, one after the other."""

    name: ClassVar[str] = "dyadic-two-phase"
    source: ClassVar[str] = "Dyadic Learning (MLNCP 2024), thesis section 4.2: the two-phase form"

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        first, second = self.term(network, batch, +1), self.term(network, batch, -1)
        residual = torch.maximum(first.residual, second.residual)
        return Outcome(added(first.updates, second.updates), self.predict(network, batch.x), residual)

    def term(self, network: Network, batch: Batch, sign: int, start: States | None = None) -> Term:
        """Both phases see the target, nudged toward it (sign = +1) or away from it."""
        loss, nudge = make_loss(self.loss), -sign * self.beta / 2
        name = "first" if sign > 0 else "second"
        u, residual = self.phase(network, name, batch.x, lambda s: loss.gradient(s, batch.y).mul_(nudge), start)
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            scale = sign * (-1) ** (network.depth - k) / (self.beta * len(batch.x))
            updates |= network.pair(k, u, u, scale)
        return Term(updates, u, u[-1], residual)


@dataclass(kw_only=True)
class ArbitraryDyadic(SaddleRule):
    """Any W without self-connections, on a `Recurrent` network: the mean goes through W, the difference through W^T.

    All units move at once, eps = 1 / (1 + |W|^2); the saddle needs the largest eigenvalue of (W + W^T) / 2 below 1.
    """

    beta: float = 0.2
    steps: int = 15

    name: ClassVar[str] = "dyadic-arbitrary"
    source: ClassVar[str] = "Dyadic Learning (MLNCP 2024), thesis section 4.2: arbitrarily connected weights"
    hidden: ClassVar[Activation] = "hard-sigmoid"
    feedback: ClassVar[str] = "transpose"
    settings: ClassVar[Settings] = Settings(rate=(1e-3, 1e-4), first="uniform")

    def build(self, sizes: Sequence[int], feedback: str | None = None, seed: int = 0, first: Start | None = None) -> Network:
        check_sizes(sizes)
        if len(sizes) != 3:
            raise RangeError(
                f"arbitrary connectivity knows no layers, and {list(sizes)} asks for some: give three sizes, inputs, hidden units "
                "and outputs"
            )
        return Recurrent(
            *sizes,
            activation=self.hidden,
            output=self.output,
            feedback=feedback or self.feedback,
            start=first or self.settings.first,
            seed=seed,
        )

    def fits(self, network: Network) -> None:
        if not isinstance(network, Recurrent):
            raise RangeError("dyadic-arbitrary trains a Recurrent network, not one in layers; for these ask for dyadic")

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        recurrent = cast(Recurrent, network)
        dyads = self.infer(recurrent, batch)
        updates = recurrent.pair(1, dyads.delta, dyads.mean, 1 / (self.beta * len(batch.x)))
        return Outcome(updates, self.predict(recurrent, batch.x), dyads.residual)

    def infer(self, network: Recurrent, batch: Batch) -> SaddleStates:
        """The dyads under nudging, from zero."""
        dyads, eps, out = SaddleStates(network, batch.x), self.damping(network), slice(-network.outputs, None)
        clamped = network.up(1, dyads.mean)

        def step() -> None:
            plus = clamped + network.across(dyads.mean)
            minus, error = plus.clone(), network.down(1, dyads.delta)
            both, pull = self.pulls(dyads.plus[1][:, out], dyads.minus[1][:, out], batch.y)
            for part, change in ((plus, both), (minus, both), (error, pull)):
                part[:, out] += change
            dyads.move(network, 1, (plus, minus), error, eps, 0.5)

        dyads.residual = self.settle([dyads.plus, dyads.minus], step)
        return dyads

    def free(self, network: Recurrent, x: Tensor) -> tuple[States, Tensor]:
        """s = f(W s + theta_0 x + b), and the residual."""
        s, eps = network.zeros("free", x), self.damping(network)
        clamped = network.up(1, s)

        def step() -> None:
            s[1] = leaky(s[1], clamped + network.across(s), 256 * eps, network.low, network.top)

        residual = self.settle([s], step)
        return s, residual

    def predict(self, network: Network, x: Tensor) -> Tensor:
        recurrent = cast(Recurrent, network)
        return self.free(recurrent, x)[0][1][:, -recurrent.outputs :]

    def damping(self, network: Network) -> float:
        """eps."""
        return self.eps if self.eps is not None else 1 / (1 + network.norm(1) ** 2)
