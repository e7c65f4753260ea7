"""`load`: a data set from its name, a file or a folder. Nothing is ever downloaded."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from neuromorph.data import idx, pictures
from neuromorph.data.builtin import bars_and_stripes, digits
from neuromorph.data.cifar10 import cifar10
from neuromorph.data.dataset import Dataset
from neuromorph.data.tables import from_csv, from_npz
from neuromorph.errors import DataError, did_you_mean

LOADERS: dict[str, Callable[[Path | str | None], Dataset]] = {
    "bars-and-stripes": bars_and_stripes,
    "cifar10": cifar10,
    "digits": digits,
    "fashion-mnist": idx.fashion_mnist,
    "mnist": idx.mnist,
}


def load(name: Path | str, data_dir: Path | str | None = None) -> Dataset:
    """Return the data set called `name`, or the one in that file or folder.

    bars-and-stripes  generated; images (32, 4, 4) of 0 and 255, the same for train and test; label 0 for the
                      16 patterns of full columns, 1 for the 16 of full rows; the empty and the full pattern
                      are both, so they appear once under either label, and 30 patterns are distinct;
                      full columns and full rows in turn
    cifar10           `cifar10_jpeg.zip`; images (50000, 32, 32, 3) and (10000, 32, 32, 3), RGB; classes in
                      alphabetical order, images in a fixed random one
    digits            scikit-learn's embedded digits; images (1437, 8, 8) and (360, 8, 8), a fixed split;
                      values v of 0 to 16 are scaled to the nearest of 0 to 255, (255 * v + 8) // 16
    mnist             four IDX files, plain or gzipped; images (60000, 28, 28) and (10000, 28, 28); or any
                      other set of ten classes in files of the same names
    fashion-mnist     the same files, in a folder named fashion-mnist
    FILE.npz          arrays x_train, y_train, x_test, y_test, or x and y
    FILE.csv          one sample a row; FILE.csv:COLUMN says which column holds the labels (tables.from_csv)
    FOLDER            the four IDX files of any set, or pictures in one folder a class, in train/ and test/ or not

    What comes in one part is divided as by `Dataset.from_arrays` with its defaults. A Path is always a file or folder. `data_dir`
    says where sets with names are (folders.py); files and folders are looked for in it too, by their path and by their last name,
    and in the current folder if it is not given. A set from a file is named after it, one from a folder with "/" behind. Raises
    DataError for an unknown name, for files that are missing, damaged or not what their names say, and for data that no Dataset takes.
    """
    if isinstance(name, str) and name in LOADERS:
        return LOADERS[name](data_dir)
    file, column = _with_column(str(name))
    path = _found(file, data_dir)
    suffix = path.suffix.lower()
    if path.is_dir():
        return idx.from_folder(path) if idx.is_folder(path) else pictures.from_folder(path)
    if suffix == ".csv":
        return from_csv(path, column)
    if suffix == ".npz":
        return from_npz(path)
    raise DataError(f"{path}: cannot read data from {suffix or 'such'} files; give an .npz, a .csv or a folder")


def last_name(name: str) -> str:
    """A name of a set, a file or a folder, without what lies around it and the column of its labels."""
    return Path(_with_column(name)[0]).name


def _with_column(name: str) -> tuple[str, str | None]:
    """FILE.csv:COLUMN in two."""
    found = re.fullmatch(r"(.+\.csv):([^/]*)", name, re.IGNORECASE | re.DOTALL)
    return (found[1], found[2]) if found else (name, None)


def _found(name: str, data_dir: Path | str | None) -> Path:
    """The file or folder of this name."""
    given = Path(name)
    paths = [given] if data_dir is None else [Path(data_dir) / given, Path(data_dir) / given.name]
    for path in paths:
        if name and path.exists():
            return path
    looked_for = " and ".join(str(path.absolute()) for path in dict.fromkeys(paths))
    raise DataError(
        f"unknown data set {name!r}; {did_you_mean(name, sorted(LOADERS))}, and there is no file or folder {looked_for}"
    )
