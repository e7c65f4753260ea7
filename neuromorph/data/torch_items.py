"""The items of a torch Dataset as arrays; torch itself is not needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.data.images import Array, as_array
from neuromorph.errors import DataError


def arrays_of(items: Any, owner: str) -> tuple[Array, list[Any]]:
    """Samples and labels of all items, in order. Raises DataError for what is no data set of pairs, and for samples of several shapes."""
    if not hasattr(items, "__len__") or not hasattr(items, "__getitem__"):
        raise DataError(
            f"{owner}: a {type(items).__name__} has no length or no items by number; give a torch Dataset of pairs (sample, label)"
        )
    samples, labels = [], []
    for place in range(len(items)):
        item = items[place]
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise DataError(f"{owner}: item {place} is a {type(item).__name__}, not a pair (sample, label)")
        label = _as_array(item[1], f"{owner}: the label of item {place}")
        if label.ndim:
            raise DataError(f"{owner}: the label of item {place} has shape {label.shape}; give one number or text")
        samples.append(_sample(item[0], f"{owner}: the values of item {place}"))
        labels.append(label.item())
    shapes = {sample.shape for sample in samples}
    if len(shapes) != 1:
        raise DataError(f"{owner}: samples have shapes {', '.join(map(str, sorted(shapes))) or 'none'}; give one shape")
    return np.stack(samples), labels


def _sample(given: Any, owner: str) -> Array:
    """Tensors have channels first, arrays and pictures last; a single channel is left out."""
    array = _as_array(given, owner)
    if hasattr(given, "detach") and array.ndim == 3:
        array = array.transpose(1, 2, 0)
    return array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array


def _as_array(given: Any, owner: str) -> Array:
    return as_array(
        given.detach().cpu() if hasattr(given, "detach") else given, owner, "give dense tensors of a type that NumPy has"
    )
