"""Labels are (n,) whole numbers below the number of classes, or an error; whatever else they were is numbered and kept by name."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from neuromorph.data import check_labels
from neuromorph.data.labels import numbered
from neuromorph.errors import DataError

TYPES = [np.uint8, np.int16, np.int64, np.uint64, np.float32, np.float64, ">i4"]


@given(npst.arrays(np.int64, st.integers(0, 9), elements=st.integers(0, 4)), st.sampled_from(TYPES), st.booleans())
def test_whole_numbers_of_any_type_are_the_same_labels(labels: np.ndarray, dtype: Any, backwards: bool) -> None:
    given = labels[::-1].astype(dtype)[::-1] if backwards else labels.astype(dtype)
    for form in (given, given.tolist()):
        found = check_labels(form, len(labels), 5, "here")
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, labels)


def test_labels_that_are_right_already_are_not_copied() -> None:
    labels = np.arange(5)
    assert check_labels(labels, 5, 5, "here") is labels


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.arange(3)[:, None], r"shape \(3, 1\).*labels\[:, 0\]"),
        (np.eye(3), r"shape \(3, 3\).*argmax"),
        (np.zeros((3, 1, 1)), r"shape \(3, 1, 1\)"),
        (1, r"shape \(\)"),
        ([0, 1], "3 samples and 2 labels"),
        ([1], "3 samples and 1 labels"),
        (["0", "1", "2"], "of type <U1"),
        ([None, 1, 2], "of type object"),
        ([[0], [1, 2], [1]], "cannot become an array"),
        ([0.5, 1.5, 2], r"label 0\.5 of sample 0 is no whole number"),
        ([0, np.nan, 2], "label nan of sample 1"),
        ([0, 1, np.inf], "label inf of sample 2"),
        ([1, 2, 3], r"go from 1 to 3, and 3 classes are 0\.\.2"),
        ([-1, 0, 1], "go from -1 to 1"),
        (np.ma.masked_equal([0, 1, 2], 0), "labels have masked values; fill them"),
        (np.array([0, 1, 2**64 - 1], np.uint64), "no whole number|go from -1"),
    ],
)
def test_anything_else_is_refused_in_one_line_that_says_where(labels: Any, says: str) -> None:
    with pytest.raises(DataError, match=f"^here: .*({says})") as caught:
        check_labels(labels, 3, 3, "here")
    assert "\n" not in str(caught.value)


@given(st.lists(st.integers(-(2**40), 2**40), min_size=2, max_size=8, unique=True), st.data())
def test_numbers_become_their_ranks_and_names_give_them_back(classes: list[int], draw: st.DataObject) -> None:
    train = np.array(classes + draw.draw(st.lists(st.sampled_from(classes))))
    test = np.array(draw.draw(st.lists(st.sampled_from(classes), min_size=1)))
    labels, held, names = numbered(train, test, "here")
    assert [int(names[k]) for k in labels] == train.tolist()
    assert [int(names[k]) for k in held] == test.tolist()
    assert [int(name) for name in names] == sorted(classes)
    for forms in ((train.astype(str), test.astype(str)), (train.astype(float), test.astype(float))):
        again, again_held, again_names = numbered(*forms, "here")
        assert (again.tolist(), again_held.tolist(), again_names) == (labels.tolist(), held.tolist(), names)


@pytest.mark.parametrize("form", [np.array, list, lambda texts: np.array(texts, object), lambda texts: np.array(texts, "S")])
def test_texts_are_numbered_in_the_order_of_their_characters(form: Any) -> None:
    labels, held, names = numbered(form(["cat", "ant", "dog", "cat"]), form(["dog"]), "here")
    assert (labels.tolist(), held.tolist(), names) == ([1, 0, 2, 1], [2], ("ant", "cat", "dog"))


@pytest.mark.parametrize(
    "classes",
    [
        ("01", "1", "2"),
        ("10", "1e1", "2"),
        ("1", "1.0"),
        ("1_0", "2_0"),
        ("-0", "0"),
        ("cat", "cat "),
        ("9007199254740992", "9007199254740993"),
        ("9" * 30, "9" * 29 + "8"),
        ("0x1", "nan", "inf"),
        ("0.5", "1.5"),
    ],
)
def test_no_two_texts_become_one_class_and_none_is_renamed(classes: tuple[str, ...]) -> None:
    """Also beside a part whose texts are all numbers."""
    labels, held, names = numbered(classes, classes[1:], "here")
    assert sorted(names) == sorted(classes)
    assert [names[k] for k in labels] == list(classes)
    assert [names[k] for k in held] == list(classes[1:])


def test_texts_that_are_all_numbers_stand_in_the_order_of_numbers() -> None:
    assert numbered(["10", "2", "-3"], ["2"], "here")[2] == ("-3", "2", "10")
    assert numbered([10, 2], ["2", "10"], "here")[1].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("train", "test", "says"),
    [
        (["a", "b"], ["c"], "no training sample is of class 'c'"),
        ([3, 4], [5], "no training sample is of class '5'"),
        ([3, 4], ["a"], "training labels are numbers, test labels texts"),
        ([7, 7], [], "every training label is '7'"),
        ([], [], "no samples"),
        ([1, 2.5], [], "no whole number"),
        ([1, np.nan], [], "no whole number"),
        (["a", ""], [], "sample 1 has no label"),
        (["a", None], [], "lack values"),
        (["a", 1], [], "unequal kinds"),
        ([1, "1"], [], "unequal kinds"),
        ([b"\xff", b"a"], [], "not all of them text in UTF-8"),
        (np.ma.masked_equal([0, 1, 2], 0), [], "labels have masked values"),
        ([[1], [2]], [], r"labels\[:, 0\]"),
    ],
)
def test_labels_that_name_no_classes_are_refused(train: Any, test: Any, says: str) -> None:
    texts = any(isinstance(label, str) for label in train)
    for form in (train, np.array(train, object)) if texts else (train,):
        with pytest.raises(DataError, match=says):
            numbered(form, test, "here")
