"""Sets that need no files: scikit-learn's digits, and bars and stripes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.data.dataset import Dataset

DIGITS_TRAIN = 1437


def digits(_data_dir: Path | str | None) -> Dataset:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # RandomState, because NumPy promised never to change its streams
    order = np.random.RandomState(0).permutation(len(bunch.target))
    images = ((255 * bunch.images[order].astype(np.int64) + 8) // 16).astype(np.uint8)
    labels = bunch.target[order].astype(np.int64)
    return Dataset(
        name="digits",
        train_images=images[:DIGITS_TRAIN],
        train_labels=labels[:DIGITS_TRAIN],
        test_images=images[DIGITS_TRAIN:],
        test_labels=labels[DIGITS_TRAIN:],
        classes=10,
    )


def bars_and_stripes(_data_dir: Path | str | None) -> Dataset:
    # bit j of pattern k says whether column (row) j is full
    bits = np.arange(16)[:, None] >> np.arange(4) & 1
    bars = np.repeat(bits[:, None, :], 4, axis=1)
    images = np.concatenate([bars, bars.swapaxes(1, 2)]).astype(np.uint8) * np.uint8(255)
    labels = np.repeat(np.arange(2, dtype=np.int64), 16)
    turns = np.arange(32).reshape(2, 16).T.ravel()  # both in turn: any part held out has some of each
    images, labels = images[turns], labels[turns]
    return Dataset("bars-and-stripes", images, labels, images.copy(), labels.copy(), classes=2)
