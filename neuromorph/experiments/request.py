"""What is asked of an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from neuromorph.console import Talk
from neuromorph.data import Dataset, load

_loaded = lru_cache(maxsize=1)(load)


@lru_cache
def _fingerprint(name: str, data_dir: Path | None) -> str:
    return _loaded(name, data_dir).fingerprint


@dataclass(frozen=True)
class Order:
    """`quick`: the small version; `seeds`: trainings per row; `rows`: of a grid of trainings, run only rows with this in their names."""

    talk: Talk
    quick: bool = False
    seeds: int = 1
    rows: str | None = None
    data_dir: Path | None = None

    def data(self, name: str) -> Dataset:
        """The data set of that name, read once however often it is wanted. Raises DataError."""
        return _loaded(name, self.data_dir)

    def fingerprint(self, name: str) -> str:
        """Of every image and label: files of the same names may hold another set."""
        return _fingerprint(name, self.data_dir)
