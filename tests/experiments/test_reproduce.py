"""Experiments: what was trained is kept, what was interrupted goes on to the same end, what was not run says so."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuromorph.commands.main import app
from neuromorph.console import Talk
from neuromorph.data import load
from neuromorph.errors import ArtifactError, Interrupted, OutputError, RangeError
from neuromorph.experiments import grid, isd_bas, report, request, summary
from neuromorph.experiments.catalogue import EXPERIMENTS, reproduce
from neuromorph.experiments.request import Order
from neuromorph.learning.rules.dual_propagation import DualPropagation
from neuromorph.learning.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
CELL = grid.Cell("dp", "dp", (64, 16, 10), data="digits", settings={"epochs": 2, "batch": 50}, samples=300)
QUIET = Talk(True)
TIMES = ("seconds",)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trained(cell: grid.Cell = CELL, seeds: int = 1) -> list[dict[str, object]]:
    return grid.run_cells("test", [cell], Order(QUIET, seeds=seeds))[cell.name]


def without_times(results: list[dict[str, object]]) -> str:
    def keep(value: object) -> object:
        if isinstance(value, dict):
            return {k: keep(v) for k, v in value.items() if k not in TIMES}
        return [keep(v) for v in value] if isinstance(value, list) else value

    return json.dumps(keep(list(results)))


def test_a_finished_training_is_read_and_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = trained(seeds=2)
    monkeypatch.setattr(Trainer, "run_epoch", lambda self: pytest.fail("trained again"))
    assert trained(seeds=2) == first
    assert first[0]["test_accuracy"] != first[1]["test_accuracy"]


def test_an_interrupted_training_goes_on_to_the_same_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = without_times(trained())
    (tmp_path / "second").mkdir()
    monkeypatch.chdir(tmp_path / "second")
    run_epoch = Trainer.run_epoch

    def interrupted(self: Trainer) -> object:
        if self.epoch == 1:
            raise KeyboardInterrupt
        return run_epoch(self)

    monkeypatch.setattr(Trainer, "run_epoch", interrupted)
    with pytest.raises(Interrupted):
        trained()
    monkeypatch.setattr(Trainer, "run_epoch", run_epoch)
    assert without_times(trained()) == whole
    assert not list(Path("runs").rglob("*.h5"))


def test_a_measurement_interrupted_after_its_training_does_not_train_again(monkeypatch: pytest.MonkeyPatch) -> None:
    test_accuracy = Trainer.test_accuracy
    monkeypatch.setattr(Trainer, "test_accuracy", lambda self: pytest.fail("stopped here"))
    with pytest.raises(pytest.fail.Exception):
        trained()
    monkeypatch.setattr(Trainer, "test_accuracy", test_accuracy)
    monkeypatch.setattr(Trainer, "run_epoch", lambda self: pytest.fail("trained again"))
    assert trained()[0]["epochs"] == 2
    assert [file.suffix for file in Path("runs").rglob("*.*")] == [".json"]


def test_other_numbers_are_another_training() -> None:
    others = [
        grid.Cell("dp", "dp", (64, 16, 10), data="digits", settings={"epochs": 2, "batch": 25}, samples=300),
        grid.Cell("dp", "dp", (64, 16, 10), data="digits", settings={"epochs": 2, "batch": 50}, samples=200),
        grid.Cell("dp", "dp", (64, 16, 10), data="digits", settings={"epochs": 2, "batch": 50}, samples=300, feedback="random"),
    ]  # fmt: skip
    asked = Order(QUIET)
    keys = [cell.kept("test", 0, asked) for cell in (CELL, *others)] + [CELL.kept("test", 1, asked)]
    assert len(set(keys)) == len(keys)
    renamed = grid.Cell("another name", "dp", (64, 16, 10), data="digits", settings=CELL.settings, samples=300, most=1)
    assert renamed.kept("test", 0, asked) == CELL.kept("test", 0, asked)


def test_other_images_or_other_defaults_are_another_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key, other, digits = CELL.kept("test", 0, Order(QUIET)), Order(QUIET, data_dir=tmp_path), load("digits")
    assert CELL.kept("test", 0, other) == key
    request._fingerprint.cache_clear()
    monkeypatch.setattr(request, "_loaded", lambda name, folder: replace(digits, test_images=digits.test_images ^ 1))
    assert CELL.kept("test", 0, other) != key
    monkeypatch.undo()
    request._fingerprint.cache_clear()
    monkeypatch.setattr(DualPropagation, "settings", replace(DualPropagation.settings, momentum=0.5))
    assert CELL.kept("test", 0, Order(QUIET)) != key


@pytest.mark.parametrize(
    ("rule", "option"), [("ep", "seed"), ("ff", "seed"), ("ff-isd", "phase_seed"), ("ep-isd", "phase_seed")]
)
def test_draws_of_the_rule_follow_the_seed_of_the_training(rule: str, option: str) -> None:
    cell = grid.Cell("row", rule, (64, 16, 10))
    assert [getattr(cell.rule_of(seed), option) for seed in (0, 1, 2)] == [0, 1, 2]
    assert getattr(replace(cell, options={option: 7}).rule_of(1), option) == 7


def test_a_costly_row_is_trained_from_fewer_seeds_and_says_so() -> None:
    costly = grid.Cell("dp", "dp", (64, 16, 10), data="digits", settings=CELL.settings, samples=300, most=1)
    found = trained(costly, seeds=3)
    assert grid.row("dp", found)["seeds"] == len(found) == 1


def test_what_was_not_run_and_what_diverged_say_so() -> None:
    diverging = grid.Cell("dp", "dp", (64, 16, 10), data="digits", settings={"epochs": 1, "optimizer": "sgd", "rate": 1e30})
    found = trained(diverging)
    assert found[0]["diverged"] is True
    assert "layer" in str(found[0]["why"])
    assert grid.row("dp", found)["test %"] == "diverged"
    assert grid.accuracy_of(found) is None
    assert grid.row("dp", [])["test %"] == "not run"


def test_rows_that_were_not_asked_for_are_shown_as_trained_before_or_not_run() -> None:
    """A claim about a row that was not run is open; about one that diverged it has failed."""
    other = replace(CELL, name="other", settings={"epochs": 1})
    asked = Order(QUIET, rows="oth")
    assert [len(r) for r in grid.run_cells("test", [CELL, other], asked).values()] == [0, 1]
    trained()
    found = grid.run_cells("test", [CELL, other], asked)
    assert [len(r) for r in found.values()] == [1, 1]
    assert grid.open_claim("c", "p", *found.values()) is None
    assert grid.open_claim("c", "p", found["dp"], [])["holds"] is None
    assert grid.open_claim("c", "p", found["dp"], [{"diverged": True}])["holds"] is False


def test_a_row_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(RangeError, match="no row of test has 'ep' in its name; they are dp"):
        grid.run_cells("test", [CELL], Order(QUIET, rows="ep"))


def test_a_damaged_measurement_is_named() -> None:
    trained()
    (file,) = Path("runs").rglob("*.json")
    file.write_text(file.read_text()[:50])
    with pytest.raises(ArtifactError, match=r"is damaged.*delete it"):
        trained()


def test_a_fuller_result_is_not_replaced(tmp_path: Path) -> None:
    """Neither by fewer seeds, which is known before anything is trained, nor by rows that were not run."""

    def result(**seeds: int) -> dict[str, object]:
        rows = [{"cell": cell, "seeds": count} for cell, count in seeds.items()]
        return {"name": "dp-schedules", "quick": False, "seeds": 3, "rows": rows, "claims": [], "title": ""}

    text = tmp_path / "dp-schedules.json"
    text.write_text(json.dumps(result(dp=3, other=1)))
    with pytest.raises(OutputError, match="means over 3 seeds; ask for --seeds 3"):
        reproduce("dp-schedules", Order(QUIET, seeds=2), tmp_path)
    report.check_place(text, 3)
    with pytest.raises(OutputError, match="rows that were not run here: other"):
        report.write(result(dp=3, other=0), lambda figure, found: None, text)
    assert json.loads(text.read_text()) == result(dp=3, other=1)
    report.write(result(dp=3, other=3), lambda figure, found: None, text)
    assert json.loads(text.read_text()) == result(dp=3, other=3)
    with pytest.raises(OutputError, match="cannot be written"):
        report.check_place(text / "within.json", 1)
    text.write_text("no result of ours")
    report.check_place(text, 1)
    report.write(result(dp=1), lambda figure, found: None, text)
    assert json.loads(text.read_text()) == result(dp=1)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_where_its_name_says(name: str) -> None:
    module = import_module(f"neuromorph.experiments.{name.replace('-', '_')}")
    assert name == module.NAME
    assert module.TITLE
    assert callable(module.run)
    assert callable(module.draw)


def test_an_unknown_experiment_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(RangeError, match=r"two-tales-1, .*locality"):
        reproduce("two-tales-9", Order(QUIET, quick=True), tmp_path)


def test_rows_of_what_is_no_grid_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RangeError, match="isd-bas is no grid of trainings"):
        reproduce("isd-bas", Order(QUIET, quick=True, rows="ISD"), tmp_path)


def test_an_experiment_writes_claims_and_a_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(isd_bas, "RATES", (0.01,))
    monkeypatch.setattr(isd_bas, "QUICK_CHANGES", isd_bas.LOOKS)
    ran = CliRunner().invoke(app, ["reproduce", "isd-bas", "--quick", "--seeds", "1", "-o", str(tmp_path), "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found == json.loads((tmp_path / "isd-bas-quick.json").read_text())
    assert (tmp_path / "isd-bas-quick.png").read_bytes().startswith(b"\x89PNG")
    assert all(set(entry) == {"name", "paper", "ours", "spread", "holds"} for entry in found["claims"])
    assert all(entry["holds"] is None for entry in found["claims"])  # too short to tell


def test_the_tables_of_claims_are_made_from_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert (ROOT / summary.PAGE).read_text() == summary.page()
