"""Digits and bars and stripes are what they always were."""

import numpy as np
import pytest

from neuromorph.data import load


def test_digits_are_a_fixed_split_of_every_sample() -> None:
    from sklearn.datasets import load_digits

    digits = load("digits")
    assert digits.train_images.shape == (1437, 8, 8)
    assert digits.test_images.shape == (360, 8, 8)
    assert set(np.unique(digits.test_labels)) == set(range(digits.classes))
    assert digits.test_labels[:10].tolist() == [7, 9, 4, 7, 0, 2, 6, 1, 3, 1]
    images = np.concatenate([digits.train_images, digits.test_images]).reshape(1797, -1).astype(int)
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    source = load_digits()
    ours = sorted(zip(labels.tolist(), images.tolist(), strict=True))
    scaled = (source.data.astype(int) * 510 + 16) // 32
    assert ours == sorted(zip(source.target.tolist(), scaled.tolist(), strict=True))


def test_digits_scale_reaches_both_ends_and_rounds_to_nearest() -> None:
    values = np.unique(load("digits").train_images)
    assert values.tolist() == [round(v * 255 / 16 + 1e-9) for v in range(17)]


def test_bars_and_stripes_are_the_32_patterns_with_the_extremes_doubled() -> None:
    bas = load("bars-and-stripes")
    images, labels = bas.train_images, bas.train_labels
    assert images.shape == (32, 4, 4)
    assert set(np.unique(images)) == {0, 255}
    patterns, counts = np.unique(images.reshape(32, 16), axis=0, return_counts=True)
    assert len(patterns) == 30
    assert sorted(patterns[counts == 2].tolist()) == [[0] * 16, [255] * 16]
    bars, stripes = images[labels == 0], images[labels == 1]
    assert len(bars) == len(stripes) == 16
    assert (bars == bars[:, :1, :]).all()
    assert (stripes == stripes[:, :, :1]).all()
    np.testing.assert_array_equal(labels, [0, 1] * 16)
    np.testing.assert_array_equal(bas.test_images, images)
    np.testing.assert_array_equal(bas.test_labels, labels)


@pytest.mark.parametrize("name", ["digits", "bars-and-stripes"])
def test_two_loads_are_equal_and_share_nothing(name: str) -> None:
    first, second = load(name), load(name)
    np.testing.assert_array_equal(first.train_images, second.train_images)
    first.train_images[:] = 7
    assert not (second.train_images == 7).all()
    assert not (first.test_images == 7).all()
