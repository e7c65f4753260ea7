"""Small problems in float64 for rules that settle."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from neuromorph.learning.network.network import Network, Updates, mlp
from neuromorph.learning.rule import Batch, Outcome, Rule


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def problem(sizes: tuple[int, ...] = (6, 9, 8, 4), scale: float = 1.0, **options: Any) -> tuple[Network, Batch]:
    """Biases that are not zero, so that ReLUs of both kinds, silent and active, are there; `scale` times the first weights."""
    network = mlp(sizes, seed=1, **options).double()
    with torch.no_grad():
        for k in range(1, network.depth + 1):
            network.connection(k).weight.mul_(scale)
            network.connection(k).bias.add_(0.1 * draw(*network.connection(k).bias.shape, seed=k))
    y = draw(7, sizes[-1], seed=3).softmax(1)
    return network, Batch(draw(7, sizes[0], seed=2), y, torch.arange(7))


def stepped(rule: Rule, network: Network, batch: Batch) -> Outcome:
    with torch.no_grad():
        return rule.step(network, batch)


def same(first: Updates, second: Updates, tolerance: float) -> None:
    assert first.keys() == second.keys()
    for name, change in first.items():
        torch.testing.assert_close(change, second[name], rtol=0, atol=tolerance, msg=lambda m, name=name: f"{name}: {m}")


def descent(parameter: Tensor, value: Callable[[], float], place: tuple[int, ...], h: float) -> float:
    """Minus the central difference of the value by one entry."""
    old = parameter[place].item()
    with torch.no_grad():
        parameter[place] = old + h
        above = value()
        parameter[place] = old - h
        below = value()
        parameter[place] = old
    return (below - above) / (2 * h)
