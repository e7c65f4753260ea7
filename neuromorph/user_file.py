"""What a user's own file holds, named as `file.py:name`."""

from __future__ import annotations

import ast
import hashlib
import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import invalidate_caches
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from neuromorph.errors import RangeError, did_you_mean


@dataclass(frozen=True)
class UserFile:
    """A file that was run, and the SHA-256 of what it and the user's other modules that it imports held then."""

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
    if not path.exists():
        raise RangeError(f"there is no file '{path}'; give {what}")
    if not path.is_file() or path.suffix != ".py":
        raise RangeError(f"'{path}' is no Python file; give {what}")
    return _run(path).module


def sha256_of(kind: type) -> str | None:
    """Of the user's file that a class comes from, or else the nearest of its bases that comes from one, and of all modules of the
    user's that it imports; None when no file is the user's."""
    found = (base.__module__ for base in kind.__mro__ if base.__module__ in _FILES)
    return _FILES[name].sha256 if (name := next(found, None)) else None


def is_library(file: str | Path) -> bool:
    """Whether a file is Python's, an installed package's or neuromorph's: none of the user's own."""
    return any(Path(file).resolve().is_relative_to(folder) for folder in _libraries())


@cache
def _libraries() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    folders = [paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    return (*(Path(folder).resolve() for folder in folders), Path(__file__).resolve().parent)


def imported_files(path: Path, package: str = "") -> dict[str, Path]:
    """The user's own modules that a file (of that package) imports, and those that these import, by name: all of no library."""
    found: dict[str, Path] = {}
    waiting = [(path, package)]
    while waiting:
        file, package = waiting.pop()
        for names in _imports(file, package):
            for count in range(1, len(names) + 1):
                name = ".".join(names[:count])
                place = found.get(name) or _own_place(name)
                if place is None:
                    break
                if name not in found and place.is_file():
                    waiting.append((place, name if place.name == "__init__.py" else ".".join(names[: count - 1])))
                found[name] = place
    return {name: place for name, place in found.items() if place.is_file()}


def _imports(path: Path, package: str) -> Iterator[list[str]]:
    """What a file imports, as the parts of its name: modules, and what may be one in a package. Nothing of a text that is no Python."""
    with suppress(SyntaxError, ValueError):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".") for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
                origin = [*above, *(node.module.split(".") if node.module else [])]
                yield from ([*origin, alias.name] for alias in node.names)


def _own_place(module: str) -> Path | None:
    """The file of a module of the user's, or the folder of a package without a file."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec is not None else []
    place = Path(next(filter(None, places), ""))
    return place if (place.suffix == ".py" or place.is_dir()) and place.name and not is_library(place) else None


def _sha256(path: Path) -> str:
    """Of a file; of one that imports modules of the user's, of these too."""
    digest = hashlib.sha256(path.read_bytes())
    for name, file in sorted(imported_files(path).items()):
        digest.update(f"{name} {hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


def _run(path: Path) -> UserFile:
    path, name = path.resolve(), path.stem
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    invalidate_caches()  # of folders, in which files may be new
    known = _FILES.get(name)
    if known is not None and (known.path, known.sha256) == (path, _sha256(path)):
        return known
    if known is None and name in sys.modules:
        raise RangeError(f"'{path.name}' has the name of a Python module that is in use; give the file another one")
    if known is not None:
        _forget_edited(path)
    module = _executed(path, path.read_bytes())
    _FILES[name] = found = UserFile(path, _sha256(path), module)
    return found


def _forget_edited(path: Path) -> None:
    """What a file imports is read anew with it, but for files that were run and are as they were."""
    for name in imported_files(path):
        known = _FILES.get(name)
        if known is None or known.sha256 != _sha256(known.path):
            sys.modules.pop(name, None)


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
