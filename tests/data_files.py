"""Files of data sets, as their makers write them."""

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from neuromorph.data.cifar10 import ARCHIVE, CLASSES
from neuromorph.data.idx import FILES

HELD_DATA = Path(os.environ.get("NEUROMORPH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, images: np.ndarray, labels: np.ndarray, zipped: bool = False) -> Path:
    """The same images and labels for training and for testing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        content = idx_bytes(images if "images" in name else labels)
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(gzip.compress(content) if zipped else content)
    return folder


def ten_images(side: int = 3, count: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Random images, (count, side, 2), of ten classes in turn."""
    images = np.random.default_rng(0).integers(0, 256, (count, side, 2), dtype=np.uint8)
    return images, np.arange(count, dtype=np.uint8) % 10


def picture(pixels: np.ndarray, format: str = "PNG", mode: str | None = None) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, format)
    return buffer.getvalue()


def write_cifar10(folder: Path, change: Callable[[dict[str, bytes]], object] = lambda members: None) -> Path:
    """One image a class and part: class k is uniformly grey, 20 * k in train and 20 * k + 10 in test."""
    members = {
        f"{part}/{name}/0000.jpg": picture(np.full((32, 32, 3), 20 * k + offset, np.uint8), "JPEG")
        for part, offset in (("test", 10), ("train", 0))
        for k, name in enumerate(CLASSES)
    }
    change(members)
    path = folder / ARCHIVE
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in reversed(members.items()):  # no order is promised inside the archive
            archive.writestr(name, content)
    return path
