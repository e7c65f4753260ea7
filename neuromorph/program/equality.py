"""When two Programs, or parts of them, are equal: by value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from neuromorph.laws.law import Law


class ByValue:
    """Base of dataclasses that are equal if of one type and equal in every field; not hashable.

    Arrays are equal by shape and numbers, laws by key and signature, mappings by their entries in any order, lists in theirs.
    """

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, one.name), getattr(other, one.name)) for one in fields(self) if one.compare)  # type: ignore[arg-type]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, Law) and isinstance(b, Law):
        return a is b or (a.key, a.signature) == (b.key, b.signature)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and type(a) is type(b):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)
