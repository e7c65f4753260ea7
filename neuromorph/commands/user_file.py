"""What a user's own file holds, named on the command line as `file.py:name`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from neuromorph.errors import RangeError


def named_in_file(named: str, what: str) -> Any:
    """The object `name` of `file.py:name`, or None where the file has none; the file is run as if started from its own folder.

    `what`: says in an error what may be given. Raises RangeError for a file that is none, or that fails.
    """
    file, _, name = named.rpartition(":")
    path = Path(file)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise RangeError(f"'{file}' is no Python file; give {what}")
    module = sys.modules[path.stem] = importlib.util.module_from_spec(
        spec
    )  # Lava's models and types of options are looked up there
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise RangeError(f"'{file}' cannot be run: {type(error).__name__}: {error}; mend it, and ask again") from error
    return getattr(module, name, None)
