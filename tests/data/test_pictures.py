"""Pictures in class folders come back pixel by pixel; what is no picture, or of another size, is named."""

from pathlib import Path

import numpy as np
import pytest
from data_files import picture

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


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no picture", r"b/0\.png is not a readable picture"),
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
    (tmp_path / "train").rename(tmp_path / "d")
    with pytest.raises(DataError, match=r"readme\.txt|/a"):
        load(tmp_path)
