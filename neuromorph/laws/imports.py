"""Which files a Python file imports that its author wrote: found in its text, so that nothing has to be run."""

from __future__ import annotations

import ast
import site
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def _libraries() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    folders = [paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*site.getsitepackages(), site.getusersitepackages(), str(Path(__file__).parents[1])]
    return tuple(Path(folder).resolve() for folder in folders)


@cache
def is_library(path: Path) -> bool:
    """Whether the file is Python's, an installed package's or neuromorph's."""
    return any(path.resolve().is_relative_to(folder) for folder in _libraries())


def imported(text: str, path: Path) -> Iterator[Path]:
    """The files of no library that this one (its text, its place) imports, anywhere in it, in the order of its text."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(_root(alias.name), alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            root = path.parents[node.level - 1] if node.level else _root(module)
            for alias in node.names:
                yield from _files(root, f"{module}.{alias.name}".strip("."))


def _root(module: str) -> Path | None:
    """The folder that the first name of a module is found in; None for what lies in no file."""
    try:
        spec = find_spec(module.partition(".")[0])
    except ValueError:  # __main__, and modules made by hand
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).parent
    return Path(spec.origin).parent if spec.has_location and spec.origin else None


def _files(root: Path | None, names: str) -> Iterator[Path]:
    """`a.b.c` below a folder: the files of a, a.b and a.b.c, as far as there are such (c may be no module)."""
    if root is None:
        return
    for name in names.split("."):
        root = root / name
        for path in (root / "__init__.py", root.with_suffix(".py")):
            if path.is_file() and not is_library(path):
                yield path
