"""Data sets as integer arrays: one generated, one embedded, two read from disk; nothing is ever downloaded.

Sets on disk are searched in `data_dir` if it is given, otherwise in `$NEUROMORPH_DATA` and then in `./data`;
in each of these first in the subfolder named after the set, then in the folder itself. The first folder that
holds all the files of the set is read.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import DataError, did_you_mean

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_ARCHIVE = "cifar10_jpeg.zip"
CIFAR10_SHAPE = (32, 32, 3)
MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
DIGITS_TRAIN = 1437


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test samples: images 0 to 255, shape (n, ...), and labels 0 to classes - 1, shape (n,)."""

    name: str
    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels
    classes: int

    def first(self, samples: int | None) -> Dataset:
        """With so many training samples at most; None: all."""
        return replace(self, train_images=self.train_images[:samples], train_labels=self.train_labels[:samples])


def load(name: str, data_dir: Path | str | None = None) -> Dataset:
    """Return the data set `name`: "bars-and-stripes", "cifar10", "digits" or "mnist".

    bars-and-stripes  generated; images (32, 4, 4) of 0 and 255, the same for train and test; label 0 for the
                      16 patterns of full columns, 1 for the 16 of full rows; the empty and the full pattern
                      are both, so they appear once under either label, and 30 patterns are distinct;
                      full columns and full rows in turn
    cifar10           `cifar10_jpeg.zip`; images (50000, 32, 32, 3) and (10000, 32, 32, 3), RGB; classes in
                      alphabetical order, images in a fixed random one
    digits            scikit-learn's embedded digits; images (1437, 8, 8) and (360, 8, 8), a fixed split;
                      values v of 0 to 16 are scaled to the nearest of 0 to 255, (255 * v + 8) // 16
    mnist             four IDX files, plain or gzipped; images (60000, 28, 28) and (10000, 28, 28); or any
                      other set of up to ten classes in files of the same names, such as Fashion-MNIST

    `data_dir` says where the sets on disk are (see the top of this module); the other two need none.
    Raises DataError when the name is unknown, or files are missing, damaged or not what their names say.
    """
    if name not in LOADERS:
        raise DataError(f"unknown data set {name!r}; {did_you_mean(name, sorted(LOADERS))}")
    return LOADERS[name](data_dir)


def pixels_as_payloads(images: Images) -> NDArray[np.int32]:
    """Return graded-spike payloads 2 * (pixel >> 1), even, 0 to 254, one flattened image a row: shape (n, d).

    The chip's pre-trace takes payload / 2 and holds 7 bits: an even payload loses nothing there.
    """
    if images.dtype != np.uint8:
        raise DataError(f"pixels must be uint8 (0 to 255), these are {images.dtype}")
    return (images & 0xFE).reshape(len(images), math.prod(images.shape[1:])).astype(np.int32)


def _digits(_data_dir: Path | str | None) -> Dataset:
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


def _bars_and_stripes(_data_dir: Path | str | None) -> Dataset:
    # bit j of pattern k says whether column (row) j is full
    bits = np.arange(16)[:, None] >> np.arange(4) & 1
    bars = np.repeat(bits[:, None, :], 4, axis=1)
    images = np.concatenate([bars, bars.swapaxes(1, 2)]).astype(np.uint8) * np.uint8(255)
    labels = np.repeat(np.arange(2, dtype=np.int64), 16)
    turns = np.arange(32).reshape(2, 16).T.ravel()  # both in turn: any part held out has some of each
    images, labels = images[turns], labels[turns]
    return Dataset("bars-and-stripes", images, labels, images.copy(), labels.copy(), classes=2)


def _mnist(data_dir: Path | str | None) -> Dataset:
    folder = _find_folder("mnist", data_dir, tuple((name, f"{name}.gz") for name in MNIST_FILES))
    train_images, train_labels, test_images, test_labels = (_read_idx(folder, name) for name in MNIST_FILES)
    for images, labels, part in ((train_images, train_labels, "train"), (test_images, test_labels, "t10k")):
        if len(images) != len(labels):
            raise DataError(f"{folder}: {len(images)} images but {len(labels)} labels in the {part} files")
        if labels.max(initial=0) > 9:
            raise DataError(f"{folder}: the {part} labels reach {labels.max()}, expected 0 to 9")
    if train_images.shape[1:] != test_images.shape[1:]:
        shapes = f"{train_images.shape[1:]} in the train file, {test_images.shape[1:]} in the t10k file"
        raise DataError(f"{folder}: images have two shapes, {shapes}")
    return Dataset(
        name="mnist",
        train_images=train_images,
        train_labels=train_labels.astype(np.int64),
        test_images=test_images,
        test_labels=test_labels.astype(np.int64),
        classes=10,
    )


