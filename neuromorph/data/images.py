"""Samples as arrays of numbers: what a Dataset, a Scaling and a network are given first goes through here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import DataError

Array = NDArray[Any]
Images = NDArray[np.uint8]


def as_array(given: Any, owner: str, cure: str) -> Array:
    """`given` as an array. Raises DataError for what NumPy cannot read (rows of several lengths, tensors that need a gradient, are sparse
    or of a type of torch's own), which ends with `cure`, and for masked values."""
    try:
        found = np.asarray(given)
    except (ValueError, TypeError, RuntimeError) as error:  # the last two are torch's
        raise DataError(f"{owner} cannot become an array: {' '.join(str(error).split())}; {cure}") from None
    if np.ma.is_masked(given):  # type: ignore[no-untyped-call]
        raise DataError(f"{owner} have masked values; fill them, or leave out their samples")
    return found


def as_images(given: Any, owner: str) -> Array:
    """`given` as samples (n, values), (n, height, width) or (n, height, width, channels): bytes (uint8), or floats of 32 or 64 bits.

    Arrays of these types are not copied. Truth values and other whole numbers become floats, which hold them exactly; halves become
    floats of 32 bits. Raises DataError, which begins with `owner`, for anything else: other shapes, texts, NaN, infinities, masked values.
    """
    images = as_array(given, owner, "give samples of equal shapes, as NumPy reads them")
    if not 2 <= images.ndim <= 4 or not all(images.shape[1:]):
        raise DataError(
            f"{owner} have shape {images.shape}; give (samples, values), (samples, height, width) or (samples, height, width, channels)"
        )
    images = _as_bytes_or_floats(images, owner)
    if images.dtype != np.uint8 and not (finite := np.isfinite(images)).all():
        place = int(np.flatnonzero(~finite.reshape(len(images), -1).all(axis=1))[0])
        raise DataError(
            f"{owner} hold NaN or infinity, first in sample {place}; fill such values, or leave out their samples"
        )
    return images


def _as_bytes_or_floats(images: Array, owner: str) -> Array:
    kind, size = images.dtype.kind, images.dtype.itemsize
    if images.dtype == np.uint8:
        return images
    if kind == "f" and size <= 8:
        return images.astype(np.float32 if size <= 4 else np.float64, copy=False)
    if kind not in "biu":
        raise DataError(
            f"{owner} are of type {images.dtype}; give bytes (uint8), whole numbers, or floats of at most 64 bits"
        )
    floats = images.astype(np.float64)
    if kind != "b" and floats.size and np.abs(floats).max() > 2**53:
        raise DataError(
            f"{owner} hold whole numbers beyond 2^53, which a float does not hold exactly; subtract an offset first"
        )
    return floats
