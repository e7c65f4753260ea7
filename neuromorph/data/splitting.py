"""A part of the samples for testing, with as much of every class as of the whole."""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import NDArray

from neuromorph.data.labels import Labels, Names
from neuromorph.errors import DataError

Places = NDArray[np.int64]


def mixed(count: int, seed: int) -> Places:
    """The numbers below `count` in an order that `seed` decides, for good: any part of samples in that order has some of each class."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise DataError(f"seed = {seed} is no whole number from 0 to {2**32 - 1}")
    # RandomState, because NumPy promised never to change its streams
    return np.random.RandomState(seed).permutation(count)


def stratified(labels: Labels, names: Names, test: float, seed: int, owner: str) -> tuple[Places, Places]:
    """Places of the training and of the test samples, both in the order of `mixed`; disjoint, and together all.

    Of the n samples of a class the first round(test * n) in that order are for testing, but one at least and n - 1 at most. Raises
    DataError for a `test` not between 0 and 1, and for a class of one sample.
    """
    if not isinstance(test, Real) or not 0 < test < 1:
        raise DataError(f"{owner}: test = {test!r}; give the part of the samples to test on, between 0 and 1, such as 0.2")
    order = mixed(len(labels), seed)
    held = np.zeros(len(labels), bool)
    for label, name in enumerate(names):
        places = np.flatnonzero(labels[order] == label)
        if len(places) < 2:
            raise DataError(
                f"{owner}: class {name!r} has a single sample, which cannot be trained and tested on; give more, or leave it out"
            )
        held[places[: min(max(round(test * len(places)), 1), len(places) - 1)]] = True
    return order[~held], order[held]
