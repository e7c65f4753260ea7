"""Objects in a user's own file, by file.py:name."""

import sys
from pathlib import Path

import pytest

from neuromorph.errors import RangeError
from neuromorph.user_file import named_in_file, sha256_of


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
        ("other.py:Kind", "other.py' is no Python file; give a class"),
        ("json.py:Kind", "'json.py' has the name of a Python module that is in use"),
        (":Kind", "'' is no Python file|is no Python file"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(file: Path, name: str, says: str) -> None:
    import json  # noqa: F401

    (file.parent / "json.py").write_text("Kind = 1")
    with pytest.raises(RangeError, match=says):
        named_in_file(f"{file.parent}/{name}", "a class")
