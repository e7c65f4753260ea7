"""Which data a run learns from, so that it goes on with these and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from neuromorph.data import Dataset, load
from neuromorph.data.loading import LOADERS
from neuromorph.errors import DataError


@dataclass(frozen=True)
class Origin:
    """What run.json says of data. `name`: as given, a file or folder by its absolute path. `data_dir`: as given, absolute; None:
    $NEUROMORPH_DATA or ./data. `samples`: only so many first training samples; None: all. `fingerprint`: of the whole set. `scaling`: what
    was done to its values, as data.Scaling has it."""

    name: str
    data_dir: str | None
    samples: int | None
    fingerprint: str
    scaling: Mapping[str, Any]

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> tuple[Origin, Dataset]:
        """The data that options ask for (data, data_dir, samples). Raises DataError."""
        name, folder, samples = str(given["data"]), given.get("data_dir"), given.get("samples")
        whole = load(name, folder)
        used = whole.first(samples)
        if folder is None and name not in LOADERS:
            name = str(Path(name).absolute())
        where = None if folder is None else str(Path(folder).resolve())
        return cls(name, where, samples, whole.fingerprint, used.scaling.as_dict()), used

    @classmethod
    def of_artifact(cls, notes: Mapping[str, Any]) -> Origin | None:
        """What an artifact's notes say of the data that it has learned; None where they do not: it was compiled from no run."""
        told = notes.get("data")
        wanted = {field.name for field in fields(cls)}
        return cls(**told) if isinstance(told, Mapping) and told.keys() == wanted else None

    def load(self, data_dir: Path | None = None) -> Dataset:
        """These data again, from `data_dir` where they have moved. Raises DataError for others, whatever their name."""
        folder = data_dir or self.data_dir
        data = load(self.name, folder)
        if (found := data.fingerprint) != self.fingerprint:
            raise DataError(
                f"data set '{self.name}'{f' in {folder}' if folder else ''} is not what the run was trained on: its fingerprint is {found}, "
                f"the run's {self.fingerprint}; say with --data-dir where that lies"
            )
        return data.first(self.samples)

    def moved(self, data_dir: Path | None) -> Origin:
        """The same data, in another folder from now on (None: where they were)."""
        return self if data_dir is None else replace(self, data_dir=str(data_dir.resolve()))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
