"""Every data set is checked when it is made, by whatever way; what it is can be told by its fingerprint."""

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from neuromorph.data import Dataset, load
from neuromorph.errors import DataError

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


def small(dtype: Any = np.uint8) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (10, 3, 2)).astype(dtype)
    return Dataset("small", images[:6], np.arange(6) % 3, images[6:], np.arange(4) % 3, 3)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"train_labels": np.arange(5) % 3}, "training: 6 samples and 5 labels"),
    ({"test_labels": np.arange(5) % 3}, "test: 4 samples and 5 labels"),
    ({"train_labels": (np.arange(6) % 3)[:, None]}, r"training: labels have shape \(6, 1\)"),
    ({"train_labels": np.eye(3)[np.arange(6) % 3]}, r"training: labels have shape \(6, 3\).*argmax"),
    ({"train_labels": np.arange(6) % 3 + 1}, r"labels go from 1 to 3, and 3 classes are 0\.\.2; Dataset\.from_arrays numbers"),
    ({"train_labels": np.arange(6) % 3 + 0.5}, "no whole number"),
    ({"train_labels": np.array(["a", "b", "c"] * 2)}, "of type <U1"),
    ({"train_labels": np.arange(6) % 2}, "no training sample is of class 2, of 3 classes"),
    ({"test_images": np.zeros((4, 2, 3), np.uint8)}, r"training samples have shape \(3, 2\), test samples \(2, 3\)"),
    ({"test_images": np.zeros((0, 3, 2), np.uint8), "test_labels": []}, "test: there are no samples"),
    ({"train_images": np.zeros((0, 3, 2), np.uint8), "train_labels": []}, "training: there are no samples"),
    ({"test_images": np.zeros((4, 3, 2))}, "test: samples are float64, and the training data were bytes"),
    ({"train_images": np.zeros(6, np.uint8)}, r"samples have shape \(6,\)"),
    ({"train_images": np.zeros((6, 0), np.uint8)}, r"samples have shape \(6, 0\)"),
    ({"train_images": np.zeros((6, 1, 1, 1, 1), np.uint8)}, "samples have shape"),
    ({"train_images": [[1, 2], [3]]}, "cannot become an array"),
    ({"train_images": np.full((6, 3, 2), "a")}, "of type <U1"),
    ({"train_images": np.full((6, 3, 2), 1j)}, "of type complex128"),
    ({"train_images": np.full((6, 3, 2), None)}, "of type object"),
    ({"train_images": np.array([[0.0], [np.nan]] * 3)}, "NaN or infinity, first in sample 1"),
    ({"train_images": np.array([[0.0], [1.0], [-np.inf]] * 2)}, "NaN or infinity, first in sample 2"),
    ({"train_images": np.ma.masked_equal(np.ones((6, 3)), 1)}, "masked"),
    ({"train_images": np.full((6, 3, 2), 2**60)}, r"beyond 2\^53"),
    ({"class_names": ("a", "b")}, "3 classes, and names a, b"),
    ({"class_names": ("a", "b", "b")}, "no two alike"),
    ({"classes": 4}, "no training sample is of class 3"),
    ({"classes": 2}, r"labels go from 0 to 2, and 2 classes are 0\.\.1"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "says"), WRONG)
def test_what_is_no_data_set_is_refused_in_one_line_when_it_is_made(changes: dict[str, Any], says: str) -> None:
    data = small()
    values = {name: getattr(data, name) for name in (*ARRAYS, "name", "classes")}
    for make in (lambda: replace(data, **changes), lambda: Dataset(**{**values, **changes})):
        with pytest.raises(DataError, match=f"^small.*({says})") as caught:
            make()
        assert "\n" not in str(caught.value)


def test_pixels_divided_by_255_beforehand_are_the_same_numbers_in_batches() -> None:
    data = load("digits")
    divided = replace(data, train_images=data.train_images / 255, test_images=data.test_images / 255)
    np.testing.assert_array_equal(divided.scaling.values(divided.test_images), data.scaling.values(data.test_images))
    assert np.abs(divided.scaling.encode(divided.test_images) - data.scaling.encode(data.test_images)).max() <= 2


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [(np.uint8, np.uint8), (np.int64, np.float64), (np.uint16, np.float64), (bool, np.float64), (np.float16, np.float32),
     (np.float32, np.float32), (">f8", np.float64), (float, np.float64)],
)  # fmt: skip
def test_numbers_of_any_type_are_held_exactly(dtype: Any, kept: Any) -> None:
    data = small(dtype)
    assert data.train_images.dtype == kept
    np.testing.assert_array_equal(data.train_images, small().train_images.astype(dtype))


def test_arrays_of_the_right_types_are_not_copied() -> None:
    data = small()
    again = replace(data)
    assert all(getattr(again, name) is getattr(data, name) for name in ARRAYS)


def test_labels_of_other_types_and_directions_train_alike() -> None:
    data = small()
    for labels in (data.train_labels.astype(np.uint8), data.train_labels.astype(float), data.train_labels[::-1].copy()[::-1],
                   data.train_labels.tolist()):  # fmt: skip
        assert replace(data, train_labels=labels).fingerprint == data.fingerprint


