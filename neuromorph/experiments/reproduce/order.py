"""What is asked of an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neuromorph.console import Talk


@dataclass(frozen=True)
class Order:
    """`quick`: the small version; `seeds`: trainings per row; `rows`: of a grid of trainings, run only rows with this in their names."""

    talk: Talk
    quick: bool = False
    seeds: int = 1
    rows: str | None = None
    data_dir: Path | None = None
