"""Activations f of the units of a layer: those with a name, which clip, and the user's own.

ReLU clips to 0..inf, hard sigmoid to 0..1, linear to -inf..inf: the activations of laws/dyad.py, non-decreasing and 1-Lipschitz, with
f' in {0, 1}. One's own is any object with two methods, each on drives (batch, ...) unit by unit::

    value(drive)   f(drive), in PyTorch's operations if autograd is to follow
    slope(drive)   f'(drive)

Rules that settle states between the bounds of a clip (ep, chl, dyadic, lrrn, ...) refuse one's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from neuromorph.errors import RangeError, did_you_mean


class ActivationFunction(Protocol):
    """One's own."""

    def value(self, drive: Tensor) -> Tensor:
        """f of every unit."""

    def slope(self, drive: Tensor) -> Tensor:
        """f' of every unit."""


@dataclass(frozen=True)
class Clip:
    """f(a) = clip(a, low, top)."""

    low: float
    top: float

    def value(self, drive: Tensor) -> Tensor:
        if self.top == math.inf:
            return drive if self.low == -math.inf else drive.relu()
        return drive.clamp(self.low, self.top)

    def value_(self, drive: Tensor) -> Tensor:
        """In the place of drive."""
        if self.top == math.inf:
            return drive if self.low == -math.inf else drive.relu_()
        return drive.clamp_(self.low, self.top)

    def slope(self, drive: Tensor) -> Tensor:
        """1 inside the bounds, 0 at and outside them; the same of the state itself."""
        return ((drive > self.low) & (drive < self.top)).to(drive.dtype)


ACTIVATIONS: dict[str, Clip] = {
    "relu": Clip(0.0, math.inf),
    "hard-sigmoid": Clip(0.0, 1.0),
    "linear": Clip(-math.inf, math.inf),
}
Activation = Literal["relu", "hard-sigmoid", "linear"] | ActivationFunction


def told(activation: ActivationFunction) -> str:
    """What it is in a word, the same in every process."""
    has_words = type(activation).__repr__ is not object.__repr__
    return repr(activation) if has_words else type(activation).__name__


def activation_of(given: Activation) -> ActivationFunction:
    """By name, or one's own. Raises RangeError for an unknown name, and for what has no value and slope."""
    if isinstance(given, str):
        if given not in ACTIVATIONS:
            raise RangeError(f"unknown activation {given!r}; {did_you_mean(given, ACTIVATIONS)}")
        return ACTIVATIONS[given]
    if isinstance(given, type) or not all(callable(getattr(given, name, None)) for name in ("value", "slope")):
        raise RangeError(
            f"{given!r} is no activation; give a name, or an object with the methods value(drive) and slope(drive)"
        )
    return given


def clip_of(activation: ActivationFunction, who: str) -> Clip:
    """The same, of which `who` needs the bounds. Raises RangeError where it has none."""
    if not isinstance(activation, Clip):
        raise RangeError(
            f"{who} needs activations with bounds, and {told(activation)} has none: take {', '.join(ACTIVATIONS)}, or a rule that asks for value "
            "and slope alone, such as dp, mac or backprop"
        )
    return activation
