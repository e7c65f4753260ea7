"""A data set as tensors on the network's device, and its batches in an order that seed and epoch alone decide.

Images stay bytes in memory, (n, channels, height, width), and become numbers a batch at a time, in the type of the weights, as the data
set's scaling says: pixel / 255, for CIFAR-10 then (x - center) / spread of each channel. Floats are scaled once, in 64 bits. Samples are
rows if a dense connection comes first. Targets are one-hot.
CIFAR-10's training images are cropped to their size out of a black margin of 4 pixels, and mirrored every other time.

Several processes see the same batches: of each, a process takes the samples whose place in the training set is congruent to its
rank modulo their number. So what a rule keeps of a sample (persistent particles) stays in one process. Shares differ in size,
and each is given with its part of the whole and with the targets of all, which a rule may permute; a process without a sample gets the
first one, with part 0, so that the streams of random numbers of all processes advance together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neuromorph.data import Dataset, check_labels
from neuromorph.data.order import sample_order
from neuromorph.learning.network.network import Network
from neuromorph.learning.rule import Batch

AUGMENTED = ("cifar10",)
MARGIN = 4
CHUNK = 500
"""Samples that are evaluated at once."""
CROP = 3
"""The stream of random numbers of a seed that crops; another one gives the order (data/order.py)."""


class Samples:
    """Images (n, ...) and labels (n,) of `data`, of either part of it or alike, ready for a network.

    Raises DataError for images that its scaling does not fit, and for labels that are not (n,) whole numbers of its classes.
    """

    def __init__(self, images: Any, labels: Any, data: Dataset, network: Network) -> None:
        like = network.connection(1).weight
        self.name, self.classes, scaling = data.name, data.classes, data.scaling
        images = scaling.check(images, f"{data.name}: samples")
        labels = check_labels(labels, len(images), data.classes, data.name)
        is_bytes = scaling.kind == "bytes"
        images = images if is_bytes else scaling.values(images)
        shaped = np.ascontiguousarray(images.transpose(0, 3, 1, 2) if images.ndim == 4 else images[:, None])
        self.shape = (-1,) if len(network.connection(1).pre) == 1 else shaped.shape[1:]
        self.images = torch.from_numpy(shaped).to(like.device, torch.uint8 if is_bytes else like.dtype)
        self.labels = torch.from_numpy(np.ascontiguousarray(labels)).to(like.device)
        center, spread = (torch.tensor(v).to(like)[:, None, None] for v in (scaling.center, scaling.spread))
        self._scale = 1 / (scaling.unit * spread) if is_bytes else None
        self._shift = -center / spread if is_bytes and any(scaling.center) else None
        self._dtype, self._targets = like.dtype, torch.eye(data.classes).to(like)

    def __len__(self) -> int:
        return len(self.labels)

    def targets(self, index: Tensor) -> Tensor:
        return self._targets.index_select(0, self.labels.index_select(0, index))

    def batch(self, index: Tensor, crops: Tensor | None = None) -> Batch:
        """The samples at these places; `crops` (n, 3): offsets down and right, 0 to 8, and whether to mirror."""
        images = self.images.index_select(0, index)
        if crops is not None:
            images = cropped(images, crops)
        x = images.to(self._dtype)
        if self._scale is not None:
            x.mul_(self._scale)
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
        order = sample_order(self.seed, epoch, len(self.samples))
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
