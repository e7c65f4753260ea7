"""Labels: whole numbers from 0 on, whatever the classes were called.

`check_labels` is the one check of labels that must already be so: every Dataset, trainer and measure goes through it. `numbered` makes
them so from whole numbers of any kind, or texts, and keeps what each was called.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import DataError

Labels = NDArray[np.int64]
Names = tuple[str, ...]


def check_labels(labels: Any, count: int, classes: int, owner: str) -> Labels:
    """`labels` as int64, shape (count,), each in 0..classes - 1; an array that is so already is not copied.

    Whole numbers of any type are taken. Raises DataError, which begins with `owner`, for all else: another shape (a column (n, 1), one-hot
    rows), another length, texts, fractions, NaN, a class that there is not.
    """
    found = _one_a_sample(labels, owner)
    if len(found) != count:
        raise DataError(f"{owner}: {count} samples and {len(found)} labels; give as many of each")
    if found.dtype.kind not in "biuf":
        raise DataError(
            f"{owner}: labels are of type {found.dtype}; give whole numbers 0..{classes - 1} (Dataset.from_arrays numbers classes by name)"
        )
    whole = _whole(found, owner)
    if whole.size and not 0 <= whole.min() <= whole.max() < classes:
        raise DataError(
            f"{owner}: labels go from {whole.min()} to {whole.max()}, and {classes} classes are 0..{classes - 1}; "
            "Dataset.from_arrays numbers labels anew"
        )
    return whole


def numbered(train: Any, test: Any, owner: str) -> tuple[Labels, Labels, Names]:
    """Labels of both parts as 0..k - 1, and the k names of the classes of the training part, in order.

    Classes are whole numbers, also written as texts ("2" before "10"), or texts, in the order of their characters. Raises DataError for
    labels that are neither, for a single class, and for a test label that no training sample has.
    """
    found = [_keys(part, owner) for part in (train, test)]
    if found[0].dtype.kind != found[1].dtype.kind and found[1].size:
        raise DataError(f"{owner}: training labels are {_sort(found[0])}, test labels {_sort(found[1])}; give both alike")
    classes = np.unique(found[0])
    if not len(classes):
        raise DataError(f"{owner}, training: there are no samples; give two at least")
    if len(classes) < 2:
        raise DataError(f"{owner}: every training label is {str(classes[0])!r}; give samples of two classes at least")
    unknown = np.setdiff1d(found[1], classes)
    if unknown.size:
        raise DataError(f"{owner}: no training sample is of class {str(unknown[0])!r}, and test samples are")
    places = [np.searchsorted(classes, part).astype(np.int64) for part in found]
    return places[0], places[1], tuple(str(name) for name in classes)


def _one_a_sample(labels: Any, owner: str) -> NDArray[Any]:
    try:
        found = np.asarray(labels)
    except ValueError as error:
        raise DataError(f"{owner}: labels make no array: {error}; give one label a sample") from None
    if found.ndim == 1:
        return found
    if found.ndim == 2:
        cure = "of a column take labels[:, 0]" if found.shape[1] == 1 else "of one-hot rows take labels.argmax(1)"
    else:
        cure = "give a sequence"
    raise DataError(f"{owner}: labels have shape {found.shape}, not (samples,): one label a sample; {cure}")


def _whole(labels: NDArray[Any], owner: str) -> Labels:
    with np.errstate(invalid="ignore"):  # NaN: found below
        whole = labels.astype(np.int64)
    wrong = whole != labels
    if wrong.any():
        raise DataError(
            f"{owner}: label {labels[wrong][0]} of sample {np.flatnonzero(wrong)[0]} is no whole number; labels are classes, not measures"
        )
    return labels if labels.dtype == np.int64 else whole


def _keys(labels: Any, owner: str) -> NDArray[Any]:
    """Labels as int64, or as texts."""
    found = _one_a_sample(labels, owner)
    if found.dtype.kind == "O" and found.size:  # of pandas, or a list of unequal things
        kinds = {type(label) for label in found}
        found = np.array(found.tolist()) if kinds <= {str} or str not in kinds else found
    if found.dtype.kind == "S":
        found = np.char.decode(found, "utf-8")
    if found.dtype.kind in "biuf":
        return _whole(found, owner)
    if found.dtype.kind != "U":
        raise DataError(
            f"{owner}: labels are {found.dtype}s of unequal kinds, or lack values; give numbers only, or texts only"
        )
    texts = np.char.strip(found)
    if (texts == "").any():
        raise DataError(f"{owner}: sample {np.flatnonzero(texts == '')[0]} has no label; give it one, or leave it out")
    try:
        numbers = texts.astype(np.float64)
    except ValueError:
        return texts
    return _whole(numbers, owner)


def _sort(keys: NDArray[Any]) -> str:
    return "texts" if keys.dtype.kind == "U" else "numbers"
