"""What a training was made with, as its checkpoint keeps it: one of another training is refused, and what differs is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from neuromorph.errors import ArtifactError
from neuromorph.user_file import sha256_of

if TYPE_CHECKING:
    from neuromorph.data import Dataset
    from neuromorph.learning.network.network import Network
    from neuromorph.learning.rule import Rule, Settings

FILE = "rule's file, by SHA-256,"
"""Not known of a class that was imported, and then not compared."""


def made_of(rule: Rule, network: Network, data: Dataset, settings: Settings, **more: Any) -> dict[str, Any]:
    """All that decides how a training goes on, in words of JSON; but how long it goes on: epochs may become more."""
    own = asdict(settings)
    del own["epochs"]
    found = {
        "rule": rule.name,
        FILE: sha256_of(type(rule)),
        **{f"option {option}": getattr(rule, option) for option in rule.options()},
        **own,
        **more,
        **network.told(),
        "data set": data.name,
        "data's fingerprint": data.fingerprint,
    }
    return in_json(found)


def in_json(found: Mapping[str, Any]) -> dict[str, Any]:
    """As it comes back from a file: tuples are lists; of what JSON does not know, the type."""
    return dict(json.loads(json.dumps(found, default=lambda value: type(value).__name__)))


def check_made(saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise ArtifactError, naming every difference, where a checkpoint's training was not made with the same."""
    known = {name for name in saved.keys() | own.keys() if name != FILE or None not in (saved.get(name), own.get(name))}
    off = [name for name in [*own, *(saved.keys() - own.keys())] if name in known and saved.get(name) != own.get(name)]
    if off:
        told = ", ".join(f"its {name} is {saved.get(name)!r}, here {own.get(name)!r}" for name in off)
        raise ArtifactError(f"the checkpoint is of another training: {told}; use the arguments it was made with")
