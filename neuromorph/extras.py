"""Packages that only some of neuromorph needs, and the extra that brings each."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from neuromorph.errors import MissingError

EXTRAS = {"torch": "learning", "lava": "lava", "norse": "norse", "matplotlib": "plots", "tensorboard": "tensorboard"}
"""The extra of pip that brings a package, by the name under which it is imported."""
LAVAS_PYTHON = (3, 10)
"""The one Python that Lava runs on."""


def has(package: str) -> bool:
    """Whether a package can be imported; it is not imported for that."""
    return find_spec(package) is not None


def need(package: str, what: str) -> None:
    """Raise MissingError, in one line, when `what` (a command, a function) needs a package that is not installed."""
    if not has(package):
        raise missing(package, what)


def missing(package: str, what: str) -> MissingError:
    """The error that says which package of EXTRAS `what` needs, and how to get it."""
    how = f"pip install 'neuromorph[{EXTRAS[package]}]'"
    if package == "lava" and sys.version_info[:2] != LAVAS_PYTHON:
        needed, here = (".".join(map(str, version[:2])) for version in (LAVAS_PYTHON, sys.version_info))
        how = f"it runs on Python {needed} only, and this is {here}: there, {how}"
    return MissingError(f"{what} needs {package}, which is not installed; {how}")
