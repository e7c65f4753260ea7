"""The states that a rule keeps of every sample of the training set, from one visit to the next."""

from __future__ import annotations

from torch import Tensor

from neuromorph.learning.network.network import States


class Particles:
    """States of layers 1..L by the samples' places in the training set, zero before the first visit.

    Memory: samples x units. It grows to the largest place seen.
    """

    def __init__(self) -> None:
        self.layers: list[Tensor] = []

    def fetch(self, index: Tensor, states: States) -> States:
        """The samples' states, put into `states`."""
        for k, rest in enumerate(states[1:], 1):
            states[k] = self._reaching(k, int(index.max()) + 1, rest)[index]
        return states

    def keep(self, index: Tensor, states: States) -> None:
        for k, found in enumerate(states[1:], 1):
            self._reaching(k, int(index.max()) + 1, found)[index] = found

    def _reaching(self, k: int, samples: int, like: Tensor) -> Tensor:
        """Layer k for at least that many samples."""
        if len(self.layers) < k:
            self.layers.append(like.new_zeros(0, *like.shape[1:]))
        layer = self.layers[k - 1].to(like)
        if len(layer) < samples:
            grown = layer.new_zeros(max(samples, 2 * len(layer)), *layer.shape[1:])
            grown[: len(layer)] = layer
            layer = grown
        self.layers[k - 1] = layer
        return layer
