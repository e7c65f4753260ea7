"""Finished runs made longer: `train --resume RUN --epochs N` ends where a run of N epochs ends, or says why not."""

from __future__ import annotations

import json
import signal
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import answer, call, refusal

from neuromorph.data import load as load_data
from neuromorph.deploy.artifact.file import load
from neuromorph.engine.online import OnlineTraining
from neuromorph.learning.boltzmann.machine import Sampler
from neuromorph.learning.rule import Settings
from neuromorph.learning.training import checkpoint
from neuromorph.learning.training.distributed import Ranks
from neuromorph.learning.training.optimizers import make_schedule, set_rates
from neuromorph.networks.dyadic_mlp.network import DyadicMLP
from neuromorph.networks.dyadic_mlp.recipe import DIGITS
from neuromorph.runs.batched import BatchedTask

RULE = ["train", "--rule", "dp", "--layers", "64-16-10", "--optimizer", "adam", "--rate", "0.003", "--device", "cpu"]
CHIP = ["train", "--layers", "64-12-10", "--bits", "0"]
MACHINE = ["train", "--rule", "rbm-isd", "--data", "bars-and-stripes", "--set", "hidden=4", "--set", "length=7"]


def parameters(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = checkpoint.load(run / "checkpoint.h5")["parameters"]
    return found


def described(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


def without_times(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in history]


@pytest.mark.parametrize("schedule", ["constant", "exponential"])
def test_a_run_of_a_rule_made_longer_has_the_bits_of_one_that_was_long_from_the_start(
    schedule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, grown = tmp_path / "whole", tmp_path / "grown"
    options = [*RULE, "--schedule", schedule, "--keep-best"]
    assert call(monkeypatch, *options, "--epochs", "5", "-o", str(whole), "--json") == 0
    first = answer(capsys)
    assert call(monkeypatch, *options, "--epochs", "2", "-o", str(grown), "--json") == 0
    assert call(monkeypatch, "train", "--resume", str(grown), "--epochs", "5", "--json") == 0
    second = described(grown)["results"]
    for name, values in parameters(whole).items():
        assert torch.equal(values, parameters(grown)[name])
    assert second["test_accuracy"] == first["test_accuracy"]
    assert without_times(described(grown)["history"]) == without_times(described(whole)["history"])
    assert described(grown)["task"] == described(whole)["task"]
    (again,) = described(grown)["continued"]
    assert again["command"] == f"neuromorph train --resume {grown} --epochs 5 --json"
    assert again["after"] == 2


def test_a_cosine_goes_on_as_that_of_the_longer_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first batch on: the rate of epoch 3 of 6 in every place, not the zero at which the cosine of 3 has ended."""
    whole, grown = tmp_path / "whole", tmp_path / "grown"
    options = [*RULE, "--schedule", "cosine", "--batch", "1500"]  # one batch an epoch, whose rate is told
    assert call(monkeypatch, *options, "--epochs", "6", "-o", str(whole), "--json") == 0
    assert call(monkeypatch, *options, "--epochs", "3", "-o", str(grown), "--json") == 0
    assert call(monkeypatch, "train", "--resume", str(grown), "--epochs", "6", "--json") == 0
    rates = [[entry["rate"] for entry in described(run)["history"]] for run in (whole, grown)]
    assert rates[0][3:] == rates[1][3:]
    assert rates[0][:3] != rates[1][:3]


def test_the_rate_of_the_next_step_is_that_of_the_schedule_at_hand() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    schedule = make_schedule(optimizer, Settings(epochs=2, schedule="cosine"), batches=4)
    for _ in range(8):
        optimizer.step()
        schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0)
    longer = make_schedule(torch.optim.SGD([parameter], lr=0.5), Settings(epochs=4, schedule="cosine"), batches=4)
    longer.load_state_dict(schedule.state_dict())
    set_rates(optimizer, longer)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.25)


def test_a_run_at_chip_precision_goes_on_at_the_interval_it_was_begun_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = tmp_path / "run", load_data("digits")
    assert call(monkeypatch, *CHIP, "--epochs", "2", "-o", str(run), "--json") == 0
    assert call(monkeypatch, "train", "--resume", str(run), "--epochs", "4", "--json") == 0
    network = DyadicMLP((64, 12, 10), recipe=replace(DIGITS, epochs=2))
    training = network.training(data.train_images, data.train_labels, epochs=2)
    for _ in range(4):
        training.run_epoch()
    expected, reached = training.snapshot(), load(run / "checkpoint.h5").program
    assert expected.step == reached.step
    for a, b in zip(expected.synapses, reached.synapses, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
    assert [entry["epoch"] for entry in described(run)["history"]] == [1, 2, 3, 4]
    assert described(run)["task"]["epochs"] == 4


def test_an_interrupted_extension_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for run in (whole, broken):
        assert call(monkeypatch, *CHIP, "--epochs", "1", "-o", str(run), "--json") == 0
    longer, run_epoch = ["--epochs", "3", "--json"], OnlineTraining.run_epoch
    assert call(monkeypatch, "train", "--resume", str(whole), *longer) == 0

    def pressed(self: OnlineTraining, *given: Any) -> None:
        if self.epoch == 2:
            raise KeyboardInterrupt
        run_epoch(self, *given)

    monkeypatch.setattr(OnlineTraining, "run_epoch", pressed)
    assert call(monkeypatch, "train", "--resume", str(broken), *longer) == 130
    assert "results" not in described(broken)
    monkeypatch.setattr(OnlineTraining, "run_epoch", run_epoch)
    assert call(monkeypatch, "train", "--resume", str(broken), "--json") == 0
    for a, b in zip(*(load(run / "checkpoint.h5").program.synapses for run in (whole, broken)), strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)


@pytest.mark.parametrize("name", ["rbm-isd", "rbm-pcd"])
def test_a_machine_is_made_longer_by_changes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, grown = tmp_path / "whole", tmp_path / "grown"
    options = [*MACHINE[:2], name, *MACHINE[3:], "--json"]
    assert call(monkeypatch, *options, "--set", "changes=300", "-o", str(whole)) == 0
    first = answer(capsys)
    assert call(monkeypatch, *options, "--set", "changes=110", "-o", str(grown)) == 0
    capsys.readouterr()
    assert call(monkeypatch, "train", "--resume", str(grown), "--set", "changes=300", "--json") == 0
    assert answer(capsys)["nll"] == first["nll"]
    one, other = (checkpoint.load(run / "checkpoint.h5")["machine"]["weights"] for run in (whole, grown))
    assert torch.equal(one, other)
    changes = [entry["changes"] for entry in described(grown)["history"]]
    assert changes == sorted(set(changes))
    assert changes[-1] == 300


def test_a_machine_that_was_interrupted_between_two_looks_is_made_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 27 of 300 changes, with a look at every 15; of 400 at every 20: there is none at 20 any more."""
    whole, grown, block, calls = tmp_path / "whole", tmp_path / "grown", Sampler._block, []

    def pressing(self: Sampler, count: int) -> None:
        block(self, count)
        calls.append(count)
        if len(calls) == 7:
            signal.raise_signal(signal.SIGINT)

    assert call(monkeypatch, *MACHINE, "--set", "changes=400", "-o", str(whole), "--json") == 0
    monkeypatch.setattr("neuromorph.learning.boltzmann.machine.BLOCK", 7 * 4)  # 4 changes
    with monkeypatch.context() as patch:
        patch.setattr(Sampler, "_block", pressing)
        assert call(monkeypatch, *MACHINE, "--set", "changes=300", "-o", str(grown), "--json") == 130
    assert checkpoint.load(grown / "checkpoint.h5")["done"] == sum(calls) == 27
    assert call(monkeypatch, "train", "--resume", str(grown), "--set", "changes=400", "--json") == 0
    expected = {entry["changes"]: entry["nll"] for entry in described(whole)["history"]}
    found = {entry["changes"]: entry["nll"] for entry in described(grown)["history"]}
    assert list(found) == [15, *range(40, 401, 20)]
    assert {changes: found[changes] for changes in expected if changes > 20} == {c: v for c, v in expected.items() if c > 20}


def test_all_runs_of_several_seeds_are_made_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *RULE, "--epochs", "1", "--seeds", "2", "-o", str(tmp_path / "run"), "--json") == 0
    before = answer(capsys)
    assert call(monkeypatch, "train", "--resume", str(tmp_path / "run"), "--epochs", "2", "--json") == 0
    after = answer(capsys)
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == after != before
    assert [len(described(tmp_path / "run" / f"seed{seed}")["history"]) for seed in (0, 1)] == [2, 2]


@pytest.mark.parametrize(
    ("begun", "more", "says"),
    [
        (RULE, ["--epochs", "1"], "has 1 epochs in all already; --epochs says how many there are to be in all"),
        (RULE, ["--set", "alpha=0.1"], "--set would change rule dp"),
        (CHIP, ["--epochs", "1"], "has 1 epochs in all already"),
        (CHIP, ["--set", "rate=3"], "made longer by --epochs alone"),
        (CHIP, ["--epochs", "2", "--device", "cuda"], "computed by the CPU"),
        (MACHINE, ["--set", "changes=40"], "has 40 changes in all already"),
        (MACHINE, ["--epochs", "9"], "made longer by --set changes=N alone"),
        (MACHINE, ["--set", "length=9"], "made longer by --set changes=N alone"),
    ],
)
def test_what_is_not_longer_or_changes_more_is_refused_and_leaves_the_run_alone(
    begun: list[str], more: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    run, size = tmp_path / "run", ["--set", "changes=40"] if begun is MACHINE else ["--epochs", "1"]
    assert call(monkeypatch, *begun, *size, "-o", str(run), "--json") == 0
    kept = (run / "run.json").read_text()
    capsys.readouterr()
    assert says in refusal(monkeypatch, capsys, "train", "--resume", str(run), *more)
    assert (run / "run.json").read_text() == kept


def test_a_run_that_diverged_is_not_made_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert call(monkeypatch, *RULE, "--rate", "1e30", "--epochs", "1", "-o", str(run), "--json") == 1
    capsys.readouterr()
    assert "diverged" in refusal(monkeypatch, capsys, "train", "--resume", str(run), "--epochs", "9")


def test_the_processes_of_torchrun_meet_once_for_all_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is one meeting point: a second meeting may find the first one's socket, and hang."""
    meetings: list[str] = []

    def counted(task: BatchedTask) -> AbstractContextManager[Ranks]:
        meetings.append(task.kind)
        return nullcontext(Ranks())

    monkeypatch.setattr(BatchedTask, "processes", counted)
    run = str(tmp_path / "run")
    assert call(monkeypatch, *RULE, "--samples", "300", "--seeds", "3", "--epochs", "1", "-o", run) == 0
    assert call(monkeypatch, "train", "--resume", run, "--epochs", "2") == 0
    capsys.readouterr()
    assert meetings == ["rule", "rule"]
