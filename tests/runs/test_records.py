"""run.json says all that decides a run: what is read from it is what trained, and trains to the same bits again."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import answer, call, refusal

from neuromorph.data import load
from neuromorph.deploy.artifact.file import load as load_artifact
from neuromorph.errors import ArtifactError
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.runs.batched import BatchedTask
from neuromorph.runs.boltzmann import BoltzmannTask
from neuromorph.runs.chip import ChipTask
from neuromorph.runs.folder import RunFolder
from neuromorph.runs.origin import Origin
from neuromorph.runs.runner import task_of
from neuromorph.runs.task import Task

DIGITS = load("digits")
KINDS: dict[str, list[str]] = {
    "chip": ["--layers", "64-8-10", "--epochs", "1", "--bits", "0"],
    "rule": ["--rule", "dp", "--layers", "64-8-10", "--epochs", "1", "--rate", "0.01"],
    "boltzmann": ["--rule", "rbm-isd", "--data", "bars-and-stripes", "--set", "changes=20", "--set", "hidden=3"],
}
MEASURE = {"chip": "test_accuracy", "rule": "test_accuracy", "boltzmann": "nll"}


def described(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_what_was_trained_on_what_by_which_command(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    assert call(monkeypatch, "train", *KINDS[kind], "--seed", "3", "-o", str(run), "--json") == 0
    found = described(run)
    assert found["kind"] == kind
    assert found["command"].startswith(f"neuromorph train {KINDS[kind][0]} ")
    assert found.keys() >= {"task", "data", "machine", "python", "versions", "history", "results"}
    assert found["task"]["seed"] == found["results"]["seed"] == 3
    data = load(found["data"]["name"])
    assert Origin(**found["data"]) == Origin.read({"data": data.name})[0]


def test_a_run_of_a_rule_names_every_option_and_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule's own too: rates of more connections, epochs for small data, the seed of its draws, how many are held out."""
    assert call(monkeypatch, "train", "--rule", "ep-isd", "--epochs", "1", "--seed", "4", "-o", str(tmp_path / "run")) == 0
    task = described(tmp_path / "run")["task"]
    rule = make_rule("ep-isd", phase_seed=4, seed=4)
    assert task["options"] == {name: getattr(rule, name) for name in rule.options()}
    own = rule.settings_for(rule.build((64, 128, 10)), len(DIGITS.train_images))
    assert task["settings"] == json.loads(json.dumps(vars(replace(own, epochs=1))))
    assert (task["layers"], task["feedback"], task["validation"]) == ([64, 128, 10], "tied", 143)


def tasks() -> list[Task]:
    wide = BatchedTask.settled({"rule": "dp", "rate": "0.1,0.2"}, DIGITS, 1)
    return [
        ChipTask.settled({}, DIGITS, 1),
        ChipTask.settled({"layers": (64, 9, 8, 10), "validation": 5, "epochs": 2}, DIGITS, 1),
        BoltzmannTask.settled({"rule": "rbm-isd", "options": ["p=none"]}, DIGITS, 1),
        wide,
        BatchedTask.settled({"rule": "adaste+dp", "options": ["alpha=0.25"]}, DIGITS, 1),
    ]


@pytest.mark.parametrize("task", tasks(), ids=lambda task: f"{task.kind}-{task.seed}")
def test_a_task_comes_back_from_json(task: Task) -> None:
    assert type(task).from_dict(json.loads(json.dumps(task.as_dict()))) == task


@pytest.mark.parametrize("name", [name for name in RULES if not name.endswith(("-isd", "-always-on"))])
def test_the_settled_task_of_a_rule_builds_what_the_rule_itself_builds(name: str) -> None:
    rule = make_rule(name)
    sizes = (64, 6, 10 if rule.has_output else 6)
    task = BatchedTask.settled({"rule": name, "layers": sizes}, DIGITS, 0)
    plain = rule.build(sizes, seed=0).state_dict()
    built = task.build(make_rule(name, **task.options), DIGITS).state_dict()
    assert {key: value.tolist() for key, value in built.items()} == {key: value.tolist() for key, value in plain.items()}


