"""Tables in files: .csv, one sample a row, and .npz, arrays by name."""

from __future__ import annotations

import csv
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuromorph.data.dataset import Dataset
from neuromorph.errors import DataError, did_you_mean

LABELS = ("label", "class", "target")
"""What the column of labels is called when nobody says."""
ARRAYS = (("x_train", "y_train", "x_test", "y_test"), ("x", "y"))
Rows = list[tuple[int, list[str]]]
"""Cells of each row, with the number of its line."""


def from_npz(path: Path) -> Dataset:
    """Arrays x_train, y_train, x_test and y_test, or x and y, which are divided as in `Dataset.from_arrays`."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, EOFError, ValueError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: expected a whole .npz of numbers and texts, but it cannot be read: {error}") from None
    if tuple(sorted(arrays)) not in {tuple(sorted(names)) for names in ARRAYS}:
        wanted = ", or ".join(", ".join(names) for names in ARRAYS)
        raise DataError(f"{path} holds arrays {', '.join(sorted(arrays)) or 'none'}; it must hold {wanted}")
    x, y = (arrays[name] if name in arrays else arrays[f"{name}_train"] for name in ("x", "y"))
    return Dataset.from_arrays(x, y, x_test=arrays.get("x_test"), y_test=arrays.get("y_test"), name=path.name)


def from_csv(path: Path, column: str | None) -> Dataset:
    """Columns of numbers, separated by commas, and one of labels, divided as in `Dataset.from_arrays`.

    column: of the labels, by its name in the header or its place from 0 on (-1: the last). None: the one called label, class or
    target, else the last. The first row is a header when none of its cells is a number, or one is called label, class, target or, in
    words, `column`. Raises DataError for cells that are missing or no finite numbers, and says where.
    """
    rows = _rows(path)
    header = _header(rows[0][1], column)
    place = _label_place(header or rows[0][1], column, bool(header), path)
    if header:
        rows = rows[1:]
    names = header or [str(k) for k in range(len(rows[0][1]))]
    features = [name for k, name in enumerate(names) if k != place]
    values = _numbers([(line, cells[:place] + cells[place + 1 :]) for line, cells in rows], features, path)
    labels = [cells[place].strip() for _, cells in rows]
    if "" in labels:
        raise DataError(f"{path}, line {rows[labels.index('')][0]}: the label is missing; give it, or leave out the row")
    if all(map(_is_number, labels)) and (measures := [label for label in labels if float(label) % 1]):
        raise DataError(f"{path}: label {measures[0]} is no whole number; labels are classes, not measures")
    return Dataset.from_arrays(values, labels, name=path.name)


def _rows(path: Path) -> Rows:
    """All rows that are not empty. Raises DataError for a file without samples or with rows of several lengths."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            rows = [(reader.line_num, cells) for cells in reader if cells]
    except (OSError, UnicodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a table in UTF-8 with commas, but it cannot be read: {error}") from None
    if len(rows) < 2 or len(rows[0][1]) < 2:
        raise DataError(
            f"{path}: {len(rows)} rows of {len(rows[0][1]) if rows else 0} columns; give a feature and a label, and commas between"
        )
    for line, cells in rows:
        if len(cells) != len(rows[0][1]):
            raise DataError(f"{path}, line {line}: {len(cells)} cells, and {len(rows[0][1])} in the first row")
    return rows


def _header(first: list[str], column: str | None) -> list[str]:
    """Names of the columns, or none."""
    names = [cell.strip() for cell in first]
    texts = [name for name in names if not _is_number(name)]
    named = column in texts or any(text.lower() in LABELS for text in texts)
    return names if named or len(texts) == len(names) else []


def _label_place(names: list[str], column: str | None, header: bool, path: Path) -> int:
    """`names`: the header, or just any row."""
    if header and "" in names:
        raise DataError(
            f"{path}: column {names.index('')} has no name; give it one, or leave it out (of pandas: index=False)"
        )
    known = names if header else []
    usual = [name for name in known if name.lower() in LABELS] if column is None else [column] * known.count(column)
    if len(usual) > 1:
        raise DataError(
            f"{path}: columns {', '.join(usual)} may all be the labels; say which by its place, such as {path.name}:0"
        )
    if usual:
        return known.index(usual[0])
    count = len(names)
    try:
        place = int("-1" if column is None else column)
    except ValueError:
        place = count
    if not -count <= place < count:
        raise DataError(f"{path} has no column {column!r}; {did_you_mean(column, [*known, f'0..{count - 1}'])}")
    return place % count


def _numbers(rows: Rows, names: list[str], path: Path) -> NDArray[np.float64]:
    """The features, one sample a row."""
    try:
        values = np.array([list(map(float, cells)) for _, cells in rows])
    except ValueError:
        values = np.full((1, 1), np.nan)
    if np.isfinite(values).all():
        return values
    line, cell, name = next(
        (n, c, name) for n, cells in rows for c, name in zip(cells, names, strict=True) if not _is_number(c)
    )
    raise DataError(
        f"{path}, line {line}, column {name}: {cell!r} is no finite number; fill missing values, write texts as numbers, or leave out the row"
    )


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False
