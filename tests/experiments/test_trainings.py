"""What reproduce stores of a row: settings, and the `neuromorph train` that equals it; options that --set changes; quick verdicts."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import answer, call, refusal

from neuromorph.console import Talk
from neuromorph.data import load
from neuromorph.errors import RangeError
from neuromorph.experiments import grid, isd_bas, report
from neuromorph.experiments.request import Order
from neuromorph.runs.batched import BatchedTask
from neuromorph.runs.boltzmann import BoltzmannTask
from neuromorph.runs.typed import command_of

DIGITS = load("digits")
CELLS = [
    grid.Cell(
        "damped", "dp", (64, 16, 12, 10), data="digits", options={"alpha": 1.0, "damped": True, "iterations": 4},
        settings={"epochs": 2, "batch": 50, "first": "lecun"}, samples=300, metrics=True,
    ),
    grid.Cell(
        "kolen-pollack", "dp", (64, 16, 10), data="digits", feedback="kolen-pollack", samples=200,
        settings={"optimizer": "sgd", "rate": 0.05, "momentum": 0.9, "weight_decay": 5e-4, "epochs": 2, "schedule": "cosine"},
    ),
    grid.Cell(
        "two rates", "ep", (64, 12, 10), data="digits", options={"free_steps": 5, "persistent": True}, samples=200,
        settings={"rate": (0.2, 0.1), "batch": 20, "epochs": 1}, validation=0,
    ),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_the_command_of_a_row_gives_its_number(
    cell: grid.Cell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Order(Talk(True), seeds=2)
    rows = grid.run_cells("test", [cell], asked)[cell.name]
    told = asked.trainings[cell.name]
    assert call(monkeypatch, *shlex.split(told["command"])[1:], "-o", "run", "--json") == 0
    found = answer(capsys)
    assert [run["test_accuracy"] for run in found["runs"]] == [row["test_accuracy"] for row in rows]
    described = json.loads(Path("run/seed0/run.json").read_text())
    assert described["task"] == told["task"]
    assert described["data"]["fingerprint"] == told["fingerprint"]


@pytest.mark.parametrize(
    "task",
    [
        BatchedTask.settled(
            {"rule": "ep-isd", "options": ["beta=0.25"], "rate": "0.1,0.2", "layers": (64, 9, 10)}, DIGITS, 3
        ),
        BatchedTask.settled({"rule": "adaste+dp", "keep_best": True, "validation": 7, "schedule": "cosine"}, DIGITS, 0),
        BatchedTask.settled({"rule": "dp", "optimizer": "adamw", "momentum": 0.0, "metrics": 3}, DIGITS, 0),
        BatchedTask.settled({"rule": "chl", "optimizer": "sgd", "momentum": 0.5}, DIGITS, 0),
        BoltzmannTask.settled({"rule": "rbm-isd", "options": ["p=none", "coupled=true"], "rate": "0.02"}, DIGITS, 1),
    ],
    ids=lambda task: f"{task.rule}",
)
def test_the_command_of_a_task_asks_for_this_task(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def caught(kind: Any, given: Any, seeds: Any, *_: Any) -> dict[str, Any]:
        asked.append(kind.settled(given, DIGITS, seeds[0]))
        return {}

    monkeypatch.setattr("neuromorph.runs.runner.train", caught)
    assert call(monkeypatch, *shlex.split(command_of(task, DIGITS))[1:]) == 0
    assert asked == [task]


def test_a_command_says_what_differs_and_no_more() -> None:
    cell = grid.Cell("plain", "dp", (64, 128, 10), data="digits")
    asked = Order(Talk(True))
    cell.note(asked, 1)
    own = cell.settings_of(cell.rule_of(0)).epochs  # those for MNIST; train itself sees small data more often
    assert asked.trainings["plain"]["command"] == f"neuromorph train --rule dp --layers 64-128-10 --epochs {own}"


def test_set_changes_the_rows_that_are_asked_for_and_names_one_whose_rule_has_no_such_option() -> None:
    cell = replace(CELLS[0], settings={"epochs": 1})
    other = replace(cell, name="backprop", rule="backprop", options={})
    asked = Order(Talk(True), rows="damped", options=("alpha=0.75",))
    grid.run_cells("test", [cell, other], asked)
    assert asked.trainings["damped"]["task"]["options"]["alpha"] == 0.75
    with pytest.raises(RangeError, match=r"row 'backprop': rule backprop has no option 'alpha'.*--rows chooses rows"):
        grid.run_cells("test", [cell, other], replace(asked, rows=None))


def test_set_is_of_grids(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "it runs as a whole, without --set" in refusal(monkeypatch, capsys, "reproduce", "isd-bas", "--set", "p=1")


@pytest.mark.needs("matplotlib")
def test_every_row_of_a_result_has_its_settings(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(isd_bas, "RATES", (0.01,))
    monkeypatch.setattr(isd_bas, "QUICK_CHANGES", isd_bas.LOOKS)
    assert call(monkeypatch, "reproduce", "isd-bas", "--quick", "--seeds", "1", "-o", ".", "--json") == 0
    found = answer(capsys)
    assert found["trainings"].keys() == {row["method"] for row in found["rows"]}
    assert found["trainings"]["CD-1"]["task"]["options"]["length"] == 1
    assert found["trainings"]["CD-1"]["command"] == (
        "neuromorph train --rule rbm-cd --data bars-and-stripes --set changes=20 --set length=1 --set rate=0.01"
    )


@pytest.mark.parametrize(
    ("holds", "quick", "says"),
    [
        (True, False, "yes"),
        (True, True, "yes, of the quick version"),
        (False, True, "no, of the quick version"),
        (None, True, "not decided, of the quick version"),
    ],
)
def test_a_verdict_says_when_the_small_version_alone_was_run(holds: bool | None, quick: bool, says: str) -> None:
    assert report.verdict(report.claim("c", "p", 1.0, holds), quick) == says
    assert report.verdict(report.claim("c", "p", None, None), quick) == ""
