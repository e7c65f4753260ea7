"""Equilibrium propagation (EP): a Hopfield network relaxes, is nudged at its output, and learns from the difference.

    E = 1/2 |s|^2 - sum_k s_k^T (W_k s_(k-1) + b_k),   rho(s) = s in [low, top]  (laws/hopfield.py);   push on the output: -b g(s_L)
    dW_k = <s_k s_(k-1)^T at b_plus - the same at b_minus> / (b_plus - b_minus),   db_k likewise

with g = d loss / d output of each sample; phases, strengths, order and their errors: relaxation.py. As b -> 0 this is minus the
gradient of the loss at the free fixed point. Weights are symmetric with feedback tied; with another one there is no energy.

Loss: squared, y - s_L, or cross-entropy, whose linear output is a readout outside E: s_L = b (y - softmax a_L) (relaxation.py).

`persistent`: the free phase of a sample begins where its last one ended (persistent.py); prediction begins at zero.
`temperature` T > 0: Langevin dynamics, and products averaged over `averaged` more iterations after those of every phase; the noise
of dW grows as 1 / b. Prediction is without noise.

Continuous form: dW_k sums (s_k s_(k-1)^T at t + 1 - at t) / b over the iterations of the nudged phases, as a synapse does that
sees rates of change (STDP-like). With the weights fixed within a batch, as here, the sum telescopes to the rule of two phases.

Source: Scellier and Bengio 2017, eq. 1-12, appendix A (Langevin), table 2; centred: Laborieux 2021. Differences: the loss is
1/2 |s_L - y|^2, so beta = 1 is beta = 0.5 of the authors' code, and their rates are half of ours; the random sign of beta, the default
here, is their code's, not the paper's; particles are kept of the training set only, theirs also of the validation set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network, States, Updates
from neuromorph.learning.phases.terms import Term, added
from neuromorph.learning.relaxing.persistent import Particles
from neuromorph.learning.relaxing.relaxation import Clamp, Nudge, NudgedRule, Relaxation
from neuromorph.learning.rule import Batch, Outcome

AVERAGED = 20


@dataclass(kw_only=True)
class _Nudging(NudgedRule):
    """What both forms of EP share: hard sigmoids, and a push on the output against the loss."""

    nudge: Nudge = field(default="random-sign", metadata={"help": "which nudged phases there are"})

    source: ClassVar[str] = "Scellier and Bengio 2017, eq. 1-12, table 2"

    def nudged(self, network: Network, clamp: Clamp, strength: float, states: States) -> Relaxation:
        gradient = make_loss(self.loss).gradient
        return replace(self.free(network, clamp), push=lambda output: gradient(output, clamp.batch.y).mul_(-strength))


@dataclass(kw_only=True)
class EquilibriumPropagation(_Nudging):
    """The rule of two phases."""

    persistent: bool = field(default=False, metadata={"help": "a sample's free phase begins where its last one ended"})
    temperature: float = field(default=0.0, metadata={"help": "of Langevin dynamics; 0: none"})
    averaged: int = field(
        default=AVERAGED, metadata={"help": "with a temperature: iterations after a phase that plasticity averages"}
    )

    name: ClassVar[str] = "ep"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._particles = Particles()

    def check(self) -> None:
        super().check()
        if self.temperature < 0:
            raise RangeError(f"temperature = {self.temperature}: give 0 (no noise) or more")
        if self.averaged < 1:
            raise RangeError(f"averaged = {self.averaged}: plasticity needs at least one iteration to see")
        if self.temperature == 0 and self.averaged != AVERAGED:
            raise RangeError(
                f"averaged = {self.averaged} would not be used: without noise there is nothing to average; set temperature too"
            )

    @property
    def indivisible(self) -> str:
        return "noise is drawn for a batch, not for its samples" if self.temperature else super().indivisible

    def relaxation(self, network: Network, clamp: Clamp, strength: float, states: States) -> Relaxation:
        found = super().relaxation(network, clamp, strength, states)
        return replace(found, noise=self._noise) if self.temperature else found

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        if not self.temperature:
            return super().step(network, batch)
        plus, minus = self.strengths()
        clamp, scale = self.clamp(network, batch), 1 / ((plus - minus) * len(batch.x))
        scales = {plus: scale, minus: -scale}
        free = self.phase(network, clamp, 0.0, self.rest(network, clamp, 0.0), self.free_steps, scales.pop(0.0, 0.0))
        updates = free.updates
        for strength, share in scales.items():
            updates = added(updates, self.phase(network, clamp, strength, free.states, self.nudged_steps, share).updates)
        return Outcome(updates, free.output, free.residual)

    def _noise(self, drive: Tensor) -> Tensor:
        normal = torch.randn(drive.shape, generator=self._random).to(drive)
        return normal.mul_(math.sqrt(2 * self.temperature / self.eps))

    def rest(self, network: Network, clamp: Clamp, strength: float) -> States:
        found = super().rest(network, clamp, strength)
        return self._particles.fetch(clamp.batch.places, found) if self.persistent else found

    def phase(self, network: Network, clamp: Clamp, strength: float, start: States, steps: int, scale: float = 0.0) -> Term:
        if self.temperature:
            found = self._averaged(network, clamp, strength, start, steps, scale)
        else:
            found = super().phase(network, clamp, strength, start, steps, scale)
        if self.persistent and strength == 0:
            self._particles.keep(clamp.batch.places, found.states)
        return found

    def _averaged(self, network: Network, clamp: Clamp, strength: float, start: States, steps: int, scale: float) -> Term:
        """Products and output in the mean of iterations that follow on the phase."""
        found = super().phase(network, clamp, strength, start, steps)
        updates: Updates = {}
        output = torch.zeros_like(found.output)
        for _ in range(self.averaged):
            found = super().phase(network, clamp, strength, found.states, 1, scale / self.averaged)
            updates = added(updates, found.updates)
            output = output + found.output / self.averaged
        return Term(updates, found.states, output, found.residual)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"particles": self._particles.layers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._particles.layers = [layer.clone() for layer in state["particles"]]


@dataclass(kw_only=True)
class ContinuousEquilibrium(_Nudging):
    """The form that learns at every iteration of the nudged phases."""

    name: ClassVar[str] = "ep-continuous"

    def term(self, network: Network, batch: Batch, sign: int, start: States | None = None) -> Term:
        raise RangeError("ep-continuous learns from changes within a phase, and has no two terms to draw from; take ep")

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        plus, minus = self.strengths()
        clamp = self.clamp(network, batch)
        free = self.phase(network, clamp, 0.0, self.rest(network, clamp, 0.0), self.free_steps)
        updates: Updates = {}
        for strength in (plus, minus):
            if strength:
                scale = math.copysign(1 / ((plus - minus) * len(batch.x)), strength)
                updates = added(updates, self._changes(network, clamp, strength, free.states, scale))
        return Outcome(updates, free.output, free.residual)

    def _changes(self, network: Network, clamp: Clamp, strength: float, start: States, scale: float) -> Updates:
        """The sum over the iterations of one nudged phase of scale (s_k s_(k-1)^T at t + 1 - at t)."""
        states = self.begun(network, clamp, strength, start)
        relaxation = self.relaxation(network, clamp, strength, states)
        updates: Updates = {}
        for _ in range(self.nudged_steps):
            updates = added(updates, self.products(network, states, -scale))
            relaxation.run(network, states, 1)
            updates = added(updates, self.products(network, states, scale))
        return updates
