"""Tables come back as they were written, whichever way their columns stand; what is missing is told with its place."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.data import Dataset, load
from neuromorph.errors import DataError

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=6).map(
    lambda t: f"c{t}".strip()
)
VALUES = st.one_of(st.floats(1.5, 1e100), st.floats(-1e100, -1.5))


def assert_same(found: Dataset, expected: Dataset) -> None:
    assert found.class_names == expected.class_names
    assert found.fingerprint == expected.fingerprint


def write(path: Path, rows: list[list[Any]], quoting: int = csv.QUOTE_MINIMAL) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return path


@settings(deadline=None, max_examples=60)
@given(
    st.data(),
    st.integers(1, 4),
    st.one_of(st.lists(TEXTS, min_size=2, max_size=3, unique=True), st.just([1, 2, 10]), st.just([0, 1])),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_a_csv_is_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject, width: int, classes: list[Any], quoting: int
) -> None:
    x = np.array(draw.draw(st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=6, max_size=9)))
    y = [classes[k % len(classes)] for k in range(len(x))]
    place = draw.draw(st.integers(0, width))
    rows: list[list[Any]] = [
        [*map(repr, row[:place].tolist()), label, *map(repr, row[place:].tolist())] for row, label in zip(x, y, strict=True)
    ]
    header: list[Any] = [*(f"f{k}" for k in range(place)), "species", *(f"f{k}" for k in range(place, width))]
    expected = Dataset.from_arrays(x, np.array(y))
    folder = tmp_path_factory.mktemp("csv")
    bare, named = write(folder / "bare.csv", rows, quoting), write(folder / "named.csv", [header, *rows], quoting)
    assert_same(load(f"{bare}:{place}"), expected)
    assert_same(load(f"{bare}:{place - width - 1}"), expected)
    assert_same(load(f"{named}:species"), expected)
    assert_same(load(f"{named}:{place}"), expected)
    if place == width:
        assert_same(load(bare), expected)
        assert_same(load(named), expected)


@pytest.mark.parametrize("name", ["label", "Class", "TARGET"])
@pytest.mark.parametrize("other", ["size", "0"])
def test_a_column_of_a_usual_name_holds_the_labels(tmp_path: Path, name: str, other: str) -> None:
    """Also beside names that are numbers, as pandas writes them."""
    rows: list[list[Any]] = [[name, other], *([k % 2, k] for k in range(10))]
    data = load(write(tmp_path / "table.csv", rows))
    assert_same(data, Dataset.from_arrays(np.arange(10.0)[:, None], np.arange(10) % 2))
    assert data.name == "table.csv"


@pytest.mark.parametrize("word", ["class", "Target", "label"])
@pytest.mark.parametrize("cells", [["0.5", "1.5"], ["3", "5"]])
def test_a_sample_whose_label_is_a_usual_name_of_columns_stays_a_sample(tmp_path: Path, word: str, cells: list[str]) -> None:
    rows: list[list[Any]] = [[*cells, [word, "other"][k % 2]] for k in range(20)]
    data = load(write(tmp_path / "table.csv", rows))
    assert len(data.train_labels) + len(data.test_labels) == 20
    assert set(data.class_names) == {word, "other"}


def test_numbers_as_names_beside_a_usual_name_are_names(tmp_path: Path) -> None:
    rows: list[list[Any]] = [[0, 1, "class"], *([k, -k, "ab"[k % 2]] for k in range(20))]
    assert load(write(tmp_path / "table.csv", rows)).class_names == ("a", "b")


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("width", [2, 3, 785])
def test_a_first_row_of_numbers_in_order_may_be_names_and_is_refused(tmp_path: Path, first: int, width: int) -> None:
    """As pandas writes columns without names; with a row of names above, it is a sample."""
    samples = [[*map(repr, np.random.default_rng(k).random(width - 1).tolist()), k % width] for k in range(3 * width)]
    table = [list(range(first, first + width)), *samples]
    with pytest.raises(
        DataError, match=rf"table.csv, line 1: {first}, \.\.\., .* may be the names of columns.*header=False.*above"
    ):
        load(write(tmp_path / "table.csv", table))
    named = write(tmp_path / "named.csv", [[f"f{k}" for k in range(width)], *table[1:]])
    assert_same(load(write(tmp_path / "table.csv", samples)), load(named))
    if first == 0:
        data = load(write(tmp_path / "named.csv", [[f"f{k}" for k in range(width)], *table]))
        assert len(data.train_labels) + len(data.test_labels) == 3 * width + 1


@pytest.mark.parametrize("number", [2**53, -(2**53), "9007199254740993.5", "1e300"])
def test_numbers_that_a_float_holds_or_means_are_taken(tmp_path: Path, number: Any) -> None:
    data = load(write(tmp_path / "table.csv", [["a", "label"], *([number, k % 2] for k in range(9)), [0, 1]]))
    assert float(number) in data.train_images


def test_a_csv_of_a_spreadsheet(tmp_path: Path) -> None:
    """With a byte order mark, carriage returns, blanks behind commas and an empty line at the end."""
    path = tmp_path / "table.CSV"
    path.write_bytes("\ufeffwidth, height, kind\r\n1, 2, ant\r\n3, 4, bee\r\n5, 6, ant\r\n7, 8.5, bee\r\n\r\n".encode())
    x = np.array([[1, 2], [3, 4], [5, 6], [7, 8.5]])
    assert_same(load(path), Dataset.from_arrays(x, ["ant", "bee"] * 2))
    assert_same(load(f"{path}:kind"), load(path))


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("a,b,label\n1,,x\n", "", r"line 2, column b: '' is no finite number"),
        ("a,b,label\n1,2,x\n1,?,y\n", "", r"line 3, column b: '\?' is no finite number"),
        ("1,2,x\n1,nan,y\n", "", r"line 2, column 1: 'nan' is no finite number"),
        ("1,2,x\n1,inf,y\n", "", r"'inf' is no finite number"),
        ("1,2,x\nred,3,y\n", "", r"line 2, column 0: 'red' is no finite number"),
        ("1,2,x\n1,3,\n", "", "line 2: the label is missing"),
        ("1,2,x\n1,3\n", "", "line 2: 2 cells, and 3 in the first row"),
        ("a,b,kind\n1,2,x\n", ":kid", r"has no column 'kid'; did you mean kind\? known are a, b, kind, 0..2"),
        ("1,2,x\n1,2,y\n", ":3", r"has no column '3'; known are 0\.\.2"),
        ("1,2,x\n1,2,y\n", ":-4", "has no column '-4'"),
        ("1,2,x\n1,2,y\n", ":", "has no column ''"),
        (",a,label\n0,1,x\n1,2,y\n", "", "column 0 has no name.*index=False"),
        ("label,class,a\n0,1,2\n", "", "columns label, class may all be the labels"),
        ("k,k,a\n0,1,2\n", ":k", "columns k, k may all be the labels"),
        ("1;2;x\n1;2;y\n", "", r"2 rows of 1 columns.*commas between, where now there are semicolons \(';'\)"),
        ("1\t2\tx\n1\t2\ty\n", "", "commas between, where now there are tabs"),
        (f"a,label\n1,x\n{2**53 + 1},y\n", "", r"line 3, column a: 9007199254740993 is beyond 2\^53.*offset"),
        ("a,label\n", "", "1 rows of 2 columns"),
        ("", "", "0 rows of 0 columns"),
        ('1,"2\n', "", "cannot be read"),
        ("1,2.5\n2,3.5\n3,4.5\n", "", "no whole number; labels are classes, not measures"),
        ("1,7\n2,nan\n3,7\n4,nan\n", "", "label nan is no whole number"),
        ("1,7\n2,inf\n3,7\n4,inf\n", "", "label inf is no whole number"),
        ("1,x\n2,x\n3,x\n", "", "every training label is 'x'"),
        ("1,x\n2,y\n3,x\n", "", "class 'y' has a single sample"),
    ],
)
def test_a_csv_that_lacks_something_is_refused_in_one_line(tmp_path: Path, text: str, column: str, says: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=f"table.csv.*{says}") as caught:
        load(f"{path}{column}")
    assert "\n" not in str(caught.value)


def test_a_csv_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("1,käfer\n2,bär\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"table\.csv: expected a table in UTF-8.*save it as UTF-8"):
        load(path)


X, Y = np.arange(24.0).reshape(12, 2), np.arange(12) % 3


@pytest.mark.parametrize("labels", [Y, Y.astype(np.uint8), np.array(["a", "b", "c"] * 4)])
def test_an_npz_is_read_as_written(tmp_path: Path, labels: np.ndarray) -> None:
    np.savez(tmp_path / "one.npz", x=X, y=labels)
    assert_same(load(tmp_path / "one.npz"), Dataset.from_arrays(X, labels))
    np.savez_compressed(tmp_path / "two.npz", x_train=X, y_train=labels, x_test=X[:3] + 1, y_test=labels[:3])
    data = load("two.npz", tmp_path)
    assert_same(data, Dataset.from_arrays(X, labels, x_test=X[:3] + 1, y_test=labels[:3]))
    assert data.name == "two.npz"


def test_bytes_of_an_npz_stay_bytes(tmp_path: Path) -> None:
    np.savez(tmp_path / "pixels.npz", x=X.astype(np.uint8).reshape(12, 2, 1), y=Y)
    assert load(tmp_path / "pixels.npz").scaling.kind == "bytes"


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"X": X, "y": Y}, "holds arrays X, y; it must hold x_train, y_train, x_test, y_test, or x, y"),
        ({"x": X}, "holds arrays x;"),
        ({}, "holds arrays none"),
        ({"x": X, "y": Y, "x_test": X}, "holds arrays x, x_test, y"),
        ({"x": X, "y": Y.astype(object)}, "cannot be read"),
        ({"x": X, "y": Y[:5]}, "12 samples and 5 labels"),
        ({"x": X * np.nan, "y": Y}, "NaN"),
    ],
)
def test_an_npz_of_other_arrays_is_refused(tmp_path: Path, arrays: dict[str, Any], says: str) -> None:
    np.savez(tmp_path / "some.npz", **arrays)
    with pytest.raises(DataError, match=f"some.npz.*{says}"):
        load(tmp_path / "some.npz")


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_damaged_npz_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, x=X, y=Y)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(DataError, match=r"some.npz: expected a whole \.npz"):
        load(path)
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "one.npy").rename(path)
    with pytest.raises(DataError, match=r"some\.npz.*a single array, an \.npy; np\.savez"):
        load(path)
