"""Files that are no artifacts, or not any more: one line of file, place and remedy, never anything else."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_program import learner, population

from neuromorph.deploy.artifact.file import load, save
from neuromorph.deploy.artifact.hdf5 import CHECKSUM, digest, put_text
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.errors import ArtifactError
from neuromorph.program import Link, Probe, Program, Sink, Source, Synapse

REMEDY = "take the file from a copy, or save it again with the neuromorph that wrote it"
Damage = Callable[[h5py.File], None]


def specimen() -> Program:
    """A node of every kind, in order 0 x, 1 w1, 2 h, 3 w2, 4 o, 5 b, 6 sparse, 7 sink."""
    net = learner(tied=True)
    pairs = np.array([[0, 2, 1], [0, 0, 3]])
    sparse = Synapse("sparse", (6, 12), [1, -2, 3], index=pairs, delays=np.array([0, 1, 2]))
    links = (Link(("x", "image"), ("sparse", "s_in")), Link(("o", "s_out"), ("sink", "a_in")))
    nodes = (*net.nodes, sparse, Sink("sink", np.zeros((3, 2), int)))
    return Program(nodes, net.links + links, (Probe("p", "o", "drive", 5),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some.nmh5"
    save(specimen(), path, Provenance())
    return path


def complaint(path: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"'{path}'")
    assert "\n" not in text
    return text.removeprefix(f"'{path}'")


def change(path: Path, damage: Damage, seal: bool = True) -> None:
    """Alter a file as somebody would who also renews the checksums."""
    with h5py.File(path, "r+") as file:
        damage(file)
        for name in {"program", "provenance"} & set(file) if seal else ():
            if CHECKSUM in file[name].attrs:
                put_text(file[name], CHECKSUM, digest(file[name]))


def removes(place: str, attribute: str = "") -> Damage:
    def damage(file: h5py.File) -> None:
        if attribute:
            del file[place].attrs[attribute]
        else:
            del file[place]

    return damage


def puts(place: str, value: object, attribute: str = "") -> Damage:
    def damage(file: h5py.File) -> None:
        if attribute and isinstance(value, str):
            put_text(file[place], attribute, value)
        elif attribute:
            file[place].attrs[attribute] = value
        else:
            if place in file:
                del file[place]
            file[place] = value

    return damage


NODES = "program/nodes"
DAMAGES: list[tuple[Damage, str, str]] = [
    (removes(NODES), "/program/nodes", "this group is missing"),
    (removes(f"{NODES}/3"), "/program/nodes/3", "this group is missing"),
    (removes(f"{NODES}/1/weights"), "/program/nodes/1/weights", "this dataset is missing"),
    (removes(f"{NODES}/1/plasticity/taus"), "/program/nodes/1/plasticity/taus", "this dataset is missing"),
    (removes(f"{NODES}/2", "law_source"), "/program/nodes/2/law_source", "this attribute is missing"),
    (removes(f"{NODES}/2", "law"), "/program/nodes/2/law", "this attribute is missing"),
    (removes("program", "step"), "/program/step", "this attribute is missing"),
    (removes(f"{NODES}/2/states/rate"), "/program/nodes/2", "its states must be"),
    (removes("provenance"), "/provenance", "this dataset is missing"),
    (removes("program"), "/program", "this group is missing"),
    (removes("/", "neuromorph_version"), "/neuromorph_version", "this attribute is missing"),
    (removes("program", CHECKSUM), "/program", "does not match its sha256"),
    (
        puts(f"{NODES}/1/weights", np.zeros((6, 11), np.int8)),
        f"/{NODES}/1/weights",
        "has shape (6, 11), not 6 x 12",
    ),
    (
        puts(f"{NODES}/1/weights", np.zeros((6, 12))),
        f"/{NODES}/1/weights",
        "has type float64, not int8 or int16",
    ),
    (puts(f"{NODES}/1/weights", h5py.Empty("i1")), f"/{NODES}/1/weights", "has shape None, not 6 x 12"),
    (
        puts(f"{NODES}/1/weights", np.full((6, 12), 300, np.int16)),
        f"/{NODES}/1",
        "weights = 300 is outside -256..255",
    ),
    (
        puts(f"{NODES}/2/states/rate", np.zeros(5, np.int32)),
        f"/{NODES}/2/states/rate",
        "has shape (5,), not 6",
    ),
    (puts(f"{NODES}/2/states/age", np.full(6, -2, np.int32)), f"/{NODES}/2", "age = -2 is outside"),
    (
        puts(f"{NODES}/2", "neuron", "kind"),
        f"/{NODES}/2/kind",
        "unknown kind of node 'neuron'; known: population",
    ),
    (puts(f"{NODES}/2", np.int64(7), "law"), f"/{NODES}/2/law", "is not a fixed-length text"),
    (puts(f"{NODES}/2", 6.0, "size"), f"/{NODES}/2/size", "is not an integer"),
    (puts(f"{NODES}/2", np.int64(2**62), "size"), f"/{NODES}/2/states/age", "has shape (6,)"),
    (
        puts(f"{NODES}/1/plasticity", "ADD", "graded_spike"),
        f"/{NODES}/1/plasticity/graded_spike",
        "unknown mode 'ADD'",
    ),
    (puts(f"{NODES}/1/plasticity", "x0*(2*y1)", "dw"), f"/{NODES}/1/plasticity", "learning rule 'x0*(2*y1)'"),
    (puts(f"{NODES}/1/plasticity", np.int64(0), "t_epoch"), f"/{NODES}/1", "t_epoch = 0 is outside 1..63"),
    (puts(f"{NODES}/1/extra", np.zeros(2, np.int8)), f"/{NODES}/1/extra", "is unknown here"),
    (puts(f"{NODES}/1", np.int64(1), "extra"), f"/{NODES}/1/extra", "is unknown here"),
    (puts(f"{NODES}/5", "w9", "tied_to"), "/program", "no node is called 'w9'"),
    (puts(f"{NODES}/6/index", np.array([[0, 2, 1], [0, 0, 12]])), f"/{NODES}/6/index", "has type int64"),
    (
        puts(f"{NODES}/6/index", np.array([[0, 2, 1], [0, 0, 12]], np.int32)),
        f"/{NODES}/6",
        "index = 12 is outside 0..11",
    ),
    (
        puts(f"{NODES}/6/index", np.array([[2, 0, 1], [0, 0, 3]], np.int32)),
        f"/{NODES}/6",
        "must be sorted by pre",
    ),
    (puts(f"{NODES}/6/delays", np.zeros(2, np.int8)), f"/{NODES}/6/delays", "has shape (2,), not 3"),
    (puts(f"{NODES}/0/order", np.array([5], np.int32)), f"/{NODES}/0", "order = 5 is outside 0..4"),
    (puts(f"{NODES}/0/frames/7", np.zeros((5, 1), np.int8)), f"/{NODES}/0/frames/7", "is unknown here"),
    (puts("program/links/0", b"", "source"), "/program/links/0/source", "is not a row of fixed-length texts"),
    (
        puts("program/links/0", np.array([b"x"]), "source"),
        "/program/links/0/source",
        "holds 1 texts, not node and port",
    ),
    (puts("program/links/0", np.array([b"x", b"nose"]), "source"), "/program", "there is no such port"),
    (puts("program/probes/0", "nose", "variable"), "/program", "has no variable 'nose'"),
    (puts("provenance", np.bytes_(b"{}")), "/provenance", "its keys must be accuracies, "),
    (puts("provenance", np.bytes_(b"[[[[")), "/provenance", "not JSON"),
    (puts("provenance", "{}"), "/provenance", "is not one fixed-length text"),
    (puts("/", np.int64(0), "neuromorph_schema"), "/neuromorph_schema", "there is no schema 0"),
]


@pytest.mark.parametrize(("damage", "place", "why"), DAMAGES, ids=[f"{p} {w[:25]}" for _, p, w in DAMAGES])
def test_damaged_content_is_named(damage: Damage, place: str, why: str, path: Path) -> None:
    change(path, damage)
    text = complaint(path)
    assert text.startswith(f", {place}: ")
    assert why in text
    assert text.endswith(f"; {REMEDY}")


def test_a_value_changed_after_saving_is_noticed(path: Path) -> None:
    weights = specimen()["w1"].weights
    change(path, puts(f"{NODES}/1/weights", (weights + 1).astype(np.int8)), seal=False)
    assert "/program: its content does not match its sha256" in complaint(path)


def test_a_provenance_changed_after_saving_is_noticed(path: Path) -> None:
    text = load(path).provenance.to_json()
    change(path, puts("provenance", np.bytes_(text.replace("null", "1234", 1))), seal=False)
    assert "/provenance: its content does not match its sha256" in complaint(path)


def test_nothing_in_a_file_is_without_a_checksum(path: Path) -> None:
    """Superblock 3, object headers 2: no symbol tables, B-trees or global heaps, which have none."""
    content = path.read_bytes()
    assert content[8] == 3
    assert b"OHDR" in content
    assert [old for old in (b"SNOD", b"TREE", b"HEAP", b"GCOL") if old in content] == []


def test_a_dataset_larger_than_its_file_gets_no_memory(path: Path) -> None:
    def damage(file: h5py.File) -> None:
        del file[f"{NODES}/7/data"]
        file[f"{NODES}/7"].create_dataset("data", shape=(2**24, 2**24), dtype="int32", chunks=(2**10, 2**10))

    change(path, damage, seal=False)
    assert f"/{NODES}/7/data: claims {2**50} bytes, more than the file can hold" in complaint(path)


def test_other_files_are_not_artifacts(tmp_path: Path) -> None:
    path = tmp_path / "f"
    assert complaint(path) == ": cannot be read (No such file or directory); check the path"
    assert complaint(tmp_path) == ": cannot be read (Is a directory); check the path"
    for content in (b"", b"some text"):
        path.write_bytes(content)
        assert complaint(path) == ": not an HDF5 file; give a file that neuromorph saved"
    with h5py.File(path, "w") as file:
        file["layer/0/type"] = b"dense"
    assert complaint(path).startswith(": HDF5, but no neuromorph artifact (attribute neuromorph_schema is missing)")


def test_a_newer_schema_asks_for_an_upgrade(path: Path) -> None:
    change(path, puts("/", np.int64(4), "neuromorph_schema"))
    change(path, puts("/", "3.1.4", "neuromorph_version"))
    change(path, removes("program"))
    assert complaint(path) == ": neuromorph 3.1.4 wrote it with schema 4; this neuromorph reads up to 3: upgrade neuromorph"


def test_a_placement_of_a_later_version_is_left_alone(path: Path) -> None:
    def place(file: h5py.File) -> None:
        file["placement/cores"] = np.arange(3)
        file["placement"].attrs["anything"] = "at all"

    change(path, place, seal=False)
    assert load(path).program == specimen()


def bytes_of(program: Program, folder: Path) -> bytes:
    save(program, folder / "whole.nmh5", Provenance(created="2024", versions={}), overwrite=True)
    return (folder / "whole.nmh5").read_bytes()


def tiny() -> Program:
    source, cell = Source("x", {"s_out": np.full((2, 2), 3)}), population("n", "lif", 1)
    synapse = Synapse("w", (1, 2), [[1, -2]], index=None)
    ends = [(("x", "s_out"), ("w", "s_in")), (("w", "a_out"), ("n", "a_in"))]
    return Program((source, synapse, cell), tuple(Link(*pair) for pair in ends))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def check_damaged(content: bytes, program: Program, folder: Path) -> None:
    path = folder / "damaged.nmh5"
    path.write_bytes(content)
    start = time.monotonic()
    try:
        artifact = load(path)
    except ArtifactError as error:
        complained = str(error)
    else:
        complained = f"'{path}': nothing"
        assert artifact.program == program
        assert artifact.provenance == Provenance(created="2024", versions={})
    assert re.fullmatch(rf"'{re.escape(str(path))}'[:,] .+", complained)
    assert time.monotonic() - start < 20


@settings(max_examples=400, deadline=None)
@given(places=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4))
@example(places=[(0.0, 1)])
def test_flipped_bits_are_noticed_or_harmless(places: list[tuple[float, int]], folder: Path) -> None:
    content = bytearray(bytes_of(tiny(), folder))
    for where, mask in places:
        content[int(where * len(content))] ^= mask
    check_damaged(bytes(content), tiny(), folder)


@settings(max_examples=100, deadline=None)
@given(start=st.floats(0, 1, exclude_max=True), filling=st.binary(min_size=1, max_size=300))
def test_overwritten_stretches_are_noticed_or_harmless(start: float, filling: bytes, folder: Path) -> None:
    content = bytearray(bytes_of(tiny(), folder))
    at = int(start * len(content))
    content[at : at + len(filling)] = filling
    check_damaged(bytes(content), tiny(), folder)


@settings(max_examples=100, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(share: float, folder: Path) -> None:
    content = bytes_of(tiny(), folder)
    path = folder / "damaged.nmh5"
    path.write_bytes(content[: int(share * len(content))])
    assert "truncated" in complaint(path) or "not an HDF5 file" in complaint(path)


@pytest.mark.full
def test_no_flipped_byte_goes_unnoticed(folder: Path) -> None:
    content = bytes_of(tiny(), folder)
    for k in range(len(content)):
        check_damaged(content[:k] + bytes([content[k] ^ 0x55]) + content[k + 1 :], tiny(), folder)
