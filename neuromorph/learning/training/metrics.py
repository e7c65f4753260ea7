"""What a training run tells of its layers, on one batch and without a trace in the run.

angle        degrees between a rule's update of weights k and backpropagation's, minus the gradient of the mean loss of what the
             rule predicts (backpropagation.py, `descent`; alignment.py)
norm_ratio   |update| / |backpropagation's update|
residual     largest change of a state of each layer in the last iteration of the relaxation (the rule's own figure)
saturation   share of a layer's units with f' = 0, at a bound of their activation (feed-forward states): errors do not pass
norm         |W_k|_2 of each layer, what it moves at most, to about a hundredth (power iteration, from below)
lipschitz    of the affine network, |W_L ... W_1|_2: what the output moves at most if no activation bends, so for f' <= 1 a scale and
             no bound; with convolutions the product of these norms

All of the weights that the rule infers with: few-valued ones, if it has these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neuromorph.learning.alignment import LayerComparison
from neuromorph.learning.faults import blamed
from neuromorph.learning.network.connections import Dense
from neuromorph.learning.network.network import Network
from neuromorph.learning.rule import Batch, Rule
from neuromorph.learning.rules.backpropagation import descent
from neuromorph.learning.training.optimizers import connection_of

ITERATIONS = 200
"""Of the power iteration for a norm."""


@torch.no_grad()
def measure(network: Network, rule: Rule, batch: Batch) -> dict[str, Any]:
    """All of the above; lists run from the bottom up. The rule's own state is as it was.

    A rule that follows no loss has no angles; a network without a forward pass to these targets (a recurrent one, say) neither
    saturation nor a Lipschitz constant.
    """
    with blamed(rule), rule.as_it_was():
        outcome = rule.step(network, batch)
    found: dict[str, Any] = {"residual": outcome.residual.tolist()}
    if rule.has_output:
        exact = descent(network, rule, batch).updates
        layers = [
            LayerComparison.of(connection_of(name) + 1, outcome.updates[name], g)
            for name, g in exact.items()
            if name.endswith("weight") and name in outcome.updates
        ]
        found["angle"] = [layer.angle for layer in layers]
        found["norm_ratio"] = [layer.ratio for layer in layers]
    if _feeds_forward(network, batch):
        with rule.inferring(network):
            norms = [network.connection(k).norm(ITERATIONS) for k in range(1, network.depth + 1)]
            found |= {"saturation": saturation(network, batch.x), "norm": norms, "lipschitz": lipschitz(network, norms)}
    return found


def _feeds_forward(network: Network, batch: Batch) -> bool:
    ends = math.prod(network.connection(1).pre), network.connection(network.depth).post
    return len(network.connections) == network.depth and ends == (batch.x[0].numel(), tuple(batch.y.shape[1:]))


def saturation(network: Network, x: Tensor) -> list[float]:
    """Of each layer 1..L."""
    shares = []
    for k in range(1, network.depth + 1):
        drive = network.connection(k).up(x)
        shares.append(float((network.slope(k, drive) == 0).float().mean()))
        x = network.activate(k, drive)
    return shares


@torch.no_grad()
def lipschitz(network: Network, norms: Sequence[float]) -> float:
    """`norms`: of each layer."""
    connections = [network.connection(k) for k in range(network.depth, 0, -1)]
    if not all(isinstance(connection, Dense) for connection in connections):
        return math.prod(norms)
    product: Tensor = connections[0].weight
    for connection in connections[1:]:
        product = product @ connection.weight
    return float(torch.linalg.matrix_norm(product, ord=2))
