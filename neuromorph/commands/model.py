"""What a MODEL on the command line is: a run folder, or a process in a user's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neuromorph.errors import LoweringError
from neuromorph.user_file import named_in_file


def is_folder(model: str) -> bool:
    return ":" not in model or Path(model).is_dir()


def graph_of(model: str) -> Any:
    """The Lava process that `file.py:name` names: a process, or what a function of that name returns."""
    file, _, name = model.rpartition(":")
    found = named_in_file(model, "a run folder, or file.py:name of a process")
    from lava.magma.core.process.process import AbstractProcess

    process = found() if callable(found) and not isinstance(found, AbstractProcess) else found
    if not isinstance(process, AbstractProcess):
        raise LoweringError(f"'{name}' in '{file}' is no Lava process; name one")
    return process
