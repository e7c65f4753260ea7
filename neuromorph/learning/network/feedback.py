"""How errors come down: Delta_k = B_k delta_(k+1), with B_k = W_(k+1)^T or something that nobody has to transport.

=============  ====================================  ================================================================
name           B_k (in the shape of W^T)             learning of B_k
=============  ====================================  ================================================================
tied           W_(k+1)^T                             none needed; weight transport
random         fixed, drawn like W from another seed  none: feedback alignment
direct         fixed, from the output to layer k      none: direct feedback alignment, Delta_k = B_k delta_L
kolen-pollack  its own, drawn like W                  the update of W, transposed; with equal weight decay (which it
                                                      needs), equal rate and optimiser W - B^T shrinks geometrically
sign           |R| * sign(W), R fixed                 follows the signs of W: one bit of transport
=============  ====================================  ================================================================

Source: equations.md section 14; Kolen and Pollack 1994, Lillicrap 2016, Noekland 2016, Liao 2016.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.learning.network.connections import Connection


class Feedback(nn.Module, ABC):
    """The way down through a network. Layer k takes its error from the layers above it."""

    @abstractmethod
    def down(self, k: int, s: Sequence[Tensor], above: Connection) -> Tensor:
        """Drive of layer k from the states s; `above` leads from layer k to layer k + 1."""

    def learn(self, k: int, product: Tensor) -> dict[str, Tensor]:
        """What this feedback changes when the weights into layer k change by `product`."""
        return {}


class Tied(Feedback):
    def down(self, k: int, s: Sequence[Tensor], above: Connection) -> Tensor:
        return above.down(s[k + 1])


class _Own(Feedback):
    """Feedback weights of its own, one for each connection but the first, in the shape of that connection's weight."""

    def __init__(self, connections: list[Connection], generator: torch.Generator, learned: bool) -> None:
        super().__init__()
        self.weights = nn.ParameterList(
            nn.Parameter(c.weight.std() * torch.randn(c.weight.shape, generator=generator), requires_grad=learned)
            for c in connections[1:]
        )


class Random(_Own):
    def __init__(self, connections: list[Connection], generator: torch.Generator) -> None:
        super().__init__(connections, generator, learned=False)

    def down(self, k: int, s: Sequence[Tensor], above: Connection) -> Tensor:
        return above.down(s[k + 1], self.weights[k - 1])


class KolenPollack(_Own):
    def __init__(self, connections: list[Connection], generator: torch.Generator) -> None:
        super().__init__(connections, generator, learned=True)

    def down(self, k: int, s: Sequence[Tensor], above: Connection) -> Tensor:
        return above.down(s[k + 1], self.weights[k - 1])

    def learn(self, k: int, product: Tensor) -> dict[str, Tensor]:
        return {} if k == 1 else {f"feedback.weights.{k - 2}": product.clone()}


class SignSymmetric(_Own):
    def __init__(self, connections: list[Connection], generator: torch.Generator) -> None:
        super().__init__(connections, generator, learned=False)

    def down(self, k: int, s: Sequence[Tensor], above: Connection) -> Tensor:
        return above.down(s[k + 1], self.weights[k - 1].abs() * above.weight.sign())


class Direct(Feedback):
    """From the output to every hidden layer at once; B_k normal, of the size of the first weights into the output."""

    def __init__(self, connections: list[Connection], generator: torch.Generator) -> None:
        super().__init__()
        (outputs,) = connections[-1].post
        size = connections[-1].weight.std()
        self.weights = nn.ParameterList(
            nn.Parameter(size * torch.randn(outputs, math.prod(c.post), generator=generator), requires_grad=False)
            for c in connections[:-1]
        )

    def down(self, k: int, s: Sequence[Tensor], above: Connection) -> Tensor:
        sent: Tensor = s[-1] @ self.weights[k - 1]
        return sent.view(-1, *above.pre)


def make_feedback(name: str, connections: list[Connection], seed: int) -> Feedback:
    """The feedback of that name; its own weights come from the seed, but not from the stream that drew the forward ones."""
    generator = torch.Generator().manual_seed(seed + 2**31)
    makers: dict[str, Callable[[list[Connection], torch.Generator], Feedback]] = {
        "random": Random,
        "direct": Direct,
        "kolen-pollack": KolenPollack,
        "sign": SignSymmetric,
    }
    if name == "tied":
        return Tied()
    if name not in makers:
        raise RangeError(f"unknown feedback {name!r}; {did_you_mean(name, ('tied', *makers))}")
    return makers[name](connections, generator)
