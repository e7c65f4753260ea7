"""Losses as local learning sees them: their gradient by the output, for each sample on its own.

`gradient(output, y)` is g = d loss / d output of each sample (not of the batch's mean): nudging pushes the output by -beta g,
and the mean over the batch enters in the weights' update alone. y: one-hot or any target of the output's shape.
"""

from __future__ import annotations

from typing import Literal, Protocol

from torch import Tensor
from torch.nn import functional

from neuromorph.errors import RangeError, did_you_mean

LossName = Literal["squared", "cross-entropy"]


class Loss(Protocol):
    name: str

    def value(self, output: Tensor, y: Tensor) -> Tensor:
        """Of each sample, shape (batch,)."""

    def gradient(self, output: Tensor, y: Tensor) -> Tensor:
        """By the output, of each sample, shape (batch, outputs)."""


class SquaredError:
    """1/2 |output - y|^2."""

    name = "squared"

    def value(self, output: Tensor, y: Tensor) -> Tensor:
        return 0.5 * (output - y).square().sum(1)

    def gradient(self, output: Tensor, y: Tensor) -> Tensor:
        return output - y


class CrossEntropy:
    """-sum_i y_i log softmax(output)_i, on linear outputs (logits)."""

    name = "cross-entropy"

    def value(self, output: Tensor, y: Tensor) -> Tensor:
        return -(y * functional.log_softmax(output, 1)).sum(1)

    def gradient(self, output: Tensor, y: Tensor) -> Tensor:
        return functional.softmax(output, 1) - y


LOSSES: dict[str, Loss] = {"squared": SquaredError(), "cross-entropy": CrossEntropy()}


def make_loss(name: LossName) -> Loss:
    if name not in LOSSES:
        raise RangeError(f"unknown loss {name!r}; {did_you_mean(name, LOSSES)}")
    return LOSSES[name]
