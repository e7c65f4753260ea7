"""The law of a population in an artifact: its name, the hash of its source and its signature; never its code.

A law of ours is known by its signature (names and ranges): its text may change, tests keep its bits. A user's law is known by its
source, and whoever reads the file gives it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import h5py

from neuromorph.deploy.artifact.hdf5 import Reader, put_text
from neuromorph.errors import LawError
from neuromorph.laws.catalogue import LAWS, is_ours, register
from neuromorph.laws.law import Law
from neuromorph.user_file import module_of

Given = Law | str | Path
"""A law, or a file with laws."""


def laws_given(laws: Given | Iterable[Given]) -> tuple[Law, ...]:
    """Raises LawError for a file without a law, RangeError for one that cannot be run."""
    several = [laws] if isinstance(laws, Given) else laws
    return tuple(law for one in several for law in ([one] if isinstance(one, Law) else _laws_in(Path(one))))


def _laws_in(path: Path) -> Iterator[Law]:
    found = [v for v in vars(module_of(path, "a Python file with a Law")).values() if isinstance(v, Law) and not is_ours(v)]
    if not found:
        raise LawError(f"'{path}' holds no Law of its own; give the file that makes it")
    yield from found


def write_law(group: h5py.Group, law: Law) -> None:
    """Raises LawError for a law that goes by the name of one of ours."""
    register(law)
    put_text(group, "law", law.name)
    put_text(group, "law_source", law.source)
    put_text(group, "law_signature", json.dumps(law.signature))


def read_law(reader: Reader, given: tuple[Law, ...] | None) -> Law:
    """The law that the attributes name, out of LAWS or of those given. `given` None: schema 1, which knew the names of ours alone."""
    name = reader.text("law")
    if given is None:
        if name not in LAWS:
            raise reader.wrong("law", f"unknown law {name!r}; known: {', '.join(LAWS)}")
        return LAWS[name]
    source, signature = reader.text("law_source"), reader.text("law_signature")
    law = LAWS[name] if name in LAWS else _users(reader, name, source, given)
    if signature != json.dumps(law.signature):
        known = "this neuromorph's" if name in LAWS else "the one given"
        raise reader.refused(f"law '{name}' has other names or ranges there than {known}; use the one it was saved with")
    return law


def _users(reader: Reader, name: str, source: str, given: tuple[Law, ...]) -> Law:
    called = [law for law in given if law.name == name]
    for law in called:
        if law.source == source:
            return law
    if called:
        raise reader.refused(
            f"law '{name}' was saved from another source than the one given has; give the file as it was then"
        )
    raise reader.refused(
        f"its neurons obey '{name}', a law in a user's own file; give that: --laws FILE.py, or load(path, laws=['FILE.py'])"
    )
