"""In which order samples are shown: one stream of random numbers, for every kind of training and whatever checks one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ORDER = 2
"""This stream's number among those of a seed."""


def sample_order(seed: int, epoch: int, samples: int) -> NDArray[np.int64]:
    """The places of all samples, in the order of an epoch (from 0): it follows from seed and epoch alone."""
    return np.random.default_rng([seed, ORDER, epoch]).permutation(samples)
