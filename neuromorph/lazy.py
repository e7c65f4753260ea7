"""Public names of a package, loaded when they are used. Its stub, __init__.pyi, says which there are and where each comes from.

Names that an extra brings are public where it is installed. Elsewhere `dir` and `from package import *` leave them out, and whoever
asks for one is told in a line how to get it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lazy_loader

from neuromorph.errors import did_you_mean
from neuromorph.extras import EXTRAS, has, missing

NEEDS = {
    "neuromorph.learning.boltzmann": None,
    "neuromorph.learning": "torch",
    "neuromorph.judges": "torch",
    "neuromorph.processes.equivalence.result": None,
    "neuromorph.processes": "lava",
}
"""Package or module -> what of EXTRAS it imports; the first that fits counts."""


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of the package whose __init__.py is `file`.

    Asking for a name raises AttributeError where there is none, with the nearest; MissingError where an extra is missing.
    """
    homes = _homes(package, Path(file).with_suffix(".pyi"))
    load, _, known = lazy_loader.attach(
        package,
        [name for name, home in homes.items() if home == package],
        {home[len(package) + 1 :]: [n for n in homes if homes[n] == home] for home in homes.values() if home != package},
    )
    here = [name for name in known if not (wanted := needed(homes[name])) or has(wanted)]

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"{package} has no {name}; {did_you_mean(name, known)}")
        try:
            return load(name)
        except ModuleNotFoundError as error:
            absent = str(error.name).partition(".")[0]
            if absent not in EXTRAS or has(absent):
                raise
            raise missing(absent, f"{package}.{name}") from None

    return __getattr__, here.copy, here


def needed(home: str) -> str | None:
    """Of EXTRAS, what the module imports that is the home of a public name."""
    return next((package for part, package in NEEDS.items() if f"{home}.".startswith(f"{part}.")), None)


def _homes(package: str, stub: Path) -> dict[str, str]:
    """Name -> the module that it comes from; of a module of the package itself: the package."""
    return {
        alias.name: f"{package}.{node.module}" if node.module else package
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
