"""Tables in files: .csv, one sample a row, and .npz, arrays by name."""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuromorph.data.dataset import Dataset
from neuromorph.errors import DataError, did_you_mean

LABELS = ("label", "class", "target")
"""What the column of labels is called when nobody says."""
SEPARATORS = {";": "semicolons (';')", "\t": "tabs", "|": "bars ('|')", " ": "blanks"}
"""What others write between cells."""
ARRAYS = (("x_train", "y_train", "x_test", "y_test"), ("x", "y"))
WHOLE = re.compile(r"[+-]?[0-9]+")
Rows = list[tuple[int, list[str]]]
"""Cells of each row, with the number of its line."""


def from_npz(path: Path) -> Dataset:
    """Arrays x_train, y_train, x_test and y_test, or x and y, which are divided as in `Dataset.from_arrays`."""
    try:
        with path.open("rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("it is a single array, an .npy; np.savez writes several by name")
            arrays = {name: file[name] for name in file.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: expected a whole .npz of numbers and texts, but it cannot be read: {error}") from None
    if tuple(sorted(arrays)) not in {tuple(sorted(names)) for names in ARRAYS}:
        wanted = ", or ".join(", ".join(names) for names in ARRAYS)
        raise DataError(f"{path} holds arrays {', '.join(sorted(arrays)) or 'none'}; it must hold {wanted}")
    x, y = (arrays[name] if name in arrays else arrays[f"{name}_train"] for name in ("x", "y"))
    return Dataset.from_arrays(x, y, x_test=arrays.get("x_test"), y_test=arrays.get("y_test"), name=path.name)


def from_csv(path: Path, column: str | None) -> Dataset:
    """Columns of numbers, separated by commas, and one of labels, divided as in `Dataset.from_arrays`.

    column: of the labels, by its name in the header or its place from 0 on (-1: the last). None: the one called label, class or
    target, else the last. The first row is a header when none of its cells is a number, when one is, in words, `column`, or when one is
    called label, class or target, none comes twice, all numbers among them are whole, and its column does not have that word again. Raises
    DataError for a first row 0, 1, 2, ... or 1, 2, 3, ..., which may be either; for cells that are missing, no finite
    numbers, or beyond 2^53, and says where; and for labels with fractions.
    """
    rows = _rows(path)
    header = _header(rows, column, path)
    place = _label_place(header or rows[0][1], column, bool(header), path)
    if header:
        rows = rows[1:]
    names = header or [str(k) for k in range(len(rows[0][1]))]
    features = [name for k, name in enumerate(names) if k != place]
    values = _numbers([(line, cells[:place] + cells[place + 1 :]) for line, cells in rows], features, path)
    labels = [cells[place].strip() for _, cells in rows]
    if "" in labels:
        raise DataError(f"{path}, line {rows[labels.index('')][0]}: the label is missing; give it, or leave out the row")
    _check_classes(labels, path)
    return Dataset.from_arrays(values, labels, name=path.name)


def _check_classes(labels: list[str], path: Path) -> None:
    """Raise DataError for numbers of which some are not whole (0.5, nan): the column is one of measures, or lacks values."""
    try:
        wrong = [label for label in labels if float(label) % 1 != 0]
    except ValueError:
        return
    if wrong:
        raise DataError(f"{path}: label {wrong[0]} is no whole number; labels are classes, not measures")


def _rows(path: Path) -> Rows:
    """All rows that are not empty. Raises DataError for a file without samples or with rows of several lengths."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            rows = [(reader.line_num, cells) for cells in reader if cells]
    except UnicodeError as error:
        raise DataError(
            f"{path}: expected a table in UTF-8: {error}; save it as UTF-8 (of a spreadsheet: CSV UTF-8)"
        ) from None
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: expected a table with commas, but it cannot be read: {error}") from None
    if len(rows) < 2 or len(rows[0][1]) < 2:
        others = [name for mark, name in SEPARATORS.items() if rows and mark in rows[0][1][0]]
        raise DataError(
            f"{path}: {len(rows)} rows of {len(rows[0][1]) if rows else 0} columns; give a feature and a label, and commas between"
            f"{f', where now there are {others[0]}' if others else ''}"
        )
    for line, cells in rows:
        if len(cells) != len(rows[0][1]):
            raise DataError(f"{path}, line {line}: {len(cells)} cells, and {len(rows[0][1])} in the first row")
    return rows


def _header(rows: Rows, column: str | None, path: Path) -> list[str]:
    """Names of the columns, or none."""
    names = [cell.strip() for cell in rows[0][1]]
    texts = [name for name in names if not _is_number(name)]
    if not texts and names in [[str(k + first) for k in range(len(names))] for first in (0, 1)]:
        raise DataError(
            f"{path}, line {rows[0][0]}: {names[0]}, ..., {names[-1]} may be the names of columns, as pandas writes them, or a sample; "
            "leave names out (of pandas: header=False), and put a row of names in words above a sample"
        )
    named = column in texts or len(texts) == len(names) or _are_names(names, rows)
    return names if named else []


def _are_names(names: list[str], rows: Rows) -> bool:
    """Whether a row with numbers and texts is a header: as pandas writes columns 0, 1, label. A sample may have the label class."""
    numbers = [name for name in names if _is_number(name)]
    usual = [k for k, name in enumerate(names) if name.lower() in LABELS]
    again = any(cells[k].strip() == names[k] for _, cells in rows[1:] for k in usual)
    return bool(usual) and not again and len(set(names)) == len(names) and all(map(WHOLE.fullmatch, numbers))


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
        _check_whole(values, rows, names, path)
        return values
    line, cell, name = next(
        (n, c, name) for n, cells in rows for c, name in zip(cells, names, strict=True) if not _is_number(c)
    )
    raise DataError(
        f"{path}, line {line}, column {name}: {cell!r} is no finite number; fill missing values, write texts as numbers, or leave out the row"
    )


def _check_whole(values: NDArray[np.float64], rows: Rows, names: list[str], path: Path) -> None:
    for row, place in np.argwhere(np.abs(values) >= 2**53):
        line, cells = rows[row]
        if WHOLE.fullmatch(cells[place].strip()) and abs(int(cells[place])) > 2**53:
            raise DataError(
                f"{path}, line {line}, column {names[place]}: {cells[place]} is beyond 2^53, which a float does not hold exactly; subtract an "
                "offset first"
            )


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False
