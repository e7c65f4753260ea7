"""Pictures in class folders come back pixel by pixel; what is no picture, or of another size, is named."""

import io
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_files import picture
from PIL import Image

from neuromorph.data import load
from neuromorph.errors import DataError


def write(folder: Path, classes: dict[str, list[bytes]], suffix: str = ".png") -> Path:
    for name, contents in classes.items():
        (folder / name).mkdir(parents=True)
        for k, content in enumerate(contents):
            (folder / name / f"{k}{suffix}").write_bytes(content)
    return folder


def grey(value: int, shape: tuple[int, ...] = (3, 2)) -> np.ndarray:
    return np.full(shape, value, np.uint8)


@pytest.mark.parametrize(("format", "suffix"), [("PNG", ".png"), ("BMP", ".bmp"), ("PPM", ".pgm"), ("JPEG", ".jpg")])
def test_grey_pictures(tmp_path: Path, format: str, suffix: str) -> None:
    contents = {name: [picture(grey(10 * k + j, (8, 8)), format) for j in range(5)] for k, name in enumerate(("ant", "bee"))}
    data = load(write(tmp_path / "insects", contents, suffix))
    assert (data.name, data.class_names, data.train_images.shape, len(data.test_labels)) == (
        "insects/",
        ("ant", "bee"),
        (8, 8, 8),
        2,
    )
    np.testing.assert_array_equal(data.train_images[:, 0, 0] // 10, data.train_labels)
    assert sorted(np.concatenate([data.train_images, data.test_images])[:, 0, 0]) == [*range(5), *range(10, 15)]


def test_pictures_in_two_parts_stay_in_them_and_colour_in_one_is_colour_in_all(tmp_path: Path) -> None:
    write(tmp_path / "train", {name: [picture(grey(k)), picture(grey(k))] for k, name in enumerate(("2", "10"))})
    coloured = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)
    write(tmp_path / "test", {"10": [picture(coloured)], "2": [picture(grey(1)), picture(coloured, mode="P")]})
    data = load(tmp_path)
    assert data.class_names == ("2", "10")
    assert data.train_images.shape == (4, 3, 2, 3)
    assert sorted(zip(data.train_labels, data.train_images[:, 0, 0, 2], strict=True)) == [(0, 0), (0, 0), (1, 1), (1, 1)]
    np.testing.assert_array_equal(data.test_images[data.test_labels == 1], [coloured])


def test_a_hidden_file_is_no_picture_and_black_and_white_is_0_and_255(tmp_path: Path) -> None:
    stripes = grey(0, (4, 4))
    stripes[:2] = 255
    write(tmp_path, {"a": [picture(stripes, mode="1")] * 2, "b": [picture(255 - stripes)] * 2})
    (tmp_path / "a" / ".hidden").write_text("no picture")
    (tmp_path / ".hidden").mkdir()
    data = load(tmp_path)
    np.testing.assert_array_equal(data.train_images[data.train_labels == 0], [stripes])


def saved(pixels: np.ndarray, format: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, format, **options)
    return buffer.getvalue()


