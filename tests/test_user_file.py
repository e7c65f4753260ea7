"""Objects in a user's own file, by file.py:name."""

import sys
from pathlib import Path

import pytest

from neuromorph.errors import RangeError
from neuromorph.user_file import imported_files, named_in_file, sha256_of


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [*sys.path])
    path = tmp_path / "file_of_mine.py"
    path.write_text("class Kind: number = 1")
    return path


def test_a_file_is_run_once_while_it_stays_as_it_is_and_again_when_it_changes(file: Path) -> None:
    first = named_in_file(f"{file}:Kind", "a class")
    assert named_in_file(f"{file}:Kind", "a class") is first
    before = sha256_of(first)
    file.write_text("class Kind: number = 2")  # of the same length, within the same second
    second = named_in_file(f"{file}:Kind", "a class")
    assert (first.number, second.number) == (1, 2)
    assert sha256_of(second) not in (before, None)
    assert sha256_of(Path) is None


def test_a_file_that_fails_leaves_the_one_before_it(file: Path) -> None:
    first = named_in_file(f"{file}:Kind", "a class")
    file.write_text("import sys; sys.exit(3)")
    with pytest.raises(RangeError, match="cannot be run: SystemExit: 3"):
        named_in_file(f"{file}:Kind", "a class")
    assert sys.modules["file_of_mine"].Kind is first


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("file_of_mine.py:Kid", "'Kid' in '.*' is missing; did you mean Kind[?] known are Kind"),
        ("other.py:Kind", "there is no file '.*other.py'; give a class"),
        ("json.py:Kind", "'json.py' has the name of a Python module that is in use"),
        (":Kind", "'' is no Python file|is no Python file"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(file: Path, name: str, says: str) -> None:
    import json  # noqa: F401

    (file.parent / "json.py").write_text("Kind = 1")
    with pytest.raises(RangeError, match=says):
        named_in_file(f"{file.parent}/{name}", "a class")


def write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


IMPORTING = {
    "file_of_mine.py": "import json, numpy, mine_a\nfrom mine_b import *\nclass Kind(Base): number = mine_a.number",
    "mine_a.py": "number = 1",
    "mine_b.py": "from mine_c.parts import one\nfrom mine_d import two\nclass Base: ...",
    "mine_c/__init__.py": "",
    "mine_c/parts.py": "from . import deep\none = 1",
    "mine_c/deep.py": "",
    "mine_d/two.py": "",
    "mine_unused.py": "",
}


def test_the_users_modules_that_a_file_imports_belong_to_it(file: Path) -> None:
    """Those of its base class and of packages with and without an __init__.py; not Python's and installed ones."""
    write(file.parent, IMPORTING)
    kind = named_in_file(f"{file}:Kind", "a class")
    expected = {"mine_a", "mine_b", "mine_c", "mine_c.parts", "mine_c.deep", "mine_d.two"}
    assert imported_files(file).keys() == expected
    shas = [sha256_of(kind)]
    for name in sorted(imported_files(file).values()):
        name.write_text(name.read_text() + "\nedited = 1")
        shas.append(sha256_of(named_in_file(f"{file}:Kind", "a class")))
    assert len({*shas}) == 1 + len(expected)
    (file.parent / "mine_unused.py").write_text("edited = 1")
    assert sha256_of(named_in_file(f"{file}:Kind", "a class")) == shas[-1]


def test_an_edited_import_is_read_anew(file: Path) -> None:
    write(file.parent, IMPORTING)
    first = named_in_file(f"{file}:Kind", "a class")
    (file.parent / "mine_a.py").write_text("number = 22")
    assert (first.number, named_in_file(f"{file}:Kind", "a class").number) == (1, 22)
