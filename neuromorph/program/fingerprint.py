"""What tells one Program from another: a hash of everything that decides how it runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np

from neuromorph.laws.law import Law
from neuromorph.program.program import Program
from neuromorph.program.values import Array


def fingerprint(program: Program) -> str:
    """sha256 of nodes, links, probes and step, in hexadecimals; the order of nodes, links and probes does not matter.

    A law counts by its name and a number by its value, whatever its type.
    """
    parts = [sorted(map(_told, part)) for part in (program.nodes, program.links, program.probes)]
    return hashlib.sha256(json.dumps([*parts, program.step]).encode()).hexdigest()


def value_hash(values: Array) -> int:
    """64 bits of a hash of whole numbers, in their order, whatever their shape and type."""
    whole = np.ascontiguousarray(values, dtype="<i8")
    return int.from_bytes(hashlib.blake2b(whole.tobytes(), digest_size=8).digest(), "little")


def _told(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    """A value of a node as JSON holds it."""
    if isinstance(value, Law):
        return value.name
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value):
        held = {one.name: getattr(value, one.name) for one in fields(value)}
        if held.get("kernel", 0) is None:  # a Program without kernels is told as it was before there were any
            del held["kernel"]
        return [type(value).__name__, *map(_plain, held.values())]
    if isinstance(value, np.ndarray):
        return [*value.shape, value_hash(value)]
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, str) else float(value)
