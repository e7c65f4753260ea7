"""What lies between two layers: a linear map, its transpose, and the product of both ends that plasticity asks for.

Every connection is three methods that no autograd is needed for::

    up(s)              drive of the layer above:  W s + b           (convolution: pooled, switches kept)
    down(delta, W)     drive of the layer below:  W^T delta         (convolution: unpooled first)
    pair(post, pre)    sums over the batch of post pre^T and post   (convolution: unpooled first)

`down` and `pair` are the derivatives of <up(s), delta> by s and by W. For a pooling convolution they use the switches
(positions of the maxima) of its latest `up`, so a rule calls `up` with the state that plasticity will see.
Convention: weights[post, pre]; a mini-batch is the first axis.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from neuromorph.errors import RangeError, did_you_mean

Start = Literal["glorot", "lecun", "he", "uniform"]
"""How first weights are drawn: Glorot uniform +-sqrt(6 / (in + out)); LeCun normal of variance 1 / in; He normal, 2 / in;
uniform +-sqrt(1 / in)."""


def first_weights(shape: tuple[int, ...], start: Start, generator: torch.Generator) -> Tensor:
    """Weights (post, pre, ...) as `start` says; the generator alone decides them, on whatever device they end."""
    field = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * field, shape[0] * field
    if start in ("glorot", "uniform"):
        bound = math.sqrt(6 / (fan_in + fan_out)) if start == "glorot" else math.sqrt(1 / fan_in)
        return (2 * torch.rand(shape, generator=generator) - 1) * bound
    if start in ("lecun", "he"):
        return torch.randn(shape, generator=generator) * math.sqrt((1 if start == "lecun" else 2) / fan_in)
    raise RangeError(f"unknown first weights {start!r}; {did_you_mean(start, get_args(Start))}")


class Connection(nn.Module, ABC):
    """Weights and bias from the layer below to the layer above. `pre`, `post`: shapes of one sample's states."""

    weight: nn.Parameter
    bias: nn.Parameter
    share: ClassVar[float] = 1.0
    """Of the usual size, that weights have in the beginning."""

    def __init__(self, pre: tuple[int, ...], post: tuple[int, ...], weight: Tensor, biases: int) -> None:
        super().__init__()
        self.pre, self.post = pre, post
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(biases))

    @abstractmethod
    def up(self, s: Tensor, weight: Tensor | None = None) -> Tensor:
        """W s + b, of shape (batch, *post); `weight` stands in for the connection's own."""

    @abstractmethod
    def down(self, delta: Tensor, weight: Tensor | None = None) -> Tensor:
        """W^T delta, of shape (batch, *pre); `weight`: feedback of another origin, in the shape of W."""

    @abstractmethod
    def pair(self, post: Tensor, pre: Tensor, scale: float = 1.0, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """scale times sums over the batch: post pre^T in the shape of the weight, and post in the shape of the bias.

        `out`: memory of the weight's shape that the product may take.
        """

    @abstractmethod
    def gram(self, s: Tensor) -> Tensor:
        """W^T W s, without bias and pooling."""

    def existing(self, change: Tensor) -> Tensor:
        """A change of the weights, 0 where there are none; in its place."""
        return change

    @torch.no_grad()
    def norm(self, iterations: int = 10) -> float:
        """The largest singular value of W from below, by power iteration from a start that is the same at every call.

        10 iterations come within a tenth for random matrices, which the steps of a relaxation need; 200 within a hundredth.
        """
        generator = torch.Generator().manual_seed(0)
        s = torch.randn(1, *self.pre, generator=generator).to(self.weight)
        for _ in range(iterations):
            s = self.gram(s / s.norm())
        return float(s.norm().sqrt())


class Dense(Connection):
    """All to all. A layer of several axes below (a convolution's) is flattened."""

    def __init__(self, pre: tuple[int, ...], post: int, start: Start, generator: torch.Generator) -> None:
        super().__init__(pre, (post,), first_weights((post, math.prod(pre)), start, generator), post)

    def up(self, s: Tensor, weight: Tensor | None = None) -> Tensor:
        return functional.linear(s.flatten(1), self.weight if weight is None else weight, self.bias)

    def down(self, delta: Tensor, weight: Tensor | None = None) -> Tensor:
        below = delta @ (self.weight if weight is None else weight)
        return below if len(self.pre) == 1 else below.view(-1, *self.pre)

    def pair(self, post: Tensor, pre: Tensor, scale: float = 1.0, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
        out = torch.empty_like(self.weight) if out is None else out
        turned = post.t()
        product = torch.addmm(out, turned, pre.flatten(1), beta=0, alpha=scale, out=out)
        return product, torch.mv(turned, post.new_full((post.shape[0],), scale))  # faster than a sum over the rows

    def gram(self, s: Tensor) -> Tensor:
        return self.down(s.flatten(1) @ self.weight.t())


class Convolution(Connection):
    """Convolution of odd kernel that keeps the image's size, then (with `pool`) the maximum over squares of 2 x 2."""

    def __init__(
        self, pre: tuple[int, ...], channels: int, pool: bool, start: Start, generator: torch.Generator, kernel: int = 3
    ) -> None:
        if len(pre) != 3 or kernel % 2 == 0 or (pool and (pre[1] % 2 or pre[2] % 2)):
            raise RangeError(
                f"a convolution needs states (channels, height, width), an odd kernel and, to pool, even height and width; "
                f"these are {pre}, kernel {kernel}"
            )
        weight = first_weights((channels, pre[0], kernel, kernel), start, generator)
        size = (pre[1] // 2, pre[2] // 2) if pool else pre[1:]
        super().__init__(pre, (channels, *size), weight, channels)
        self.pool, self.padding = pool, kernel // 2
        self.switches: Tensor | None = None

    def up(self, s: Tensor, weight: Tensor | None = None) -> Tensor:
        weight = self.weight if weight is None else weight
        drive = functional.conv2d(s, weight, self.bias, padding=self.padding)
        if not self.pool:
            return drive
        pooled, self.switches = functional.max_pool2d(drive, 2, return_indices=True)
        return pooled

    def down(self, delta: Tensor, weight: Tensor | None = None) -> Tensor:
        weight = self.weight if weight is None else weight
        return functional.conv_transpose2d(self._unpooled(delta), weight, padding=self.padding)

    def pair(self, post: Tensor, pre: Tensor, scale: float = 1.0, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
        post = self._unpooled(post)
        product = conv2d_weight(pre, list(self.weight.shape), post, padding=self.padding)
        return product.mul_(scale), post.sum((0, 2, 3)).mul_(scale)

    def gram(self, s: Tensor) -> Tensor:
        through = functional.conv2d(s, self.weight, padding=self.padding)
        return functional.conv_transpose2d(through, self.weight, padding=self.padding)

    def _unpooled(self, delta: Tensor) -> Tensor:
        if not self.pool:
            return delta
        if self.switches is None:
            raise RangeError("a pooling convolution was asked for its transpose before any state went up through it")
        size = [len(delta), delta.shape[1], *self.pre[1:]]
        return functional.max_unpool2d(delta, self.switches, kernel_size=(2, 2), output_size=size)
