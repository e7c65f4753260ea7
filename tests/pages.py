"""Pages of docs/, typed as printed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

FIRST_WORDS = {"python": [sys.executable], "neuromorph": [sys.executable, "-m", "neuromorph"]}
PART = re.compile(
    r"^```python\n# (?P<name>\w+\.py)\n(?P<code>.*?)^```|^    (?P<command>(?:python|neuromorph) [^\n]*)$",
    re.DOTALL | re.MULTILINE,
)


def typed(page: str, folder: Path, without: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Save every file and run every command of a page in `folder`, in order; the commands and what they print.

    A file is a block whose first line is a comment with its name; a command is an indented line. `without`: words of commands that are
    left out.
    """
    said = []
    for part in PART.finditer(page):
        if part["name"]:
            (folder / part["name"]).write_text(part["code"], encoding="utf-8")
        elif not any(word in part["command"] for word in without):
            first, *rest = shlex.split(part["command"], comments=True)
            done = subprocess.run([*FIRST_WORDS[first], *rest], cwd=folder, capture_output=True, text=True, timeout=250)
            assert done.returncode == 0, f"{part['command']}\n{done.stdout}{done.stderr}"
            said.append((part["command"], done.stdout))
    return said
