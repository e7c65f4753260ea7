"""A data set in memory: training and test samples, checked whenever one is made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from textwrap import shorten
from typing import Any

import numpy as np

from neuromorph.data.images import Array, as_images
from neuromorph.data.labels import Labels, check_labels, numbered
from neuromorph.data.scaling import Scaling
from neuromorph.data.splitting import mixed, stratified
from neuromorph.data.torch_items import arrays_of
from neuromorph.errors import DataError

PART = 0.2
"""Of the samples, for testing, when nobody says."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training and test samples and their labels.

    train_images, test_images: bytes 0..255 (uint8) or floats, shape (n, height, width), (n, height, width, channels), or
    (n, features) for a table; one shape a sample. train_labels, test_labels: 0 to classes - 1, shape (n,). class_names: what each
    class is called; when none are given, its number. Arrays are not copied when they are of these types. The last training samples
    may be held out for validation, so these must be of every class (`from_arrays` mixes them).

    Raises DataError for anything else: what `as_images` and `check_labels` refuse, a part without samples, a class without
    training samples, training values too large to scale, or images of floats all alike.
    """

    name: str
    train_images: Array
    train_labels: Labels
    test_images: Array
    test_labels: Labels
    classes: int
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part, told in (("train", "training"), ("test", "test")):
            self._check_part(part, f"{self.name}, {told}")
        train, test = self.train_images, self.test_images
        if train.shape[1:] != test.shape[1:]:
            raise DataError(
                f"{self.name}: training samples have shape {train.shape[1:]}, test samples {test.shape[1:]}; give one shape"
            )
        missing = np.setdiff1d(np.arange(self.classes), self.train_labels)
        if missing.size:
            raise DataError(
                f"{self.name}: no training sample is of class {missing[0]}, of {self.classes} classes; give more samples"
            )
        names = self.class_names or tuple(map(str, range(self.classes)))
        if len(set(names)) != self.classes or len(names) != self.classes:
            raise DataError(f"{self.name}: {self.classes} classes, and names {', '.join(names)}; give as many, no two alike")
        object.__setattr__(self, "class_names", tuple(names))
        self.scaling.check(test, f"{self.name}, test: samples")

    def _check_part(self, part: str, owner: str) -> None:
        images = as_images(getattr(self, f"{part}_images"), f"{owner}: samples")
        if not len(images):
            raise DataError(f"{owner}: there are no samples; give one at least")
        labels = check_labels(getattr(self, f"{part}_labels"), len(images), self.classes, owner)
        object.__setattr__(self, f"{part}_images", images)
        object.__setattr__(self, f"{part}_labels", labels)

    @classmethod
    def from_arrays(
        cls,
        x: Any,
        y: Any,
        test: float | None = None,
        seed: int = 0,
        *,
        x_test: Any = None,
        y_test: Any = None,
        name: str = "arrays",
    ) -> Dataset:
        """From samples x (n, ...) and labels y (n,), whole numbers or texts, which are numbered in order and kept in `class_names`.

        Of every class the part `test` (0.2) of its samples is for testing, unless x_test and y_test are given. Either way the order of
        both parts is drawn from `seed`, the same on every machine (`splitting.stratified`). Raises DataError.
        """
        if (x_test is None) != (y_test is None):
            raise DataError(f"{name}: give x_test and y_test, or neither")
        if x_test is not None and test is not None:
            raise DataError(f"{name}: x_test is given, so test = {test} has nothing to divide; leave one of them out")
        labels, test_labels, names = numbered(y, () if y_test is None else y_test, name)
        images = _matching(x, labels, f"{name}, training")
        if x_test is None:
            train, held = stratified(labels, names, PART if test is None else test, seed, name)
            return cls(name, images[train], labels[train], images[held], labels[held], len(names), names)
        test_images = _matching(x_test, test_labels, f"{name}, test")
        train, held = mixed(len(labels), seed), mixed(len(test_labels), seed)
        return cls(name, images[train], labels[train], test_images[held], test_labels[held], len(names), names)

    @classmethod
    def from_torch(cls, train: Any, test: Any = PART, seed: int = 0, *, name: str = "torch") -> Dataset:
        """From a torch Dataset of pairs (sample, label), each read once; `test`: another one, or the part of this one to test on.

        Samples: tensors, those of three dimensions (channels, height, width), or pictures and arrays as NumPy reads them. Labels and
        order as in `from_arrays`. Raises DataError.
        """
        x, y = arrays_of(train, f"{name}, training")
        if isinstance(test, Real):
            return cls.from_arrays(x, y, float(test), seed, name=name)
        x_test, y_test = arrays_of(test, f"{name}, test")
        return cls.from_arrays(x, y, seed=seed, x_test=x_test, y_test=y_test, name=name)

    def __repr__(self) -> str:
        return f"<Dataset {self}>"

    def __str__(self) -> str:
        shape, names = "x".join(map(str, self.train_images.shape[1:])), ", ".join(self.class_names)
        called = "" if self.class_names == tuple(map(str, range(self.classes))) else f" ({shorten(names, 60)})"
        return (
            f"{self.name}: {len(self.train_labels)} training and {len(self.test_labels)} test samples of {shape}, "
            f"{self.classes} classes{called}, scaled as {self.scaling.kind}"
        )

    def first(self, samples: int | None) -> Dataset:
        """With so many training samples at most; None: all."""
        return replace(self, train_images=self.train_images[:samples], train_labels=self.train_labels[:samples])

    @cached_property
    def scaling(self) -> Scaling:
        """How values become numbers of a batch and payloads of the chip; of the training part alone."""
        return Scaling.of(self.name, self.train_images)

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits of a SHA-256 of every value and label, with their shapes and types.

        Computed when asked for, from the arrays as they are then; how they lie in memory does not count.
        """
        digest = hashlib.sha256()
        for part in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(f"{part.shape}{part.dtype}".encode())
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()[:12]


def _matching(images: Any, labels: Labels, owner: str) -> Array:
    found = as_images(images, f"{owner}: samples")
    if len(found) != len(labels):
        raise DataError(f"{owner}: {len(found)} samples and {len(labels)} labels; give as many of each")
    return found
