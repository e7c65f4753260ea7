"""A network without layers: every unit, hidden or output, may drive every other one.

States are s[0] = x and s[1], all hidden units and then the outputs. A rule speaks to it as to a network with one layer, whose
lateral weights W in R^(N x N), with zeros on the diagonal, have one word of their own::

    up(1, s)              drive of the input:  theta_0 x + b
    across(s)             drive of the other units:  W s[1]
    down(1, s)            W^T s[1], or feedback weights in the place of W^T
    pair(1, post, pre)    post[1] pre[0]^T for theta_0, post[1] for b, post[1] pre[1]^T off the diagonal for W
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.learning.network.activations import Activation, activation_of, clip_of
from neuromorph.learning.network.connections import Dense, Start
from neuromorph.learning.network.network import Network, Updates

FEEDBACKS = ("transpose", "random", "kolen-pollack", "sign")


class Lateral(Dense):
    """From all units to all others, no bias. First weights are drawn at half their size: with "uniform" ones the largest eigenvalue
    of (W + W^T) / 2 is then near 0.4, so that the units settle."""

    share: ClassVar[float] = 0.5

    def __init__(self, units: int, start: Start, generator: torch.Generator) -> None:
        super().__init__((units,), units, start, generator)
        self.bias.requires_grad_(False)
        with torch.no_grad():
            self.weight.mul_(self.share).fill_diagonal_(0)

    def pair(self, post: Tensor, pre: Tensor, scale: float = 1.0, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
        product, ones = super().pair(post, pre, scale, out)
        return self.existing(product), ones

    def existing(self, change: Tensor) -> Tensor:
        return change.fill_diagonal_(0)


class Recurrent(Network):
    """Input weights and lateral ones. `feedback`: transpose (W^T: weight transport), or as in feedback.py.

    Raises RangeError for tied and direct feedback, which speak of layers.
    """

    low: Tensor
    top: Tensor

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        *,
        activation: Activation = "hard-sigmoid",
        output: Activation = "linear",
        feedback: str = "transpose",
        start: Start = "uniform",
        seed: int = 0,
    ) -> None:
        if min(inputs, hidden, outputs) < 1:
            raise RangeError(f"{inputs} inputs, {hidden} hidden units, {outputs} outputs: each must be at least 1")
        if feedback not in FEEDBACKS:
            raise RangeError(_refusal(feedback))
        generator = torch.Generator().manual_seed(seed)
        units = hidden + outputs
        connections = [Dense((inputs,), units, start, generator), Lateral(units, start, generator)]
        name = "tied" if feedback == "transpose" else feedback
        super().__init__(connections, hidden=activation, output=output, feedback=name, seed=seed)
        self.outputs = outputs
        self.depth = 1
        inner, last = (clip_of(activation_of(given), "a recurrent network") for given in (activation, output))
        limits = torch.tensor([(inner.low, inner.top)] * hidden + [(last.low, last.top)] * outputs)
        self.register_buffer("low", limits[:, 0].contiguous())
        self.register_buffer("top", limits[:, 1].contiguous())
        with torch.no_grad():
            for weight in self.feedback.parameters():
                weight.fill_diagonal_(0)

    def across(self, s: Sequence[Tensor]) -> Tensor:
        """W s[1]."""
        return self.connection(2).up(s[1])

    def down(self, k: int, s: Sequence[Tensor]) -> Tensor:
        return self.feedback.down(k, [*s, s[1]], self.connection(2))

    def pair(self, k: int, post: Sequence[Tensor], pre: Sequence[Tensor], scale: float = 1.0) -> Updates:
        lateral = super().pair(2, [*post, post[1]], pre, scale)
        del lateral["connections.1.bias"]
        return super().pair(k, post, pre, scale) | lateral

    def activate(self, k: int, drive: Tensor) -> Tensor:
        return drive.clamp(self.low, self.top)

    def activate_(self, k: int, drive: Tensor) -> Tensor:
        return drive.clamp_(self.low, self.top)

    def slope(self, k: int, drive: Tensor) -> Tensor:
        return ((drive > self.low) & (drive < self.top)).to(drive.dtype)

    def norm(self, k: int) -> float:
        """|W| of the lateral weights."""
        return self.connection(2).norm()

    def forward(self, x: Tensor) -> Tensor:
        raise RangeError("a recurrent network has no forward pass: ask its rule to predict, which relaxes it")


def _refusal(feedback: str) -> str:
    if feedback == "tied":
        return (
            "tied feedback makes the way down the transpose of the way up, and arbitrary connectivity has no such ways: W_ij and "
            "W_ji are learned apart. Take feedback transpose (differences return through W^T), kolen-pollack, random or sign; or "
            "rule dyadic at lam = 1 or 0, whose weights are tied"
        )
    if feedback == "direct":
        return "direct feedback skips layers, and arbitrary connectivity has none; take transpose, kolen-pollack, random or sign"
    return f"unknown feedback {feedback!r} of arbitrary connectivity; {did_you_mean(feedback, FEEDBACKS)}"
