"""Dual propagation (DP) and DP-transpose in batches: layers of dyads, with any order of their updates.

Layer k = 1..L holds compartments s_plus, s_minus, their mean and their difference (convention of alpha: laws/dyad.py)::

    mean_k = alpha s_plus_k + (1 - alpha) s_minus_k,   delta_k = s_plus_k - s_minus_k,   mean_0 = x
    a_k = W_k mean_(k-1) + b_k,   Delta_k = W_(k+1)^T delta_(k+1)
    hidden   s_plus_k = f(a_k + nudge Delta_k),  s_minus_k = f(a_k - (1 - nudge) Delta_k)
    output   Delta_L = -beta g(a_L),  s_plus_L = a_L + nudge Delta_L,  s_minus_L = a_L - (1 - nudge) Delta_L
    dW_k = <delta_k mean_(k-1)^T> / beta,   db_k = <delta_k> / beta

nudge = alpha for DP, 1 - alpha for DP-transpose; g = d loss / d output of each sample. delta points downhill, and dW -> -d loss/dW
as beta -> 0 (exactly, while no neuron is pushed over a bend of f) for alpha = 1/2 and for DP-transpose at any alpha.

Exact squared-error nudging of DP, s_plus_L = (a_L + alpha beta y) / (1 + alpha beta), s_minus_L = (a_L - abar beta y) /
(1 - abar beta) with abar = 1 - alpha, is the linearised one with other constants: Delta_L = beta (y - a_L) / ((1 + alpha beta)
(1 - abar beta)), nudge = alpha (1 - abar beta). It has a pole at abar beta = 1.

Damping (Two Tales eq. 50): drives become (a_k + h s_plus_k) / (1 + h) and (a_k + h s_minus_k) / (1 + h), errors Delta_k / (1 + h), with
h = max(0, (|W_(k+1)|^2 - 1) / 2) |1 - 2 alpha|: the same fixed points, reached in many networks where undamped updates diverge. Not in
all: at alpha = 0, and in deep networks of large weights at alpha = 1, states may still grow without bound; the residual tells. The norm
is not local to a synapse.

Input layer (`input_layer`, extended DP; section 5 of equations.md): the input may give way too, s_plus_0 = x + alpha Delta_0, s_minus_0 =
x - (1 - alpha) Delta_0, Delta_0 = W_1^T delta_1, so mean_0 = x + (2 alpha - 1) Delta_0: at alpha = 0 an attack up the loss by beta,
at 1/2 x. DP-transpose has no such layer, for its mean would be x at every alpha.

Orders, each `iterations` long: "forward-backward" (a forward pass, then repeat: output, layers downward; with more than one
iteration preceded by layers upward; one iteration updates every neuron twice and is the cheapest), "parallel" (all layers from
copies of the states before, from zero, the output nudged from the L-th update on) and "random" (from zero, one layer at a time,
drawn uniformly; an iteration is L draws).

Sources: Two Tales eq. 1-3 (DP), 16-22 (DP-transpose), 45 (LPOM), 50 (damping). Differences: the authors' damped code recomputes
norms by three power iterations, here ten; switches of pooling follow the mean, theirs s_plus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from neuromorph.arithmetic.tensors import TENSORS
from neuromorph.errors import RangeError
from neuromorph.laws.dyad import make_mean, make_nudged
from neuromorph.learning.network.feedback import Tied
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network, States, Updates, largest_changes
from neuromorph.learning.relaxing.relaxation import choose_switches
from neuromorph.learning.rule import Batch, Outcome, Rule, check_bounds, check_share

nudged = make_nudged(TENSORS)
mean_of = make_mean(TENSORS)

Order = Literal["forward-backward", "parallel", "random"]


@dataclass
class Compartments:
    """The compartments of all layers, and how far the last update moved them."""

    plus: States
    minus: States
    mean: States
    delta: States
    residual: Tensor = torch.zeros(0)  # noqa: RUF009 (never written to)

    @classmethod
    def of(cls, network: Network, x: Tensor) -> Compartments:
        plus, minus, mean, delta = (network.zeros(name, x) for name in ("s_plus", "s_minus", "mean", "delta"))
        return cls(plus, minus, mean, delta)


@dataclass(kw_only=True)
class DualPropagation(Rule):
    """DP: nudge = alpha."""

    alpha: float = field(default=0.5, metadata={"help": "weight of s_plus in the mean, 0..1"})
    beta: float = field(default=0.5, metadata={"help": "nudging strength"})
    nudging: Literal["linear", "exact"] = field(
        default="linear", metadata={"help": "exact: squared error solved, not linearised"}
    )
    order: Order = field(default="forward-backward", metadata={"help": "in which layers are updated"})
    iterations: int = field(default=1, metadata={"help": "how often all layers are"})
    damped: bool = field(default=False, metadata={"help": "smaller steps, by norms of weights: more networks settle"})
    input_layer: bool = field(default=False, metadata={"help": "extended DP: the input is a dyad too"})
    seed: int = field(default=0, metadata={"help": "of the random order"})

    name: ClassVar[str] = "dp"
    source: ClassVar[str] = "Two Tales eq. 1-3; Dual Propagation (ICML 2023)"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._random = torch.Generator().manual_seed(self.seed)

    def check(self) -> None:
        check_share("alpha", self.alpha, "mean = alpha s_plus + (1 - alpha) s_minus")
        if self.beta <= 0:
            raise RangeError(f"beta = {self.beta} nudges nothing or uphill; give beta > 0")
        if self.iterations < 1:
            raise RangeError(f"{self.iterations} iterations infer nothing; give at least 1")
        if self.nudging == "exact":
            self._check_exact()
        if self.input_layer and self.alpha == 0.5:
            raise RangeError("input_layer changes nothing at alpha = 0.5: the mean of its nudged input is the input")
        if self.input_layer and self.order != "forward-backward":
            raise RangeError(f"the input layer is nudged in the forward-backward order only, not in {self.order!r}")

    def fits(self, network: Network) -> None:
        if self.damped:  # which keeps the fixed points of clips alone
            check_bounds(self.name, network)
        if self.input_layer and not isinstance(network.feedback, Tied):
            raise RangeError("the input layer is nudged through the transposed first weights: it needs tied feedback")
        way = 2 * network.depth - 1
        if self.order != "forward-backward" and self.iterations < way:
            raise RangeError(
                f"{self.iterations} iterations in order {self.order}: states begin at zero, and {network.depth} layers take {way} "
                f"updates up and down again until the lowest has an error; give iterations >= {way}"
            )

    def _check_exact(self) -> None:
        if self.loss != "squared":
            raise RangeError(f"exact nudging solves the squared error; with loss {self.loss} use nudging linear")
        if (1 - self.alpha) * self.beta >= 1:
            raise RangeError(
                f"exact nudging has a pole at (1 - alpha) beta = 1; alpha = {self.alpha}, beta = {self.beta} lies at or beyond it: "
                "lower beta, raise alpha, or use nudging linear"
            )

    @property
    def nudge(self) -> float:
        """Share of Delta that lifts s_plus."""
        return self.alpha

    def step(self, network: Network, batch: Batch) -> Outcome:
        dyads, output = self.infer(network, batch)
        return Outcome(self.plasticity(network, dyads), output, dyads.residual)

    @torch.no_grad()
    def plasticity(self, network: Network, dyads: Compartments) -> Updates:
        scale = 1 / (self.beta * dyads.mean[0].shape[0])
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            updates |= network.pair(k, dyads.delta, dyads.mean, scale)
        return updates

    @torch.no_grad()
    def infer(self, network: Network, batch: Batch) -> tuple[Compartments, Tensor]:
        """The dyads under nudging, and the output before it."""
        if self.order == "forward-backward":
            return self._forward_backward(network, batch)
        dyads, layers = Compartments.of(network, batch.x), range(1, network.depth + 1)
        damping, clamped = self._damping(network), network.up(1, dyads.mean)
        choose_switches(network, dyads.mean)  # random order may ask for a way down before any for the way up
        for t in range(self.iterations):
            before = [*dyads.plus[1:], *dyads.minus[1:]]
            if self.order == "parallel":
                drives = {1: clamped} | {k: network.up(k, dyads.mean) for k in layers[1:]}
                errors = {k: self._error(network, k, dyads, batch, drives[k], t + 1 >= network.depth) for k in layers}
                for k in layers:
                    self._update(network, k, dyads, drives[k], errors[k], damping)
            else:
                for k in (torch.randint(network.depth, (network.depth,), generator=self._random) + 1).tolist():
                    drive = clamped if k == 1 else network.up(k, dyads.mean)
                    self._update(network, k, dyads, drive, self._error(network, k, dyads, batch, drive), damping)
            dyads.residual = largest_changes(before, [*dyads.plus[1:], *dyads.minus[1:]], 2)
        output = self.predict(network, batch.x)
        choose_switches(network, dyads.mean)  # plasticity goes by the mean, not by the forward pass
        return dyads, output

    def _forward_backward(self, network: Network, batch: Batch) -> tuple[Compartments, Tensor]:
        plus, minus, mean, delta = (network.states(name, batch.x) for name in ("s_plus", "s_minus", "mean", "delta"))
        dyads, top = Compartments(plus, minus, mean, delta), network.depth
        drives = {}
        for k in range(1, top + 1):
            drives[k] = network.up(k, mean)
            mean[k] = plus[k] = minus[k] = network.activate(k, drives[k])
        output, damping = drives[top], self._damping(network)
        clamped = drives[1] if self.iterations > 1 and not self.input_layer else None
        for t in range(self.iterations):
            before = [*plus[1:], *minus[1:]] if self.iterations > 1 else []
            if t > 0:
                for k in range(1, top):
                    drives[k] = clamped if k == 1 and clamped is not None else network.up(k, mean)
                    self._update(network, k, dyads, drives[k], network.down(k, delta), damping)
                drives[top] = network.up(top, mean)
            for k in range(top, 0, -1):
                drive = drives.pop(k)  # on the way down nothing below has changed; and memory that is free again stays warm
                self._update(network, k, dyads, drive, self._error(network, k, dyads, batch, drive), damping)
            if self.input_layer:
                self._update(network, 0, dyads, batch.x, network.down(0, delta), damping)
            if before:
                dyads.residual = largest_changes(before, [*dyads.plus[1:], *dyads.minus[1:]], 2)
        return dyads, output

    def _error(
        self, network: Network, k: int, dyads: Compartments, batch: Batch, drive: Tensor, is_nudged: bool = True
    ) -> Tensor:
        """Delta_k."""
        if k < network.depth:
            return network.down(k, dyads.delta)
        if not is_nudged:
            return torch.zeros_like(drive)
        return make_loss(self.loss).gradient(drive, batch.y).mul_(-self._output_beta())

    def _output_beta(self) -> float:
        if self.nudging == "linear":
            return self.beta
        return self.beta / ((1 + self.alpha * self.beta) * (1 - (1 - self.alpha) * self.beta))

    def _output_nudge(self) -> float:
        return self.nudge if self.nudging == "linear" else self.alpha * (1 - (1 - self.alpha) * self.beta)

    def _update(
        self, network: Network, k: int, dyads: Compartments, drive: Tensor, error: Tensor, damping: Mapping[int, float]
    ) -> None:
        """Both compartments of layer k, mean and difference, by the law of the dyad; the difference takes the memory of the error."""
        hold = damping.get(k, 0.0)
        drive_plus = drive_minus = drive
        if hold:
            drive_plus, drive_minus = ((drive + hold * s[k]) / (1 + hold) for s in (dyads.plus, dyads.minus))
            error.div_(1 + hold)
        share = self._output_nudge() if k == network.depth else self.nudge
        plus, minus = nudged(drive_plus, drive_minus, error, 256 * share)
        dyads.plus[k], dyads.minus[k] = network.activate_(k, plus), network.activate_(k, minus)
        dyads.delta[k] = torch.sub(dyads.plus[k], dyads.minus[k], out=error)
        dyads.mean[k] = mean_of(dyads.minus[k], dyads.delta[k], 256 * self.alpha)

    def _damping(self, network: Network) -> dict[int, float]:
        if not self.damped:
            return {}
        share = abs(1 - 2 * self.alpha)
        lowest = 0 if self.input_layer else 1
        return {k: share * max(0.0, (network.norm(k + 1) ** 2 - 1) / 2) for k in range(lowest, network.depth)}

    def state_dict(self) -> dict[str, Any]:
        return {"random": self._random.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._random.set_state(state["random"])


@dataclass(kw_only=True)
class DPTranspose(DualPropagation):
    """DP-transpose: nudge = 1 - alpha, so that the mean is free of feedback to first order at every alpha."""

    name: ClassVar[str] = "dp-transpose"
    source: ClassVar[str] = "Two Tales eq. 16-22"

    def check(self) -> None:
        super().check()
        if self.input_layer:
            raise RangeError(
                "input_layer changes nothing in dp-transpose: the mean of its nudged input is the input; take dp"
            )

    def _check_exact(self) -> None:
        raise RangeError("exact nudging belongs to dp; dp-transpose is linear in its output error by construction")

    @property
    def nudge(self) -> float:
        return 1 - self.alpha


@dataclass(kw_only=True)
class LiftedProximal(DualPropagation):
    """LPOM: DP at alpha = 1 with damped iterations, where s_minus_k = f(a_k) is maximised out (Two Tales app. F).

    Its updates are minus the gradient of the lifted objective with the loss itself at the output, so nudging is exact by default; with
    cross-entropy it can only be linear.
    """

    alpha: float = 1.0
    nudging: Literal["linear", "exact"] = "exact"
    iterations: int = 15
    damped: bool = True

    name: ClassVar[str] = "lpom"
    source: ClassVar[str] = "Two Tales appendix F, eq. 45 and 50"
    broadcasts: ClassVar[tuple[str, ...]] = ("norm",)
    required: ClassVar[float] = 1.0

    def check(self) -> None:
        super().check()
        if self.alpha != self.required:
            raise RangeError(
                f"{self.name} is dp at alpha = {self.required:g}; for another alpha ask for dp with damped = true"
            )


@dataclass(kw_only=True)
class InvertedLiftedProximal(LiftedProximal):
    """Inverted LPOM: DP at alpha = 0 with damped iterations, where s_plus_k = f(a_k) is minimised out."""

    alpha: float = 0.0

    name: ClassVar[str] = "lpom-inverted"
    required: ClassVar[float] = 0.0
