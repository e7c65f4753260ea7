"""A folder of pictures: one folder a class, in folders train and test or not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neuromorph.data.dataset import Dataset
from neuromorph.data.images import Array, Images
from neuromorph.errors import DataError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".pgm": "PPM", ".ppm": "PPM"}
GRAY, COLOURED = ("1", "L"), ("P", "RGB")
"""Pillow's modes that become bytes without loss."""


def from_folder(folder: Path) -> Dataset:
    """A class is called as its folder. All grey: images (n, height, width); else (n, height, width, 3), red, green and blue.

    Without folders train and test the pictures are divided as in `Dataset.from_arrays`. Files whose names begin with a dot are left out.
    Raises DataError for other files, sizes or modes.
    """
    name, parts = f"{folder.resolve().name}/", [folder / "train", folder / "test"]
    if not parts[0].is_dir():
        return Dataset.from_arrays(*_read(folder), name=name)
    if not parts[1].is_dir():
        raise DataError(
            f"{folder}: there is a folder train, and no folder test; add one, or put the classes into {folder.name}/"
        )
    (x, y), (x_test, y_test) = map(_read, parts)
    if x.ndim != x_test.ndim:
        x, x_test = (_coloured(images) for images in (x, x_test))
    return Dataset.from_arrays(x, y, x_test=x_test, y_test=y_test, name=name)


def decoded(content: bytes, owner: str) -> Images:
    """The pixels of a picture, (height, width) or (height, width, 3). Raises DataError, which begins with `owner`."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=sorted(set(FORMATS.values()))) as image:
            mode, pixels = image.mode, np.asarray(image.convert("L" if image.mode in GRAY else "RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's own errors are OSErrors too
        raise DataError(f"{owner} is not a readable picture: {error}") from error
    if mode not in GRAY + COLOURED:
        raise DataError(f"{owner} is of mode {mode}, not 8 bits grey or red, green and blue; convert it")
    return pixels


def _read(folder: Path) -> tuple[Images, list[str]]:
    """All pictures of one part and the names of their folders."""
    found = [(decoded(path.read_bytes(), str(path)), path) for path in _pictures(folder)]
    if any(pixels.ndim == 3 for pixels, _ in found):
        found = [(_coloured(pixels), path) for pixels, path in found]
    for pixels, path in found:
        if pixels.shape != found[0][0].shape:
            raise DataError(
                f"{path} has shape {pixels.shape}, and {found[0][1]} {found[0][0].shape}; give all pictures one size"
            )
    return np.stack([pixels for pixels, _ in found]), [path.parent.name for _, path in found]


def _pictures(folder: Path) -> list[Path]:
    found = [path for of_class in _visible(folder) for path in _visible(of_class)]
    if not found:
        raise DataError(f"{folder}: no pictures; put them into one folder a class, such as {folder.name}/cat/1.png")
    return found


def _visible(folder: Path) -> Iterator[Path]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: expected a folder of pictures: {error.strerror}") from None
    return (path for path in paths if not path.name.startswith("."))


def _coloured(images: Array) -> Array:
    """Grey pixels as red, green and blue alike."""
    return images if images.shape[-1:] == (3,) and images.ndim >= 3 else np.repeat(images[..., None], 3, axis=-1)
