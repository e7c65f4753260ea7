"""check-gradient and check-locality on the command line."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from neuromorph.commands.main import app
from neuromorph.errors import ArtifactError, RangeError
from neuromorph.learning.boltzmann.registry import MACHINES
from neuromorph.learning.registry import RULES, rule_class

runner = CliRunner()


def call(*arguments: str) -> Result:
    return runner.invoke(app, list(arguments))


def result(*arguments: str, status: int = 0) -> dict:
    done = call(*arguments, "--json")
    assert done.exit_code == status, done.output
    return json.loads(done.stdout.splitlines()[-1])


def test_a_weaker_nudge_is_nearer_to_the_gradient() -> None:
    angles = [
        result("check-gradient", "dp", "--layers", "64-20-16-10", "--set", f"beta={beta}", "--samples", "50")["worst_angle"]
        for beta in (0.5, 0.05, 0.005)
    ]
    assert angles[0] > angles[1] > angles[2]
    assert angles[2] < 2


def test_a_run_folder_is_compared_as_it_was_trained(tmp_path: Path) -> None:
    run = tmp_path / "run"
    trained = call(
        "train", "--rule", "dp", "--set", "beta=0.25", "--layers", "64-12-10", "--epochs", "1", "-o", str(run), "--json"
    )
    assert trained.exit_code == 0
    found = result("check-gradient", str(run))
    assert [layer["layer"] for layer in found["layers"]] == [1, 2]
    assert found["worst_angle"] == max(layer["angle"] for layer in found["layers"])
    assert found != result("check-gradient", "dp", "--set", "beta=0.25", "--layers", "64-12-10")


def test_a_run_at_chip_precision_cannot_be_compared(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"kind": "chip", "task": {}, "data": {}, "history": []}))
    with pytest.raises(RangeError, match="is a run of kind chip"):
        raise call("check-gradient", str(tmp_path)).exception


def test_a_run_folder_is_not_judged_by_other_options_nor_without_its_weights(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert call("train", "--rule", "dp", "--layers", "64-12-10", "--epochs", "1", "-o", str(run), "--json").exit_code == 0
    with pytest.raises(RangeError, match="knows what was trained on what"):
        raise call("check-gradient", str(run), "--set", "beta=0.1").exception
    (run / "checkpoint.h5").unlink()
    for command in (("check-gradient", str(run)), ("train", "--resume", str(run))):
        described = json.loads((run / "run.json").read_text())
        described.pop("results", None)
        (run / "run.json").write_text(json.dumps(described))
        with pytest.raises(ArtifactError, match=r"1 epochs, and its checkpoint.h5 is missing"):
            raise call(*command).exception


def test_a_run_that_was_never_begun_is_not_judged(tmp_path: Path) -> None:
    """Its weights would be new ones, as those of a rule's name."""
    run = tmp_path / "run"
    call("train", "--rule", "dp", "--layers", "64-12-10", "--epochs", "1", "-o", str(run), "--json")
    described = json.loads((run / "run.json").read_text()) | {"history": []}
    (run / "run.json").write_text(json.dumps(described))
    (run / "checkpoint.h5").unlink()
    with pytest.raises(ArtifactError, match="has not been trained yet"):
        raise call("check-gradient", str(run)).exception


def test_rules_and_their_options_can_be_looked_up() -> None:
    assert result("rules").keys() == RULES.keys() | MACHINES.keys()
    for name in (*RULES, "adaste+ep"):
        found = result("rules", name)
        assert found["options"].keys() == rule_class(name).options().keys()
        shown = call("rules", name).stdout
        assert all(option in shown for option in found["options"])
    assert "weight of s_plus" in call("rules", "lpom").stdout  # said where dp names alpha


def test_the_table_names_every_layer() -> None:
    done = call("check-gradient", "dp", "--samples", "20")
    assert done.exit_code == 0
    assert "degrees" in done.stdout
    assert "worst angle" in done.stdout


def test_a_local_rule_passes_and_autograd_does_not() -> None:
    assert result("check-locality", "dp")["local"]
    found = result("check-locality", "backprop", status=1)
    assert not found["local"]
    assert "the target" in found["violations"][0]


def test_feedback_and_options_are_judged_with_the_rule() -> None:
    assert not result("check-locality", "dp", "--feedback", "random")["transport"]
    assert not result("check-locality", "dp", "--feedback", "direct", status=1)["local"]
    assert result("check-locality", "dp", "--set", "damped=true", "--set", "alpha=1", status=1)["violations"]
    assert "local in time: yes" in call("check-locality", "dp").stdout


def test_networks_without_layers_are_judged_too() -> None:
    assert result("check-locality", "dyadic-arbitrary")["local"]


MINE = """
from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar, Literal
from neuromorph.learning.rules.dual_propagation import DualPropagation
from neuromorph.learning.rule import Rule

@dataclass(kw_only=True)
class Mine(DualPropagation):
    by: Literal["nothing", "weights"] = "nothing"
    name: ClassVar[str] = "mine"

    def step(self, network, batch):
        outcome = super().step(network, batch)
        if self.by == "weights":
            outcome.updates["connections.0.weight"] *= network.connection(3).weight.detach().numpy().sum()
        return outcome

class Nameless(Mine):
    pass

class Stepless(Rule):
    name = "stepless"

class Undecorated(Mine):
    rate: float = 0.5

@dataclass(kw_only=True)
class Asking(Mine):
    strength: float

class Other:
    pass

number = 3
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [*sys.path])
    file = tmp_path / "rules_of_mine.py"
    file.write_text(MINE)
    return file


def test_a_rule_in_a_file_is_judged_like_those_with_a_name(mine: Path) -> None:
    dp = result("check-locality", "dp")
    assert result("check-locality", f"{mine}:Mine") == dp | {"rule": "mine"}
    found = result("check-locality", f"{mine}:Mine", "--set", "by=weights", status=1)
    assert "step (rules_of_mine.py, line 16) takes a number of parameters of layer 3" in found["violations"][0]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("rules_of_mine.py:Yours", "'Yours' in '.*' is missing"),
        ("rules_of_mine.py:number", "'number' in '.*' is no class of rules"),
        ("rules_of_mine.py:Other", "'Other' in '.*' is no class of rules"),
        ("rules_of_mine.py:Stepless", "rule stepless in '.*' has no step"),
        ("rules_of_mine.py:Undecorated", "rate of rule Undecorated in '.*' is no option yet"),
        ("rules_of_mine.py:Asking", "option strength of rule Asking in '.*' has no default"),
        ("ste+rules_of_mine.py:Mine-isd", "there is no rule mine-isd: mine has no two terms"),
        ("rules_of_mine.py:Mine-izd", "unknown form 'izd' of rule mine; did you mean isd[?]"),
        ("rules_of_yours.py:Mine", "there is no file '.*rules_of_yours.py'"),
        ("broken.py:Mine", "broken.py' cannot be run: SyntaxError"),
    ],
)
def test_a_file_without_a_rule_is_refused_in_one_line(
    mine: Path, name: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mine.parent / "broken.py").write_text("def")
    monkeypatch.chdir(mine.parent)
    for command in ("check-locality", "check-gradient", "rules"):
        with pytest.raises(RangeError, match=complaint) as found:
            raise call(command, name).exception
        assert "\n" not in str(found.value)
