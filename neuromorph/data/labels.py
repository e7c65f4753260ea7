"""Labels: whole numbers from 0 on, whatever the classes were called.

`check_labels` is the one check of labels that must already be so: every Dataset, trainer and measure goes through it. `numbered` makes
them so from whole numbers of any kind, or texts, and keeps what each was called.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.data.images import as_array
from neuromorph.errors import DataError

CANONICAL = re.compile(r"0|-?[1-9][0-9]{0,17}")
"""A whole number as Python writes it, of 64 bits at most."""
Labels = NDArray[np.int64]
Names = tuple[str, ...]


def check_labels(labels: Any, count: int | None, classes: int, owner: str) -> Labels:
    """`labels` as int64, shape (count,) (None: any), each in 0..classes - 1; an array that is so already is not copied.

    Whole numbers of any type are taken. Raises DataError, which begins with `owner`, for all else: another shape (a column (n, 1), one-hot
    rows), another length, texts, fractions, NaN, a class that there is not.
    """
    found = _one_a_sample(labels, owner)
    if count is not None and len(found) != count:
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

    Classes are whole numbers ("2" before "10"), or texts, in the order of their characters. Texts are numbers where every one is written
    as a number is ("10", not "010", "1e1" or "10.0"): no two texts become one class. Raises DataError for labels that are neither, for a
    single class, and for a test label that no training sample has.
    """
    found = [_keys(part, owner) for part in (train, test)]
    if all(_are_numbers(part) for part in found):
        found = [part.astype(np.int64) for part in found]
    elif found[0].dtype.kind != found[1].dtype.kind and found[1].size:
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
    found = as_array(labels, f"{owner}: labels", "give one label a sample, as NumPy reads it")
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
    found = _of_one_kind(_one_a_sample(labels, owner), labels)
    if found.dtype.kind == "S":
        try:
            found = np.char.decode(found, "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{owner}: labels are bytes, and not all of them text in UTF-8; give texts or numbers") from None
    if found.dtype.kind in "biuf":
        return _whole(found, owner)
    if found.dtype.kind != "U":
        raise DataError(
            f"{owner}: labels are {found.dtype}s of unequal kinds, or lack values; give numbers only, or texts only"
        )
    empty = np.flatnonzero(np.char.strip(found) == "")
    if empty.size:
        raise DataError(f"{owner}: sample {empty[0]} has no label; give it one, or leave it out")
    return found


def _of_one_kind(found: NDArray[Any], labels: Any) -> NDArray[Any]:
    """Objects (of pandas, or of a list, in which NumPy would write numbers as texts) as an array of texts or of numbers; as objects where
    both are among them."""
    if found.dtype.kind in "US" and not isinstance(labels, np.ndarray):
        found = np.array(labels, dtype=object)
    if found.dtype.kind != "O" or not found.size:
        return found
    kinds = {next((kind for kind in (str, bytes) if isinstance(label, kind)), None) for label in found}
    return np.array(found.tolist()) if len(kinds) == 1 else found


def _are_numbers(keys: NDArray[Any]) -> bool:
    return keys.dtype.kind != "U" or all(CANONICAL.fullmatch(text) for text in np.unique(keys))


def _sort(keys: NDArray[Any]) -> str:
    return "texts" if keys.dtype.kind == "U" else "numbers"
