"""IDX files come back as they were written; any damage is an error that names the file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_files import HELD_DATA, idx_bytes, ten_images, write_idx
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from neuromorph.data import load
from neuromorph.data.idx import FILES
from neuromorph.errors import DataError

needs_mnist = pytest.mark.skipif(
    not (HELD_DATA / "mnist").is_dir(), reason="no MNIST in $NEUROMORPH_DATA/mnist or ../shared/data/mnist"
)


@pytest.fixture
def small_mnist(tmp_path: Path) -> Path:
    return write_idx(tmp_path, *ten_images())


@settings(deadline=None, max_examples=30)
@given(st.data(), st.tuples(st.integers(10, 14), st.integers(1, 5), st.integers(1, 5)), st.booleans())
def test_idx_files_are_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject, shape: tuple[int, ...], zipped: bool
) -> None:
    images = draw.draw(npst.arrays(np.uint8, shape))
    labels = np.array(draw.draw(st.permutations([*range(10), 7, 7, 0, 3][: shape[0]])), np.uint8)
    mnist = load("mnist", write_idx(tmp_path_factory.mktemp("idx"), images, labels, zipped))
    np.testing.assert_array_equal(mnist.train_images, images)
    np.testing.assert_array_equal(mnist.test_labels, labels)
    assert mnist.test_images.dtype == np.uint8
    assert mnist.train_labels.dtype == np.int64
    assert mnist.train_images.flags.writeable
    assert mnist.classes == 10


@pytest.mark.parametrize("first", [0, 1, 100])
def test_a_folder_of_idx_files_may_hold_any_classes(tmp_path: Path, first: int) -> None:
    """Such as the 26 letters of EMNIST, which are 1 to 26."""
    images, labels = ten_images(count=26)[0], np.arange(26, dtype=np.uint8) + first
    letters = load(write_idx(tmp_path / "letters", images, labels))
    assert (letters.name, letters.classes) == ("letters/", 26)
    np.testing.assert_array_equal(letters.train_labels, np.arange(26))
    assert letters.class_names == tuple(str(k + first) for k in range(26))
    np.testing.assert_array_equal(load("letters", tmp_path).test_images, images)


def test_fashion_mnist_is_only_believed_in_a_folder_of_its_name(tmp_path: Path) -> None:
    write_idx(tmp_path, *ten_images())
    with pytest.raises(DataError, match="'fashion-mnist' not found"):
        load("fashion-mnist", tmp_path)
    fashion = write_idx(tmp_path / "fashion-mnist", *ten_images(side=4))
    for folder in (tmp_path, fashion):
        assert load("fashion-mnist", folder).train_images.shape == (10, 4, 2)


@pytest.mark.parametrize("part", ["train", "t10k"])
@pytest.mark.parametrize("load_it", [lambda folder: load("mnist", folder), load], ids=["name", "folder"])
def test_files_without_images_are_refused(small_mnist: Path, part: str, load_it: Any) -> None:
    (small_mnist / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((0, 3, 2), np.uint8)))
    (small_mnist / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(0, np.uint8)))
    with pytest.raises(DataError, match="no samples"):
        load_it(small_mnist)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(FILES), st.data(), st.booleans())
def test_a_truncated_file_is_an_error_that_names_it(
    tmp_path_factory: pytest.TempPathFactory, name: str, draw: st.DataObject, zipped: bool
) -> None:
    folder = tmp_path_factory.mktemp("idx")
    write_idx(folder, np.ones((4, 3, 2), np.uint8), np.arange(4, dtype=np.uint8), zipped)
    path = folder / (f"{name}.gz" if zipped else name)
    content = path.read_bytes()
    path.write_bytes(content[: draw.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(DataError, match=f"{name}.*(expected|make)"):
        load("mnist", folder)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(FILES), st.integers(0, 7), st.integers(1, 255))
def test_a_changed_header_is_an_error_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, name: str, position: int, change: int
) -> None:
    folder = tmp_path_factory.mktemp("idx")
    write_idx(folder, np.ones((4, 3, 2), np.uint8), np.arange(4, dtype=np.uint8))
    content = bytearray((folder / name).read_bytes())
    content[position] ^= change
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        load("mnist", folder)


@pytest.mark.parametrize("name", FILES)
def test_trailing_bytes_are_an_error(small_mnist: Path, name: str) -> None:
    with (small_mnist / name).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match=f"{name}.*damaged"):
        load("mnist", small_mnist)


def test_a_zipped_file_with_a_flipped_bit_is_an_error(tmp_path: Path) -> None:
    write_idx(tmp_path, np.ones((4, 3, 2), np.uint8), np.arange(4, dtype=np.uint8), zipped=True)
    path = tmp_path / f"{FILES[0]}.gz"
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # the checksum
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path.name}.*CRC"):
        load("mnist", tmp_path)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train-labels-idx1-ubyte", np.arange(9, dtype=np.uint8), "training: 10 samples and 9 labels"),
        ("t10k-labels-idx1-ubyte", np.full(10, 10, np.uint8), "test: labels go from 10 to 10, and 10 classes are 0..9"),
        ("train-labels-idx1-ubyte", np.zeros(10, np.uint8), "no training sample is of class 1"),
        (
            "t10k-images-idx3-ubyte",
            np.zeros((10, 2, 3), np.uint8),
            r"training samples have shape \(3, 2\), test samples \(2, 3\)",
        ),
    ],
)
def test_files_that_contradict_each_other_are_an_error(
    small_mnist: Path, name: str, array: np.ndarray, message: str
) -> None:
    (small_mnist / name).write_bytes(idx_bytes(array))
    with pytest.raises(DataError, match=message):
        load("mnist", small_mnist)


@needs_mnist
def test_the_real_mnist() -> None:
    mnist = load("mnist", HELD_DATA)
    assert mnist.train_images.shape == (60000, 28, 28)
    assert mnist.test_images.shape == (10000, 28, 28)
    assert mnist.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(mnist.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert round(mnist.train_images.mean() / 255, 4) == 0.1307
