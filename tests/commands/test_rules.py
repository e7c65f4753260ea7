"""`neuromorph train --rule`: results, run folders, Ctrl-C and resume, refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import answer, call, refusal

from neuromorph.engine.online import OnlineTraining
from neuromorph.learning.boltzmann.machine import Sampler
from neuromorph.learning.training.checkpoint import load
from neuromorph.learning.training.trainer import Trainer

NEUROMORPH = [str(Path(sys.executable).with_name("neuromorph"))]
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}
RULE = ["train", "--rule", "dp", "--layers", "64-64-10", "--rate", "0.01", "--device", "cpu"]
KEYS = {
    "rule",
    "test_accuracy",
    "test_accuracy_spread",
    "validation_accuracy",
    "train_accuracy",
    "seconds",
    "seed",
    "diverged",
}


def test_a_run_tells_one_object_and_leaves_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, board = tmp_path / "run", tmp_path / "board"
    options = ["--epochs", "4", "--metrics", "2", "--set", "alpha=0.5", "--tensorboard", str(board), "-o", str(folder)]
    assert call(monkeypatch, *RULE, *options, "--json") == 0
    results = answer(capsys)
    assert results.keys() >= KEYS
    assert results["test_accuracy"] > 0.8
    assert (results["rule"], results["seed"], results["diverged"]) == ("dp", 0, False)
    described = json.loads((folder / "run.json").read_text())
    assert described["results"]["test_accuracy"] == results["test_accuracy"]
    assert [len(entry.get("angle", [])) for entry in described["history"]] == [0, 2, 0, 2]
    assert described["history"][-1]["validation_accuracy"] == results["validation_accuracy"]
    assert [path.name.startswith("events") for path in (board / "run").iterdir()] == [True]
    assert call(monkeypatch, "train", "--resume", str(folder)) == 1
    assert "trained to its end" in capsys.readouterr().err
    assert call(monkeypatch, "compile", str(folder), "-o", str(tmp_path / "net.h5")) == 1
    assert "trained by rule dp, not at chip precision" in capsys.readouterr().err


def test_seeds_give_mean_and_spread_and_every_seed_its_own_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        call(monkeypatch, *RULE, "--epochs", "2", "--seeds", "2", "--seed", "5", "-o", str(tmp_path / "run"), "--json") == 0
    )
    together = answer(capsys)
    assert together["seed"] == [5, 6]
    reached = [run["test_accuracy"] for run in together["runs"]]
    assert together["test_accuracy"] == pytest.approx(sum(reached) / 2)
    assert together["test_accuracy_spread"] == pytest.approx(abs(reached[0] - reached[1]) / 2**0.5)
    assert call(monkeypatch, *RULE, "--epochs", "2", "--seed", "6", "-o", str(tmp_path / "alone"), "--json") == 0
    assert answer(capsys)["test_accuracy"] == reached[1]


def test_folders_of_all_seeds_are_made_before_any_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So an occupied one is found at once; and none is made for arguments that do not go together."""
    (tmp_path / "run" / "seed1").mkdir(parents=True)
    (tmp_path / "run" / "seed1" / "mine").touch()
    arguments = [*RULE, "--seeds", "2", "-o"]
    assert call(monkeypatch, *arguments, str(tmp_path / "run")) == 1
    assert "seed1' exists and is not empty" in capsys.readouterr().err
    assert not (tmp_path / "run" / "seed0" / "checkpoint.h5").exists()
    assert call(monkeypatch, *arguments, str(tmp_path / "other"), "--optimizer", "none") == 1
    assert not (tmp_path / "other").exists()
    assert call(monkeypatch, "check-gradient", str(tmp_path / "run")) == 1
    assert "it holds the runs seed0: name one" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["rule", "machine", "chip"])
