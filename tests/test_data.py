"""Data sets come back exactly as they were written, and any damage is an error that names the file."""

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from neuromorph import data
from neuromorph.errors import DataError

ROOT = Path(__file__).resolve().parents[1]
HELD_DATA = Path(os.environ.get("NEUROMORPH_DATA", ROOT.parent / "shared" / "data"))

needs_mnist = pytest.mark.skipif(
    not (HELD_DATA / "mnist").is_dir(), reason="no MNIST in $NEUROMORPH_DATA/mnist or ../shared/data/mnist"
)
needs_cifar10 = pytest.mark.skipif(
    not (HELD_DATA / "cifar10").is_dir(),
    reason="no CIFAR-10 in $NEUROMORPH_DATA/cifar10 or ../shared/data/cifar10",
)


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder: Path, images: np.ndarray, labels: np.ndarray, zipped: bool = False) -> None:
    for name in data.MNIST_FILES:
        content = idx_bytes(images if "images" in name else labels)
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(gzip.compress(content) if zipped else content)


@pytest.fixture
def small_mnist(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (5, 3, 2), dtype=np.uint8)
    write_mnist(tmp_path, images, np.arange(5, dtype=np.uint8))
    return tmp_path


def jpeg(shape: tuple[int, int], color: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", shape, color).save(buffer, "JPEG")
    return buffer.getvalue()


def write_cifar10(folder: Path, change: Callable[[dict[str, bytes]], object] = lambda members: None) -> Path:
    """One image a class and part: class k is uniformly grey, 20 * k in train and 20 * k + 10 in test."""
    members = {
        f"{part}/{name}/0000.jpg": jpeg((32, 32), (20 * k + offset,) * 3)
        for part, offset in (("test", 10), ("train", 0))
        for k, name in enumerate(data.CIFAR10_CLASSES)
    }
    change(members)
    path = folder / data.CIFAR10_ARCHIVE
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in reversed(members.items()):  # no order is promised inside the archive
            archive.writestr(name, content)
    return path


# Generated and embedded sets


def test_digits_are_a_fixed_split_of_every_sample() -> None:
    from sklearn.datasets import load_digits

    digits = data.load("digits")
    assert digits.train_images.shape == (1437, 8, 8)
    assert digits.test_images.shape == (360, 8, 8)
    assert set(np.unique(digits.test_labels)) == set(range(digits.classes))
    assert digits.test_labels[:10].tolist() == [7, 9, 4, 7, 0, 2, 6, 1, 3, 1]
    images = np.concatenate([digits.train_images, digits.test_images]).reshape(1797, -1).astype(int)
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    source = load_digits()
    ours = sorted(zip(labels.tolist(), images.tolist(), strict=True))
    scaled = (source.data.astype(int) * 510 + 16) // 32
    assert ours == sorted(zip(source.target.tolist(), scaled.tolist(), strict=True))


def test_digits_scale_reaches_both_ends_and_rounds_to_nearest() -> None:
    values = np.unique(data.load("digits").train_images)
    assert values.tolist() == [round(v * 255 / 16 + 1e-9) for v in range(17)]


def test_bars_and_stripes_are_the_32_patterns_with_the_extremes_doubled() -> None:
    bas = data.load("bars-and-stripes")
    images, labels = bas.train_images, bas.train_labels
    assert images.shape == (32, 4, 4)
    assert set(np.unique(images)) == {0, 255}
    patterns, counts = np.unique(images.reshape(32, 16), axis=0, return_counts=True)
    assert len(patterns) == 30
    assert sorted(patterns[counts == 2].tolist()) == [[0] * 16, [255] * 16]
    bars, stripes = images[labels == 0], images[labels == 1]
    assert len(bars) == len(stripes) == 16
    assert (bars == bars[:, :1, :]).all()
    assert (stripes == stripes[:, :, :1]).all()
    np.testing.assert_array_equal(labels, [0, 1] * 16)
    np.testing.assert_array_equal(bas.test_images, images)
    np.testing.assert_array_equal(bas.test_labels, labels)


@pytest.mark.parametrize("name", ["digits", "bars-and-stripes"])
def test_two_loads_are_equal_and_share_nothing(name: str) -> None:
    first, second = data.load(name), data.load(name)
    np.testing.assert_array_equal(first.train_images, second.train_images)
    first.train_images[:] = 7
    assert not (second.train_images == 7).all()
    assert not (first.test_images == 7).all()


@given(npst.arrays(np.uint8, npst.array_shapes(min_dims=2, max_dims=4, min_side=0)))
def test_payloads_are_even_and_lose_only_the_lowest_bit(images: np.ndarray) -> None:
    payloads = data.pixels_as_payloads(images)
    assert payloads.dtype == np.int32
    assert payloads.shape == (images.shape[0], np.prod(images.shape[1:]))
    np.testing.assert_array_equal(payloads.ravel(), 2 * (images.astype(int).ravel() // 2))


def test_payloads_refuse_scaled_pixels() -> None:
    with pytest.raises(DataError, match=r"uint8.*float64"):
        data.pixels_as_payloads(np.ones((2, 3)))  # type: ignore[arg-type]


# MNIST


@settings(deadline=None, max_examples=30)
@given(st.data(), npst.array_shapes(min_dims=3, max_dims=3, max_side=5), st.booleans())
def test_idx_files_are_read_as_written(
    tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject, shape: tuple[int, ...], zipped: bool
) -> None:
    folder = tmp_path_factory.mktemp("idx")
    images = draw.draw(npst.arrays(np.uint8, shape))
    labels = draw.draw(npst.arrays(np.uint8, shape[0], elements=st.integers(0, 9)))
    write_mnist(folder, images, labels, zipped)
    mnist = data.load("mnist", folder)
    np.testing.assert_array_equal(mnist.train_images, images)
    np.testing.assert_array_equal(mnist.test_labels, labels)
    assert mnist.test_images.dtype == np.uint8
    assert mnist.train_labels.dtype == np.int64
    assert mnist.train_images.flags.writeable
    assert mnist.classes == 10


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(data.MNIST_FILES), st.data(), st.booleans())
def test_a_truncated_file_is_an_error_that_names_it(
    tmp_path_factory: pytest.TempPathFactory, name: str, draw: st.DataObject, zipped: bool
) -> None:
    folder = tmp_path_factory.mktemp("idx")
    write_mnist(folder, np.ones((4, 3, 2), np.uint8), np.arange(4, dtype=np.uint8), zipped)
    path = folder / (f"{name}.gz" if zipped else name)
    content = path.read_bytes()
    path.write_bytes(content[: draw.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(DataError, match=f"{name}.*(expected|make)"):
        data.load("mnist", folder)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(data.MNIST_FILES), st.integers(0, 7), st.integers(1, 255))
def test_a_changed_header_is_an_error_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, name: str, position: int, change: int
) -> None:
    folder = tmp_path_factory.mktemp("idx")
    write_mnist(folder, np.ones((4, 3, 2), np.uint8), np.arange(4, dtype=np.uint8))
    content = bytearray((folder / name).read_bytes())
    content[position] ^= change
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        data.load("mnist", folder)


@pytest.mark.parametrize("name", data.MNIST_FILES)
def test_trailing_bytes_are_an_error(small_mnist: Path, name: str) -> None:
    with (small_mnist / name).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match=f"{name}.*damaged"):
        data.load("mnist", small_mnist)


def test_a_zipped_file_with_a_flipped_bit_is_an_error(tmp_path: Path) -> None:
    write_mnist(tmp_path, np.ones((4, 3, 2), np.uint8), np.arange(4, dtype=np.uint8), zipped=True)
    path = tmp_path / f"{data.MNIST_FILES[0]}.gz"
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # the checksum
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path.name}.*CRC"):
        data.load("mnist", tmp_path)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train-labels-idx1-ubyte", np.zeros(4, np.uint8), "5 images but 4 labels in the train"),
        ("t10k-labels-idx1-ubyte", np.full(5, 10, np.uint8), "t10k labels reach 10"),
        (
            "t10k-images-idx3-ubyte",
            np.zeros((5, 2, 3), np.uint8),
            r"\(3, 2\) in the train file, \(2, 3\) in the",
        ),
    ],
)
def test_files_that_contradict_each_other_are_an_error(
    small_mnist: Path, name: str, array: np.ndarray, message: str
) -> None:
    (small_mnist / name).write_bytes(idx_bytes(array))
    with pytest.raises(DataError, match=message):
        data.load("mnist", small_mnist)