@given(st.sampled_from(ARRAYS), st.data())
def test_the_fingerprint_changes_with_any_element(name: str, draw: st.DataObject) -> None:
    data = small(draw.draw(st.sampled_from([np.uint8, np.float64])))
    values = getattr(data, name).copy()
    place = draw.draw(st.integers(0, values.size - 1))
    values.flat[place] = (int(values.flat[place]) + 1) % (3 if "labels" in name else 256)
    if name == "train_labels":
        values[:3] = np.sort(np.unique(values))[:3] if len(np.unique(values)) == 3 else [0, 1, 2]
    changed = replace(data, **{name: values})
    assert (changed.fingerprint == data.fingerprint) == np.array_equal(values, getattr(data, name))


def test_the_fingerprint_knows_the_numbers_and_not_how_they_lie_or_are_called() -> None:
    data = small()
    assert len(data.fingerprint) == 12
    assert load("digits").fingerprint == "aa0f7a848818"
    fortran = replace(
        data, train_images=np.asfortranarray(data.train_images), test_images=data.test_images[::-1].copy()[::-1]
    )
    renamed = replace(data, name="other", class_names=("a", "b", "c"))
    assert fortran.fingerprint == renamed.fingerprint == pickle.loads(pickle.dumps(data)).fingerprint == data.fingerprint
    flat = replace(data, train_images=data.train_images.reshape(6, 6), test_images=data.test_images.reshape(4, 6))
    assert flat.fingerprint != data.fingerprint


@given(
    npst.arrays(np.float64, st.tuples(st.integers(8, 20), st.integers(1, 3)), elements=st.floats(-9, 9)),
    st.sampled_from([list("abcd"), [7, 3, 11, -2], [1, 2, 3, 4]]),
    st.integers(0, 99),
)
def test_arrays_are_divided_whole_with_every_label_beside_its_sample(x: np.ndarray, classes: list[Any], seed: int) -> None:
    x = np.column_stack([x, np.arange(len(x))])
    y = [classes[k % 4] for k in range(len(x))]
    data = Dataset.from_arrays(x, y, test=0.3, seed=seed)
    assert data.class_names == tuple(map(str, sorted(classes)))
    for images, labels in ((data.train_images, data.train_labels), (data.test_images, data.test_labels)):
        for sample, label in zip(images, labels, strict=True):
            np.testing.assert_array_equal(x[int(sample[-1])], sample)
            assert data.class_names[label] == str(y[int(sample[-1])])
    assert sorted(np.concatenate([data.train_images, data.test_images])[:, -1]) == list(range(len(x)))
    assert Dataset.from_arrays(x, y, test=0.3, seed=seed).fingerprint == data.fingerprint


def test_a_test_part_that_is_given_stays_one() -> None:
    x, y = np.arange(20.0)[:, None], np.repeat(["a", "b"], 10)
    data = Dataset.from_arrays(x, y, x_test=x + 100, y_test=y, name="mine")
    assert sorted(data.train_images[:, 0]) == list(range(20))
    assert sorted(data.test_images[:, 0]) == list(range(100, 120))
    np.testing.assert_array_equal(data.test_labels, data.test_images[:, 0] >= 110)
    assert len(np.unique(data.train_labels[-4:])) == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"test": 0.2, "x_test": [[1.0]], "y_test": [1]}, "leave one of them out"),
        ({"x_test": [[1.0]]}, "x_test and y_test, or neither"),
        ({"y_test": [1]}, "x_test and y_test, or neither"),
        ({"x_test": [[1.0]], "y_test": [1, 0]}, "mine, test: 1 samples and 2 labels"),
        ({"x_test": [[1.0]], "y_test": [9]}, "class '9'"),
        ({"x_test": [[1.0, 2.0]], "y_test": [1]}, "test samples"),
        ({"x_test": np.zeros((0, 1)), "y_test": []}, "test: there are no samples"),
        ({"y": [0, 1]}, "mine, training: 6 samples and 2 labels"),
        ({"y": [0, 1, 1, 1, 1, 1]}, "class '0' has a single sample"),
        ({"test": 2}, "between 0 and 1"),
        ({"test": "0.2"}, "test = '0.2'; give the part"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(options: dict[str, Any], says: str) -> None:
    arguments: dict[str, Any] = {"x": np.arange(6.0)[:, None] / 9, "y": [0, 1] * 3, "name": "mine", **options}
    with pytest.raises(DataError, match=says):
        Dataset.from_arrays(**arguments)


def test_more_than_ten_classes() -> None:
    data = Dataset.from_arrays(np.eye(100), np.arange(100) % 25)
    assert data.classes == 25
    assert len(data.test_labels) == 25


def test_the_first_samples_are_scaled_by_themselves() -> None:
    data = Dataset.from_arrays(np.arange(40.0)[:, None], np.arange(40) % 2)
    first = data.first(10)
    assert len(first.train_images) == 10
    assert first.scaling.center == pytest.approx((first.train_images.mean(),), rel=1e-12)
    assert data.first(None).fingerprint == data.fingerprint
    with pytest.raises(DataError, match="of class"):
        data.first(1)


def test_a_data_set_says_what_it_is() -> None:
    data = Dataset.from_arrays(np.arange(40.0)[:, None], np.repeat(["cat", "dog"], 20), name="pets.csv")
    assert str(data) == "pets.csv: 32 training and 8 test samples of 1, 2 classes (cat, dog), scaled as table"
    assert str(load("digits")) == "digits: 1437 training and 360 test samples of 8x8, 10 classes, scaled as bytes"
