"""Which data a run learns from, so that it goes on with these and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from neuromorph.data import Dataset, Scaling, load
from neuromorph.data.loading import LOADERS, last_name
from neuromorph.errors import ArtifactError, DataError
from neuromorph.runs.folder import DESCRIPTION, RunFolder


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
    def of_run(cls, run: RunFolder) -> Origin:
        """What run.json says. Raises ArtifactError where it does not say all of it."""
        found = cls._told(run.description["data"])
        if found is None:
            wanted = ", ".join(field.name for field in fields(cls))
            raise ArtifactError(f"'{run.path / DESCRIPTION}' must say of its data {wanted}, and does not; train anew")
        return found

    @classmethod
    def of_artifact(cls, notes: Mapping[str, Any]) -> Origin | None:
        """What an artifact's notes say of the data that it has learned; None where they do not: it was compiled from no run."""
        return cls._told(notes.get("data"))

    @classmethod
    def _told(cls, told: Any) -> Origin | None:
        whole = isinstance(told, Mapping) and told.keys() == {field.name for field in fields(cls)}
        return cls(**told) if whole and isinstance(told["scaling"], Mapping) else None

    def load(self, data_dir: Path | None = None) -> Dataset:
        """These data again, from `data_dir` where they have moved. Raises DataError for others, whatever their name, ArtifactError where
        the scaling is not theirs."""
        folder = data_dir or self.data_dir
        data = load(self.name, folder)
        if (found := data.fingerprint) != self.fingerprint:
            raise DataError(
                f"data set '{self.name}'{f' in {folder}' if folder else ''} is not what the run was trained on: its fingerprint is {found}, "
                f"the run's {self.fingerprint}; say with --data-dir where that lies"
            )
        used = data.first(self.samples)
        if not used.scaling.agrees(Scaling.from_dict(self.scaling)):
            raise ArtifactError(f"the run says that data set '{self.name}' was scaled otherwise than it is; train anew")
        return used

    def is_of(self, data: Dataset) -> bool:
        """Whether these are the data. Raises DataError for others of the same name."""
        if data.fingerprint == self.fingerprint:
            return True
        if data.name.rstrip("/") == last_name(self.name):
            raise DataError(
                f"{data.name} is not what was learned under this name: its fingerprint is {data.fingerprint}, that one's "
                f"{self.fingerprint}; say with --data-dir where that lies, or, to try other data, give them another name"
            )
        return False

    def moved(self, data_dir: Path | None) -> Origin:
        """The same data, in another folder from now on (None: where they were)."""
        return self if data_dir is None else replace(self, data_dir=str(data_dir.resolve()))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
