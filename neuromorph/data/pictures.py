"""A folder of pictures: one folder a class, in folders train and test or not."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuromorph.data.dataset import Dataset
from neuromorph.data.images import Array, Images
from neuromorph.errors import DataError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".pgm": "PPM", ".ppm": "PPM"}
GRAY, COLOURED = ("1", "L"), ("P", "RGB")
"""Pillow's modes that become bytes without loss."""


def from_folder(folder: Path) -> Dataset:
    """A class is called as its folder. All grey: images (n, height, width); else (n, height, width, 3), red, green and blue.

    Without folders train and test the pictures are divided as in `Dataset.from_arrays`. What has a name that begins with a dot is left
    out. Raises DataError for anything else that is no picture in a folder of its class, an empty folder, and other sizes or modes.
    """
    name, parts = f"{folder.resolve().name}/", [folder / "train", folder / "test"]
    there = [part for part in parts if part.is_dir()]
    if not there:
        return Dataset.from_arrays(*_read(folder), name=name)
    if there != parts:
        has, lacks = ("train", "test") if there[0] is parts[0] else ("test", "train")
        raise DataError(
            f"{folder}: there is a folder {has}, and no folder {lacks}; add one, or put the classes into {folder.name}/"
        )
    if beside := [path for path in _visible(folder) if path not in parts]:
        raise DataError(f"{beside[0]} is neither train nor test; move it away, or into a class of one of them")
    (x, y), (x_test, y_test) = map(_read, parts)
    if x.ndim != x_test.ndim:
        x, x_test = (_coloured(images) for images in (x, x_test))
    return Dataset.from_arrays(x, y, x_test=x_test, y_test=y_test, name=name)


def decoded(content: bytes, owner: str) -> Images:
    """The pixels of a picture, (height, width) or (height, width, 3), turned upright as its EXIF says. Raises DataError, which begins with
    `owner`, for what is no picture, damaged, or more than bytes: deeper, partly transparent, several in one file."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=sorted(set(FORMATS.values()))) as image:
            _check_plain(image, owner)
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright.convert("L" if image.mode in GRAY else "RGB"))
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"{owner} is not a readable picture ({', '.join(FORMATS)}); convert it, or move it away") from None
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise DataError(f"{owner} is not a readable picture: {error}; replace it, or move it away") from error


def _check_plain(image: ImageFile, owner: str) -> None:
    """Refuse what would be lost in bytes of grey, or of red, green and blue."""
    layout = image.tile[0][3] if image.tile else ""  # of what is stored; of a PPM its greatest value, unless it is 255
    deep_png = image.format == "PNG" and ";16" in str(layout)
    deep_ppm = image.format == "PPM" and isinstance(layout, tuple) and layout[-1] > 255
    if image.mode not in GRAY + COLOURED or deep_png or deep_ppm:
        told = f"{image.mode} of 16 bits" if image.mode in COLOURED else image.mode
        raise DataError(f"{owner} is of mode {told}, not 8 bits grey or red, green and blue; convert it")
    if "transparency" in image.info:
        raise DataError(f"{owner} is partly transparent; give it a background, without an alpha channel")
    if (frames := getattr(image, "n_frames", 1)) > 1:
        raise DataError(f"{owner} holds {frames} pictures; give each a file of its own")


def _read(folder: Path) -> tuple[Images, list[str]]:
    """All pictures of one part and the names of their folders."""
    found = [(decoded(_content(path), str(path)), path) for path in _pictures(folder)]
    if any(pixels.ndim == 3 for pixels, _ in found):
        found = [(_coloured(pixels), path) for pixels, path in found]
    for pixels, path in found:
        if pixels.shape != found[0][0].shape:
            raise DataError(
                f"{path} has shape {pixels.shape}, and {found[0][1]} {found[0][0].shape}; give all pictures one size"
            )
    return np.stack([pixels for pixels, _ in found]), [path.parent.name for _, path in found]


def _pictures(folder: Path) -> list[Path]:
    of_classes = [(of_class, list(_visible(of_class))) for of_class in list(_visible(folder)) or [folder]]
    if empty := [of_class for of_class, paths in of_classes if not paths]:
        raise DataError(f"{empty[0]}: no pictures; put them into one folder a class, such as {folder.name}/cat/1.png")
    return [path for _, paths in of_classes for path in paths]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise DataError(
            f"{path} is a folder in the folder of a class; put its pictures beside it, or make it a class"
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; replace it, or move it away") from None


def _visible(folder: Path) -> Iterator[Path]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: expected a folder of pictures: {error.strerror}; move it away") from None
    return (path for path in paths if not path.name.startswith("."))


def _coloured(images: Array) -> Array:
    """Grey pixels as red, green and blue alike."""
    return images if images.shape[-1:] == (3,) and images.ndim >= 3 else np.repeat(images[..., None], 3, axis=-1)
