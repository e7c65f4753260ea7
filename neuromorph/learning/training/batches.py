"""A data set as tensors on the network's device, and its batches in an order that seed and epoch alone decide.

Images stay bytes in memory, (n, channels, height, width), and become numbers a batch at a time: pixel / 255, for CIFAR-10 then
(x - mean) / std of each channel (Two Tales' code), in the type of the weights, in rows if a dense connection comes first. Targets are
one-hot.
CIFAR-10's training images are cropped to their size out of a black margin of 4 pixels, and mirrored every other time.

Several processes see the same batches: of each, a process takes the samples whose place in the training set is congruent to its
rank modulo their number. So what a rule keeps of a sample (persistent particles) stays in one process. Shares differ in size,
and each is given with its part of the whole and with the targets of all, which a rule may permute; a process without a sample gets the
first one, with part 0, so that the streams of random numbers of all processes advance together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neuromorph.data import Images, Labels
from neuromorph.learning.network.network import Network
from neuromorph.learning.rule import Batch

STATISTICS = {"cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))}
"""Mean and standard deviation of each channel."""
AUGMENTED = ("cifar10",)
MARGIN = 4
CHUNK = 500
"""Samples that are evaluated at once."""
ORDER, CROP = 2, 3
"""Streams of random numbers of a seed."""


class Samples:
    """Images and labels of one part of a data set, ready for a network."""

    def __init__(self, images: Images, labels: Labels, name: str, classes: int, network: Network) -> None:
        like = network.connection(1).weight
        shaped = images.transpose(0, 3, 1, 2) if images.ndim == 4 else images[:, None]
        self.shape = (-1,) if len(network.connection(1).pre) == 1 else shaped.shape[1:]
        self.name, self.classes = name, classes
        self.images = torch.from_numpy(np.ascontiguousarray(shaped)).to(like.device)
        self.labels = torch.from_numpy(labels).to(like.device)
        mean, std = (torch.tensor(v).to(like)[:, None, None] for v in STATISTICS.get(name, ((0.0,), (1.0,))))
        self._scale, self._shift = 1 / (255 * std), -mean / std if name in STATISTICS else None
        self._targets = torch.eye(classes).to(like)

    def __len__(self) -> int:
        return len(self.labels)

    def targets(self, index: Tensor) -> Tensor:
        return self._targets.index_select(0, self.labels.index_select(0, index))

    def batch(self, index: Tensor, crops: Tensor | None = None) -> Batch:
        """The samples at these places; `crops` (n, 3): offsets down and right, 0 to 8, and whether to mirror."""
        images = self.images.index_select(0, index)
        if crops is not None:
            images = cropped(images, crops)
        x = images.to(self._scale.dtype).mul_(self._scale)
        if self._shift is not None:
            x.add_(self._shift)
        return Batch(x.view(len(index), *self.shape), self.targets(index), index)

    def chunks(self, rank: int = 0, world: int = 1) -> Iterator[Batch]:
        """All samples in their order, or those of one of several processes."""
        for index in torch.split(torch.arange(rank, len(self), world, device=self.labels.device), CHUNK):
            yield self.batch(index)


def cropped(images: Tensor, crops: Tensor) -> Tensor:
    """Images (n, channels, height, width) cut out of themselves with a black margin, then mirrored where asked."""
    height, width = images.shape[2:]
    padded = functional.pad(images, (MARGIN,) * 4)
    down, right, mirrored = crops.to(images.device).unbind(1)
    rows = down[:, None] + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device)
    columns = right[:, None] + torch.where(mirrored[:, None] > 0, width - 1 - columns, columns)
    sample = torch.arange(len(images), device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[sample, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


class Share(NamedTuple):
    """What one process takes of a batch: its samples, their part of all, and how many all are."""

    batch: Batch
    part: float
    total: int


class Batches:
    """Training batches; the last of an epoch is smaller when `size` does not divide the samples."""

    def __init__(self, samples: Samples, size: int, seed: int, rank: int = 0, world: int = 1) -> None:
        self.samples, self.size, self.seed, self.rank, self.world = samples, size, seed, rank, world

    def __len__(self) -> int:
        return -(-len(self.samples) // self.size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Share]:
        """The batches of an epoch from number `start` on."""
        order = np.random.default_rng([self.seed, ORDER, epoch]).permutation(len(self.samples))
        whole = np.split(order, range(self.size, len(order), self.size))[start:]
        if not whole:
            return
        own = [np.flatnonzero(index % self.world == self.rank) for index in whole]
        places = [index[mine] if len(mine) else index[:1] for mine, index in zip(own, whole, strict=True)]
        device, crops = self.samples.labels.device, self._crops(epoch)
        on_device = torch.split(torch.from_numpy(np.concatenate(places)).to(device), [len(index) for index in places])
        for index, mine, all_of_it in zip(on_device, own, whole, strict=True):
            batch = self.samples.batch(index, None if crops is None else crops[index])
            if self.world > 1:
                targets = self.samples.targets(torch.from_numpy(all_of_it).to(device))
                batch = batch._replace(whole=targets, own=torch.from_numpy(mine) if len(mine) else slice(1))
            yield Share(batch, len(mine) / len(all_of_it), len(all_of_it))

    def _crops(self, epoch: int) -> Tensor | None:
        if self.samples.name not in AUGMENTED:
            return None
        values = [2 * MARGIN + 1, 2 * MARGIN + 1, 2]
        drawn = np.random.default_rng([self.seed, CROP, epoch]).integers(0, values, (len(self.samples), 3))
        return torch.from_numpy(drawn).to(self.samples.labels.device)
