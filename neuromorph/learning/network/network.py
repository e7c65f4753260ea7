"""The network that every batched rule trains: layers 0..L of states, connections 0..L-1 between neighbours, feedback.

Connection k leads from layer k to layer k + 1, feedback k + 1 from layer k + 2 back to layer k + 1. A rule speaks to the
network through four methods and no others, so that what it reads can be watched (judges/locality.py)::

    states(name, x)       the states of one compartment in one phase, a list over layers 0..L; layer 0 is the input
    up(k, s)              drive of layer k from s[k - 1]
    down(k, s)            drive of layer k from s[k + 1], through the feedback
    pair(k, post, pre)    what the synapses between layers k - 1 and k see: post[k] pre[k - 1]^T, summed over the batch

Layer k has an activation f_k (activations.py), which `activate` and `slope` compute.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from neuromorph.errors import RangeError, is_count
from neuromorph.learning.network.activations import (
    ACTIVATIONS,
    Activation,
    ActivationFunction,
    Clip,
    activation_of,
    clip_of,
    told,
)
from neuromorph.learning.network.connections import Connection, Convolution, Dense, Start
from neuromorph.learning.network.feedback import Feedback, make_feedback

Updates = dict[str, Tensor]
"""A change of parameters by name, downhill; parameters that are not named stay."""


_ABSENT = torch.empty(0)


class States(list[Tensor]):
    """States of layers 0..L of one compartment in one phase; layer 0 is the input. Layers not yet inferred are absent."""

    def __init__(self, name: str, x: Tensor, layers: int) -> None:
        super().__init__([x, *[_ABSENT] * layers])
        self.name = name


class Network(nn.Module):
    """Connections in a chain, with an activation for the hidden layers and one for the output."""

    def __init__(
        self,
        connections: Sequence[Connection],
        *,
        hidden: Activation = "relu",
        output: Activation = "linear",
        feedback: str = "tied",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not connections:
            raise RangeError("a network needs at least one connection")
        self.connections = nn.ModuleList(connections)
        inner, last = activation_of(hidden), activation_of(output)
        self.activations: list[ActivationFunction] = [ACTIVATIONS["linear"], *[inner] * (len(connections) - 1), last]
        """Of layers 0..L; the input has none of its own."""
        self.feedback: Feedback = make_feedback(feedback, list(connections), seed)
        self.depth = len(connections)
        """L: the index of the output layer."""
        self._chain = tuple(connections)  # found faster than in a ModuleList, which small steps notice
        self._names = [(f"connections.{k}.weight", f"connections.{k}.bias") for k in range(len(connections))]
        self._spare: Updates = {}

    def told(self) -> dict[str, Any]:
        """What it is beside its weights, in words."""
        return {"feedback": type(self.feedback).__name__, "activations": [told(f) for f in self.activations]}

    def connection(self, k: int) -> Connection:
        """The connection into layer k = 1..L."""
        return self._chain[k - 1]

    def states(self, name: str, x: Tensor) -> States:
        return States(name, x, self.depth)

    def zeros(self, name: str, x: Tensor) -> States:
        """States that are all zero above the input."""
        found = self.states(name, x)
        for k in range(1, self.depth + 1):
            found[k] = x.new_zeros(len(x), *self.connection(k).post)
        return found

    def up(self, k: int, s: Sequence[Tensor]) -> Tensor:
        return self._chain[k - 1].up(s[k - 1])

    def down(self, k: int, s: Sequence[Tensor]) -> Tensor:
        return self.feedback.down(k, s, self._chain[k])

    def pair(self, k: int, post: Sequence[Tensor], pre: Sequence[Tensor], scale: float = 1.0) -> Updates:
        """scale * post[k] pre[k - 1]^T for the weights into layer k (and what feedback learns from it), and for their bias."""
        weight, bias = self._names[k - 1]
        product, ones = self._chain[k - 1].pair(post[k], pre[k - 1], scale, self._spare.pop(weight, None))
        return {weight: product, bias: ones, **self.feedback.learn(k, product)}

    def recycle(self, updates: Updates) -> None:
        """Take back the memory of updates that nobody will read again: fresh memory costs a step a tenth of its time."""
        self._spare.update(updates)

    def activate(self, k: int, drive: Tensor) -> Tensor:
        """f_k(drive)."""
        return self.activations[k].value(drive)

    def activate_(self, k: int, drive: Tensor) -> Tensor:
        """f_k(drive), in the place of drive: no copy where nobody needs the drive any more."""
        f = self.activations[k]
        return f.value_(drive) if isinstance(f, Clip) else f.value(drive)

    def slope(self, k: int, drive: Tensor) -> Tensor:
        """f_k'(drive)."""
        return self.activations[k].slope(drive)

    def bounds(self, k: int) -> tuple[float, float]:
        """Of f_k. Raises RangeError where it has none."""
        clip = clip_of(self.activations[k], "a relaxation")
        return clip.low, clip.top

    def norm(self, k: int) -> float:
        """|W_k|: the largest factor by which connection k lengthens a state."""
        return self.connection(k).norm()

    def forward(self, x: Tensor) -> Tensor:
        """The feed-forward output, s_k = f_k(a_k). Autograd follows it; no rule but backpropagation uses that."""
        for k in range(1, self.depth + 1):
            x = self.activate(k, self.connection(k).up(x))
        return x


