"""Pages of docs/, typed as printed."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

from neuromorph.commands.main import main

FIRST_WORDS = {"python": [sys.executable], "neuromorph": [sys.executable, "-m", "neuromorph"]}
PART = re.compile(
    r"^```python\n# (?P<name>\w+\.py)\n(?P<code>.*?)^```|^    (?P<command>(?:python|neuromorph) [^\n]*)$",
    re.DOTALL | re.MULTILINE,
)


def typed(page: str, folder: Path, without: tuple[str, ...] = (), *, apart: bool = False) -> list[tuple[str, str]]:
    """Save every file and run every command of a page in `folder`, in order; the commands and what they print.

    A file is a block whose first line is a comment with its name; a command is an indented line. `without`: words of commands that are
    left out. `apart`: neuromorph in a process of its own each time; it takes seconds to import torch there.
    """
    said = []
    for part in PART.finditer(page):
        if part["name"]:
            (folder / part["name"]).write_text(part["code"], encoding="utf-8")
        elif not any(word in part["command"] for word in without):
            first, *rest = shlex.split(part["command"], comments=True)
            if first == "neuromorph" and not apart:
                status, told = _here(rest, folder)
            else:
                done = subprocess.run([*FIRST_WORDS[first], *rest], cwd=folder, capture_output=True, text=True, timeout=250)
                status, told = done.returncode, done.stdout + done.stderr * (done.returncode != 0)
            assert status == 0, f"{part['command']}\n{told}"
            said.append((part["command"], told))
    return said


def _here(arguments: list[str], folder: Path) -> tuple[int, str]:
    before, told = Path.cwd(), io.StringIO()
    os.chdir(folder)
    try:
        with patch.object(sys, "argv", ["neuromorph", *arguments]), contextlib.redirect_stdout(told):
            main()
    except SystemExit as ended:
        return int(ended.code or 0), told.getvalue()
    finally:
        os.chdir(before)
    return 0, told.getvalue()
