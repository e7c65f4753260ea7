"""Backpropagation through PyTorch's autograd: the baseline, trained by the same trainer as every local rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.feedback import Tied
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network
from neuromorph.learning.rule import Batch, Outcome, Rule


def descent(network: Network, rule: Rule, batch: Batch) -> Outcome:
    """Minus the gradient of the mean loss of what `rule` predicts, by the weights that it infers with: through the forward pass, or
    step by step through the free relaxation of a rule that has one. Weights that the prediction does not read have gradient 0."""
    named = {name: p for name, p in network.named_parameters() if p.requires_grad and name.startswith("connections")}
    with rule.inferring(network), torch.enable_grad():
        output = rule.predict(network, batch.x)
        mean = make_loss(rule.loss).value(output, batch.y).mean()
        gradients = torch.autograd.grad(mean, list(named.values()), allow_unused=True, materialize_grads=True)
    updates = {name: g.neg_() for name, g in zip(named, gradients, strict=True)}
    for k in range(len(network.connections)):
        network.connection(k + 1).existing(updates[f"connections.{k}.weight"])
    return Outcome(updates, output.detach())


@dataclass(kw_only=True)
class Backpropagation(Rule):
    """dW = - d <loss> / dW, the mean over the batch. It reads everything: it is the judge, not a local rule.

    With an adversary the samples are first moved up their own loss by `attack`: x + attack * grad_x loss ("gradient", what Two Tales
    calls FGSM and the baseline of its table 1), or x + attack * sign(grad_x loss) ("sign", the method of that name). No clipping.
    """

    adversary: Literal["none", "gradient", "sign"] = field(
        default="none", metadata={"help": "moves samples up their own loss before they are learned"}
    )
    attack: float = field(default=0.5, metadata={"help": "step of the adversary"})

    name: ClassVar[str] = "backprop"
    source: ClassVar[str] = "Rumelhart, Hinton, Williams 1986"

    def check(self) -> None:
        if self.attack <= 0:
            raise RangeError(f"attack = {self.attack} moves samples down their loss or nowhere; give attack > 0")

    def fits(self, network: Network) -> None:
        if not isinstance(network.feedback, Tied):
            raise RangeError(
                "backprop sends errors through the transposed weights, and would not read a feedback of its own: leave tied; "
                "for feedback alignment take rule dp with this feedback"
            )

    def step(self, network: Network, batch: Batch) -> Outcome:
        return descent(network, self, batch._replace(x=self.attacked(network, batch)))

    def attacked(self, network: Network, batch: Batch) -> Tensor:
        if self.adversary == "none":
            return batch.x
        x = batch.x.detach().requires_grad_()
        with torch.enable_grad():
            (uphill,) = torch.autograd.grad(make_loss(self.loss).value(network(x), batch.y).sum(), x)
        return (x + self.attack * (uphill if self.adversary == "gradient" else uphill.sign())).detach()
