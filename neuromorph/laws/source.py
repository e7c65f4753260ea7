"""What a law is written in, as a hash: an edited law is another one.

Two things make a law: texts and values. The texts are the files that its functions are written in and whatever files of the user's
those import. The values are what its functions close over, have as defaults, and find under the global names that they use.
"""

from __future__ import annotations

import dis
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from neuromorph.errors import LawError
from neuromorph.user_file import imported_files, is_library

PLAIN = (bool, int, float, complex, str, bytes, type(None))


def source_hash(make: Callable[..., Any], owner: str) -> str:
    """SHA-256, in hexadecimal, of the texts and values that `make` is made of.

    What libraries hold (Python's, installed packages, neuromorph) is not among them; kernels are kept by the hash of neuromorph's
    sources anyway. Raises LawError for code that lies in no file, and for values that have no text to be known by: two laws of one
    text could then differ.
    """
    digest = sha256()
    for part in _Parts(make, owner).of_function(make):
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()


class _Parts:
    """The parts of one law, each function and file once, in an order that the texts alone decide."""

    def __init__(self, make: Callable[..., Any], owner: str) -> None:
        self._owner, self._home = owner, Path(make.__code__.co_filename)
        self._seen: dict[int, Any] = {}
        self._files: set[str] = set()

    def of_function(self, function: Any) -> Iterator[str]:
        if not self._is_new(function):
            return
        code, names = function.__code__, function.__globals__
        yield from self._of_file(code.co_filename, names)
        yield f"{function.__qualname__}:{code.co_firstlineno}"
        defaults = {f"default {k}": value for k, value in enumerate(function.__defaults__ or ())}
        closed = dict(zip(code.co_freevars, (cell.cell_contents for cell in function.__closure__ or ()), strict=True))
        for name, value in sorted({**defaults, **(function.__kwdefaults__ or {}), **closed}.items()):
            yield from self._of_value(name, value, code, closed=True)
        for name in sorted(_globals(code) & names.keys()):
            yield from self._of_value(name, names[name], code, closed=False)

    def _of_value(self, name: str, value: Any, user: CodeType, *, closed: bool) -> Iterator[str]:
        """The parts of a value that `user` uses; `closed`: no text says which it is."""
        value = getattr(value, "py_func", value)  # a function that Numba has compiled
        value = getattr(value, "__func__", value)  # a static method, a class method
        if isinstance(value, FunctionType):
            if closed or self._is_own(value.__code__.co_filename):
                yield from self.of_function(value)
        elif isinstance(value, ModuleType | type):
            if closed:
                yield f"{name} = {value.__name__}"
            yield from self._of_names(name, value, user)
        elif not callable(value):
            yield f"{name} = {self._written(name, value)}"
        elif closed:
            raise self._refusal(name, value)

    def _of_names(self, name: str, value: ModuleType | type, user: CodeType) -> Iterator[str]:
        """The parts of what `user` uses from a module or a class."""
        module = sys.modules.get(value.__module__) if isinstance(value, type) else value
        file = getattr(module, "__file__", None)
        if self._is_own(file) and self._is_new(value):
            yield from self._of_file(str(file), vars(module))
            for used in sorted(_attributes(user) & vars(value).keys()):
                yield from self._of_value(f"{name}.{used}", vars(value)[used], user, closed=False)

    def _of_file(self, file: str, names: dict[str, Any]) -> Iterator[str]:
        """The text of a file, and of what it imports."""
        if file in self._files:
            return
        self._files.add(file)
        yield self._text(file, names)
        if Path(file).is_file() and not is_library(file):
            for _, path in sorted(imported_files(Path(file), names.get("__package__") or "").items()):
                if str(path) not in self._files:
                    self._files.add(str(path))
                    yield self._text(str(path), {})

    def _text(self, file: str, names: dict[str, Any]) -> str:
        linecache.checkcache(file)
        text = "".join(linecache.getlines(file, names))
        is_command = file == "<string>"  # which from Python 3.13 on is what `python -c` was given
        if is_command or not (text or Path(file).is_file()):
            raise LawError(f"{self._owner}: its code lies in no file that can be read ('{file}'); write it into one")
        return text

    def _is_new(self, thing: Any) -> bool:
        """Whether it has not been asked for yet."""
        known = id(thing) in self._seen
        self._seen[id(thing)] = thing
        return not known

    def _is_own(self, file: str | None) -> bool:
        """Whether the law's author wrote it. Of a law in a library (ours): what lies beside it."""
        if file is None:
            return False
        if is_library(self._home):
            return Path(file).resolve().is_relative_to(self._home.resolve().parent)
        return not is_library(file)

    def _written(self, name: str, value: Any) -> str:
        """A value as a text that tells it from every other."""
        if isinstance(value, Enum):
            return str(value)
        if isinstance(value, PLAIN) or (isinstance(value, tuple | list) and all(isinstance(each, PLAIN) for each in value)):
            return repr(value)
        if isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
            return f"{value.dtype}{value.shape}{value.tobytes().hex()}"
        if is_dataclass(value):
            value = {each.name: getattr(value, each.name) for each in fields(value)}
        if isinstance(value, Mapping):
            value = list(value.items())
        if isinstance(value, tuple | list | set | frozenset):
            inside = [self._written(name, each) for each in value]
            return repr(sorted(inside) if isinstance(value, set | frozenset) else inside)
        raise self._refusal(name, value)

    def _refusal(self, name: str, value: Any) -> LawError:
        return LawError(
            f"{self._owner}: its make uses {name}, a {type(value).__name__}, which no text tells from another; "
            "use numbers, tuples, arrays and functions only"
        )


def used(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """What a function closes over, and what it finds under global names."""
    code, names = function.__code__, function.__globals__
    yield from zip(code.co_freevars, (cell.cell_contents for cell in function.__closure__ or ()), strict=True)
    yield from ((name, names[name]) for name in sorted(_globals(code) & names.keys()))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function and of the functions within."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _globals(code: CodeType) -> set[str]:
    """Names that it looks up in its module."""
    found = (each for inner in _codes(code) for each in dis.get_instructions(inner))
    return {each.argval for each in found if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")}


def _attributes(code: CodeType) -> set[str]:
    return {name for inner in _codes(code) for name in inner.co_names}