@pytest.mark.parametrize("finished", [0, 1])
def test_an_interrupted_training_of_several_seeds_goes_on_with_all_of_them(
    kind: str, finished: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in the first or in the second of three; the command that it names ends with their mean and spread."""
    options, owner, method = {
        "rule": ([*RULE, "--epochs", "2"], Trainer, "run_epoch"),
        "machine": (
            ["train", "--rule", "rbm-isd", "--data", "bars-and-stripes", "--set", "changes=40", "--set", "hidden=5"],
            Sampler,
            "_block",
        ),
        "chip": (["train", "--layers", "64-8-10", "--epochs", "2", "--bits", "0"], OnlineTraining, "run_epoch"),
    }[kind]
    several = [*options, "--seeds", "3", "--json", "-o"]
    assert call(monkeypatch, *several, str(tmp_path / "whole")) == 0
    whole, run, whole_of, calls = answer(capsys), tmp_path / "run", getattr(owner, method), []

    def pressed(self: Any, *given: Any) -> Any:
        calls.append(1)
        if len(calls) == (20 if kind == "machine" else 2) * finished + 2:
            raise KeyboardInterrupt
        return whole_of(self, *given)

    monkeypatch.setattr(owner, method, pressed)
    assert call(monkeypatch, *several, str(run)) == 130
    error = capsys.readouterr().err.strip()
    assert error.endswith(f"go on with: neuromorph train --resume {run}")
    assert call(monkeypatch, "train", "--resume", str(run), "--json") == 0
    found, measure = answer(capsys), "nll" if kind == "machine" else "test_accuracy"
    for name in ("seed", measure, f"{measure}_spread"):
        assert found[name] == whole[name]
    assert [one[measure] for one in found["runs"]] == [one[measure] for one in whole["runs"]]
    assert call(monkeypatch, "train", "--resume", str(run)) == 1
    assert "all 3 runs of" in capsys.readouterr().err


def test_a_run_that_diverges_says_so_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert call(monkeypatch, *RULE[:-4], "--rate", "1e30", "--device", "cpu", "-o", str(folder), "--json") == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["diverged"] is True
    assert json.loads(told.out)["test_accuracy"] is None
    assert "not finite at step 2" in told.err
    assert "checkpoint.h5' (step 0)" in told.err
    assert load(folder / "checkpoint.h5")["epoch"] == 0
    assert call(monkeypatch, "train", "--resume", str(folder)) == 1
    assert "diverged" in capsys.readouterr().err


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Sums over threads have other bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("_one_thread")
def test_ctrl_c_leaves_a_checkpoint_and_resume_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    options = [*RULE, "--epochs", "40", "--set", "order=random", "--set", "iterations=3", "--json"]
    assert call(monkeypatch, *options, "-o", str(whole)) == 0
    command = [*NEUROMORPH, *options, "-o", str(broken)]
    stopped = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ONE_THREAD)
    while not (broken / "run.json").exists() or len(json.loads((broken / "run.json").read_text())["history"]) < 3:
        time.sleep(0.01)
        assert stopped.poll() is None
    stopped.send_signal(signal.SIGINT)
    _, error = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert f"--resume {broken}" in error
    assert 3 <= load(broken / "checkpoint.h5")["epoch"] < 40
    assert call(monkeypatch, "train", "--resume", str(broken), "--json") == 0
    first, second = load(whole / "checkpoint.h5"), load(broken / "checkpoint.h5")
    for name, values in first["parameters"].items():
        assert torch.equal(values, second["parameters"][name])
    reached = [json.loads((folder / "run.json").read_text())["results"]["test_accuracy"] for folder in (whole, broken)]
    assert reached[0] == reached[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rule", "nonsense"], "unknown rule 'nonsense'; known are backprop"),
        (["--rule", "dp", "--backend", "native"], "needs backend torch"),
        (["--backend", "torch"], "name one with --rule"),
        (["--backend", "loihi"], "known are native, torch"),
        (["--rate", "0.1"], "--rate does not go with backend native"),
        (["--set", "alpha=1"], "--set does not go with backend native"),
        (["--rule", "dp", "--bits", "10"], "--bits does not go with backend torch"),
        (["--rule", "dp", "--rate", "fast"], "--rate 'fast' is no number"),
        (["--rule", "dp", "--rate", "1,2,3"], "3 rates for 2 connections"),
        (["--rule", "dp", "--set", "gamma=1"], "has no option 'gamma'"),
        (["--rule", "dp", "--set", "alpha"], "--set alpha names no value"),
        (["--rule", "dp", "--set", "alpha=0", "--set", "alpha=1"], "is set twice"),
        (["--resume", "run", "--rate", "3"], "--rate would change it"),
        (["--resume", "run", "--seed", "0"], "--seed would change it"),
        (["--resume", "run", "--samples", "9"], "--samples would change it"),
        (["--rule", "dp", "--layers", "60-10"], "64 values a sample"),
        (["--rule", "dp", "--layers", "64-11"], "11 classes"),
        (["--rule", "dp", "--network", "alexnet"], "known are dense, vgg16"),
        (["--rule", "dp", "--network", "vgg16"], "take --data cifar10"),
        (["--rule", "dp", "--feedback", "learned"], "unknown feedback 'learned'; known are tied"),
        (["--rule", "dp", "--feedback", "kolen-pollack"], "weight decay"),
        (["--rule", "dp", "--layers", "64-1000000000000-10"], "more memory than there is; give smaller sizes"),
        (["--layers", "64-99999999999-10"], "more memory than there is; give smaller sizes"),
        (["--layers", "64-9999999999999999999-10"], "more memory than there is; give smaller sizes"),
        (["--rule", "dp", "--layers", "64-9999999999999999999-10"], "more memory than there is; give smaller sizes"),
        (["--rule", "dp-isd"], "there is no rule dp-isd: dp has no two terms"),
        (["--rule", "dyadic-two-phase-always-on"], "there is no rule dyadic-two-phase-always-on"),
        (["--rule", "dp", "--device", "tpu"], "known are auto, cpu, cuda"),
        (["--rule", "dp", "-o", "/proc/no/such"], "cannot be written"),
        (["--rule", "dp", "--tensorboard", "/proc/no/such"], "give another folder with --tensorboard"),
        (["--rule", "ep", "--network", "vgg16"], "vgg16 has ReLU and a linear output, and rule ep needs hard-sigmoid"),
        (["--rule", "dp", "--network", "vgg16", "--layers", "64-10"], "vgg16 has layers of its own; leave out --layers"),
        (["--rule", "backprop", "--feedback", "random"], "leave tied"),
        (["--rule", "ep", "--set", "averaged=50"], "set temperature too"),
    ],
)
def test_bad_input_is_one_line_and_a_failure(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in refusal(monkeypatch, capsys, "train", *arguments)
    assert list(tmp_path.iterdir()) == []  # nothing half made


FAILING = """
from neuromorph.learning.rules.equilibrium import EquilibriumPropagation
class Mine(EquilibriumPropagation):
    def step(self, network, batch):
        {} / 0
        return super().step(network, batch)
"""


def test_a_rule_that_fails_at_once_leaves_no_run_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "fails_at_once.py").write_text(FAILING.replace("{}", "1"))
    options = ["train", "--rule", "fails_at_once.py:Mine", "--epochs", "1", "-o", "run"]
    for seeds in ("1", "2"):
        assert "ZeroDivisionError" in refusal(monkeypatch, capsys, *options, "--seeds", seeds)
    (tmp_path / "fails_at_once.py").write_text(FAILING.replace("{} / 0", ""))
    assert call(monkeypatch, *options) == 0
