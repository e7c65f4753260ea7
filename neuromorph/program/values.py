"""Values of a Program: whole numbers in their ranges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import RangeError

Array = NDArray[Any]

INT32 = (-(2**31), 2**31 - 1)


def array_of(values: Any, owner: str, name: str) -> Array:
    """`values` as an array. Raises RangeError for rows of different lengths."""
    try:
        return np.asarray(values)
    except ValueError:
        raise RangeError(f"{owner}: {name} has rows of different lengths; give an array") from None


def whole(values: Array, owner: str, name: str, bounds: tuple[int, int]) -> Array:
    """`values` as integers (those that are stay as they are), or a RangeError that names one of the wrong ones."""
    values = array_of(values, owner, name)
    if values.dtype.kind not in "biuf":
        raise RangeError(f"{owner}: {name} is of type {values.dtype}; give whole numbers of {bounds[0]}..{bounds[1]}")
    low, high = bounds
    wrong = ~((values >= low) & (values <= high))
    if wrong.any():
        raise RangeError(f"{owner}: {name} = {values[wrong].flat[0]} is outside {low}..{high}")
    if np.issubdtype(values.dtype, np.integer):
        return values
    whole = values.astype(np.int64)
    if not np.array_equal(whole, values):
        raise RangeError(f"{owner}: {name} holds {values[whole != values].flat[0]}; fixed point takes whole numbers only")
    return whole
