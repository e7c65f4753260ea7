"""Where a Program is wanted and something else is given, one line says what to give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from small_program import learner

from neuromorph import DyadicMLP, load, save
from neuromorph.deploy import Provenance, compile_program, complaints, describe, freeze, pause
from neuromorph.engine import Engine, accuracy, predict, present
from neuromorph.errors import ArtifactError, ProgramError
from neuromorph.program import Wiring

TAKERS: dict[str, Callable[[object], object]] = {
    "Engine": Engine,
    "compile_program": compile_program,
    "complaints": complaints,
    "freeze": freeze,
    "pause": pause,
    "save": lambda given: save(given, "net.h5", Provenance()),  # type: ignore[arg-type]
    "neuromorph.engine": lambda given: present(given, [[0]]),  # type: ignore[arg-type]
}  # type: ignore[dict-item]


@pytest.mark.parametrize("taker", TAKERS)
def test_what_holds_a_program_or_makes_one_is_told_from_what_does_not(taker: str, tmp_path: Path) -> None:
    save(learner(), tmp_path / "net.h5", Provenance())
    for given, says in (
        (Wiring(), r"not a Wiring; give its \.program\(\)"),
        (DyadicMLP([4, 3, 2]), r"not a DyadicMLP; give its \.program\(\)"),
        (load(tmp_path / "net.h5"), r"not an Artifact; give its \.program"),
        ("cells.h5", r"not a str; give neuromorph\.load\('cells\.h5'\)\.program"),
        ({}, r"not a dict; Wiring\.program\(\), a network's program\(\), lower\(\) and load\(\)\.program give one"),
        (None, "not a NoneType; "),
    ):
        with pytest.raises(ProgramError, match=f"^{taker} takes a Program, {says}"):
            TAKERS[taker](given)


def test_figures_of_a_network_are_those_of_its_program() -> None:
    for call in (lambda n: predict(n, [[0]]), lambda n: accuracy(n, [[0]], [0])):
        with pytest.raises(ProgramError, match=r"takes a Program, not a DyadicMLP; give its \.program\(\)"):
            call(DyadicMLP([4, 3, 2]))


def test_an_artifact_is_described_and_a_program_is_not() -> None:
    with pytest.raises(ArtifactError, match=r"an Artifact, as load\(\) gives it, not a Program; save"):
        describe(learner())  # type: ignore[arg-type]


def test_an_engine_knows_nodes_and_probes_by_name() -> None:
    with pytest.raises(ProgramError, match=r"no node or probe is called 'hh'; did you mean h[?] known are w1, w2"):
        Engine(learner()).get("hh", "v")
    with pytest.raises(ProgramError, match=r"'h' has no variable 'vv'; it has "):
        Engine(learner()).get("h", "vv")
