"""Backpropagation through PyTorch's autograd: the baseline, trained by the same trainer as every local rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from neuromorph.learning.losses import make_loss
from neuromorph.learning.network import Network
from neuromorph.learning.rule import Batch, Outcome, Rule


@dataclass(kw_only=True)
class Backpropagation(Rule):
    """dW = - d <loss> / dW, the mean over the batch. It reads everything: it is the judge, not a local rule."""

    name: ClassVar[str] = "backprop"
    source: ClassVar[str] = "Rumelhart, Hinton, Williams 1986"

    def step(self, network: Network, batch: Batch) -> Outcome:
        named = {name: p for name, p in network.named_parameters() if p.requires_grad and name.startswith("connections")}
        with torch.enable_grad():
            output = network(batch.x)
            mean = make_loss(self.loss).value(output, batch.y).mean()
            gradients = torch.autograd.grad(mean, list(named.values()))
        return Outcome({name: g.neg_() for name, g in zip(named, gradients, strict=True)}, output.detach())
