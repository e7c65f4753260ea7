"""A table of features with both signs, from a CSV file to an artifact that answers: calibrated, scaled alike at every step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import answer, call
from sklearn.datasets import load_iris

from neuromorph.runs.chip import network_of
from neuromorph.runs.folder import RunFolder


def test_a_table_is_trained_extended_and_answered_by_an_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    iris, table = load_iris(), tmp_path / "iris.csv"
    rows = [",".join([*map(str, x), f"kind {y}"]) for x, y in zip(iris.data, iris.target, strict=True)]
    table.write_text("\n".join(["a,b,c,d,label", *rows]) + "\n")
    run, net = str(tmp_path / "run"), str(tmp_path / "net.h5")
    options = ["--data", str(table), "--layers", "4-16-3", "--bits", "30", "-o", run, "--json"]
    assert call(monkeypatch, "train", *options, "--epochs", "30") == 0
    assert call(monkeypatch, "train", "--resume", run, "--epochs", "40", "--json") == 0
    reached = answer(capsys)
    assert reached["test_accuracy"] > 0.85
    assert reached.get("first_bits_equal", True)
    assert call(monkeypatch, "compile", run, "-o", net, "--json") == 0
    assert call(monkeypatch, "run", net, "--data", str(table), "--json") == 0
    assert answer(capsys)["accuracy"] == reached["test_accuracy"]
    network, described = network_of(RunFolder.open(Path(run))), json.loads((tmp_path / "run" / "run.json").read_text())
    assert network.inputs == 8
    assert network.known_recipe.as_dict() == described["task"]["recipe"]
    assert len(network.known_recipe.bias[0]) == 16
