"""Packages that only some commands need: what is missing is said in one line, with the extra that brings it."""

import sys
from collections import namedtuple
from pathlib import Path

import pytest
from commands import refusal

from neuromorph.extras import EXTRAS, has, need
from neuromorph.surroundings import surroundings, versions

RULE = ["train", "--rule", "dp", "--layers", "64-8-10", "--epochs", "1"]


def test_what_is_installed_is_not_missed() -> None:
    assert has("numpy")
    need("numpy", "anything")


@pytest.mark.parametrize("package", EXTRAS)
def test_a_missing_package_is_named_with_its_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("neuromorph.extras.LAVAS_PYTHON", sys.version_info[:2])
    with pytest.raises(
        ImportError, match=rf"^x needs {package}, which is not installed; pip install 'neuromorph\["
    ) as found:
        need(package, "x")
    assert f"[{EXTRAS[package]}]" in str(found.value)


def test_lava_is_said_to_run_on_its_python_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lava", None)
    version = namedtuple("version", "major minor micro releaselevel serial")
    monkeypatch.setattr(sys, "version_info", version(3, 13, 1, "final", 0))
    with pytest.raises(
        ImportError, match=r"runs on Python 3\.10 only, and this is 3\.13: there, pip install 'neuromorph\[lava\]'"
    ):
        need("lava", "x")


@pytest.mark.parametrize(
    ("package", "arguments"),
    [
        ("torch", RULE),
        pytest.param("tensorboard", [*RULE, "--tensorboard", "board"], marks=pytest.mark.needs("torch")),
        ("matplotlib", ["demo"]),
        ("matplotlib", ["reproduce", "isd-bas", "--quick"]),
    ],
)
def test_a_command_without_its_package_fails_in_one_line_before_it_makes_anything(
    package: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    assert f"pip install 'neuromorph[{EXTRAS[package]}]'" in refusal(monkeypatch, capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_versions_leave_out_what_is_not_installed() -> None:
    assert versions(("numpy", "no-such-package")).keys() == {"numpy"}
    assert surroundings().keys() == {"machine", "python", "versions"}
