"""The command line: the path from training to artifact, its JSON, its errors, Ctrl-C and resume."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from commands import answer, call, refusal
from typer.testing import CliRunner

from neuromorph.commands.main import app
from neuromorph.deploy.artifact.file import load
from neuromorph.extras import has
from neuromorph.runs import chip

NEUROMORPH = [str(Path(sys.executable).with_name("neuromorph"))]
GRAPH = """
import numpy as np
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIF

source = RingBuffer(data=np.ones((3, 5), int))
dense = Dense(weights=2 * np.arange(6).reshape(2, 3), name="dense")
lif = LIF(shape=(2,), vth=3, name="lif")
source.s_out.connect(dense.s_in)
dense.a_out.connect(lif.a_in)
number = 7


def make():
    return lif
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    command = [*NEUROMORPH, "train", "--layers", "64-24-10", "--epochs", "8", "--bits", "30", "-o", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
    results = json.loads(done.stdout.strip().splitlines()[-1])
    assert results.keys() >= {"test_accuracy", "test_accuracy_frozen", "seconds", "seed"}
    assert results["test_accuracy"] > 0.7
    assert results.get("first_bits_equal", not has("lava")) is True
    return folder


def test_from_run_to_artifact_to_answers(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reached = json.loads((run / "run.json").read_text())["results"]
    net, frozen = tmp_path / "net.h5", tmp_path / "frozen.h5"
    assert call(monkeypatch, "compile", str(run), "-o", str(net), "--json") == 0
    assert call(monkeypatch, "compile", str(run), "-o", str(frozen), "--freeze", "--json") == 0
    assert answer(capsys)["test_accuracy_frozen"] == reached["test_accuracy_frozen"]
    for artifact, accuracy in ((net, "test_accuracy"), (frozen, "test_accuracy_frozen")):
        assert call(monkeypatch, "run", str(artifact), "--data", "digits", "--json") == 0
        assert answer(capsys)["accuracy"] == reached[accuracy]
    assert call(monkeypatch, "inspect", str(net), "--json") == 0
    assert "forward1" in json.dumps(answer(capsys))
    assert call(monkeypatch, "inspect", str(net)) == 0
    assert "forward1" in capsys.readouterr().out


def test_paused_runs_keep_weights_and_learning_ones_do_not_need_to(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    net, after = tmp_path / "net.h5", tmp_path / "after.h5"
    assert call(monkeypatch, "compile", str(run), "-o", str(net), "--json") == 0
    assert call(monkeypatch, "run", str(net), "--steps", "60", "-o", str(after), "--json") == 0
    assert answer(capsys)["learning"] is False
    old, new = load(net).program, load(after).program
    assert new.step == 60
    for a, b in zip(old.synapses, new.synapses, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)


@pytest.mark.needs("lava")
def test_check_bits_of_a_run_an_artifact_and_a_file(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "my_graph.py"
    file.write_text(GRAPH)
    net, later = str(tmp_path / "net.h5"), str(tmp_path / "later.h5")
    assert call(monkeypatch, "compile", f"{file}:make", "-o", net) == 0
    assert call(monkeypatch, "run", net, "--steps", "7", "-o", later) == 0
    capsys.readouterr()
    for model in (str(run), net, later, f"{file}:lif", f"{file}:make"):
        assert call(monkeypatch, "check-bits", model, "--steps", "20", "--json") == 0
        assert answer(capsys) == {"equal": True, "against": "Lava's models", "steps": 20, "first_difference": None}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--layers", "64x10"], "not a list of sizes"),
        (["train", "--layers", "60-8-10"], "does not fit digits"),
        (["train", "--feedback", "mirror"], "none of learned, random, tied"),
        (["train", "--data", "nothing"], "nothing"),
        (["train", "--data", "mnist", "--data-dir", "/nowhere"], "/nowhere"),
        (["train", "-o", "/proc/no/such"], "cannot be written"),
        (["train", "--resume", "/nowhere"], "no run folder"),
        (["compile", "/nowhere", "-o", "x.h5"], "no run folder"),
        (["compile", "nothing.py:x", "-o", "x.h5"], "there is no file"),
        (["inspect", __file__], "not an HDF5 file"),
        (["run", __file__, "--steps", "3"], "not an HDF5 file"),
        (["check-bits", __file__.replace(".py", ".h5")], "No such file"),
        (["check-bits", "run", "--laws", "mine.py"], "--laws goes with an artifact"),
    ],
)
def test_bad_input_is_one_line_and_a_failure(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in refusal(monkeypatch, capsys, *arguments)


@pytest.mark.needs("lava")
def test_what_is_no_process_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "my_graph.py"
    file.write_text(GRAPH)
    assert call(monkeypatch, "check-bits", f"{file}:number") == 1
    assert "no Lava process" in capsys.readouterr().err


def test_the_version_is_that_of_the_package() -> None:
    ran = CliRunner().invoke(app, ["--version"])
    assert (ran.exit_code, ran.stdout.strip()) == (0, metadata.version("neuromorph"))


def test_unknown_options_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "train", "--feedbak", "learned") == 2


def test_an_existing_artifact_is_not_lost(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = tmp_path / "net.h5"
    net.write_text("precious")
    assert call(monkeypatch, "compile", str(run), "-o", str(net)) == 1
    assert net.read_text() == "precious"


def test_ctrl_c_leaves_a_checkpoint_and_resume_ends_with_the_same_bits(tmp_path: Path) -> None:
    options = ["--layers", "64-24-10", "--epochs", "12", "--bits", "0", "--json"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run([*NEUROMORPH, "train", *options, "-o", str(whole)], check=True, timeout=240, capture_output=True)
    stopped = subprocess.Popen([*NEUROMORPH, "train", *options, "-o", str(broken)], stderr=subprocess.PIPE, text=True)
    while not (broken / "checkpoint.h5").exists():
        time.sleep(0.02)
        assert stopped.poll() is None
    stopped.send_signal(signal.SIGINT)
    _, error = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert "interrupted" in error
    described = json.loads((broken / "run.json").read_text())
    assert 0 < len(described["history"]) < 12
    subprocess.run([*NEUROMORPH, "train", "--resume", str(broken), "--json"], check=True, timeout=240, capture_output=True)
    first, second = load(whole / "checkpoint.h5").program, load(broken / "checkpoint.h5").program
    assert first.step == second.step
    for a, b in zip(first.synapses, second.synapses, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)


def test_ctrl_c_between_epochs_waits_until_the_epoch_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    measure = chip.accuracy

    def interrupted(*given: object) -> float:
        signal.raise_signal(signal.SIGINT)
        return measure(*given)

    options = ["--layers", "64-24-10", "--epochs", "2", "--bits", "0"]
    with monkeypatch.context() as patch:
        patch.setattr(chip, "accuracy", interrupted)
        assert call(monkeypatch, "train", *options, "-o", str(run)) == 130
    assert [entry["epoch"] for entry in json.loads((run / "run.json").read_text())["history"]] == [1]
    assert call(monkeypatch, "train", "--resume", str(run)) == 0
    assert [entry["epoch"] for entry in json.loads((run / "run.json").read_text())["history"]] == [1, 2]
