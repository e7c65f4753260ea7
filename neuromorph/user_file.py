"""What a user's own file holds, named as `file.py:name`."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from neuromorph.errors import RangeError, did_you_mean


@dataclass(frozen=True)
class UserFile:
    """A file that was run, and the SHA-256 of what it held then."""

    path: Path
    sha256: str
    module: ModuleType


_FILES: dict[str, UserFile] = {}
"""By the name of their module, which is that of the file: pickle, Lava's models and types of options look it up in sys.modules."""


def named_in_file(named: str, what: str) -> Any:
    """The object `name` of `file.py:name`.

    `what`: says in an error what may be given. Raises RangeError for a file that is none, that fails, or has no such name.
    """
    file, _, name = named.rpartition(":")
    module = module_of(Path(file), what)
    if not hasattr(module, name):
        own = [each for each, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
        raise RangeError(f"'{name}' in '{file}' is missing; {did_you_mean(name, own)}")
    return getattr(module, name)


def module_of(path: Path, what: str) -> ModuleType:
    """The file as a module, run as if started from its own folder, once while it stays as it is. Raises RangeError, as above."""
    if not path.is_file() or path.suffix != ".py":
        raise RangeError(f"'{path}' is no Python file; give {what}")
    return _run(path).module


def sha256_of(kind: type) -> str | None:
    """Of the users' files that a class and its bases come from; None when they come from none."""
    names = {base.__module__ for base in kind.__mro__} & _FILES.keys()
    digests = [_FILES[name].sha256 for name in sorted(names)]
    return "+".join(digests) if digests else None


def _run(path: Path) -> UserFile:
    path, name, source = path.resolve(), path.stem, path.read_bytes()
    sha256 = hashlib.sha256(source).hexdigest()
    known = _FILES.get(name)
    if known is not None and (known.path, known.sha256) == (path, sha256):
        return known
    if known is None and name in sys.modules:
        raise RangeError(f"'{path.name}' has the name of a Python module that is in use; give the file another one")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    _FILES[name] = found = UserFile(path, sha256, _executed(path, source))
    return found


def _executed(path: Path, source: bytes) -> ModuleType:
    """The file as a module; a failed one is forgotten."""
    before = sys.modules.get(path.stem)
    module = ModuleType(path.stem)
    module.__file__, module.__spec__ = str(path), spec_from_file_location(path.stem, path)  # Lava asks for both
    sys.modules[path.stem] = module
    try:
        code = compile(source, path, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # not by importlib, whose bytecode may be of an older text
    except (Exception, SystemExit) as error:
        sys.modules.pop(path.stem)
        if before is not None:
            sys.modules[path.stem] = before
        raise RangeError(f"'{path}' cannot be run: {type(error).__name__}: {error}; mend it, and ask again") from error
    return module