def _read_idx(folder: Path, name: str) -> Images:
    """Read an IDX file of unsigned bytes: big-endian words magic and sizes, the values, and not a byte more.

    The magic number is 0x0800 + the number of dimensions, which the file's name states (idx1, idx3).
    """
    path = folder / name
    if not path.is_file():
        path = folder / f"{name}.gz"
    content = _read_bytes(path)
    dims = int(name.partition("-idx")[2][0])
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


def _cifar10(data_dir: Path | str | None) -> Dataset:
    path = _find_folder("cifar10", data_dir, ((CIFAR10_ARCHIVE,),)) / CIFAR10_ARCHIVE
    try:
        with zipfile.ZipFile(path) as archive:
            members = _cifar10_members(path, archive)
            train_images, train_labels = _read_part(path, archive, members["train"])
            test_images, test_labels = _read_part(path, archive, members["test"])
    except (PermissionError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: expected a whole zip file, but it cannot be read: {error}") from error
    return Dataset("cifar10", train_images, train_labels, test_images, test_labels, classes=10)


def _cifar10_members(path: Path, archive: zipfile.ZipFile) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {"train": [], "test": []}
    pattern = re.compile(rf"(train|test)/({'|'.join(CIFAR10_CLASSES)})/\d+\.jpg")
    for member in sorted(archive.namelist()):
        match = pattern.fullmatch(member)
        if match:
            members[match[1]].append(member)
        elif not member.endswith("/"):
            raise DataError(f"{path}: unexpected {member!r}, expected train|test/CLASS/NNNN.jpg")
    for part, names in members.items():
        if {name.split("/")[1] for name in names} != set(CIFAR10_CLASSES):
            raise DataError(f"{path}: {part}/ must hold images of all of {', '.join(CIFAR10_CLASSES)}")
    return members


def _read_part(path: Path, archive: zipfile.ZipFile, members: list[str]) -> tuple[Images, Labels]:
    """In a fixed random order: the archive is sorted by class, and the first or last of many images must hold them all."""
    images = np.empty((len(members), *CIFAR10_SHAPE), dtype=np.uint8)
    for image, member in zip(images, members, strict=True):
        image[:] = _decode(path, member, archive.read(member))
    labels = [CIFAR10_CLASSES.index(member.split("/")[1]) for member in members]
    order = np.random.RandomState(0).permutation(len(members))
    return images[order], np.array(labels, dtype=np.int64)[order]


def _decode(path: Path, member: str, content: bytes) -> Images:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            pixels = np.asarray(image)
    except OSError as error:  # Pillow's own errors are OSErrors too
        raise DataError(f"{path}: {member} is not a readable JPEG: {error}") from error
    if pixels.shape != CIFAR10_SHAPE:
        raise DataError(f"{path}: {member} has shape {pixels.shape}, expected {CIFAR10_SHAPE}")
    return pixels


def _find_folder(name: str, data_dir: Path | str | None, files: tuple[tuple[str, ...], ...]) -> Path:
    """Return the first folder that holds, of each tuple in `files`, at least one."""
    folders = [folder for root in _roots(data_dir) for folder in (root / name, root)]
    for folder in folders:
        if all(any((folder / file).is_file() for file in alternatives) for alternatives in files):
            return folder
    looked_in = ", ".join(str(folder.absolute()) for folder in folders)
    looked_for = ", ".join(" or ".join(alternatives) for alternatives in files)
    raise DataError(
        f"data set {name!r} not found: looked in {looked_in} for {looked_for}. Nothing is downloaded: put "
        "the files there, or say where they are with --data-dir (data_dir=) or $NEUROMORPH_DATA."
    )


def _roots(data_dir: Path | str | None) -> list[Path]:
    if data_dir is not None:
        return [Path(data_dir)]
    from_environment = os.environ.get("NEUROMORPH_DATA")
    return [Path(from_environment), Path("data")] if from_environment else [Path("data")]


LOADERS: dict[str, Callable[[Path | str | None], Dataset]] = {
    "bars-and-stripes": _bars_and_stripes,
    "cifar10": _cifar10,
    "digits": _digits,
    "mnist": _mnist,
}
