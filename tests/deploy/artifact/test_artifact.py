"""An artifact gives back what was saved, runs with the same bits, and is written whole or not at all."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs import differences, programs
from small_program import learner, plasticity, population

from neuromorph.deploy.artifact import file as artifact
from neuromorph.deploy.artifact.file import SCHEMA, load, save
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.engine.engine import Engine
from neuromorph.errors import ArtifactError, NeuromorphError, OutputError, ProgramError
from neuromorph.laws.catalogue import LAWS
from neuromorph.laws.products.rule import Rule, read_rule
from neuromorph.program import Link, Program, Sink, Source, Synapse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artifacts") / "some.nmh5"


def reloaded(program: Program, path: Path) -> Program:
    save(program, path, Provenance(), overwrite=True)
    return load(path).program


def outcome(program: Program) -> Any:
    """State and probes after 50 steps, or what the engine says when a value leaves its range."""
    engine = Engine(program)
    try:
        engine.run(50)
    except NeuromorphError as error:
        return str(error)
    return engine.snapshot(), [engine.get(probe.name, "data") for probe in program.probes]


@settings(max_examples=100, deadline=None)
@given(program=programs())
def test_a_loaded_program_is_the_saved_one(program: Program, path: Path) -> None:
    assert reloaded(program, path) == program


@settings(max_examples=50, deadline=None)
@given(program=programs())
def test_a_loaded_program_runs_with_the_same_bits(program: Program, path: Path) -> None:
    assert differences(outcome(reloaded(program, path)), outcome(program)) == []


def test_a_run_that_was_saved_in_the_middle_ends_as_one_that_was_not(path: Path) -> None:
    whole, half = Engine(learner()), Engine(learner())
    whole.run(120)
    half.run(60)
    second = Engine(reloaded(half.snapshot(), path))
    second.run(60)
    assert second.snapshot() == whole.snapshot()
    assert not np.array_equal(whole.get("w1", "weights"), learner()["w1"].weights)


def test_the_order_of_nodes_links_ports_and_pulses_stays(path: Path) -> None:
    source = Source("s", {p: np.zeros((1, 1), int) for p in "zay"}, pulses=("y", "z"))
    sinks = [Sink(name, np.zeros((1, 1), int)) for name in ("10", "9", "b", "a")]
    links = tuple(Link(("s", port), (sink.name, "a_in")) for port, sink in zip("yza", sinks, strict=False))
    back = reloaded(Program((sinks[0], source, *sinks[1:]), links), path)
    assert [n.name for n in back.nodes] == ["10", "s", "9", "b", "a"]
    assert back.links == links
    assert (list(back["s"].frames), back["s"].pulses) == (["z", "a", "y"], ("y", "z"))


def test_every_number_of_a_law_fits_the_32_bits_of_an_artifact() -> None:
    limits = np.iinfo(np.int32)
    for law in LAWS.values():
        assert all(limits.min <= v.low <= v.high <= limits.max for v in law.parameters + law.states)


def test_one_program_and_one_provenance_give_the_same_bytes(tmp_path: Path) -> None:
    provenance = Provenance(seed=1)
    for name in ("a.nmh5", "b.nmh5"):
        save(learner(), tmp_path / name, provenance)
    assert (tmp_path / "a.nmh5").read_bytes() == (tmp_path / "b.nmh5").read_bytes()


@settings(max_examples=50, deadline=None)
@given(notes=st.dictionaries(st.text(), JSON, max_size=3), command=st.none() | st.text(), seed=st.integers())
def test_provenance_comes_back(notes: dict[str, Any], command: str | None, seed: int, path: Path) -> None:
    provenance = Provenance(seed, "digits", {"test": 0.9, "train": 1.0}, command, notes)
    save(Program((), ()), path, provenance, overwrite=True)
    loaded = load(path)
    assert (loaded.provenance, loaded.schema) == (provenance, SCHEMA)


def test_provenance_says_when_and_with_what_by_itself() -> None:
    provenance = Provenance()
    assert provenance.created.endswith("+00:00")
    assert sorted(provenance.versions) == ["neuromorph", "numba", "numpy", "python"]
    assert provenance.versions["numpy"] == np.__version__


@pytest.mark.parametrize(
    "notes", [{"a": (1, 2)}, {"a": float("nan")}, {"a": float("inf")}, {"a": np.zeros(2)}, {1: "a"}, {"a": {"b": {2}}}]
)
def test_provenance_that_json_would_change_is_refused(notes: Any) -> None:
    with pytest.raises(ArtifactError, match="provenance, notes: "):
        Provenance(notes=notes)


def test_an_artifact_is_replaced_only_when_told(path: Path) -> None:
    save(learner(0), path, Provenance(), overwrite=True)
    with pytest.raises(OutputError, match=r"some\.nmh5' exists already; .*overwrite=True"):
        save(learner(1), path, Provenance())
    assert load(path).program == learner(0)
    save(learner(1), path, Provenance(), overwrite=True)
    assert load(path).program == learner(1)


def test_a_folder_that_cannot_take_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(OutputError, match=f"folder '{folder}' must exist, be writable"):
            save(learner(), folder / "a.nmh5", Provenance())
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="taken' cannot be written"):
        save(learner(), tmp_path / "taken", Provenance(), overwrite=True)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nmh5"
    save(learner(0), path, Provenance())

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for target in ((artifact, "write_link"), (os, "replace")):
        with monkeypatch.context() as patch:
            patch.setattr(*target, full)
            with pytest.raises(OutputError, match="No space left on device"):
                save(learner(1), path, Provenance(), overwrite=True)
    assert list(tmp_path.iterdir()) == [path]
    assert load(path).program == learner(0)


def lying() -> Rule:
    return replace(read_rule("x0*x1*y1"), text="x0*x1*y2")


@pytest.mark.parametrize(
    ("node", "complaint"),
    [
        (population("a\0", "lif", 1), r"node 'a\\x00': 'a\\x00' cannot be stored as text"),
        (population("\ud800", "lif", 1), "cannot be stored as text"),
        (Synapse("w", (1, 1), [[1]], plasticity=replace(plasticity(), dw=lying())), "node 'w': dw: its text"),
    ],
)
def test_what_cannot_be_kept_is_refused(node: Any, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=complaint):
        save(Program((node,), ()), tmp_path / "a.nmh5", Provenance())
    assert list(tmp_path.iterdir()) == []


def test_a_program_is_saved_without_a_word_about_it(tmp_path: Path) -> None:
    """What the file says of itself is then when and with what it was made."""
    program = learner(0)
    save(program, tmp_path / "net.h5")
    found = load(tmp_path / "net.h5")
    assert found.program == program
    assert found.provenance == replace(Provenance(), created=found.provenance.created)
