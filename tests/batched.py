"""Batched dual propagation for tests that hold plain lists of weights."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neuromorph.learning.network.activations import Clip
from neuromorph.learning.network.network import Network, mlp
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Batch
from neuromorph.learning.rules.dual_propagation import Compartments, DualPropagation


def network_of(weights: Sequence[Tensor], top: float = math.inf, feedback: Sequence[Tensor] | None = None) -> Network:
    """A network with these weights, no biases, and feedback[k] (layer k + 1, layer k + 2) where given."""
    sizes = [weights[0].shape[1], *[len(w) for w in weights]]
    network = mlp(sizes, feedback="tied" if feedback is None else "random").to(weights[0].dtype)
    network.activations[1:-1] = [Clip(0.0, top)] * (len(weights) - 1)
    for k, w in enumerate(weights, 1):
        network.connection(k).weight = nn.Parameter(w.clone())
    for k, b in enumerate(feedback or []):
        network.feedback.weights[k] = nn.Parameter(b.T.clone())
    return network


def settle(
    weights: Sequence[Tensor],
    x: Tensor,
    y: Tensor,
    *,
    beta: float,
    alpha: float = 0.5,
    variant: str = "dp",
    feedback: Sequence[Tensor] | None = None,
    top: float = math.inf,
    updates: int = 200,
) -> Compartments:
    """The states after parallel updates from zero."""
    rule = make_rule(variant, alpha=alpha, beta=beta, order="parallel", iterations=updates)
    assert isinstance(rule, DualPropagation)
    with torch.no_grad():
        return rule.infer(network_of(weights, top, feedback), Batch(x, y, torch.arange(len(x))))[0]


def plasticity(weights: Sequence[Tensor], dyads: Compartments, beta: float) -> list[Tensor]:
    """dW of every layer from these states."""
    with torch.no_grad():
        updates = DualPropagation(beta=beta).plasticity(network_of(weights), dyads)
    return [updates[f"connections.{k}.weight"] for k in range(len(weights))]
