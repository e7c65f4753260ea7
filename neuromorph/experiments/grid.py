"""Grids of trainings: every cell is one rule with its numbers, trained from several seeds; what was trained is kept (measured.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from neuromorph.errors import DivergenceError, RangeError
from neuromorph.experiments.measured import Kept, told_of
from neuromorph.experiments.report import NOT_RUN, Claim, claim, plus_minus
from neuromorph.experiments.request import Order
from neuromorph.runs.seeds import mean_and_spread

if TYPE_CHECKING:
    from neuromorph.data import Dataset
    from neuromorph.learning.rule import Rule, Settings
    from neuromorph.runs.batched import BatchedTask


@dataclass(frozen=True)
class Cell:
    """One row of a grid. `options`: of the rule; `settings`: fields of learning.rule.Settings; `samples`: only the first training
    images (None: all); `metrics`: measure layers at the end; `network`: "mlp" of `layers`, "vgg16" or "small-vgg"; `most`: seeds at
    most, where a training takes long; `validation`: samples held out (None: a tenth)."""

    name: str
    rule: str
    layers: tuple[int, ...]
    data: str = "mnist"
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    feedback: str | None = None
    samples: int | None = None
    metrics: bool = False
    network: str = "mlp"
    most: int | None = None
    validation: int | None = None

    def kept(self, experiment: str, seed: int, asked: Order) -> Kept:
        """The place of its result: another for every other training."""
        told = {
            k: v for k, v in asdict(self).items() if k not in ("name", "most", "validation", "rule", "options", "settings")
        }
        rule = self.rule_of(seed)
        return Kept.of(
            experiment, self.rule, [told, *told_of(rule, self.settings_of(rule)), asked.fingerprint(self.data)], seed
        )

    def rule_of(self, seed: int) -> Rule:
        from neuromorph.learning.registry import seeded_rule

        return seeded_rule(self.rule, seed, self.options)

    def settings_of(self, rule: Rule) -> Settings:
        return replace(rule.settings, **self.settings)

    def changed(self, texts: Sequence[str]) -> Cell:
        """With these options, name=value. Raises RangeError for those that its rule has not."""
        from neuromorph.learning.registry import rule_class
        from neuromorph.learning.training.options import parse_options

        try:
            return replace(self, options={**self.options, **parse_options(rule_class(self.rule), texts)})
        except RangeError as error:
            raise RangeError(f"row {self.name!r}: {error}; --rows chooses rows") from None

    def task(self, seed: int, data: Dataset) -> BatchedTask:
        """What `neuromorph train` knows of it. `data`: what it is trained on."""
        from neuromorph.learning.training.distributed import chosen_device
        from neuromorph.learning.training.trainer import HELD_OUT
        from neuromorph.runs.batched import BatchedTask

        rule = self.rule_of(seed)
        settings = self.settings_of(rule)
        held = len(data.train_images) // HELD_OUT if self.validation is None else self.validation
        return BatchedTask(
            seed=seed, rule=self.rule, source=None, options={name: getattr(rule, name) for name in rule.options()},
            network="dense" if self.network == "mlp" else self.network, layers=self.layers or None,
            feedback=self.feedback or rule.feedback, settings=asdict(settings), validation=held,
            keep_best=False, metrics=settings.epochs if self.metrics else 0, device=chosen_device("auto").type, tensorboard=None,
        )  # fmt: skip

    def note(self, asked: Order, seeds: int, differs: str | None = None) -> None:
        """What it is, for the JSON; `differs`: in what the row is not what its command says."""
        from neuromorph.runs.typed import command_of

        data = asked.data(self.data).first(self.samples)
        task = self.task(0, data)
        told: dict[str, Any] = {"data": self.data, "fingerprint": asked.fingerprint(self.data), "samples": self.samples}
        told |= {"task": task.as_dict(), "differs": differs}
        asked.note(self.name, told, command_of(task, data, self.samples, seeds))


Results = list[dict[str, Any]]


def run_cells(experiment: str, cells: Sequence[Cell], asked: Order) -> dict[str, Results]:
    """What every cell reached from the seeds 0, 1, ...; by its name. A training that diverges says so in its result.

    Rows that were not asked for have the results of earlier runs: perhaps none. Raises RangeError where no row was asked for.
    """
    found: dict[str, Results] = {cell.name: [] for cell in cells}
    if asked.rows is not None and not any(asked.rows in name for name in found):
        raise RangeError(f"no row of {experiment} has {asked.rows!r} in its name; they are {', '.join(found)}")
    cells = [cell.changed(asked.options) if asked.rows is None or asked.rows in cell.name else cell for cell in cells]
    counts = [min(asked.seeds, cell.most or asked.seeds) for cell in cells]
    with asked.talk.bar(experiment, sum(counts)) as bar:
        for cell, count in zip(cells, counts, strict=True):
            is_asked = asked.rows is None or asked.rows in cell.name
            cell.note(asked, count)
            for seed in range(count):
                kept = cell.kept(experiment, seed, asked)
                if is_asked:
                    bar.note(f"{cell.name}, seed {seed}")
                    result = kept.get(partial(_train, cell, seed, asked, kept))
                else:
                    result = kept.read()
                if result is not None:
                    found[cell.name].append(result)
                bar.advance(1)
            asked.talk.say(f"{cell.name}: {summary(found[cell.name])}")
    return found


def _train(cell: Cell, seed: int, asked: Order, kept: Kept) -> dict[str, Any]:
    data = asked.data(cell.data).first(cell.samples)
    task = cell.task(seed, data)
    trainer = task.trainer(data)
    told = {"cell": cell.name, "seed": seed, "rule": cell.rule, "epochs": task.settings["epochs"]}
    try:
        kept.train(trainer)
    except DivergenceError as error:
        return {**told, "diverged": True, "why": str(error), "history": trainer.history}
    last = trainer.history[-1]
    return {**told, "diverged": False, "test_accuracy": trainer.test_accuracy(), **last, "history": trainer.history}


def summary(results: Results) -> str:
    """Test accuracy over seeds in words."""
    if not results:
        return NOT_RUN
    if any(r["diverged"] for r in results):
        return f"diverged in {sum(r['diverged'] for r in results)} of {len(results)}"
    mean, spread = mean_and_spread([r["test_accuracy"] for r in results])
    return f"test accuracy {100 * mean:.2f} +- {100 * spread:.2f} %, {sum(r['seconds'] for r in results[0]['history']):.0f} s a run"


def row(name: str, results: Results) -> dict[str, Any]:
    """A line of the table: accuracies in per cent, spread over seeds 0, 1, ... and each; `not run` where nothing is known."""
    blank = {"+-": None, "train %": None, "s/epoch": None, "by seed": None}
    if not results:
        return {"cell": name, "seeds": 0, "test %": NOT_RUN, **blank}
    if any(r["diverged"] for r in results):
        return {"cell": name, "seeds": len(results), "test %": "diverged", **blank}
    mean, spread = mean_and_spread([100 * r["test_accuracy"] for r in results])
    train = mean_and_spread([100 * r["train_accuracy"] for r in results])[0]
    seconds = mean_and_spread([entry["seconds"] for r in results for entry in r["history"]])[0]
    return {
        "cell": name,
        "seeds": len(results),
        "test %": round(mean, 2),
        "+-": plus_minus(spread, 2),
        "train %": round(train, 2),
        "s/epoch": round(seconds, 1),
        "by seed": " ".join(f"{100 * r['test_accuracy']:.2f}" for r in results) if len(results) > 1 else None,
    }


def accuracy_of(results: Results) -> tuple[float, float] | None:
    """Mean and spread of the test accuracy in per cent; None when a seed diverged or nothing was run."""
    if not results or any(r["diverged"] for r in results):
        return None
    return mean_accuracy(results)


def mean_accuracy(results: Results) -> tuple[float, float]:
    """The same of trainings that are known to have ended well."""
    return mean_and_spread([100 * r["test_accuracy"] for r in results])


def open_claim(name: str, paper: str, *rows: Results) -> Claim | None:
    """A claim about rows that lack a figure: undecided where one was not run, failed where one diverged. None: all have theirs."""
    if not all(rows):
        return claim(name, paper, None, None)
    if any(r["diverged"] for results in rows for r in results):
        return claim(name, paper, "diverged", False)
    return None
