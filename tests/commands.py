"""Commands, run in this process, and what they answer."""

import json
import sys
from typing import Any

import pytest

from neuromorph.commands.main import main


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit status of a command, run in this process."""
    monkeypatch.setattr(sys, "argv", ["neuromorph", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return found


def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line in which a command fails."""
    assert call(monkeypatch, *arguments) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line
