"""Weights that pairs of neurons share: a kernel that lies on every place of what a synapse takes."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from neuromorph.errors import ProgramError
from neuromorph.program.values import whole

Pair = tuple[int, int]
Shape = tuple[int, int, int]
REACH = (1, 127)
"""Of stride and dilation; of padding from 0: eight bits, signed, as in Lava."""


@dataclass(frozen=True)
class Kernel:
    """A convolution over neurons that lie in `taken` = (x, y, channels), last axis fastest, of weights (out, kx, ky, in).

    Neuron (x, y, o) of those that receive sums, over (i, j, c), weights[o, i, j, c] times what neuron
    (x sx - px + (kx - 1 - i) dx, y sy - py + (ky - 1 - j) dy, c of the group of o) sends, 0 outside: the kernel is flipped. s, p and d
    are stride, padding and dilation. `groups` cut the channels of both sides into as many equal parts, each of which sees its own.
    """

    taken: Shape
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def sent(self, weights: tuple[int, ...]) -> Shape:
        """The shape (x, y, channels) of the neurons that receive, for weights of this shape."""
        x, y = (
            (n + 2 * pad - far * (width - 1) - 1) // step + 1
            for n, pad, far, width, step in zip(
                self.taken[:2], self.padding, self.dilation, weights[1:3], self.stride, strict=True
            )
        )
        return x, y, weights[0]

    def check(self, owner: str, weights: tuple[int, ...], size: Pair) -> None:
        """Raise RangeError or ProgramError unless it fits weights of this shape between `size` = (post, pre) neurons."""
        for one in fields(self):
            low = 0 if one.name == "padding" else 1
            high = size[1] if one.name in ("taken", "groups") else REACH[1]
            whole(np.array(getattr(self, one.name)), owner, f"kernel {one.name}", (low, high))
        if len(weights) != 4:
            raise ProgramError(f"{owner}: weights have shape {weights}; those of a kernel have (out, x, y, in)")
        if self.taken[2] % self.groups or weights[0] % self.groups or weights[3] * self.groups != self.taken[2]:
            raise ProgramError(
                f"{owner}: {weights[3]} channels of weights, {self.groups} groups: channels {self.taken[2]} in, {weights[0]} out do not fit"
            )
        sent = self.sent(weights)
        if min(sent) < 1 or (int(np.prod(sent)), int(np.prod(self.taken))) != tuple(size):
            raise ProgramError(f"{owner}: its kernel takes {self.taken} and sends {sent}, its shape is {tuple(size)}")