def test_what_another_version_described_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    task = ChipTask.settled({}, DIGITS, 0).as_dict()
    task["colour"] = task.pop("feedback")
    run = RunFolder(tmp_path, {"kind": "chip", "task": task, "data": {}, "history": []})
    with pytest.raises(ArtifactError, match=r"lacks \['feedback'\] and has \['colour'\]"):
        task_of(run)
    with pytest.raises(ArtifactError, match="kind 'quantum' is none of this version"):
        task_of(RunFolder(tmp_path, run.description | {"kind": "quantum"}))
    (tmp_path / "run.json").write_text(json.dumps({"network": "dense", "history": []}))
    with pytest.raises(ArtifactError, match="no run of this version"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_several_seeds_leave_a_summary(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "train", *KINDS[kind], "--seeds", "2", "-o", str(tmp_path / "run"), "--json") == 0
    told, name = answer(capsys), MEASURE[kind]
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == told
    reached = [described(tmp_path / "run" / f"seed{seed}")["results"][name] for seed in (0, 1)]
    assert [one[name] for one in told["runs"]] == reached
    assert told[name] == pytest.approx(np.mean(reached), rel=1e-12)
    assert told[f"{name}_spread"] == pytest.approx(np.std(reached, ddof=1), rel=1e-9)


def mnist_like(folder: Path, seed: int) -> None:
    """IDX files of 40 and 20 random images of 4 x 4."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for part, count in (("train", 40), ("t10k", 20)):
        for kind, values in (
            ("images-idx3", random.integers(0, 256, (count, 4, 4), dtype=np.uint8)),
            ("labels-idx1", (np.arange(count) % 10).astype(np.uint8)),
        ):
            head = np.array([0x0800 + values.ndim, *values.shape], dtype=">u4").tobytes()
            (folder / f"{part}-{kind}-ubyte").write_bytes(head + values.tobytes())


@pytest.mark.parametrize("kind", ["chip", "rule"])
def test_moved_data_are_found_and_others_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A relative --data-dir is kept absolute; check-bits, check-gradient and --resume take another; files of the same names that hold
    other images are refused."""
    mnist_like(tmp_path / "here", 0)
    mnist_like(tmp_path / "other", 1)
    monkeypatch.delenv("NEUROMORPH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    options = [*KINDS[kind], "--layers", "16-8-10", "--data", "mnist", "--data-dir", "here"]
    assert call(monkeypatch, "train", *options, "-o", "run", "--json") == 0
    assert described(tmp_path / "run")["data"]["data_dir"] == str(tmp_path / "here")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    check = ["check-bits", "../run", "--steps", "6"] if kind == "chip" else ["check-gradient", "../run"]
    for command in (check, ["train", "--resume", "../run", "--epochs", "2", "--json"]):
        assert "is not what the run was trained on" in refusal(monkeypatch, capsys, *command, "--data-dir", "../other")
    assert call(monkeypatch, *check) == 0
    os.rename(tmp_path / "here", tmp_path / "moved")
    assert "--data-dir" in refusal(monkeypatch, capsys, *check)
    assert call(monkeypatch, *check, "--data-dir", "../moved") == 0
    assert call(monkeypatch, "train", "--resume", "../run", "--epochs", "2", "--data-dir", "../moved") == 0
    assert described(tmp_path / "run")["data"]["data_dir"] == str(tmp_path / "moved")


def test_an_artifact_presents_data_of_another_name_as_it_scaled_its_own_and_refuses_others_of_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, name in enumerate(("learned", "other")):
        mnist_like(tmp_path / name, seed)
    run, net = tmp_path / "run", tmp_path / "net.h5"
    options = ["--data", "mnist", "--data-dir", str(tmp_path / "learned"), "--layers", "16-8-10", "-o", str(run)]
    assert call(monkeypatch, "train", *options, "--epochs", "1", "--bits", "0", "--json") == 0
    assert call(monkeypatch, "compile", str(run), "-o", str(net), "--json") == 0
    assert load_artifact(net).provenance.notes["data"] == described(run)["data"]
    found = {}
    for name in ("learned", "other"):
        capsys.readouterr()
        assert call(monkeypatch, "run", str(net), "--data", str(tmp_path / name), "--json") == 0
        found[name] = answer(capsys)
    assert [found[name]["learned"] for name in ("learned", "other")] == [True, False]
    assert found["learned"]["accuracy"] == described(run)["results"]["test_accuracy"]
    assert call(monkeypatch, "run", str(net), "--data", str(tmp_path / "other")) == 0
    assert "is not what the artifact has learned: mnist" in capsys.readouterr().out
    again = ["run", str(net), "--data", "mnist", "--data-dir"]
    assert call(monkeypatch, *again, str(tmp_path / "learned")) == 0
    said = refusal(monkeypatch, capsys, *again, str(tmp_path / "other"))
    assert "mnist is not what was learned under this name: its fingerprint is" in said
    assert "--data-dir where that lies, or, to try other data, give them another name" in said
    assert "had 16 values a sample" in refusal(monkeypatch, capsys, "run", str(net), "--data", "digits")


def test_a_file_that_has_changed_is_refused_and_under_another_name_is_other_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{k % 7},{k % 5},{'ab'[k % 2]}" for k in range(20)]
    Path("table.csv").write_text("\n".join(rows))
    assert (
        call(monkeypatch, "train", "--data", "table.csv:2", "--layers", "2-4-2", "--epochs", "1", "--bits", "0", "-o", "run")
        == 0
    )
    assert call(monkeypatch, "compile", "run", "-o", "net.h5") == 0
    assert call(monkeypatch, "run", "net.h5", "--data", str(tmp_path / "table.csv")) == 0
    Path("table.csv").write_text("\n".join([*rows, "1,1,a"]))
    for name in ("table.csv", "table.csv:2", str(tmp_path / "table.csv")):
        assert "table.csv is not what was learned under this name" in refusal(
            monkeypatch, capsys, "run", "net.h5", "--data", name
        )
    Path("table.csv").rename("newer.csv")
    assert call(monkeypatch, "run", "net.h5", "--data", "newer.csv") == 0


@pytest.mark.parametrize("kind", ["chip", "rule"])
def test_what_run_json_says_of_data_must_be_whole_and_true(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert call(monkeypatch, "train", *KINDS[kind], "-o", str(run)) == 0
    whole, resume = described(run), ["train", "--resume", str(run), "--epochs", "3"]
    check = ["check-bits" if kind == "chip" else "check-gradient", str(run)]

    def with_data(data: Any) -> None:
        (run / "run.json").write_text(json.dumps({**whole, "data": data}))

    lacking = {name: value for name, value in whole["data"].items() if name != "fingerprint"}
    needed = "run.json' must say of its data name, data_dir, samples, fingerprint, scaling, and does not"
    for data in (lacking, None, [], {**whole["data"], "colour": 1}, {**whole["data"], "scaling": 3}):
        with_data(data)
        for command in (resume, check):
            expected = needed if isinstance(data, dict) else f"is damaged: data is {data}, no dict"
            assert expected in refusal(monkeypatch, capsys, *command)
    for change in ({"spread": [2.0]}, {"center": [1e-3]}, {"kind": "range"}):
        with_data({**whole["data"], "scaling": {**whole["data"]["scaling"], **change}})
        assert "was scaled otherwise than it is" in refusal(monkeypatch, capsys, *resume)
    with_data({**whole["data"], "scaling": {**whole["data"]["scaling"], "spread": [1 + 1e-14]}})
    assert call(monkeypatch, *resume) == 0


def test_data_in_a_file_are_found_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    arrays = {"x": random.integers(0, 256, (60, 4, 4), dtype=np.uint8), "y": np.arange(60) % 10}
    np.savez(tmp_path / "mine.npz", **arrays)
    monkeypatch.chdir(tmp_path)
    options = ["--rule", "dp", "--layers", "16-8-10", "--epochs", "1"]
    assert call(monkeypatch, "train", "--data", "mine.npz", *options) == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("mine.npz-dp-")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert call(monkeypatch, "train", "--resume", str(run), "--epochs", "2") == 0
    (tmp_path / "mine.npz").rename(tmp_path / "elsewhere" / "mine.npz")
    assert call(monkeypatch, "train", "--resume", str(run), "--epochs", "3", "--data-dir", ".") == 0


RULE_OF_MY_OWN = """
from neuromorph.learning.rules.equilibrium import EquilibriumPropagation


class Mine(EquilibriumPropagation):
    source = "mine"
"""


def test_a_rule_in_a_file_is_found_from_everywhere_and_its_file_must_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(RULE_OF_MY_OWN)
    monkeypatch.chdir(tmp_path)
    options = ["--layers", "64-8-10", "--epochs", "1", "-o", "run"]
    assert call(monkeypatch, "train", "--rule", "ste+./mine.py:Mine-isd", *options) == 0
    assert described(tmp_path / "run")["task"]["rule"] == f"ste+{tmp_path / 'mine.py'}:Mine-isd"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert call(monkeypatch, "train", "--resume", "../run", "--epochs", "2") == 0
    (tmp_path / "mine.py").write_text(RULE_OF_MY_OWN + "\nedited = True\n")
    for command in (["train", "--resume", "../run", "--epochs", "3"], ["check-gradient", "../run"]):
        capsys.readouterr()
        assert "its file has changed" in refusal(monkeypatch, capsys, *command)
    (tmp_path / "mine.py").unlink()
    assert "mine.py" in refusal(monkeypatch, capsys, "train", "--resume", "../run", "--epochs", "3")


def test_a_rule_whose_base_or_helper_was_edited_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine_based.py").write_text("from base_of_mine import Mine as Base\n\n\nclass Mine(Base): ...\n")
    (tmp_path / "base_of_mine.py").write_text(f"import helper_of_mine\n{RULE_OF_MY_OWN}")
    (tmp_path / "helper_of_mine.py").write_text("FACTOR = 1")
    monkeypatch.chdir(tmp_path)
    options = ["--layers", "64-8-10", "--epochs", "1", "-o", "run"]
    assert call(monkeypatch, "train", "--rule", "mine_based.py:Mine", *options) == 0
    (tmp_path / "helper_of_mine.py").write_text("FACTOR = -9")
    capsys.readouterr()
    assert "or one that it imports" in refusal(monkeypatch, capsys, "train", "--resume", "run", "--epochs", "2")
    (tmp_path / "helper_of_mine.py").write_text("FACTOR = 1")
    assert call(monkeypatch, "train", "--resume", "run", "--epochs", "2") == 0


DAMAGE: dict[str, Any] = {
    "task": [], "data": None, "history": {}, "results": [], "continued": 5,
    "task.seed": -1, "task.settings": {"batch": 9}, "data.name": 3,
}  # fmt: skip


def test_a_damaged_description_is_one_line_and_a_short_history_is_made_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, file = str(tmp_path / "run"), tmp_path / "run" / "run.json"
    assert call(monkeypatch, "train", *KINDS["rule"], "-o", run) == 0
    whole = file.read_text()
    for place, value in DAMAGE.items():
        found = json.loads(whole)
        *outer, name = place.split(".")
        (found[outer[0]] if outer else found)[name] = value
        file.write_text(json.dumps(found))
        capsys.readouterr()
        assert refusal(monkeypatch, capsys, "train", "--resume", run, "--epochs", "3"), place
    file.write_text(json.dumps({**json.loads(whole), "history": []}))
    assert call(monkeypatch, "train", "--resume", run, "--epochs", "2") == 0
    assert [entry["epoch"] for entry in described(tmp_path / "run")["history"]] == [1, 2]
