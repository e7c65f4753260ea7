"""How far a rule's updates lie from backpropagation's, layer by layer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.network import Network
from neuromorph.learning.rule import Batch, Rule
from neuromorph.learning.rules.backpropagation import descent
from neuromorph.learning.training.metrics import angle


@dataclass(frozen=True)
class LayerComparison:
    """The update of the weights into layer k against minus the gradient of the mean loss of what the rule predicts, through its
    relaxation if it has one. (Of a recurrent network: of its first and second weights.)

    `angle`: between both as vectors, in degrees, 0 to 180. `ratio`: of their norms, the rule's over backpropagation's. A rule that
    leaves these weights alone has cosine 0, angle 90, ratio 0.
    """

    layer: int
    angle: float
    cosine: float
    ratio: float


@torch.no_grad()
def compare(network: Network, rule: Rule, batch: Batch) -> list[LayerComparison]:
    """One record a connection, from the bottom up, of what the rule would change on this batch; rule and network stay as they are.

    Raises RangeError where backpropagation's gradient is zero, so that it has no direction, and for a rule without a loss.
    """
    if not rule.has_output:
        raise RangeError(f"{rule.name} trains no output and follows no loss; backpropagation has nothing to compare it with")
    updates = copy.deepcopy(rule).step(network, batch).updates
    gradients = descent(network, rule, batch).updates
    return [_compared(k, updates, gradients) for k in range(1, len(network.connections) + 1)]


def worst_angle(layers: Sequence[LayerComparison]) -> float:
    """Degrees."""
    return max(layer.angle for layer in layers)


def _compared(k: int, updates: dict[str, Tensor], gradients: dict[str, Tensor]) -> LayerComparison:
    name = f"connections.{k - 1}.weight"
    exact = gradients[name].double().flatten()
    size = float(exact.norm())
    if size == 0:
        raise RangeError(
            f"the gradient of the weights into layer {k} is zero (a layer that is silent, or outputs that equal their targets); "
            "there is no direction to compare with: take other weights or other samples"
        )
    update = updates[name].double().flatten() if name in updates else torch.zeros_like(exact)
    length = float(update.norm())
    if length == 0:
        return LayerComparison(k, 90.0, 0.0, 0.0)
    return LayerComparison(k, angle(update, exact), float(update @ exact) / (length * size), length / size)
