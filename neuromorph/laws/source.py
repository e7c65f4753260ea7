"""What a law is written in, as a hash: an edited law is another one."""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from neuromorph.errors import LawError

PLAIN = (bool, int, float, str, type(None))


def source_hash(make: Callable[..., Any], owner: str) -> str:
    """SHA-256, in hexadecimal, of the files that `make` and whatever it uses from its own folder are written in.

    What it uses: functions, modules and plain constants that its code names or closes over. neuromorph's own operations are not
    among them (kernels are kept by the hash of those anyway). Raises LawError for code that lies in no file, and for a closure over
    anything else: two laws of one text could then differ.
    """
    digest = hashlib.sha256()
    for part in dict.fromkeys(_parts(make, owner, set())):
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()


def _parts(function: Any, owner: str, seen: set[CodeType]) -> Iterator[str]:
    code = function.__code__
    if code in seen:
        return
    seen.add(code)
    yield _text(code.co_filename, function.__globals__, owner)
    yield f"{function.__qualname__}:{code.co_firstlineno}"
    closed = dict(zip(code.co_freevars, (cell.cell_contents for cell in function.__closure__ or ()), strict=True))
    named = {name: function.__globals__[name] for name in _names(code) if name in function.__globals__}
    folder = Path(code.co_filename).resolve().parent
    for name, value in (*sorted(closed.items()), *sorted(named.items())):
        value = getattr(value, "py_func", value)  # a function that Numba has compiled
        if isinstance(value, FunctionType):
            if name in closed or _is_beside(value.__code__.co_filename, folder):
                yield from _parts(value, owner, seen)
        elif isinstance(value, ModuleType):
            if _is_beside(getattr(value, "__file__", None), folder):
                yield _text(str(value.__file__), vars(value), owner)
        elif _is_plain(value):
            yield f"{name} = {value!r}"
        elif name in closed:
            raise LawError(
                f"{owner}: its make closes over {name}, a {type(value).__name__}; close over numbers and functions only"
            )


def _is_plain(value: Any) -> bool:
    return all(map(_is_plain, value)) if isinstance(value, tuple) else isinstance(value, PLAIN)


def _names(code: CodeType) -> Iterator[str]:
    """Global names in a function and in the functions within."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_beside(file: str | None, folder: Path) -> bool:
    return file is not None and Path(file).resolve().is_relative_to(folder)


def _text(file: str, names: dict[str, Any], owner: str) -> str:
    linecache.checkcache(file)
    text = "".join(linecache.getlines(file, names))
    if not text or file == "<string>":  # which from Python 3.13 on is what `python -c` was given
        raise LawError(f"{owner}: its code lies in no file that can be read ('{file}'); write it into one")
    return text
