"""Two processes on one machine, as torchrun starts them, end with the weights of one, and go on from their checkpoint."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import processes_of_one_training as training
import pytest
import torch

from neuromorph.errors import RangeError
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.relaxing.relaxation import RelaxationRule
from neuromorph.learning.training.checkpoint import load
from neuromorph.learning.training.distributed import Ranks


def _both(command: list[str]) -> list["subprocess.Popen[str]"]:
    """The command in two processes that find each other as torchrun would have them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    return [
        subprocess.Popen(command, env=os.environ | together | {"RANK": rank}, stderr=subprocess.PIPE, text=True)
        for rank in "01"
    ]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_ctrl_c_that_one_process_meets_stops_both_after_the_same_batch(tmp_path: Path, rank: int) -> None:
    """Whenever it comes: epochs are short here, and half of the time passes between them."""
    run = tmp_path / "run"
    options = ["train", "--rule", "dp", "--layers", "64-8-10", "--batch", "500", "--epochs", "100000", "--device", "cpu"]
    started = _both([sys.executable, "-m", "neuromorph", *options, "-o", str(run)])
    try:
        until = time.monotonic() + 120
        while not (run / "run.json").exists() or len(json.loads((run / "run.json").read_text())["history"]) < 5:
            assert time.monotonic() < until
            assert [process.poll() for process in started] == [None, None]
            time.sleep(0.05)
        started[rank].send_signal(signal.SIGINT)
        for process in started:
            _, error = process.communicate(timeout=60)
            assert process.returncode == 130, error
            assert f"--resume {run}" in error
    finally:
        for process in started:
            process.kill()
    assert load(run / "checkpoint.h5")["epoch"] >= 5


@pytest.mark.full
def test_the_runs_of_several_seeds_are_made_longer_in_two_processes(tmp_path: Path) -> None:
    """They meet once, for all seeds; each ends where a training in two processes ends that was long from the start."""
    for folder, epochs in (("grown", "1"), ("whole", "2")):
        _run_both(*SEVERAL, "--epochs", epochs, "-o", str(tmp_path / folder))
    _run_both("train", "--resume", str(tmp_path / "grown"), "--epochs", "2")
    for seed in ("seed0", "seed1"):
        grown, whole = (load(tmp_path / folder / seed / "checkpoint.h5") for folder in ("grown", "whole"))
        assert grown["epoch"] == 2
        for name, values in whole["parameters"].items():
            assert torch.equal(grown["parameters"][name], values)


SEVERAL = ["train", "--rule", "dp", "--layers", "64-8-10", "--samples", "300", "--seeds", "2", "--device", "cpu"]


def _end_well(started: list["subprocess.Popen[str]"], timeout: int) -> None:
    for process in started:
        _, error = process.communicate(timeout=timeout)
        assert process.returncode == 0, error


def _run_both(*arguments: str) -> None:
    started = _both([sys.executable, "-m", "neuromorph", *arguments])
    try:
        _end_well(started, 120)
    finally:
        for process in started:
            process.kill()


def test_two_processes_give_the_weights_of_one(tmp_path: Path) -> None:
    """An uneven last batch, momentum, a schedule, learned feedback, a rule's random order, particles, and a checkpoint between; then an
    epoch of every rule that is not refused. A step that is not finite in one process ends both, at that step."""
    alone, pair = tmp_path / "alone", tmp_path / "pair"
    pair.mkdir()
    alone.mkdir()
    started = _both([sys.executable, "-W", "error", training.__file__, str(pair)])
    try:
        training.train(alone, Ranks())
        expected = training.weights_by_rule(Ranks())
        _end_well(started, 240)
    finally:
        for process in started:
            process.kill()
    for name in training.CASES:
        one, two = load(alone / f"{name}-whole.h5"), load(pair / f"{name}-whole.h5")
        for parameter, values in one["parameters"].items():
            torch.testing.assert_close(two["parameters"][parameter], values, rtol=0, atol=1e-6)
        for entry, other in zip(one["history"], two["history"], strict=True):
            assert entry["train_accuracy"] == other["train_accuracy"]
            assert entry["validation_accuracy"] == other["validation_accuracy"]
    for rank in (0, 1):
        found = torch.load(pair / f"weights-{rank}")
        for name, weights in expected.items():
            for parameter, values in weights.items():
                assert values.abs().max() < 10, f"{name} diverges, and what is the same tells nothing"
                torch.testing.assert_close(found[name][parameter], values, rtol=0, atol=1e-9, msg=f"{name}, {parameter}")
    for what, says in (
        ("output", "output (layer 2) is not finite at step 2"),
        ("update", "update of layer 1 is not finite at step 2"),
    ):
        told = [(pair / f"{what}-{rank}").read_text() for rank in (0, 1)]
        assert told[0] == told[1]
        assert says in told[0]


REFUSED = [
    ("ep", {"temperature": 0.1}, "noise"),
    ("ep-isd", {}, "states of the batch before"),
    ("ep-always-on", {}, "within a step weights move"),
    ("ff-isd", {}, "what a phase draws"),
    ("lrrn-isd", {"adaptive": True}, "p would follow"),
    ("dyadic", {"tolerance": 1e-3}, "stop together"),
    ("ste+dp", {}, "sign of the whole batch"),
    ("adaste+ff", {}, "sign of the whole batch"),
    ("ste+ep", {"temperature": 0.1}, "noise"),
]


@pytest.mark.parametrize(("name", "options", "why"), REFUSED)
def test_a_rule_that_needs_whole_batches_is_refused_in_several_processes(name: str, options: dict, why: str) -> None:
    rule = make_rule(name, **options)
    with pytest.raises(RangeError, match=rf"rule {re.escape(name)} .*2 processes.*{why}.*train it in one process"):
        training.trainer_of(rule, None, Ranks(0, 2))
    training.trainer_of(rule, None, Ranks())


def test_those_are_relaxations_that_are_carried_on_and_no_others() -> None:
    relaxing = {name for name, rule in RULES.items() if issubclass(rule, RelaxationRule)}
    carried = {name for name in relaxing if name.endswith(("-isd", "-always-on"))}
    assert {name for name in RULES if make_rule(name).indivisible} == carried | {"ff-isd"}
