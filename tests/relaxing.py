"""Small relaxing networks in float64, and the exact gradient of the loss at their free fixed point."""

import torch
from torch import Tensor, nn

from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network
from neuromorph.learning.registry import make_rule
from neuromorph.learning.relaxing.relaxation import RelaxationRule
from neuromorph.learning.rule import Batch
from neuromorph.phases import Bernoulli, Phase


class Fixed(Bernoulli):
    """A stream of phases of one kind."""

    def __init__(self, is_positive: bool, p: float) -> None:
        super().__init__(p)
        self.phase = Phase(is_positive, 1 / p if is_positive else 1 / (1 - p))

    def draw(self) -> Phase:
        return self.phase


def relaxing(name: str, **options: object) -> RelaxationRule:
    rule = make_rule(name, **options)
    assert isinstance(rule, RelaxationRule)
    return rule


def problem(
    rule: RelaxationRule, sizes: tuple[int, ...] = (5, 7, 6, 3), batch: int = 4, scale: float = 0.12
) -> tuple[Network, Batch]:
    """A network whose hidden units all lie between the ends of a hard sigmoid, and a batch for it."""
    network = rule.build(sizes).double()
    generator = torch.Generator().manual_seed(1)
    for k in range(1, network.depth + 1):
        connection = network.connection(k)
        weight = torch.randn(connection.weight.shape, generator=generator, dtype=torch.float64)
        connection.weight = nn.Parameter(scale * weight)
        connection.bias = nn.Parameter(torch.full_like(connection.bias, 0.5))
    x = torch.rand(batch, sizes[0], generator=generator, dtype=torch.float64)
    y = torch.rand(batch, sizes[-1], generator=generator, dtype=torch.float64)
    return network, Batch(x, y, torch.arange(batch))


def fixed_point(
    network: Network, x: Tensor, gain: float = 1.0, held: Tensor | None = None, sweeps: int = 200
) -> list[Tensor]:
    """The states of layers 0..L by sweeps through the equations, followed by autograd; `held`: the output."""
    states = [x, *[x.new_zeros(len(x), *network.connection(k).post) for k in range(1, network.depth + 1)]]
    if held is not None:
        states[-1] = held
    for _ in range(sweeps):
        for k in range(1, network.depth + (held is None)):
            drive = network.connection(k).up(states[k - 1])
            if k < network.depth:
                drive = drive + gain * network.connection(k + 1).down(states[k + 1])
            states[k] = network.activate(k, drive)
    return states


def descent(network: Network, mean: Tensor) -> dict[str, Tensor]:
    """Minus the gradient of a mean over the batch."""
    named = dict(network.named_parameters())
    return {name: -g for name, g in zip(named, torch.autograd.grad(mean, list(named.values())), strict=True)}


def loss_descent(network: Network, batch: Batch, loss: str = "squared", gain: float = 1.0) -> dict[str, Tensor]:
    output = fixed_point(network, batch.x, gain)[-1]
    return descent(network, make_loss(loss).value(output, batch.y).mean())  # type: ignore[arg-type]


def step(rule: RelaxationRule, network: Network, batch: Batch) -> dict[str, Tensor]:
    with torch.no_grad():
        return rule.step(network, batch).updates


def energy(network: Network, states: list[Tensor]) -> Tensor:
    """Of each sample: 1/2 |s|^2 - sum_k s_k^T (W_k s_(k-1) + b_k)."""
    value = torch.zeros(len(states[0]), dtype=states[0].dtype)
    for k in range(1, network.depth + 1):
        value = value + (states[k] * (states[k] / 2 - network.connection(k).up(states[k - 1]))).flatten(1).sum(1)
    return value


def distance(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    assert set(first) == set(second)
    return float(torch.stack([(first[name] - second[name]).norm() for name in first]).norm())


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor], tolerance: float = 1e-12) -> None:
    assert distance(first, second) <= tolerance * (
        1 + distance(second, {name: torch.zeros_like(g) for name, g in second.items()})
    )
