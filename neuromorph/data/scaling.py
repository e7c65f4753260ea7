"""From the values of a sample to the numbers of a batched network, and to the payloads of a chip's input axons."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.data.images import Array, Images, as_images
from neuromorph.errors import DataError

KINDS = ("bytes", "range", "table")
REACH = 3.0
"""Spreads from a feature's mean at which its payload is full."""
FAR = 100.0
"""Widths of the training range beyond which values cannot be meant in the same unit."""
FULL = 127
"""Largest pre-trace of a learning synapse, 7 bits without a sign: half the largest even payload."""
STATISTICS = {"cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))}
"""Mean and standard deviation of each channel, as Two Tales' code has them."""


def pixels_as_payloads(images: Images) -> NDArray[np.int32]:
    """Return graded-spike payloads 2 * (pixel >> 1), even, 0 to 254, one flattened image a row: shape (n, d).

    The chip's pre-trace takes payload / 2 and holds 7 bits: an even payload loses nothing there.
    """
    if images.dtype != np.uint8:
        raise DataError(
            f"pixels must be uint8 (0 to 255), these are {images.dtype}; Dataset.from_arrays(...).scaling.encode takes floats"
        )
    return (images & 0xFE).reshape(len(images), math.prod(images.shape[1:])).astype(np.int32)


@dataclass(frozen=True)
class Scaling:
    """What became of a training part's values, so that the same is done to any other values of that data set.

    `size`: values a sample. `center`, `spread`: one number, one for each channel (the last axis), or one for each value. A value x becomes

    =====  ===========================  ==============================================================================
    kind   in batches                   on the chip: even payloads, 0..254, of which synapses learn with half, 0..127
    =====  ===========================  ==============================================================================
    bytes  (x / 255 - center) / spread  one axon a value: x without its low bit
    range  v = (x - center) / spread    one axon a value: 2 * rint(127 * v), v cut to 0..1
    table  v = (x - center) / spread    two axons a value, first all positive parts, then all negative ones:
                                        2 * rint(127 * v / 3) and 2 * rint(-127 * v / 3), both cut to 0..254
    =====  ===========================  ==============================================================================

    with rint to the nearest, ties to even. Pre-traces of the chip have no sign, hence the two axons. The cut is what a sensor does beyond
    its range: of normally distributed features it meets 3 in 1000 values. Raises DataError for numbers that make no scaling.
    """

    kind: str
    size: int
    center: tuple[float, ...] = (0.0,)
    spread: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        lengths = len(self.center), len(self.spread)
        if self.kind not in KINDS or self.size < 1 or lengths[0] != lengths[1] or not lengths[0] or self.size % lengths[0]:
            raise DataError(
                f"a scaling of kind {self.kind!r}, {self.size} values, {lengths[0]} centers and {lengths[1]} spreads makes no sense"
            )
        if not np.isfinite([*self.center, *self.spread]).all() or min(self.spread) <= 0:
            raise DataError(
                "the values are too large or too close to be scaled: center or spread is no number above 0 that 64 bits hold"
            )

    @classmethod
    def of(cls, name: str, train: Array) -> Scaling:
        """What suits these training samples (n, ...), bytes or floats as from `as_images`, of a data set of this name.

        bytes   center 0, spread 1; of CIFAR-10 the mean and standard deviation of each channel that are usual
        floats  all in 0..1: as they are (kind range, center 0, spread 1). Otherwise of shape (n, d): kind table, mean and standard
                deviation of each feature (spread 1 of one that never changes); of images: kind range, from the lowest value to the highest
        """
        size = math.prod(train.shape[1:])
        if train.dtype == np.uint8:
            usual = STATISTICS.get(name)
            return cls("bytes", size, *usual) if usual and train.shape[-1] == len(usual[0]) else cls("bytes", size)
        low, high = float(train.min()), float(train.max())
        if low >= 0 and high <= 1:
            return cls("range", size)
        owner = f"{name}, training: samples" if name else "samples"
        if train.ndim > 2 and low == high:
            raise DataError(f"{owner} are {low:g} everywhere, which is no range to scale by; give images that differ")
        kind, found = (
            ("range", ((low,), (high - low,))) if train.ndim > 2 else ("table", _statistics(train.astype(np.float64)))
        )
        try:
            return cls(kind, size, *found)
        except DataError as error:
            raise DataError(f"{owner}: {error}") from None

    @property
    def inputs(self) -> int:
        """Input axons on the chip."""
        return 2 * self.size if self.kind == "table" else self.size

    @property
    def unit(self) -> float:
        """What values are divided by before all else."""
        return 255.0 if self.kind == "bytes" else 1.0

    def values(self, images: Any) -> NDArray[np.float64]:
        """Samples as a batched network gets them, in their own shape."""
        found = self.check(images)
        center, spread = (np.resize(v, found.shape[1:]) for v in (self.center, self.spread))  # the last axis is channels
        scaled: NDArray[np.float64] = (found.astype(np.float64) / self.unit - center) / spread
        return scaled

    def encode(self, images: Any) -> NDArray[np.int32]:
        """Samples as payloads (n, inputs) of the chip's input axons, even, 0..254."""
        if self.kind == "bytes":
            return pixels_as_payloads(self.check(images))
        values = self.values(images).reshape(-1, self.size)
        if self.kind == "range":
            return _payloads(values)
        return np.concatenate([_payloads(values / REACH), _payloads(-values / REACH)], axis=1)

    def check(self, images: Any, owner: str = "samples") -> Array:
        """Samples as `as_images` has them, of the kind that was scaled. Raises DataError, which begins with `owner`."""
        found = as_images(images, owner)
        if math.prod(found.shape[1:]) != self.size:
            raise DataError(f"{owner} have shape {found.shape[1:]}, and the training data had {self.size} values a sample")
        if (found.dtype == np.uint8) != (self.kind == "bytes"):
            trained = "bytes (uint8)" if self.kind == "bytes" else "floats"
            raise DataError(f"{owner} are {found.dtype}, and the training data were {trained}; give the same")
        if self.kind == "range":
            self._check_unit(found, owner)
        return found

    def _check_unit(self, found: Array, owner: str) -> None:
        """Values may leave the range of the training part, but a hundred times as far away they are of another unit."""
        (low,), (width,) = self.center, self.spread
        if found.size and (found.min() < low - FAR * width or found.max() > low + FAR * width):
            raise DataError(
                f"{owner} go from {found.min():g} to {found.max():g}, and the training data from {low:g} to {low + width:g}; "
                "give both in the same unit"
            )

    def agrees(self, other: Scaling) -> bool:
        """Whether they differ in no more than what machines may: each number by a billionth of its spread."""
        if (self.kind, self.size, len(self.center)) != (other.kind, other.size, len(other.center)):
            return False
        center, spread = (np.subtract(getattr(self, name), getattr(other, name)) for name in ("center", "spread"))
        return bool((np.maximum(np.abs(center), np.abs(spread)) <= 1e-9 * np.array(self.spread)).all())

    def as_dict(self) -> dict[str, Any]:
        """In what JSON holds."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scaling:
        """Raises DataError for what `as_dict` never gives."""
        if set(values) != {f.name for f in fields(cls)}:
            raise DataError(f"a scaling has {[f.name for f in fields(cls)]}, and this one {sorted(values)}")
        try:
            center, spread = (tuple(float(v) for v in values[name]) for name in ("center", "spread"))
            return cls(values["kind"], operator.index(values["size"]), center, spread)
        except (TypeError, ValueError) as error:
            raise DataError(f"{dict(values)} is no scaling: {error}") from None


def _statistics(table: NDArray[np.float64]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column (1 for 0), by way of 0..1, so that no square overflows and equal numbers have spread 0."""
    low = table.min(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # told when the scaling is made
        width = table.max(axis=0) - low
        width[width == 0] = 1
        parts = (table - low) / width
        center, spread = low + width * parts.mean(axis=0), width * parts.std(axis=0)
    spread[spread == 0] = 1
    return tuple(center.tolist()), tuple(spread.tolist())


def _payloads(parts: NDArray[np.float64]) -> NDArray[np.int32]:
    payloads: NDArray[np.int32] = 2 * np.rint(FULL * np.clip(parts, 0, 1)).astype(np.int32)
    return payloads
