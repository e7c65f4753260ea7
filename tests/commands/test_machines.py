"""Boltzmann machines from the command line: the bits of the Python API, resumed exactly, and what makes no sense refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import answer, call, refusal

from neuromorph.data import load as load_data
from neuromorph.learning.boltzmann.machine import METHODS, BoltzmannMachine, Sampler
from neuromorph.learning.boltzmann.registry import MACHINES
from neuromorph.learning.training import checkpoint

TRAIN = ["train", "--data", "bars-and-stripes", "--set", "changes=300", "--set", "hidden=5", "--set", "length=7"]


def expected(method: str, seed: int = 0) -> tuple[Sampler, float]:
    """The same by the Python API: 300 changes, and the negative log-likelihood."""
    data = (load_data("bars-and-stripes").train_images.reshape(32, 16) > 0).astype(np.float64)
    sampler = Sampler(BoltzmannMachine.drawn(16, 5, seed=seed), data, method, rate=0.02, length=7, seed=seed)
    sampler.run(300)
    return sampler, sampler.machine.negative_log_likelihood(data)


def weights(run: Path) -> np.ndarray:
    return checkpoint.load(run / "checkpoint.h5")["machine"]["weights"].numpy()


@pytest.mark.parametrize("name", MACHINES)
def test_every_method_trains_by_name_as_in_python(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *TRAIN, "--rule", name, "--rate", "0.02", "-o", str(tmp_path / "run"), "--json") == 0
    found, (sampler, nll) = answer(capsys), expected(name.removeprefix("rbm-"))
    assert found["nll"] == pytest.approx(nll, rel=1e-12)
    assert found["steps"] == sampler.steps
    np.testing.assert_array_equal(weights(tmp_path / "run"), sampler.machine.weights)


@pytest.mark.parametrize("name", ["rbm-pcd", "rbm-isd", "rbm-random-length"])
@pytest.mark.parametrize("after", [1, 15, 16])
def test_an_interrupted_machine_goes_on_to_the_same_bits(
    name: str, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C after so many blocks: in the middle between two looks, just before one, and after it."""
    block, calls = Sampler._block, []

    def pressing(self: Sampler, count: int) -> None:
        block(self, count)
        calls.append(count)
        if len(calls) == after:
            raise_interrupt()

    monkeypatch.setattr("neuromorph.learning.boltzmann.machine.BLOCK", 7 * 4 * (2 if name == "rbm-pcd" else 1))  # 4 changes
    monkeypatch.setattr(Sampler, "_block", pressing)
    run = tmp_path / "run"
    assert call(monkeypatch, *TRAIN, "--rule", name, "--rate", "0.02", "-o", str(run)) == 130
    assert f"--resume {run}" in capsys.readouterr().err
    assert call(monkeypatch, "train", "--resume", str(run), "--json") == 0
    found, (sampler, nll) = answer(capsys), expected(name.removeprefix("rbm-"))
    assert found["nll"] == pytest.approx(nll, rel=1e-12)
    np.testing.assert_array_equal(weights(run), sampler.machine.weights)
    assert [entry["changes"] for entry in json.loads((run / "run.json").read_text())["history"]] == list(range(15, 301, 15))
    assert call(monkeypatch, "train", "--resume", str(run)) == 1
    assert "trained to its end" in capsys.readouterr().err


def test_a_machine_that_diverges_ends_with_status_1_and_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert call(monkeypatch, *TRAIN, "--rule", "rbm-cd", "--rate", "1e308", "--seeds", "2", "-o", str(run), "--json") == 1
    printed = capsys.readouterr()
    found = json.loads(printed.out.splitlines()[-1])
    assert (found["diverged"], found["nll"]) == (True, None)
    assert "not finite; lower the rate" in printed.err
    for seed in (0, 1):
        text = (run / f"seed{seed}" / "run.json").read_text()
        assert "NaN" not in text
        assert json.loads(text)["results"]["diverged"] is True
        checkpoint.load(run / f"seed{seed}" / "checkpoint.h5")


def raise_interrupt() -> None:
    """As Ctrl-C does."""
    import signal

    signal.raise_signal(signal.SIGINT)


def test_seeds_of_a_machine_give_mean_and_spread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rule", "rbm-isd", "--rate", "0.02", "--seeds", "2", "-o", str(tmp_path / "run"), "--json"]
    assert call(monkeypatch, *TRAIN, *options) == 0
    found, alone = answer(capsys), [expected("isd", seed)[1] for seed in (0, 1)]
    assert found["nll"] == pytest.approx(np.mean(alone), rel=1e-12)
    assert found["nll_spread"] == pytest.approx(np.std(alone, ddof=1), rel=1e-9)
    assert [(tmp_path / "run" / f"seed{seed}" / "run.json").exists() for seed in (0, 1)] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--rule", "rbm-cd", "--optimizer", "adam"], "--optimizer does not go with rule rbm-cd"),
        (["train", "--rule", "rbm-cd", "--layers", "64-10-10"], "--layers does not go with rule rbm-cd"),
        (["train", "--rule", "rbm-cd", "--set", "p=0.3"], "phases of rbm-cd alternate"),
        (["train", "--rule", "rbm-always-on", "--set", "p=none"], "method isd, not always-on"),
        (["train", "--rule", "rbm-isd", "--set", "hidden=21"], "hidden = 21 is outside 1..20"),
        (["train", "--rule", "rbm-isd", "--set", "p=1"], "p = 1.0 is outside 0..1"),
        (["train", "--rule", "rbm-isd", "--rate", "-1"], "rate = -1.0: give a positive number"),
        (["train", "--rule", "rbm-isd", "--set", "alpha=1"], "rule rbm-isd has no option 'alpha'"),
        (["train", "--rule", "rbm-nce"], "unknown rule 'rbm-nce'; "),
        (["train", "--rule", "ste+rbm-isd"], "trains a Boltzmann machine"),
        (["check-gradient", "rbm-isd"], "trains a Boltzmann machine"),
        (["check-locality", "rbm-isd"], "trains a Boltzmann machine"),
    ],
)
def test_what_makes_no_sense_for_a_machine_is_one_line(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in refusal(monkeypatch, capsys, *arguments)


def test_processes_cannot_share_a_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert call(monkeypatch, *TRAIN, "--rule", "rbm-isd", "-o", str(tmp_path / "run")) == 1
    assert "which processes cannot share" in capsys.readouterr().err


def test_machines_are_listed_with_their_options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "rules", "--json") == 0
    assert {f"rbm-{method}" for method in METHODS} <= answer(capsys).keys()
    assert call(monkeypatch, "rules", "rbm-isd", "--json") == 0
    assert answer(capsys)["options"]["hidden"] == 16
