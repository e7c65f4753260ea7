"""Bars and stripes as the samples of a Boltzmann machine."""

from __future__ import annotations

import numpy as np

from neuromorph.data import load
from neuromorph.learning.boltzmann.machine import Array

UNITS = 16
"""Pixels of a pattern, and hidden units of the papers' machine."""


def patterns() -> Array:
    """Bars, then stripes as rows of zeros and ones, (32, 16)."""
    data = load("bars-and-stripes")
    images = data.train_images[np.argsort(data.train_labels, kind="stable")]
    return (images.reshape(len(images), -1) > 0).astype(np.float64)