@needs_mnist
def test_the_real_mnist() -> None:
    mnist = data.load("mnist", HELD_DATA)
    assert mnist.train_images.shape == (60000, 28, 28)
    assert mnist.test_images.shape == (10000, 28, 28)
    assert mnist.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(mnist.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert round(mnist.train_images.mean() / 255, 4) == 0.1307


# CIFAR-10


def test_cifar10_images_and_labels(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    cifar10 = data.load("cifar10", tmp_path)
    assert cifar10.train_images.shape == (10, 32, 32, 3)
    for images, labels, lighter in (
        (cifar10.train_images, cifar10.train_labels, 0),
        (cifar10.test_images, cifar10.test_labels, 10),
    ):
        assert sorted(labels) == list(range(10))
        assert np.abs(images.astype(int) - 20 * labels.reshape(10, 1, 1, 1) - lighter).max() <= 1


def test_any_part_of_cifar10_holds_all_classes(tmp_path: Path) -> None:
    """Who trains on the first images or holds out the last must not meet one class only."""

    def more(members: dict[str, bytes]) -> None:
        members |= {name.replace("0000", f"{k:04d}"): content for name, content in members.items() for k in range(1, 50)}

    write_cifar10(tmp_path, more)
    labels = data.load("cifar10", tmp_path).train_labels
    assert len(labels) == 500
    for part in np.split(labels, 5):
        assert np.bincount(part, minlength=10).min() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update({"train/cat/0000.jpg": b"no jpeg"}), "train/cat/0000.jpg is not a readable JPEG"),
        (
            lambda m: m.update({"test/dog/0000.jpg": jpeg((32, 31), (0, 0, 0))}),
            r"test/dog/0000.jpg has shape \(31, 32",
        ),
        (
            lambda m: m.update({"train/cat/0000.jpg": m["train/cat/0000.jpg"][:-40]}),
            "train/cat/0000.jpg is not",
        ),
        (lambda m: m.update({"train/zebra/0000.jpg": b""}), "unexpected 'train/zebra/0000.jpg'"),
        (lambda m: m.pop("test/truck/0000.jpg"), "test/ must hold images of all of airplane.*truck"),
    ],
)
def test_a_wrong_archive_is_an_error(tmp_path: Path, change: Callable[[dict[str, bytes]], object], message: str) -> None:
    path = write_cifar10(tmp_path, change)
    with pytest.raises(DataError, match=f"{path.name}: .*{message}"):
        data.load("cifar10", tmp_path)


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_truncated_archive_is_an_error(tmp_path: Path, kept: float) -> None:
    path = write_cifar10(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match=f"{path.name}: expected a whole zip"):
        data.load("cifar10", tmp_path)


