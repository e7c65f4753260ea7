"""Checkpoints: what is loaded is what was saved, and no broken file passes for one."""

from pathlib import Path
from typing import Any

import h5py
import pytest
import torch

from neuromorph.errors import ArtifactError, OutputError
from neuromorph.learning.training.checkpoint import load, save

STATE: dict[str, Any] = {
    "parameters": {"connections.0.weight": torch.randn(3, 5), "step": torch.tensor(3.0), "none": torch.zeros(0, 4)},
    "optimizer": {"state": {0: {"exp_avg": torch.randn(2, dtype=torch.float64)}, 1: {}}, "param_groups": [{"lr": 0.1}]},
    "random": torch.Generator().manual_seed(1).get_state(),
    "flags": {
        "yes": True,
        "no": False,
        "nothing": None,
        "text": 'ü "quoted"',
        "big": 2**200,
        "tenth": 0.1,
        "inf": float("inf"),
    },
    "tensor": {"tensor": "a name that means something here", "entries": 1},
    "particles": [torch.ones(2, 3, dtype=torch.int64), [torch.tensor([True, False])]],
}


def assert_equal(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_equal(x, y)
    elif isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)
    else:
        assert a == b


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint.h5"
    save(path, STATE)
    return path


def test_what_is_loaded_is_what_was_saved_types_and_bits(file: Path) -> None:
    assert_equal(load(file), STATE)


def test_every_truncation_is_noticed(file: Path, tmp_path: Path) -> None:
    content, cut = file.read_bytes(), tmp_path / "cut.h5"
    for length in [0, 1, 7, 8, 100, *range(500, len(content), 997), len(content) - 1]:
        cut.write_bytes(content[:length])
        with pytest.raises(ArtifactError, match=r"cut\.h5"):
            load(cut)


def test_a_flipped_bit_of_a_weight_is_noticed(tmp_path: Path) -> None:
    weights = torch.arange(24, dtype=torch.float32).view(4, 6)
    path, damaged = tmp_path / "checkpoint.h5", tmp_path / "damaged.h5"
    save(path, {"parameters": {"weight": weights}})
    content = bytearray(path.read_bytes())
    place = content.index(weights.numpy().tobytes())
    for bit in range(8):
        flipped = content.copy()
        flipped[place + 30] ^= 1 << bit
        damaged.write_bytes(flipped)
        with pytest.raises(ArtifactError, match=r"damaged\.h5"):
            load(damaged)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    text, foreign, later = tmp_path / "text.h5", tmp_path / "foreign.h5", tmp_path / "later.h5"
    text.write_text("no HDF5")
    with h5py.File(foreign, "w") as opened:
        opened["weights"] = [1, 2]
    save(later, STATE)
    with h5py.File(later, "a") as opened:
        opened.attrs["kind"] = "neuromorph training, version 9"
    for path, says in (
        (text, "not an HDF5"),
        (foreign, "no training"),
        (later, "version 2"),
        (tmp_path / "none.h5", "does not exist"),
    ):
        with pytest.raises(ArtifactError, match=says):
            load(path)


def test_a_document_that_was_tampered_with_is_refused(file: Path) -> None:
    for document in ("{", '{"parameters": {"tensor": "not/there"}}', "[1, 2]"):
        with h5py.File(file, "a") as opened:
            del opened["document"]
            opened["document"] = document
        with pytest.raises(ArtifactError, match=r"checkpoint\.h5"):
            load(file)


def test_a_save_that_fails_leaves_the_old_file_and_no_scraps(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(ArtifactError, match="a/0 is object"):
        save(file, {"a": [object()]})
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    with pytest.raises(OutputError, match="cannot be written"):
        save(file.parent / "missing" / "x.h5", STATE)
