"""Where an artifact comes from: what an artifact says about itself besides the Program."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from typing import Any

from neuromorph.errors import ArtifactError
from neuromorph.surroundings import CORE, versions


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **versions(CORE),
    }


@dataclass(frozen=True)
class Provenance:
    """How a Program came about, in what JSON has: texts, numbers, booleans, None, lists, dicts by text.

    accuracies: by name, such as {"test": 0.976}. notes: free keys and values. created: UTC, ISO 8601. Raises
    ArtifactError for what JSON does not hold exactly (tuples, arrays, NaN).
    """

    seed: int | None = None
    data_set: str | None = None
    accuracies: Mapping[str, float] = field(default_factory=dict)
    command: str | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    created: str = field(default_factory=_now)
    versions: Mapping[str, str] = field(default_factory=_versions)

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            try:
                kept = json.loads(json.dumps(value, allow_nan=False))
            except (TypeError, ValueError, RecursionError) as error:
                raise ArtifactError(f"provenance, {one.name}: {error}; use what JSON holds") from None
            if not _same(kept, value):
                raise ArtifactError(f"provenance, {one.name}: JSON turns {value!r} into {kept!r}; use lists, texts as keys")

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Raises ArtifactError for what `to_json` never writes."""
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ArtifactError(f"not JSON: {error}") from None
        names = sorted(one.name for one in fields(cls))
        if not isinstance(content, dict) or sorted(content) != names:
            raise ArtifactError(f"its keys must be {', '.join(names)}")
        return cls(**content)


def _same(kept: Any, value: Any) -> bool:
    """Equal, with tuples told from lists."""
    if isinstance(value, Mapping):
        return isinstance(kept, dict) and kept.keys() == value.keys() and all(_same(kept[k], value[k]) for k in kept)
    if isinstance(kept, list):
        return isinstance(value, list) and all(map(_same, kept, value))
    return bool(kept == value)
