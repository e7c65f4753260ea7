"""Where data are looked for, and what is said when they are not there."""

from pathlib import Path

import pytest
from data_files import ten_images, write_idx

from neuromorph.data import load
from neuromorph.data.cifar10 import ARCHIVE
from neuromorph.data.idx import FILES
from neuromorph.errors import DataError


@pytest.fixture
def small_mnist(tmp_path: Path) -> Path:
    return write_idx(tmp_path, *ten_images())


def test_the_subfolder_comes_before_the_folder(small_mnist: Path) -> None:
    write_idx(small_mnist / "mnist", *ten_images(count=12))
    assert len(load("mnist", str(small_mnist)).train_images) == 12


def test_the_environment_comes_before_the_data_folder(
    small_mnist: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path_factory.mktemp("project")
    write_idx(project / "data" / "mnist", *ten_images(count=12))
    monkeypatch.chdir(project)
    monkeypatch.delenv("NEUROMORPH_DATA", raising=False)
    assert len(load("mnist").train_images) == 12
    monkeypatch.setenv("NEUROMORPH_DATA", str(small_mnist))
    assert len(load("mnist").train_images) == 10
    monkeypatch.setenv("NEUROMORPH_DATA", str(small_mnist / "nothing"))
    assert len(load("mnist").train_images) == 12


def test_a_given_folder_is_never_replaced_by_another(
    small_mnist: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROMORPH_DATA", str(small_mnist))
    with pytest.raises(DataError, match="not found"):
        load("mnist", tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize(("name", "files"), [("mnist", FILES), ("cifar10", (ARCHIVE,))])
def test_missing_data_say_where_what_and_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, files: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEUROMORPH_DATA", "/nowhere")
    with pytest.raises(DataError) as caught:
        load(name)
    message = str(caught.value)
    for folder in ("/nowhere", f"/nowhere/{name}", str(tmp_path / "data"), str(tmp_path / "data" / name)):
        assert folder in message
    for file in (*files, "--data-dir", "$NEUROMORPH_DATA"):
        assert file in message


def test_one_missing_file_is_missing_data(small_mnist: Path) -> None:
    (small_mnist / FILES[3]).unlink()
    with pytest.raises(DataError, match="not found"):
        load("mnist", small_mnist)


def test_an_unknown_name_suggests_the_nearest_and_lists_the_known_ones() -> None:
    with pytest.raises(
        DataError, match=r"'minst'; did you mean mnist\? known are bars-and-stripes, cifar10, digits, fashion-mnist, mnist"
    ):
        load("minst")
    with pytest.raises(DataError, match=r"unknown data set ''; known are"):
        load("")


def test_a_path_is_never_taken_for_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_idx(tmp_path / "digits", *ten_images())
    assert len(load("digits").train_images) == 1437
    for path in (Path("digits"), "./digits", "digits/", tmp_path / "digits"):
        found = load(path)
        assert (found.name, len(found.train_images)) == ("digits/", 10)


def test_files_move_with_their_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the path that was typed, or by its last name; a data folder that is given is not replaced by the current one."""
    monkeypatch.chdir(tmp_path)
    write_idx(tmp_path / "here" / "mine", *ten_images())
    write_idx(tmp_path / "there" / "here" / "mine", *ten_images(count=12))
    write_idx(tmp_path / "elsewhere" / "mine", *ten_images(count=14))
    for data_dir, count in ((None, 10), ("there", 12), ("elsewhere", 14)):
        assert len(load("here/mine", data_dir).train_images) == count
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=f"no file or folder {tmp_path}/empty/here/mine and {tmp_path}/empty/mine"):
        load("here/mine", "empty")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.xlsx"
    path.write_bytes(b"PK")
    with pytest.raises(
        DataError, match=r"table.xlsx: cannot read data from \.xlsx files; give an \.npz, a \.csv or a folder"
    ):
        load(path)