def test_a_damaged_member_is_an_error(tmp_path: Path) -> None:
    path = write_cifar10(tmp_path)
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF  # inside the first image: the zip's checksum no longer fits
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path.name}: expected a whole zip"):
        data.load("cifar10", tmp_path)


@pytest.mark.full
@needs_cifar10
def test_the_real_cifar10() -> None:
    cifar10 = data.load("cifar10", HELD_DATA)
    assert cifar10.train_images.shape == (50000, 32, 32, 3)
    assert np.bincount(cifar10.train_labels).tolist() == [5000] * 10
    assert np.bincount(cifar10.test_labels).tolist() == [1000] * 10
    np.testing.assert_allclose(cifar10.train_images.mean((0, 1, 2)) / 255, [0.4914, 0.4822, 0.4465], atol=1e-3)


# Where the data are looked for


def test_the_subfolder_comes_before_the_folder(small_mnist: Path) -> None:
    (small_mnist / "mnist").mkdir()
    write_mnist(small_mnist / "mnist", np.ones((2, 1, 1), np.uint8), np.zeros(2, np.uint8))
    assert len(data.load("mnist", str(small_mnist)).train_images) == 2


def test_the_environment_comes_before_the_data_folder(
    small_mnist: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path_factory.mktemp("project")
    (project / "data" / "mnist").mkdir(parents=True)
    write_mnist(project / "data" / "mnist", np.ones((2, 1, 1), np.uint8), np.zeros(2, np.uint8))
    monkeypatch.chdir(project)
    monkeypatch.delenv("NEUROMORPH_DATA", raising=False)
    assert len(data.load("mnist").train_images) == 2
    monkeypatch.setenv("NEUROMORPH_DATA", str(small_mnist))
    assert len(data.load("mnist").train_images) == 5
    monkeypatch.setenv("NEUROMORPH_DATA", str(small_mnist / "nothing"))
    assert len(data.load("mnist").train_images) == 2


def test_a_given_folder_is_never_replaced_by_another(
    small_mnist: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROMORPH_DATA", str(small_mnist))
    with pytest.raises(DataError, match="not found"):
        data.load("mnist", tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize(("name", "files"), [("mnist", data.MNIST_FILES), ("cifar10", (data.CIFAR10_ARCHIVE,))])
def test_missing_data_say_where_what_and_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, files: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEUROMORPH_DATA", "/nowhere")
    with pytest.raises(DataError) as caught:
        data.load(name)
    message = str(caught.value)
    for folder in ("/nowhere", f"/nowhere/{name}", str(tmp_path / "data"), str(tmp_path / "data" / name)):
        assert folder in message
    for file in (*files, "--data-dir", "$NEUROMORPH_DATA"):
        assert file in message


def test_one_missing_file_is_missing_data(small_mnist: Path) -> None:
    (small_mnist / data.MNIST_FILES[3]).unlink()
    with pytest.raises(DataError, match="not found"):
        data.load("mnist", small_mnist)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"'minst'.*bars-and-stripes, cifar10, digits, mnist"):
        data.load("minst")
