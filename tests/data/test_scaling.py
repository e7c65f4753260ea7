"""Values in batches and on the chip: what the training part says, and nothing else; payloads that a learning synapse takes whole."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from neuromorph.data import Dataset, Scaling, load, pixels_as_payloads
from neuromorph.data.scaling import REACH
from neuromorph.errors import DataError

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 3))


def tables(width: int) -> st.SearchStrategy[np.ndarray]:
    """Of so many features, not all in 0..1."""

    def below_0(table: np.ndarray) -> np.ndarray:
        table[0, 0] = -1.5
        return table

    return npst.arrays(np.float64, st.tuples(st.integers(2, 6), st.just(width)), elements=NUMBERS).map(below_0)


TABLES = st.integers(1, 5).flatmap(tables)
PAIRS = st.integers(1, 5).flatmap(lambda width: st.tuples(tables(width), tables(width)))


def scaled(train: np.ndarray) -> Scaling:
    return Scaling.of("mine", train)


def decoded(scaling: Scaling, payloads: np.ndarray) -> np.ndarray:
    """Values in batches that payloads stand for."""
    parts = payloads / 254
    if scaling.kind == "table":
        return REACH * (parts[:, : scaling.size] - parts[:, scaling.size :])
    return parts


@given(npst.arrays(np.uint8, npst.array_shapes(min_dims=2, max_dims=4, min_side=0)))
def test_payloads_are_even_and_lose_only_the_lowest_bit(images: np.ndarray) -> None:
    payloads = pixels_as_payloads(images)
    assert payloads.dtype == np.int32
    assert payloads.shape == (images.shape[0], np.prod(images.shape[1:]))
    np.testing.assert_array_equal(payloads.ravel(), 2 * (images.astype(int).ravel() // 2))


def test_payloads_refuse_scaled_pixels() -> None:
    with pytest.raises(DataError, match=r"uint8.*float64"):
        pixels_as_payloads(np.ones((2, 3)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["digits", "bars-and-stripes"])
def test_bytes_are_a_pixel_an_axon_and_a_fraction_of_255(name: str) -> None:
    data = load(name)
    np.testing.assert_array_equal(data.scaling.encode(data.test_images), pixels_as_payloads(data.test_images))
    np.testing.assert_array_equal(data.scaling.values(data.test_images), data.test_images / 255)
    assert data.scaling.inputs == data.test_images[0].size


def test_cifar10_has_its_usual_statistics() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    scaling = Scaling.of("cifar10", images)
    expected = (images / 255 - [0.4914, 0.4822, 0.4465]) / [0.2023, 0.1994, 0.2010]
    np.testing.assert_allclose(scaling.values(images), expected, rtol=1e-12)
    np.testing.assert_allclose(scaling.values(images.reshape(4, -1)), expected.reshape(4, -1), rtol=1e-12)
    np.testing.assert_array_equal(scaling.encode(images), pixels_as_payloads(images))
    assert Scaling.of("mine", images).center == (0.0,)


@given(npst.arrays(np.float64, npst.array_shapes(min_dims=2, max_dims=4, max_side=4), elements=st.floats(0, 1)))
def test_floats_of_0_to_1_stay_as_they_are(images: np.ndarray) -> None:
    scaling = scaled(images)
    np.testing.assert_array_equal(scaling.values(images), images)
    assert scaling.inputs == scaling.size
    payloads = scaling.encode(images)
    assert np.abs(decoded(scaling, payloads) - images.reshape(len(images), -1)).max() <= 0.5 / 127 + 1e-12


@given(npst.arrays(np.float32, (3, 4, 2), elements=st.floats(-1e6, 1e6, width=32)))
def test_other_float_images_are_spread_from_the_lowest_to_the_highest(images: np.ndarray) -> None:
    assume(images.max() > images.min() and not (images.min() >= 0 and images.max() <= 1))
    scaling = scaled(images)
    values = scaling.values(images)
    assert (values.min(), values.max()) == (0, 1)
    assert np.abs(decoded(scaling, scaling.encode(images)) - values.reshape(3, -1)).max() <= 0.5 / 127 + 1e-12


@given(TABLES)
def test_features_of_a_table_have_mean_0_and_spread_1(table: np.ndarray) -> None:
    scaling = scaled(table)
    values = scaling.values(table)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-3)
    constant = np.ptp(table, axis=0) == 0
    np.testing.assert_allclose(values.std(axis=0)[~constant], 1, rtol=1e-6)
    np.testing.assert_allclose(values[:, constant], 0, atol=1e-6)


@given(PAIRS)
def test_payloads_of_a_table_have_one_sign_an_axon_and_lose_half_a_step(pair: tuple[np.ndarray, np.ndarray]) -> None:
    table, other = pair
    scaling = scaled(table)
    payloads = scaling.encode(other)
    assert payloads.shape == (len(other), scaling.inputs) == (len(other), 2 * table.shape[1])
    assert payloads.dtype == np.int32
    assert ((payloads >= 0) & (payloads <= 254) & (payloads % 2 == 0)).all()
    positive, negative = np.split(payloads, 2, axis=1)
    assert (np.minimum(positive, negative) == 0).all()
    cut = np.clip(scaling.values(other), -REACH, REACH)
    assert np.abs(decoded(scaling, payloads) - cut).max() <= REACH * 0.5 / 127 + 1e-9
    mirrored = replace(scaling, center=tuple(-c for c in scaling.center)).encode(-other)
    np.testing.assert_array_equal(mirrored, np.concatenate([negative, positive], axis=1))


@given(TABLES, st.randoms())
def test_features_in_another_order_are_scaled_alike(table: np.ndarray, random: Any) -> None:
    order = list(range(table.shape[1]))
    random.shuffle(order)
    scaling, turned = scaled(table), scaled(table[:, order])
    np.testing.assert_allclose(turned.values(table[:, order]), scaling.values(table)[:, order], rtol=1e-9, atol=1e-9)


@given(TABLES)
def test_test_samples_change_no_scaled_training_value(table: np.ndarray) -> None:
    labels = np.arange(len(table)) % 2
    first = Dataset("mine", table, labels, table[:1], [0], 2)
    second = replace(first, test_images=table[:1] + 1e3)
    assert second.scaling == first.scaling
    np.testing.assert_array_equal(second.scaling.values(table), first.scaling.values(table))


def test_a_feature_that_never_changes_is_none_wherever_it_lies() -> None:
    """The mean of ten times 0.1 is not 0.1, nor their spread 0."""
    table = np.column_stack([np.full(10, 0.1), np.full(10, 1e9 + 0.1), np.arange(10.0)])
    values = scaled(table).values(table)
    assert np.abs(values[:, :2]).max() < 1e-5
    assert (scaled(table).encode(table)[:, [0, 1, 3, 4]] == 0).all()


def test_times_of_a_clock_keep_their_differences() -> None:
    """Large numbers are scaled in 64 bits."""
    table = 1.7e9 + np.arange(100.0)[:, None]
    np.testing.assert_allclose(scaled(table).values(table)[:, 0], (np.arange(100) - 49.5) / np.arange(100).std(), rtol=1e-9)


@given(TABLES)
def test_json_holds_a_scaling_exactly(table: np.ndarray) -> None:
    scaling = scaled(table)
    assert Scaling.from_dict(json.loads(json.dumps(scaling.as_dict()))) == scaling


GOOD = Scaling("table", 2, (0.0, 1.0), (1.0, 2.0)).as_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "tables"}, {"size": 0}, {"size": 3}, {"size": 2.0}, {"size": "2"}, {"center": []}, {"center": [0.0]}, {"center": None},
        {"spread": [1.0, 0.0]}, {"spread": [1.0, -1.0]}, {"spread": [1.0, float("nan")]}, {"center": [0.0, float("inf")]},
        {"center": ["a", "b"]}, {"more": 1},
    ],
)  # fmt: skip
def test_what_is_no_scaling_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"scaling|scaled"):
        Scaling.from_dict({**GOOD, **change})
    with pytest.raises(DataError, match="a scaling has"):
        Scaling.from_dict({"kind": "bytes"})


@pytest.mark.parametrize(
    ("train", "samples", "says"),
    [
        (np.ones((2, 4)), np.ones((2, 5)), r"shape \(5,\), and the training data had 4 values"),
        (np.ones((2, 4)), np.ones((2, 4), np.uint8), r"uint8, and the training data were floats"),
        (np.ones((2, 4), np.uint8), np.ones((2, 4)), r"float64, and the training data were bytes"),
        (
            np.ones((2, 4)),
            np.full((2, 4), 255.0),
            "go from 255 to 255, and the training data from 0 to 1; give both in the same unit",
        ),
        (np.ones((2, 4)), np.full((2, 4), np.nan), "NaN"),
        (np.ones((2, 4)), np.ones(4), r"shape \(4,\)"),
    ],
)
def test_samples_of_another_kind_are_refused(train: np.ndarray, samples: np.ndarray, says: str) -> None:
    for use in (scaled(train).encode, scaled(train).values):
        with pytest.raises(DataError, match=says):
            use(samples)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.full((3, 2, 2), 7.0), "samples are 7 everywhere.*give images that differ"),
        (np.array([[0.0], [1.7e308], [-1.7e308]]), "samples: the values are too large or too close"),
        (np.array([0.0, 1.7e308, -1.7e308]).reshape(3, 1, 1), "samples: the values are too large or too close"),
    ],
)
def test_values_that_cannot_be_scaled_are_refused(values: np.ndarray, says: str) -> None:
    with pytest.raises(DataError, match=f"^mine, training: {says}"):
        Dataset("mine", values, np.arange(len(values)) % 2, values, np.arange(len(values)) % 2, 2)


def test_values_a_little_beyond_the_training_range_are_cut_on_the_chip_only() -> None:
    scaling = scaled(np.array([[0.0, 1.0]]))
    beyond = np.array([[-2.0, 3.0]])
    np.testing.assert_array_equal(scaling.values(beyond), beyond)
    np.testing.assert_array_equal(scaling.encode(beyond), [[0, 254]])


def test_no_samples_have_no_payloads() -> None:
    for train in (np.ones((2, 4), np.uint8), np.ones((2, 4)), np.arange(8.0).reshape(2, 4)):
        assert scaled(train).encode(train[:0]).shape == (0, scaled(train).inputs)