def largest_changes(before: Sequence[Tensor], after: Sequence[Tensor], compartments: int = 1) -> Tensor:
    """Of a state of each layer, in an iteration that has led from states to others: all layers of a compartment, then of the next."""
    changes = torch.stack([(new - old).abs().max() for new, old in zip(after, before, strict=True)])
    return changes.view(compartments, -1).amax(0)


def check_sizes(sizes: object) -> None:
    """Raise RangeError unless they are at least two whole numbers above 0."""
    if isinstance(sizes, str) or not isinstance(sizes, Collection) or len(sizes) < 2 or not all(map(is_count, sizes)):
        raise RangeError(f"layers {sizes!r} are no network: give at least two positive sizes, such as (64, 128, 10)")


def mlp(
    sizes: Sequence[int],
    *,
    hidden: Activation = "relu",
    output: Activation = "linear",
    feedback: str = "tied",
    start: Start = "glorot",
    seed: int = 0,
) -> Network:
    """Dense layers of the given sizes; biases start at 0. Raises RangeError for sizes that are none."""
    check_sizes(sizes)
    generator = torch.Generator().manual_seed(seed)
    connections = [Dense((pre,), post, start, generator) for pre, post in pairwise(sizes)]
    return Network(connections, hidden=hidden, output=output, feedback=feedback, seed=seed)


VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
"""Channels of the 3 x 3 convolutions; M pools the one before it."""


def convolutional(
    shape: tuple[int, int, int],
    channels: Sequence[int | str],
    dense: Sequence[int],
    *,
    feedback: str = "tied",
    start: Start = "lecun",
    seed: int = 0,
) -> Network:
    """Convolutions (M after a number of channels: pooled), then dense layers; ReLU, linear output."""
    generator = torch.Generator().manual_seed(seed)
    connections: list[Connection] = []
    states: tuple[int, ...] = shape
    for entry, after in pairwise([*channels, ""]):
        if entry == "M":
            continue
        connections.append(Convolution(states, int(entry), after == "M", start, generator))
        states = connections[-1].post
    for size in dense:
        connections.append(Dense(states, size, start, generator))
        states = (size,)
    return Network(connections, feedback=feedback, seed=seed)


def vgg16(classes: int = 10, *, feedback: str = "tied", seed: int = 0) -> Network:
    """VGG16 for 3 x 32 x 32 images: 13 convolutions, dense 4096, 4096, classes; no batch normalisation."""
    return convolutional((3, 32, 32), VGG16, (4096, 4096, classes), feedback=feedback, seed=seed)


def small_vgg(classes: int = 10, *, feedback: str = "tied", seed: int = 0) -> Network:
    """Six layers in VGG's manner for 3 x 32 x 32 images, which a CPU can train."""
    return convolutional((3, 32, 32), (32, "M", 64, "M", 128, 128, "M"), (128, classes), feedback=feedback, seed=seed)
