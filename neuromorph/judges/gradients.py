"""How far a rule's updates lie from backpropagation's, layer by layer (learning/alignment.py)."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch

from neuromorph.errors import RangeError
from neuromorph.learning.alignment import LayerComparison as LayerComparison  # a name of this package
from neuromorph.learning.faults import blamed, updates_of
from neuromorph.learning.network.network import Network, Updates
from neuromorph.learning.rule import Batch, Rule
from neuromorph.learning.rules.backpropagation import descent


@torch.no_grad()
def check_gradient(network: Network, rule: Rule, batch: Batch) -> list[LayerComparison]:
    """One record a connection, from the bottom up, of what the rule would change on this batch; rule and network stay as they are.

    Raises RangeError where backpropagation's gradient is zero, so that it has no direction, and for a rule without a loss; RuleError for
    one that fails.
    """
    if not rule.has_output:
        raise RangeError(f"{rule.name} trains no output and follows no loss; backpropagation has nothing to compare it with")
    with blamed(rule):
        outcome = copy.deepcopy(rule).step(network, batch)
    updates = updates_of(rule, outcome, dict(network.named_parameters()), batch)
    gradients = descent(network, rule, batch).updates
    return [_compared(k, updates, gradients) for k in range(1, len(network.connections) + 1)]


def worst_angle(layers: Sequence[LayerComparison]) -> float:
    """Degrees."""
    return max(layer.angle for layer in layers)


def _compared(k: int, updates: Updates, gradients: Updates) -> LayerComparison:
    name = f"connections.{k - 1}.weight"
    exact = gradients[name]
    if not exact.any():
        raise RangeError(
            f"the gradient of the weights into layer {k} is zero (a layer that is silent, or outputs that equal their targets); "
            "there is no direction to compare with: take other weights or other samples"
        )
    return LayerComparison.of(k, updates.get(name, torch.zeros_like(exact)), exact)
