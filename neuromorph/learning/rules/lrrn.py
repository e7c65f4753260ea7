"""Lifted regression/reconstruction networks (LRRN) in batches: each pair of layers is an auto-encoder; and the proximal form.

    E(s; x) = sum_k c_k [ 1/2 |s_k - W_k s_(k-1) - b_k|^2 + kappa_k / 2 |s_(k-1) - W_k^T s_k|^2 ],   low_k <= s_k <= top_k

k = 1..L, s_0 = x, c_k = discount^(k - L); kappa_k = kappa for hidden layers, and 0 for the output, which only regresses. E is convex
in all states together. With the residuals error_k = s_k - W_k s_(k-1) - b_k and miss_k = s_k - W_(k+1)^T s_(k+1), a step goes
down the layers k = L..1, each from the newest states of its neighbours, by the law of laws/residual.py::

    prediction_k = W_k (s_(k-1) + kappa_k miss_(k-1)) + b_k,   pull_k = discount (W_(k+1)^T error_(k+1) - kappa_(k+1) miss_k)
    s_k <- clip(s_k + eps_k (prediction_k + pull_k - s_k), low_k, top_k),   output: pull_L = -beta g(s_L), or clamped (lifted.py)
    eps_k = 1 / (1 + kappa_k |W_k|^2 + discount (kappa_(k+1) + |W_(k+1)|^2)), with which no step raises the energy

Learning contrasts a phase that sees the target with a free one (contrastive Hebbian learning; the gradient of the loss at the free
minimum as beta -> 0)::

    dW_k = c_k <error_k s_(k-1)^T + kappa_k s_k miss_(k-1)^T>, db_k = c_k <error_k>,  phase with target - free phase, all / beta

Both phases begin at the forward pass and, with tolerance 0, are equally long: what has not settled yet is the same in both and
cancels. (A phase that began where the free one ended would be settled further, and 1 / beta times that difference, learned, makes
weights grow without end.)

Hidden layers never lengthen a change of the layer below by more than (1 + kappa) / (2 sqrt(kappa)), 1 at kappa = 1, whatever
the weights. kappa = 0 is the proximal form ("prox", ReLU as a projection). Where a unit is cut off its residual is not 0,
so the energy of the free phase is not either, and the plain lifted form, which leaves that phase out, would learn it away.

Source: Lifted Regression/Reconstruction Networks (BMVC 2020); thesis eq. 3.15 and section 5.1. The paper's weights of the terms were not
at hand: structure from the thesis. Differences: no bias in the reconstruction, the output does not reconstruct.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.connections import Convolution
from neuromorph.learning.network.feedback import Tied
from neuromorph.learning.network.network import Network, States, Updates
from neuromorph.learning.phases.terms import Term, TwoTermRule, added
from neuromorph.learning.rule import Batch, Outcome, Settings, check_bounds, check_discount
from neuromorph.learning.rules.lifted import QuadraticRule, unit


@dataclass(kw_only=True)
class Lrrn(QuadraticRule, TwoTermRule):
    """Two inferences of `steps` steps each, both from the forward pass."""

    kappa: float = field(default=1.0, metadata={"help": "weight of the reconstruction"})
    discount: float = field(default=1.0, metadata={"help": "energy of a layer over that of the layer below, at most 1"})

    name: ClassVar[str] = "lrrn"
    source: ClassVar[str] = "Lifted Regression/Reconstruction Networks (BMVC 2020); thesis section 5.1"
    settings: ClassVar[Settings] = replace(QuadraticRule.settings, weight_decay=1e-3)
    """Decay, for weights from inputs that are always 0 reconstruct noise, which Adam makes as large as everything else."""

    def check(self) -> None:
        super().check()
        if self.kappa < 0:
            raise RangeError(f"kappa = {self.kappa} rewards a bad reconstruction; give kappa >= 0")
        if not 0 < self.discount <= 1:
            raise RangeError(f"discount = {self.discount} is outside 0..1 (0 excluded): feedback is weaker than drive by it")

    def fits(self, network: Network) -> None:
        super().fits(network)
        check_bounds(self.name, network)
        check_discount(self.name, "discount", self.discount, network)
        if self.kappa and not isinstance(network.feedback, Tied):
            raise RangeError(
                f"{self.name} reconstructs with the transpose of the weights that regress: build the network with feedback tied, or "
                "take rule prox"
            )
        connections = [network.connection(k) for k in range(1, network.depth)]
        if self.kappa and any(isinstance(c, Convolution) and c.pool for c in connections):
            raise RangeError(
                f"{self.name} reconstructs what its weights were given, and pooling has chosen from that: take convolutions without "
                "pooling, or rule prox"
            )

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        free, other = (self.term(network, batch, sign) for sign in (-1, +1))
        return Outcome(added(free.updates, other.updates), free.output, free.residual)

    def term(self, network: Network, batch: Batch, sign: int, start: States | None = None) -> Term:
        states, residual = self.infer(network, batch.x, batch.y if sign > 0 else None, start)
        return Term(self.plasticity(network, states, sign * self.scale(batch)), states, states[-1], residual)

    def infer(
        self, network: Network, x: Tensor, y: Tensor | None = None, start: States | None = None
    ) -> tuple[States, Tensor]:
        """The states after all steps from `start` or from the forward pass, free or with a target; and the residual."""
        s = network.states("free" if y is None else "with target", x)
        error, miss, sent = (network.states(name, x) for name in ("error", "miss", "sent"))
        clamped = network.up(1, s)
        for k in range(1, network.depth + 1):
            s[k] = start[k] if start else network.activate(k, clamped if k == 1 else network.up(k, s))
        rates = self.rates(network)

        def step() -> None:
            for k in range(network.depth, 0, -1):
                self.move(network, k, s, (error, miss, sent), clamped, y, rates[k])

        residual = self.settle([s], step)
        return s, residual

    def move(
        self,
        network: Network,
        k: int,
        s: States,
        others: tuple[States, States, States],
        clamped: Tensor,
        y: Tensor | None,
        rate: float,
    ) -> None:
        """One step of layer k."""
        error, miss, sent = others
        if k == network.depth:
            prediction = network.up(k, s)
            s[k] = prediction if y is None else self.move_output(s[k], prediction, y)[0]
            return
        prediction = clamped
        if self.kappa:
            miss[k - 1] = s[k - 1] - network.down(k - 1, s)
            sent[k - 1] = torch.add(s[k - 1], miss[k - 1], alpha=self.kappa)
            prediction = network.up(k, sent)
        elif k > 1:
            prediction = network.up(k, s)
        error[k + 1] = s[k + 1] - network.up(k + 1, s)
        pull = network.down(k, error)
        if self.kappa and k + 1 < network.depth:
            miss[k] = s[k] - network.down(k, s)
            pull = torch.sub(pull, miss[k], alpha=self.kappa)
        s[k], _ = unit(s[k], prediction, self.discount * pull, rate, *network.bounds(k))

    def plasticity(self, network: Network, s: States, scale: float) -> Updates:
        error, miss = network.states("error", s[0]), network.states("miss", s[0])
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            weight = scale * self.discount ** (k - network.depth)
            error[k] = s[k] - network.up(k, s)
            updates |= network.pair(k, error, s, weight)
            if self.kappa and k < network.depth:
                miss[k - 1] = s[k - 1] - network.down(k - 1, s)
                reconstruction = network.pair(k, s, miss, weight * self.kappa)
                del reconstruction[f"connections.{k - 1}.bias"]
                updates = added(updates, reconstruction)
        return updates

    def rates(self, network: Network) -> list[float]:
        """256 eps of layers 0..L; the output is moved by `move_output`."""
        if self.eps is not None:
            return [256 * self.eps] * (network.depth + 1)
        top = network.depth
        norms = [0.0, *(network.norm(k) ** 2 for k in range(1, top + 1))]
        kappas = [0.0, *[self.kappa] * (top - 1), 0.0]
        hidden = [256 / (1 + kappas[k] * norms[k] + self.discount * (kappas[k + 1] + norms[k + 1])) for k in range(1, top)]
        return [256.0, *hidden, 256.0]

    def predict(self, network: Network, x: Tensor) -> Tensor:
        return self.infer(network, x)[0][-1]


@dataclass(kw_only=True)
class Proximal(Lrrn):
    """kappa = 0: states are only regressed, and projected onto what their activation can give."""

    kappa: float = 0.0

    name: ClassVar[str] = "prox"
    source: ClassVar[str] = "Zach and Estellers 2019; thesis eq. 3.15"

    def check(self) -> None:
        super().check()
        if self.kappa != 0:
            raise RangeError(f"prox is lrrn without reconstruction, kappa = 0; for kappa = {self.kappa:g} ask for lrrn")
