"""Options and arguments that several commands take."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from neuromorph.errors import RangeError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line, nothing else.")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where data sets lie [$NEUROMORPH_DATA or ./data].")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or auto (auto).")]
FeedbackName = Annotated[str | None, typer.Option(help="tied, random, direct, kolen-pollack or sign (the rule's).")]
Laws = Annotated[
    list[Path] | None, typer.Option("--laws", help="A Python file with a law that its neurons obey; repeatable.")
]
Layers = Annotated[str | None, typer.Option(help="Sizes, such as 64-32-10 (some that suit).")]
Model = Annotated[
    str, typer.Argument(help="A run folder (from train -o), or file.py:name of a process or a function making one.")
]
RuleOptions = Annotated[list[str] | None, typer.Option("--set", help="name=value, an option of the rule; repeatable.")]


def layers_of(text: str) -> tuple[int, ...]:
    """'784-512-10' as sizes. Raises RangeError."""
    try:
        return tuple(int(part) for part in text.split("-"))
    except ValueError:
        raise RangeError(f"--layers {text!r} is not a list of sizes such as 784-512-10") from None


def typed_command() -> str:
    """The command as it was typed, for records."""
    return shlex.join(["neuromorph", *sys.argv[1:]])
