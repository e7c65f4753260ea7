"""Contrastive Hebbian learning and coupled learning: the output is held, not pushed, in the second phase.

    chl              s_L = y;                       dW_k = <s_k s_(k-1)^T clamped - the same free>
    chl-discounted   s_L = y, feedback times gamma; dW_k = gamma^(k-L) <s_k s_(k-1)^T clamped - the same free>
    coupled          s_L = free s_L - b g(free s_L);  dW_k = <s_k s_(k-1)^T at b_plus - at b_minus> / (b_plus - b_minus)

Hidden layers relax under the held output, from the free states; g = d loss / d output of each sample; db_k likewise. Relaxation and
strengths: relaxation.py.

chl: of a Hopfield network with hard sigmoids; the limit of EP for beta to infinity. It is not the gradient of a loss, and its phases may
fall into different basins. A clamped phase that begins at rest needs no free one.
chl-discounted: the equilibrium of a network whose feedback is weak, with a linear output. As gamma -> 0 the update tends to
backpropagation's for the squared error; the signal in layer k is of order gamma^(L-k), the noise of rounding is not, and the loop needs
about gamma |W|^2 < 1. Direct feedback reaches every layer at order gamma, and so do the changes of the layers below: no rates make up
for that.
coupled: P, N and C are nudge = positive, negative and centred, contrastive learning is beta = 1, positive. Its held phase needs the free
output, so that a term that begins at rest infers the free phase first. A held output stays within the bounds of its units. With
cross-entropy the output is a readout (relaxation.py), whose error is held: s_L = -b g(free a_L).

Sources: Movellan 1991; Xie and Seung 2003, eq. 1-9; Stern 2021 and Scellier 2023 (coupled learning in energy-based models).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from neuromorph.errors import RangeError
from neuromorph.learning.network.activations import Activation
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network, States, Updates
from neuromorph.learning.relaxing.relaxation import Clamp, NudgedRule, Relaxation, RelaxationRule
from neuromorph.learning.rule import check_discount


@dataclass(kw_only=True)
class ContrastiveHebbian(RelaxationRule):
    """CHL: free, then clamped."""

    nudged_steps: int = 20

    name: ClassVar[str] = "chl"
    source: ClassVar[str] = "Movellan 1991"

    def check(self) -> None:
        super().check()
        if self.loss != "squared":
            raise RangeError(f"{self.name} holds the output at the target and knows no {self.loss}; leave loss squared")

    def strengths(self) -> tuple[float, float]:
        return 1.0, 0.0

    def nudged(self, network: Network, clamp: Clamp, strength: float, states: States) -> Relaxation:
        states[network.depth] = clamp.batch.y
        return replace(self.free(network, clamp), is_clamped=True)


@dataclass(kw_only=True)
class DiscountedContrastive(ContrastiveHebbian):
    """CHL with feedback times gamma and learning rates that make up for it."""

    gamma: float = field(default=0.05, metadata={"help": "share of the feedback that arrives, above 0, at most 1"})
    eps: float = 1.0

    name: ClassVar[str] = "chl-discounted"
    source: ClassVar[str] = "Xie and Seung 2003"

    @property
    def output(self) -> Activation:
        return "linear"

    def check(self) -> None:
        super().check()
        if not 0 < self.gamma <= 1:
            raise RangeError(f"gamma = {self.gamma} is outside 0..1 (0 excluded): updates grow as gamma^(k - L)")

    def fits(self, network: Network) -> None:
        super().fits(network)
        check_discount(self.name, "gamma", self.gamma, network)

    def free(self, network: Network, clamp: Clamp) -> Relaxation:
        return replace(super().free(network, clamp), gain=self.gamma)

    def product(self, network: Network, k: int, post: States, pre: States, scale: float) -> Updates:
        return super().product(network, k, post, pre, scale * self.gamma ** (k - network.depth))


@dataclass(kw_only=True)
class Coupled(NudgedRule):
    """Coupled learning: the output is held a little nearer to the target than it was free."""

    nudged_steps: int = 20
    beta: float = 0.5

    name: ClassVar[str] = "coupled"
    source: ClassVar[str] = "Stern, Hexner, Rocks, Liu 2021"

    def nudged(self, network: Network, clamp: Clamp, strength: float, states: States) -> Relaxation:
        free = self.scores(network, states)
        moved = make_loss(self.loss).gradient(free, clamp.batch.y).mul_(-strength)
        states[network.depth] = moved if self.reads_out else network.activate(network.depth, free + moved)
        return replace(self.free(network, clamp), is_clamped=True)

    def rest(self, network: Network, clamp: Clamp, strength: float) -> States:
        found = super().rest(network, clamp, strength)
        return self.phase(network, clamp, 0.0, found, self.free_steps).states if strength else found
