"""Relaxation of a layered network toward a fixed point, and the rules that contrast two of its phases.

Layers 1..L settle under a clamped input, s_0 = x, each by the law of laws/hopfield.py::

    drive_k = W_k s_(k-1) + b_k + gain W_(k+1)^T s_(k+1),   drive_L = W_L s_(L-1) + b_L + push(s_L)
    s_k <- clip(s_k + eps (drive_k - s_k), low_k, top_k)

"synchronous": all layers from the states of the iteration before. "odd-even": layers 1, 3, 5, ... at once, then 2, 4, ...; an
iteration is both. The drive of the input is computed once a phase, for it does not change.

A rule contrasts phases of strengths b_plus > b_minus, one of which may be 0, the free phase::

    dtheta = <-dE/dtheta(s at b_plus) + dE/dtheta(s at b_minus)> / (b_plus - b_minus)

    nudge         b_plus, b_minus              error against the gradient at the free fixed point
    positive      beta, 0                      O(beta)
    negative      0, -beta                     O(beta)
    random-sign   one of both, drawn a batch   O(beta), O(beta^2) in the mean
    centred       beta, -beta                  O(beta^2); two phases besides the free one

Every nudged phase starts from the states of the free phase, which comes first.

Cross-entropy: the output is a readout outside the energy of the others, F = E(s_1 .. s_(L-1)) + b loss(softmax a_L), with
a_L = W_L s_(L-1) + b_L. The state of layer L is then its error, 0 in the free phase and else s_L <- push(a_L) = -b g(a_L): what it sends
down and learns from (s_L s_(L-1)^T = -b dloss/dW_L) is written as for any layer. Logits that fed back as states would, large as they
become, hold the hidden layers at their ends (on digits 38 % instead of 94 %).

Sources: equations.md sections 7 and 8; readout: Laborieux 2021.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from neuromorph.arithmetic.tensors import TENSORS
from neuromorph.errors import RangeError
from neuromorph.laws.hopfield import make_leaky
from neuromorph.learning.network.activations import ACTIVATIONS, Activation
from neuromorph.learning.network.connections import Convolution
from neuromorph.learning.network.network import Network, States, Updates, largest_changes
from neuromorph.learning.phases.terms import Term, TwoTermRule, added
from neuromorph.learning.rule import Batch, Outcome, Settings, check_bounds

leaky = make_leaky(TENSORS)

Order = Literal["synchronous", "odd-even"]
Nudge = Literal["positive", "negative", "random-sign", "centred"]


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """How the layers settle in one phase. `push`: on the output, given its state. `noise`: added to a drive, given that drive.

    `reads_out`: the output is a readout; `push` then gives its error, given its drive.
    """

    below: Tensor
    """W_1 x + b_1."""
    eps: float = 1.0
    order: Order = "synchronous"
    gain: float = 1.0
    push: Callable[[Tensor], Tensor] | None = None
    noise: Callable[[Tensor], Tensor] | None = None
    is_clamped: bool = False
    """The output stays where it is."""
    reads_out: bool = False

    def run(self, network: Network, states: States, steps: int) -> Tensor:
        """`steps` iterations on `states`; the largest change of a state of each layer in the last one."""
        groups = _groups(self.order, network.depth - self.is_clamped)
        choose_switches(network, states)
        before = list(states)
        for _ in range(steps):
            before = list(states)
            for group in groups:
                drives = [self.drive(network, k, states) for k in group]
                for k, drive in zip(group, drives, strict=True):
                    if self.noise and not (self.reads_out and k == network.depth):
                        drive = drive + self.noise(drive)
                    states[k] = leaky(states[k], drive, 256 * self.eps, *self.bounds(network, k))
        return largest_changes(before[1:], states[1:])

    def drive(self, network: Network, k: int, states: States) -> Tensor:
        """Of layer k."""
        drive = self.below if k == 1 else network.up(k, states)
        if k < network.depth:
            return torch.add(drive, network.down(k, states), alpha=self.gain)
        if self.reads_out:
            return torch.zeros_like(drive) if self.push is None else self.push(drive)
        return drive if self.push is None else drive + self.push(states[k])

    def bounds(self, network: Network, k: int) -> tuple[Any, Any]:
        """Where states of layer k end."""
        return network.bounds(k)


def _groups(order: Order, top: int) -> list[list[int]]:
    """Layers 1..top in the order of their updates, from above in a group: down(k) then finds the switches of up(k + 1)."""
    layers = range(top, 0, -1)
    if order == "synchronous":
        return [list(layers)]
    return [group for odd in (1, 0) if (group := [k for k in layers if k % 2 == odd])]


def choose_switches(network: Network, states: Sequence[Tensor]) -> None:
    """Have pooling connections between these states choose their maxima, for `down` and `pair` to go by."""
    for k in range(2, network.depth + 1):
        connection = network.connection(k)
        if isinstance(connection, Convolution) and connection.pool:
            network.up(k, states)


@dataclass(frozen=True)
class Clamp:
    """What the phases of a batch have in common: what its input layer is clamped to, in the place of x, and the drive `below` = W_1 x +
    b_1."""

    batch: Batch
    below: Tensor


@dataclass(kw_only=True)
class RelaxationRule(TwoTermRule):
    """Contrasts two phases of a relaxation."""

    eps: float = field(default=0.5, metadata={"help": "share of the way to its drive that a unit goes in an iteration"})
    order: Order = field(default="synchronous", metadata={"help": "layers all at once, or odd and even ones in turn"})
    free_steps: int = field(default=20, metadata={"help": "iterations of the free phase"})
    nudged_steps: int = field(default=4, metadata={"help": "iterations of each other phase"})

    hidden: ClassVar[Activation] = "hard-sigmoid"
    settings: ClassVar[Settings] = Settings(optimizer="sgd", rate=(0.1, 0.05), batch=20, epochs=25)

    def check(self) -> None:
        if not 0 < self.eps <= 1:
            raise RangeError(
                f"eps = {self.eps} is outside 0..1 (0 excluded): a unit goes that share of the way to its drive"
            )
        if min(self.free_steps, self.nudged_steps) < 1:
            raise RangeError(
                f"{self.free_steps} free and {self.nudged_steps} nudged iterations: each phase needs at least one"
            )

    def fits(self, network: Network) -> None:
        check_bounds(self.name, network)

    @property
    def reads_out(self) -> bool:
        """Whether the output is a readout."""
        return self.loss == "cross-entropy"

    @property
    def output(self) -> Activation:
        """Logits are not clipped."""
        return "linear" if self.reads_out else "hard-sigmoid"

    @abstractmethod
    def strengths(self) -> tuple[float, float]:
        """b_plus and b_minus of this update."""

    @abstractmethod
    def nudged(self, network: Network, clamp: Clamp, strength: float, states: States) -> Relaxation:
        """The relaxation of a phase that sees the target; it may put the output where it will be held."""

    def free(self, network: Network, clamp: Clamp) -> Relaxation:
        """The relaxation of a phase that does not."""
        return Relaxation(below=clamp.below, eps=self.eps, order=self.order, reads_out=self.reads_out)

    def relaxation(self, network: Network, clamp: Clamp, strength: float, states: States) -> Relaxation:
        return self.nudged(network, clamp, strength, states) if strength else self.free(network, clamp)

    def product(self, network: Network, k: int, post: States, pre: States, scale: float) -> Updates:
        """scale * post_k pre_(k-1)^T, summed over the batch."""
        return network.pair(k, post, pre, scale)

    def products(self, network: Network, states: States, scale: float) -> Updates:
        """- scale dE/dtheta, summed over the batch."""
        choose_switches(network, states)
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            updates |= self.product(network, k, states, states, scale)
        return updates

    def contrast(self, network: Network, first: States, second: States, scale: float) -> Updates:
        """- scale (dE/dtheta at first - dE/dtheta at second). Both have the same input: the lowest weights, which are most of them,
        take one product of the difference."""
        moved = network.states("difference", first[0])
        moved[1] = first[1] - second[1]
        updates = self.product(network, 1, moved, first, scale)
        for states, share in ((first, scale), (second, -scale)):
            choose_switches(network, states)
            for k in range(2, network.depth + 1):
                updates = added(updates, self.product(network, k, states, states, share))
        return updates

    def scores(self, network: Network, states: States) -> Tensor:
        """What the output says: its state, or the drive of a readout."""
        return network.up(network.depth, states) if self.reads_out else states[-1]

    def inputs(self, x: Tensor) -> Tensor:
        """What the input layer is clamped to."""
        return x

    def clamp(self, network: Network, batch: Batch) -> Clamp:
        x = self.inputs(batch.x)
        return Clamp(batch._replace(x=x), network.up(1, [x]))

    def rest(self, network: Network, clamp: Clamp, strength: float) -> States:
        """Where a phase of this strength begins that follows on none."""
        return network.zeros("rest", clamp.batch.x)

    def begun(self, network: Network, clamp: Clamp, strength: float, start: States) -> States:
        """The states of a new phase, as they were in another."""
        states = network.states("free" if strength == 0 else "nudged" if strength > 0 else "nudged against", clamp.batch.x)
        for k in range(1, network.depth + 1):
            states[k] = start[k]
        return states

    def phase(self, network: Network, clamp: Clamp, strength: float, start: States, steps: int, scale: float = 0.0) -> Term:
        """`steps` iterations from `start`; with a scale, what plasticity makes of their end."""
        states = self.begun(network, clamp, strength, start)
        residual = self.relaxation(network, clamp, strength, states).run(network, states, steps)
        return Term(self.products(network, states, scale) if scale else {}, states, self.scores(network, states), residual)

    def term(self, network: Network, batch: Batch, sign: int, start: States | None = None) -> Term:
        plus, minus = self.strengths()
        clamp, strength = self.clamp(network, batch), plus if sign > 0 else minus
        steps = self.free_steps if strength == 0 else self.nudged_steps if start else self.free_steps + self.nudged_steps
        scale = sign / ((plus - minus) * len(batch.x))
        return self.phase(network, clamp, strength, start or self.rest(network, clamp, strength), steps, scale)

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        plus, minus = self.strengths()
        clamp, scale = self.clamp(network, batch), 1 / ((plus - minus) * len(batch.x))
        free = self.phase(network, clamp, 0.0, self.rest(network, clamp, 0.0), self.free_steps)
        ends = {0.0: free.states}
        for strength in (plus, minus):
            if strength:
                ends[strength] = self.phase(network, clamp, strength, free.states, self.nudged_steps).states
        return Outcome(self.contrast(network, ends[plus], ends[minus], scale), free.output, free.residual)

    def predict(self, network: Network, x: Tensor) -> Tensor:
        """The output at the end of a free phase that begins at zero."""
        clamp = self.clamp(network, Batch(x, x.new_empty(0), x.new_empty(0)))
        states = network.zeros("free", clamp.batch.x)
        self.free(network, clamp).run(network, states, self.free_steps)
        return self.scores(network, states)


@dataclass(kw_only=True)
class NudgedRule(RelaxationRule):
    """A relaxation rule with a strength to choose."""

    nudge: Nudge = field(default="positive", metadata={"help": "which nudged phases there are"})
    beta: float = field(default=1.0, metadata={"help": "nudging strength"})
    seed: int = field(default=0, metadata={"help": "of random signs and noise"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._random = torch.Generator().manual_seed(self.seed)

    def check(self) -> None:
        super().check()
        if self.beta <= 0:
            raise RangeError(f"beta = {self.beta} is a size: give beta > 0, and its sign by nudge")

    def fits(self, network: Network) -> None:
        super().fits(network)
        if self.loss == "cross-entropy" and network.activations[-1] != ACTIVATIONS["linear"]:
            raise RangeError(
                f"{self.name} with cross-entropy nudges logits, and this network clips its output: "
                "build it with output linear, or take loss squared"
            )

    def strengths(self) -> tuple[float, float]:
        if self.nudge == "centred":
            return self.beta, -self.beta
        positive = self.nudge == "positive"
        if self.nudge == "random-sign":
            positive = bool(torch.randint(2, (), generator=self._random))
        return (self.beta, 0.0) if positive else (0.0, -self.beta)

    def state_dict(self) -> dict[str, Any]:
        return {"random": self._random.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._random.set_state(state["random"])
