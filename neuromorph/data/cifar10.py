"""CIFAR-10, from a zip of JPEGs."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

import numpy as np

from neuromorph.data.dataset import Dataset
from neuromorph.data.folders import find_folder
from neuromorph.data.images import Images
from neuromorph.data.labels import Labels
from neuromorph.data.pictures import decoded
from neuromorph.data.splitting import mixed
from neuromorph.errors import DataError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE = "cifar10_jpeg.zip"
SHAPE = (32, 32, 3)


def cifar10(data_dir: Path | str | None) -> Dataset:
    path = find_folder("cifar10", data_dir, ((ARCHIVE,),)) / ARCHIVE
    try:
        with zipfile.ZipFile(path) as archive:
            members = _cifar10_members(path, archive)
            train_images, train_labels = _read_part(path, archive, members["train"])
            test_images, test_labels = _read_part(path, archive, members["test"])
    except (PermissionError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: expected a whole zip file, but it cannot be read: {error}") from error
    return Dataset("cifar10", train_images, train_labels, test_images, test_labels, 10, CLASSES)


def _cifar10_members(path: Path, archive: zipfile.ZipFile) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {"train": [], "test": []}
    pattern = re.compile(rf"(train|test)/({'|'.join(CLASSES)})/\d+\.jpg")
    for member in sorted(archive.namelist()):
        match = pattern.fullmatch(member)
        if match:
            members[match[1]].append(member)
        elif not member.endswith("/"):
            raise DataError(f"{path}: unexpected {member!r}, expected train|test/CLASS/NNNN.jpg")
    for part, names in members.items():
        if {name.split("/")[1] for name in names} != set(CLASSES):
            raise DataError(f"{path}: {part}/ must hold images of all of {', '.join(CLASSES)}")
    return members


def _read_part(path: Path, archive: zipfile.ZipFile, members: list[str]) -> tuple[Images, Labels]:
    """In a fixed random order: the archive is sorted by class, and the first or last of many images must hold them all."""
    images = np.empty((len(members), *SHAPE), dtype=np.uint8)
    for image, member in zip(images, members, strict=True):
        image[:] = _decoded(archive.read(member), f"{path}: {member}")
    labels = [CLASSES.index(member.split("/")[1]) for member in members]
    order = mixed(len(members), seed=0)
    return images[order], np.array(labels, dtype=np.int64)[order]


def _decoded(content: bytes, owner: str) -> Images:
    pixels = decoded(content, owner)
    if pixels.shape != SHAPE:
        raise DataError(f"{owner} has shape {pixels.shape}, expected {SHAPE}")
    return pixels
