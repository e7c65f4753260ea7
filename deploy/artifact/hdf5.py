"""HDF5 as artifacts use it: whole numbers, fixed texts, a checksum, and reading that trusts nothing.

Fixed-length texts and the file format of HDF5 1.10 keep all of HDF5's own bookkeeping under its checksums
(variable-length texts would not be), so the library refuses a damaged file; `digest` covers the values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neuromorph.errors import ArtifactError, ProgramError
from neuromorph.program import Array

FORMAT = ("v110", "v110")
CHECKSUM = "sha256"
COMPRESSED_FROM = 1024
"""Arrays of as many values are compressed."""
COMPRESSION_LIMIT = 1100
"""Deflate shrinks 1032-fold at most: a dataset that claims more is damaged and does not get that memory."""
LIBRARY_ERRORS = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    MemoryError,
    OverflowError,
)
"""What h5py and NumPy raise on damaged files."""


def first_line(error: BaseException) -> str:
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return (str(text).splitlines() or [type(error).__name__])[0]


def fixed_text(text: str) -> bytes:
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:
        raise ProgramError(f"{text!r} cannot be stored as text: take the zero byte or the lone surrogate out")
    return encoded


def put_text(group: h5py.Group, name: str, text: str) -> None:
    encoded = fixed_text(text)
    group.attrs[name] = np.array(encoded, dtype=h5py.string_dtype("utf-8", max(len(encoded), 1)))


def put_texts(group: h5py.Group, name: str, texts: Sequence[str]) -> None:
    encoded = [fixed_text(text) for text in texts]
    longest = max([1, *map(len, encoded)])
    group.attrs[name] = np.array(encoded, dtype=h5py.string_dtype("utf-8", longest))


def put_document(group: h5py.Group, name: str, text: str) -> None:
    """A text of any length, as a dataset."""
    encoded = fixed_text(text)
    group.create_dataset(name, data=np.array(encoded, dtype=h5py.string_dtype("utf-8", max(len(encoded), 1))))


def put_number(group: h5py.Group, name: str, value: int) -> None:
    if not -(2**63) <= value < 2**63:
        raise ProgramError(f"{name} = {value} does not fit 64 bits")
    group.attrs[name] = np.int64(value)


def put_array(group: h5py.Group, name: str, values: Any, *types: str) -> None:
    """Write numbers in the first of `types` that holds them all exactly; ProgramError when none does."""
    values = np.asarray(values)
    for dtype in types:
        with np.errstate(invalid="ignore"):
            stored = values.astype(dtype)
        if np.array_equal(stored, values):
            packed = {"compression": "gzip", "shuffle": True} if stored.size >= COMPRESSED_FROM else {}
            group.create_dataset(name, data=stored, **packed)
            return
    raise ProgramError(f"{name} holds values that {types[-1]} does not hold exactly")


def digest(item: h5py.Group | h5py.Dataset) -> str:
    """SHA-256 of what a group or dataset holds, whatever the layout of the file.

    Fed, for the item and what is in it, depth first, by name: every attribute but `sha256` itself, then a
    dataset's values, then members. Each as a line `path@attribute|type|shape` or `path|type|shape` (NumPy's
    type code), then the bytes.
    """
    total = hashlib.sha256()
    for path, values in _values(item):
        total.update(f"{path}|{values.dtype.str}|{values.shape}\n".encode())
        total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


def _values(item: h5py.Group | h5py.Dataset) -> Iterator[tuple[str, Array]]:
    for name in sorted(set(item.attrs) - {CHECKSUM}):
        yield f"{item.name}@{name}", np.asarray(item.attrs[name])
    if isinstance(item, h5py.Dataset):
        yield item.name, np.asarray(item[()])
    else:
        for name in sorted(item):
            yield from _values(item[name])


class Reader:
    """A group of a file, read piece by piece; what is missing, unknown or unreadable is an ArtifactError."""

    def __init__(self, path: Path, group: h5py.Group, limit: int) -> None:
        self._path, self._group, self._limit = path, group, limit
        with self.reading(""):
            self._unread = set(group) | (set(group.attrs) - {CHECKSUM})

    @classmethod
    def of(cls, path: Path, file: h5py.File) -> Reader:
        return cls(path, file, path.stat().st_size * COMPRESSION_LIMIT)

    def wrong(self, name: str, why: str) -> ArtifactError:
        place = f"{self._group.name.rstrip('/')}/{name}".rstrip("/") or "/"
        return ArtifactError(
            f"'{self._path}', {place}: {why}; take the file from a copy, or save it again with the neuromorph that wrote it"
        )

    def refused(self, why: str) -> ArtifactError:
        """The file is whole, but cannot be read as it was asked for; `why` says what to do."""
        return ArtifactError(f"'{self._path}', {self._group.name}: {why}")

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """What goes wrong inside is an ArtifactError that names the file and this place."""
        try:
            yield
        except ArtifactError:
            raise
        except LIBRARY_ERRORS as error:
            raise self.wrong(name, first_line(error)) from None

    def finish(self) -> None:
        """Raise ArtifactError if something was not read: nothing in a Program is ignored."""
        if self._unread:
            raise self.wrong(min(self._unread), "is unknown here")

    def has(self, name: str) -> bool:
        return name in self._unread

    def names(self) -> list[str]:
        with self.reading(""):
            return sorted(self._group)

    def _attribute(self, name: str) -> Any:
        with self.reading(name):
            if name not in self._group.attrs:
                raise self.wrong(name, "this attribute is missing")
            self._unread.discard(name)
            return self._group.attrs[name]

    def _member(self, name: str, kind: type) -> Any:
        with self.reading(name):
            if name not in self._group:
                raise self.wrong(name, f"this {kind.__name__.lower()} is missing")
            self._unread.discard(name)
            member = self._group[name]
            if not isinstance(member, kind):
                raise self.wrong(name, f"is a {type(member).__name__.lower()}, not a {kind.__name__.lower()}")
            return member

    def text(self, name: str) -> str:
        value = self._attribute(name)
        if not isinstance(value, bytes):
            raise self.wrong(name, "is not a fixed-length text")
        with self.reading(name):
            return value.decode("utf-8")

    def texts(self, name: str) -> tuple[str, ...]:
        values = self._attribute(name)
        if not (isinstance(values, np.ndarray) and values.dtype.kind == "S" and values.ndim == 1):
            raise self.wrong(name, "is not a row of fixed-length texts")
        with self.reading(name):
            return tuple(value.decode("utf-8") for value in values.tolist())

    def number(self, name: str) -> int:
        value = self._attribute(name)
        if not isinstance(value, np.integer):
            raise self.wrong(name, "is not an integer")
        return int(value)

    def group(self, name: str) -> Reader:
        return Reader(self._path, self._member(name, h5py.Group), self._limit)

    def array(self, name: str, shape: tuple[int | None, ...], types: str = "int8 int16 int32") -> Array:
        """A dataset of one of these types and of this shape; None stands for any length."""
        dataset = self._member(name, h5py.Dataset)
        with self.reading(name):
            found, dtype = dataset.shape, dataset.dtype
            if (
                found is None
                or len(found) != len(shape)
                or any(n not in (None, m) for n, m in zip(shape, found, strict=True))
            ):
                wanted = " x ".join("any" if n is None else str(n) for n in shape)
                raise self.wrong(name, f"has shape {found}, not {wanted or 'one value'}")
            if dtype.name not in types.split():
                raise self.wrong(name, f"has type {dtype}, not {types.replace(' ', ' or ')}")
            if dataset.nbytes > self._limit:
                raise self.wrong(name, f"claims {dataset.nbytes} bytes, more than the file can hold")
            return np.asarray(dataset[()])

    def document(self, name: str) -> str:
        """A dataset that is one fixed-length text."""
        dataset = self._member(name, h5py.Dataset)
        with self.reading(name):
            if dataset.dtype.kind != "S" or dataset.shape != () or dataset.nbytes > self._limit:
                raise self.wrong(name, "is not one fixed-length text")
            return bytes(dataset[()]).decode("utf-8")

    def numbered(self, name: str) -> Iterator[Reader]:
        """The groups 0, 1, ... of the group `name`."""
        holder = self.group(name)
        for k in range(len(holder.names())):
            yield holder.group(str(k))
        holder.finish()

    def check_digest(self, name: str) -> None:
        with self.reading(name):
            item = self._group[name]
            stored = item.attrs.get(CHECKSUM)
            if not isinstance(stored, bytes) or stored.decode("utf-8") != digest(item):
                raise self.wrong(name, f"its content does not match its {CHECKSUM}: it was changed after it was written")
