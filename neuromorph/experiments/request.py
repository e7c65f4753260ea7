"""What is asked of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from neuromorph.console import Talk
from neuromorph.data import Dataset, load

_loaded = lru_cache(maxsize=1)(load)


@lru_cache
def _fingerprint(name: str, data_dir: Path | None) -> str:
    return _loaded(name, data_dir).fingerprint


@dataclass(frozen=True)
class Order:
    """`quick`: the small version; `seeds`: trainings per row; `rows`: of a grid of trainings, run only rows with this in their names;
    `options`: of a grid, name=value, for the rules of the rows that are run.

    `trainings` is filled on the way: by row, what was trained and the `neuromorph train` that trains it too (None: none does).
    """

    talk: Talk
    quick: bool = False
    seeds: int = 1
    rows: str | None = None
    data_dir: Path | None = None
    options: tuple[str, ...] = ()
    trainings: dict[str, dict[str, Any]] = field(default_factory=dict, compare=False)

    def data(self, name: str) -> Dataset:
        """The data set of that name, read once however often it is wanted. Raises DataError."""
        return _loaded(name, self.data_dir)

    def fingerprint(self, name: str) -> str:
        """Of every image and label: files of the same names may hold another set."""
        return _fingerprint(name, self.data_dir)

    def note(self, row: str, told: Mapping[str, Any], command: str | None = None) -> None:
        """What a row was trained with, for its JSON."""
        self.trainings[row] = {**told, "command": command}
