"""Which data a run learns from, so that it goes on with these and no others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from neuromorph.data import Dataset, load
from neuromorph.errors import DataError


def fingerprint(data: Dataset) -> str:
    """Of every image and label: files of the same names may hold another set."""
    digest = hashlib.sha256()
    for part in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        digest.update(f"{part.shape}{part.dtype}".encode())
        digest.update(part.tobytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Origin:
    """`data_dir`: as given, absolute; None: $NEUROMORPH_DATA or ./data. `samples`: only so many first training samples; None: all."""

    name: str
    data_dir: str | None
    samples: int | None
    fingerprint: str

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> tuple[Origin, Dataset]:
        """The data that options ask for (data, data_dir, samples). Raises DataError."""
        folder, samples = given.get("data_dir"), given.get("samples")
        data = load(given["data"], folder)
        where = None if folder is None else str(Path(folder).resolve())
        return cls(given["data"], where, samples, fingerprint(data)), data.first(samples)

    def load(self, data_dir: Path | None = None) -> Dataset:
        """These data again, from `data_dir` where they have moved. Raises DataError for others, whatever their name."""
        folder = data_dir or self.data_dir
        data = load(self.name, folder)
        if (found := fingerprint(data)) != self.fingerprint:
            raise DataError(
                f"data set '{self.name}' in '{folder or '$NEUROMORPH_DATA or ./data'}' is not what the run was trained on: fingerprint "
                f"{found}, the run's {self.fingerprint}; say with --data-dir where that lies"
            )
        return data.first(self.samples)

    def moved(self, data_dir: Path | None) -> Origin:
        """The same data, in another folder from now on (None: where they were)."""
        return self if data_dir is None else replace(self, data_dir=str(data_dir.resolve()))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
