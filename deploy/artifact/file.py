"""The artifact: a Program and where it comes from, in one HDF5 file. Lossless, versioned, never executed.

`load` after `save` gives every field of the Program back, and the loaded Program runs with the same bits. The
schema, group by group, is in docs/artifact.md; names of laws, states and parameters are those of
`neuromorph.laws`. Nothing is pickled. Two files of one Program and one Provenance have the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py

from neuromorph.deploy.artifact.hdf5 import (
    CHECKSUM,
    FORMAT,
    LIBRARY_ERRORS,
    Reader,
    digest,
    first_line,
    put_document,
    put_number,
    put_text,
)
from neuromorph.deploy.artifact.laws import Given, laws_given
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.deploy.artifact.schema import (
    read_link,
    read_node,
    read_probe,
    since_schema_1,
    valid,
    write_link,
    write_node,
    write_probe,
)
from neuromorph.errors import ArtifactError, OutputError, ProgramError
from neuromorph.laws.law import Law
from neuromorph.program import Program
from neuromorph.program.given import check_program

SCHEMA = 3
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Artifact:
    """What a file holds."""

    program: Program
    provenance: Provenance
    schema: int = SCHEMA


def save(program: Program, path: str | Path, provenance: Provenance | None = None, *, overwrite: bool = False) -> None:
    """Write an artifact, all of it or nothing: into a temporary folder beside `path`, then moved into place.

    `provenance`: what it says of itself; without one the time and the versions of packages.
    Raises OutputError when the file exists (unless `overwrite`) or cannot be written, and ProgramError when
    the Program holds what the schema cannot keep exactly (frames that are no 32-bit integers, a rule whose
    text says something else than its products).
    """
    check_program(program, "save")
    path = Path(path)
    if path.exists() and not overwrite:
        raise OutputError(f"'{path}' exists already; choose another name, or overwrite=True to replace it")
    folder = path.parent.resolve()
    try:
        with TemporaryDirectory(dir=folder, prefix=f".{path.name}.") as scratch:
            unfinished = Path(scratch) / path.name
            with h5py.File(unfinished, "w", libver=FORMAT) as file:
                _write(file, program, provenance or Provenance())
            os.replace(unfinished, path)
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise OutputError(
            f"'{path}' cannot be written: {reason}; folder '{folder}' must exist, be writable and have room"
        ) from None


def load(path: str | Path, laws: Given | Iterable[Given] = ()) -> Artifact:
    """Read an artifact. Raises ArtifactError, one line naming file and place, for anything but a whole one.

    `laws`: users' laws that its populations obey, or the files that make them (they are run). Raises ArtifactError, too, where one is
    missing, or has another source or other ranges than the one that was saved.
    A schema newer than this neuromorph knows is refused. `/placement`, which belongs to later versions, is
    not read.
    """
    path = Path(path)
    with _open(path) as file:
        root = Reader.of(path, file)
        if not root.has("neuromorph_schema"):
            raise ArtifactError(
                f"'{path}': HDF5, but no neuromorph artifact (attribute neuromorph_schema is missing); give "
                "a file that neuromorph saved"
            )
        schema, writer = root.number("neuromorph_schema"), root.text("neuromorph_version")
        if schema > SCHEMA:
            raise ArtifactError(
                f"'{path}': neuromorph {writer} wrote it with schema {schema}; this neuromorph reads up to "
                f"{SCHEMA}: upgrade neuromorph"
            )
        if schema < 1:
            raise root.wrong("neuromorph_schema", f"there is no schema {schema}")
        program, provenance = (
            _read_program(root.group("program"), laws_given(laws) if schema > 1 else None),
            _read_provenance(root),
        )
        root.check_digest("program")
        root.check_digest("provenance")
    return Artifact(program, provenance, schema)


def _open(path: Path) -> h5py.File:
    try:
        with path.open("rb") as file:
            signature = file.read(len(HDF5_SIGNATURE))
    except OSError as error:
        raise ArtifactError(f"'{path}': cannot be read ({error.strerror}); check the path") from None
    if signature != HDF5_SIGNATURE:
        raise ArtifactError(f"'{path}': not an HDF5 file; give a file that neuromorph saved")
    try:
        return h5py.File(path, "r")
    except LIBRARY_ERRORS as error:
        raise ArtifactError(
            f"'{path}': truncated or damaged ({first_line(error)}); take it from a copy, or save it again"
        ) from None


def _write(file: h5py.File, program: Program, provenance: Provenance) -> None:
    put_number(file, "neuromorph_schema", SCHEMA)
    put_text(file, "neuromorph_version", version("neuromorph"))
    put_document(file, "provenance", provenance.to_json())
    root = file.create_group("program")
    put_number(root, "step", program.step)
    _write_numbered(root, "nodes", program.nodes, write_node)
    _write_numbered(root, "links", program.links, write_link)
    _write_numbered(root, "probes", program.probes, write_probe)
    for name in ("program", "provenance"):
        put_text(file[name], CHECKSUM, digest(file[name]))


def _write_numbered(root: h5py.Group, name: str, items: Sequence[Any], write: Callable[[h5py.Group, Any], None]) -> None:
    holder = root.create_group(name)
    for k, item in enumerate(items):
        try:
            write(holder.create_group(str(k)), item)
        except ProgramError as error:
            raise ProgramError(f"{name.removesuffix('s')} {getattr(item, 'name', k)!r}: {error}") from None


def _read_program(reader: Reader, laws: tuple[Law, ...] | None) -> Program:
    nodes = tuple(read_node(node, laws) for node in reader.numbered("nodes"))
    links = tuple(map(read_link, reader.numbered("links")))
    probes = tuple(map(read_probe, reader.numbered("probes")))
    step = reader.number("step")
    reader.finish()
    if laws is None:
        links = since_schema_1(reader, links, nodes)
    with valid(reader):
        return Program(nodes, links, probes, step)


def _read_provenance(root: Reader) -> Provenance:
    text = root.document("provenance")
    with valid(root, "provenance"):
        return Provenance.from_json(text)