def deep_png(depth: int = 16, colours: int = 2) -> bytes:
    """One coloured pixel of so many bits, as Pillow does not write it."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 1, 1, depth, colours, 0, 0, 0)
    pixel = zlib.compress(b"\0" + bytes(range(3 * depth // 8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_that_lies_on_its_side_is_turned_as_its_exif_says(tmp_path: Path, turn: int) -> None:
    stored = np.arange(6, dtype=np.uint8).reshape(3, 2)
    exif = Image.Exif()
    exif[0x112] = turn
    upright = {1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.T, 6: stored[::-1].T,
               7: stored[::-1, ::-1].T, 8: stored.T[::-1]}[turn]  # fmt: skip
    write(tmp_path, {"a": [saved(stored, exif=exif)] * 2, "b": [picture(upright)] * 2})
    np.testing.assert_array_equal(load(tmp_path).train_images, [upright] * 2)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no picture", r"b/0\.png is not a readable picture \(\.png, .*\); convert it, or move it away$"),
        (deep_png(), "b/0.png is of mode RGB of 16 bits, not 8 bits"),
        (b"P6 1 1 65535\n" + bytes(6), "b/0.png is of mode RGB of 16 bits"),
        (b"P3 1 1 999\n1 2 999", "b/0.png is of mode RGB of 16 bits"),
        (saved(grey(1), transparency=0), "b/0.png is partly transparent; give it a background"),
        (saved(grey(1), mode="P", transparency=0), "b/0.png is partly transparent"),
        (saved(grey(1), mode="RGB", transparency=(0, 0, 0)), "b/0.png is partly transparent"),
        (
            saved(grey(1), save_all=True, append_images=[Image.fromarray(grey(2))]),
            "b/0.png holds 2 pictures; give each a file",
        ),
        (picture(grey(1))[:45], r"b/0\.png is not a readable picture"),
        (picture(grey(1, (2, 3))), r"b/0\.png has shape \(2, 3\), and .*a/0\.png \(3, 2\)"),
        (picture(grey(1), mode="RGBA"), r"b/0\.png is of mode RGBA, not 8 bits grey or red, green and blue"),
        (picture(np.full((3, 2), 999, np.uint16)), r"b/0\.png is of mode I"),
    ],
)
def test_what_is_no_such_picture_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    write(tmp_path, {"a": [picture(grey(0))] * 2, "b": [content] * 2})
    with pytest.raises(DataError, match=says):
        load(tmp_path)


def test_eight_bits_of_each_colour_are_plain(tmp_path: Path) -> None:
    plain = [deep_png(8), picture(np.array([[[0, 1, 2]]], np.uint8)), b"P6 1 1 255\n\0\1\2", b"P3 1 1 255\n0 1 2"]
    write(tmp_path, {"a": plain, "b": plain})
    assert {tuple(pixel) for pixel in load(tmp_path).train_images.reshape(-1, 3)} == {(0, 1, 2)}


def test_what_would_be_left_out_of_folders_of_classes_is_refused(tmp_path: Path) -> None:
    one = [picture(grey(0))] * 2
    parts = write(tmp_path / "parts", {f"{part}/{name}": one for part in ("train", "test") for name in "ab"})
    load(parts)
    write(parts, {"other/a": one})
    with pytest.raises(DataError, match=r"parts/other is neither train nor test; move it away"):
        load(parts)
    shutil.rmtree(parts / "other")
    shutil.rmtree(parts / "train")
    with pytest.raises(DataError, match="parts: there is a folder test, and no folder train; add one"):
        load(parts)
    whole = write(tmp_path / "whole", {"a": one, "b": one})
    (whole / "c").mkdir()
    with pytest.raises(DataError, match=r"whole/c: no pictures; put them"):
        load(whole)
    (whole / "c").rename(whole / "a" / "deeper")
    with pytest.raises(DataError, match=r"a/deeper is a folder in the folder of a class"):
        load(whole)
    (whole / "a" / "deeper").rmdir()
    (whole / "a" / "link.png").symlink_to("nowhere.png")
    with pytest.raises(DataError, match=r"a/link\.png cannot be read: No such file or directory; replace it"):
        load(whole)


def test_folders_are_classes_by_their_very_names(tmp_path: Path) -> None:
    data = load(write(tmp_path, {name: [picture(grey(0))] * 2 for name in ("01", "1", "1e1", "10", "2")}))
    assert data.class_names == ("01", "1", "10", "1e1", "2")


def test_folders_that_hold_no_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no pictures; put them into one folder a class"):
        load(tmp_path)
    write(tmp_path, {"train/a": [picture(grey(0))], "train/b": [picture(grey(0))]})
    with pytest.raises(DataError, match="a folder train, and no folder test"):
        load(tmp_path)
    write(tmp_path, {"test/c": [picture(grey(0))]})
    with pytest.raises(DataError, match="no training sample is of class 'c'"):
        load(tmp_path)
    (tmp_path / "readme.txt").write_text("pictures of mine")
    with pytest.raises(DataError, match=r"readme\.txt is neither train nor test"):
        load(tmp_path)
    (tmp_path / "train").rename(tmp_path / "d")
    (tmp_path / "test").rename(tmp_path / "e")
    with pytest.raises(
        DataError, match=r"d/a is a folder in the folder of a class|readme\.txt: expected a folder of pictures"
    ):
        load(tmp_path)
