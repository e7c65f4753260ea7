"""CIFAR-10 comes back as it was written, mixed; any damage is an error that names the file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data_files import HELD_DATA, picture, write_cifar10

from neuromorph.data import load
from neuromorph.errors import DataError

needs_cifar10 = pytest.mark.skipif(
    not (HELD_DATA / "cifar10").is_dir(), reason="no CIFAR-10 in $NEUROMORPH_DATA/cifar10 or ../shared/data/cifar10"
)


def test_cifar10_images_and_labels(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    cifar10 = load("cifar10", tmp_path)
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
    labels = load("cifar10", tmp_path).train_labels
    assert len(labels) == 500
    for part in np.split(labels, 5):
        assert np.bincount(part, minlength=10).min() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update({"train/cat/0000.jpg": b"no jpeg"}), "train/cat/0000.jpg is not a readable picture"),
        (
            lambda m: m.update({"test/dog/0000.jpg": picture(np.zeros((31, 32, 3), np.uint8), "JPEG")}),
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
        load("cifar10", tmp_path)


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_truncated_archive_is_an_error(tmp_path: Path, kept: float) -> None:
    path = write_cifar10(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match=f"{path.name}: expected a whole zip"):
        load("cifar10", tmp_path)


def test_a_damaged_member_is_an_error(tmp_path: Path) -> None:
    path = write_cifar10(tmp_path)
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF  # inside the first image: the zip's checksum no longer fits
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path.name}: expected a whole zip"):
        load("cifar10", tmp_path)


@pytest.mark.full
@needs_cifar10
def test_the_real_cifar10() -> None:
    cifar10 = load("cifar10", HELD_DATA)
    assert cifar10.train_images.shape == (50000, 32, 32, 3)
    assert np.bincount(cifar10.train_labels).tolist() == [5000] * 10
    assert np.bincount(cifar10.test_labels).tolist() == [1000] * 10
    np.testing.assert_allclose(cifar10.train_images.mean((0, 1, 2)) / 255, [0.4914, 0.4822, 0.4465], atol=1e-3)
