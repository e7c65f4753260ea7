"""Sets in the four IDX files of MNIST, plain or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from neuromorph.data.dataset import Dataset
from neuromorph.data.folders import find_folder
from neuromorph.data.images import Images
from neuromorph.data.labels import numbered
from neuromorph.errors import DataError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_EITHER = tuple((name, f"{name}.gz") for name in FILES)


def mnist(data_dir: Path | str | None) -> Dataset:
    return _ten_classes("mnist", find_folder("mnist", data_dir, _EITHER))


def fashion_mnist(data_dir: Path | str | None) -> Dataset:
    """Its files have MNIST's names, so only a folder named after it is believed to hold it."""
    return _ten_classes("fashion-mnist", find_folder("fashion-mnist", data_dir, _EITHER, only_named=True))


def from_folder(folder: Path) -> Dataset:
    """A set of any classes; their numbers in the files are kept in `class_names`."""
    train_images, train_labels, test_images, test_labels = (_read_idx(_path(folder, name)) for name in FILES)
    name = f"{folder.resolve().name}/"
    labels, held, names = numbered(train_labels, test_labels, name)
    return Dataset(name, train_images, labels, test_images, held, len(names), names)


def is_folder(folder: Path) -> bool:
    """Whether any of the files lies there."""
    return any(_path(folder, name).is_file() for name in FILES)


def _ten_classes(name: str, folder: Path) -> Dataset:
    train_images, train_labels, test_images, test_labels = (_read_idx(_path(folder, file)) for file in FILES)
    try:
        return Dataset(name, train_images, train_labels.astype(np.int64), test_images, test_labels.astype(np.int64), 10)
    except DataError as error:
        raise DataError(f"{folder}: {error} (--data {folder} takes other classes)") from None


def _path(folder: Path, name: str) -> Path:
    plain = folder / name
    return plain if plain.is_file() else folder / f"{name}.gz"


def _read_idx(path: Path) -> Images:
    """Read an IDX file of unsigned bytes: big-endian words magic and sizes, the values, and not a byte more.

    The magic number is 0x0800 + the number of dimensions, which the file's name states (idx1, idx3).
    """
    content = _read_bytes(path)
    dims = int(path.name.removesuffix(".gz").partition("-idx")[2][0])
    header = 4 + 4 * dims
    if len(content) < header:
        raise DataError(f"{path}: {len(content)} bytes, expected a header of {header}; the file is truncated")
    magic, *shape = np.frombuffer(content, dtype=">u4", count=1 + dims).tolist()
    if magic != 0x0800 + dims:
        raise DataError(f"{path}: magic number {magic:#010x}, expected {0x0800 + dims:#010x} (IDX, bytes)")
    size = math.prod(shape)
    if len(content) != header + size:
        raise DataError(
            f"{path}: {len(content)} bytes, but a header of {header} and values of shape {tuple(shape)} make "
            f"{header + size}; the file is truncated or damaged"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape).copy()


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:  # a bad gzip header is an OSError
        raise DataError(f"{path}: expected a whole IDX file, but it cannot be read: {error}") from error
