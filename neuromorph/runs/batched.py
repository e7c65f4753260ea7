"""`neuromorph train --rule NAME`: a batched learning rule trains a network, in a run folder, from one seed or several.

A run folder holds run.json (what was asked for, the history, the results) and checkpoint.h5 (everything that goes on from here). Under
torchrun every process trains and the first one writes; several machines need a folder that all of them see to resume.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromorph.console import Talk
from neuromorph.data import Dataset, load
from neuromorph.errors import ArtifactError, DivergenceError, RangeError, did_you_mean
from neuromorph.runs.chip_seeds import hidden_units, pixels
from neuromorph.runs.folder import CHECKPOINT, RunFolder
from neuromorph.runs.log import TrainingLog, check_tensorboard
from neuromorph.runs.seeds import mean_and_spread

if TYPE_CHECKING:
    from neuromorph.learning.network.network import Network
    from neuromorph.learning.rule import Rule, Settings
    from neuromorph.learning.training.distributed import Ranks
    from neuromorph.learning.training.trainer import Trainer

NETWORKS = ("dense", "vgg16")
SUMMED = ("test_accuracy", "validation_accuracy", "train_accuracy", "seconds")


@dataclass(frozen=True)
class Task:
    """What to train on what.

    `options`: of the rule, as typed (name=value). `settings`: those of learning.rule.Settings that replace the rule's own; `rate` as
    typed, one number or one for each connection. `layers`: None for one hidden layer that suits the data. `feedback`: None for the
    rule's own. `validation`: training images held out, None for a tenth.
    """

    rule: str
    data: str
    options: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    network: str = "dense"
    layers: tuple[int, ...] | None = None
    feedback: str | None = None
    validation: int | None = None
    keep_best: bool = False
    metrics: int = 0
    device: str = "auto"
    tensorboard: str | None = None
    data_dir: str | None = None

    @classmethod
    def of(cls, description: dict[str, Any]) -> Task:
        """The task of a run folder. Raises ArtifactError for one that lacks something."""
        try:
            lists = {
                "options": tuple(description["options"]),
                "layers": description["layers"] and tuple(description["layers"]),
            }
            return cls(**{**{name: description[name] for name in cls.__dataclass_fields__}, **lists})
        except (LookupError, TypeError) as error:
            raise ArtifactError(f"the run was not described whole: {type(error).__name__} {error}; train anew") from None


def train_rule(task: Task, seeds: Iterable[int], folder: Path, talk: Talk) -> dict[str, Any]:
    """One run folder per seed (inside `folder` when there are several); the results, and mean and spread of several.

    A run that diverges says so in its results; the others go on.
    """
    from neuromorph.learning.training.distributed import chosen_device, processes_of_torchrun

    listed = list(seeds)
    data = load(task.data, task.data_dir)
    if task.tensorboard:
        check_tensorboard(Path(task.tensorboard))
    with processes_of_torchrun(chosen_device(task.device)) as ranks:
        trainers = (trainer_of(task, seed, data, ranks) for seed in listed)
        first, runs = next(trainers), []  # what does not go together is found before a folder is made
        for seed in listed:
            path, described = folder / f"seed{seed}" if len(listed) > 1 else folder, {**asdict(task), "seed": seed}
            runs.append(
                RunFolder.create(path, described) if ranks.rank == 0 else RunFolder(path, {**described, "history": []})
            )
        results = [_trained(run, trainer, talk) for run, trainer in zip(runs, chain((first,), trainers), strict=True)]
    return results[0] if len(results) == 1 else summary(results, talk)


def resume(path: Path, talk: Talk, device: str | None = None) -> dict[str, Any]:
    """Go on with a run folder; `device` where it is to be another one."""
    from neuromorph.learning.training.distributed import chosen_device, processes_of_torchrun

    run = RunFolder.unfinished(path)
    task = Task.of(run.description)
    task = replace(task, device=device or task.device)
    with processes_of_torchrun(chosen_device(task.device)) as ranks:
        trainer = trainer_of(task, run.description["seed"], load(task.data, task.data_dir), ranks)
        stood(run, trainer)
        return _trained(run, trainer, talk)


def stood(run: RunFolder, trainer: Trainer) -> None:
    """Put the trainer where the run stands. Raises ArtifactError when its checkpoint is missing."""
    if (run.path / CHECKPOINT).exists():
        trainer.load(run.path / CHECKPOINT)
    elif run.history:
        raise ArtifactError(
            f"'{run.path}' has been trained for {len(run.history)} epochs, and its {CHECKPOINT} is missing; train anew"
        )


def trainer_of(task: Task, seed: int, data: Dataset, ranks: Ranks) -> Trainer:
    """Everything that a task asks for. Raises RangeError for what does not go together."""
    from neuromorph.learning.registry import rule_class, seeded_rule
    from neuromorph.learning.training.options import parse_options
    from neuromorph.learning.training.trainer import Trainer

    rule = seeded_rule(task.rule, seed, parse_options(rule_class(task.rule), task.options))
    network = _network(task, rule, data, seed)
    settings = _settings(rule.settings_for(network, len(data.train_images)), task.settings)
    return Trainer(
        network, rule, data, settings, seed=seed, validation=task.validation,
        device=task.device, metrics=task.metrics, keep_best=task.keep_best, ranks=ranks,
    )  # fmt: skip


def _settings(own: Settings, given: dict[str, Any]) -> Settings:
    if "optimizer" in given and given["optimizer"] != own.optimizer:
        given = {"momentum": 0.0, **given}  # the rule's own belongs to its own optimiser
    if "rate" in given:
        try:
            rates = tuple(float(part) for part in str(given["rate"]).split(","))
        except ValueError:
            raise RangeError(
                f"--rate {given['rate']!r} is no number, nor numbers with commas between, one a connection"
            ) from None
        given = {**given, "rate": rates[0] if len(rates) == 1 else rates}
    return replace(own, **given)


def _network(task: Task, rule: Rule, data: Dataset, seed: int) -> Network:
    from neuromorph.learning.network.network import vgg16

    if task.network not in NETWORKS:
        raise RangeError(f"unknown network {task.network!r}; {did_you_mean(task.network, NETWORKS)}")
    if task.network == "vgg16":
        if task.layers is not None:
            raise RangeError("vgg16 has layers of its own; leave out --layers, or take --network dense")
        if (rule.hidden, rule.output) != ("relu", "linear"):
            raise RangeError(
                f"vgg16 has ReLU and a linear output, and rule {rule.name} needs {rule.hidden} and {rule.output}; take another rule"
            )
        if data.name != "cifar10":
            raise RangeError(f"vgg16 takes images of 3 x 32 x 32, and {data.name} has others; take --data cifar10")
        return vgg16(data.classes, feedback=task.feedback or rule.feedback, seed=seed)
    hidden = hidden_units(data)
    sizes = task.layers or (pixels(data), hidden, data.classes if rule.has_output else hidden)
    if sizes[0] != pixels(data):
        raise RangeError(
            f"--layers {'-'.join(map(str, sizes))} does not fit {data.name}: it has {pixels(data)} values a sample"
        )
    try:
        return rule.build(sizes, task.feedback, seed)
    except RuntimeError as error:
        if "alloc" not in str(error):
            raise
        raise RangeError(
            f"--layers {'-'.join(map(str, sizes))} asks for more memory than there is; give smaller sizes"
        ) from None


def _trained(run: RunFolder, trainer: Trainer, talk: Talk) -> dict[str, Any]:
    """Train to the end, read the test set, and write down what came out."""
    described, epochs = run.description, trainer.settings.epochs
    talk.say(f"{run.path}: rule {described['rule']}, {described['data']}, seed {described['seed']}, {trainer.device}")
    log = TrainingLog(talk, described["tensorboard"] if trainer.ranks.rank == 0 else None, run.path.name)
    samples = len(trainer.batches.samples)
    try:
        if not (run.path / CHECKPOINT).exists():
            _save(run, trainer)
        with talk.bar("training", epochs * samples) as bar:

            def progress(count: int, accuracy: float) -> None:
                bar.advance(count)
                bar.note(f"training {100 * accuracy:.2f} %")

            bar.advance(min(trainer.step * trainer.settings.batch, epochs * samples))
            while trainer.epoch < epochs:
                entry = trainer.run_epoch(progress)
                _save(run, trainer)
                log.add(entry)
    except KeyboardInterrupt:
        _save(run, trainer)
        raise
    except DivergenceError as error:
        return _results(run, trainer, {"test_accuracy": None, "diverged": True, "error": str(error)})
    finally:
        log.close()
    results = _results(run, trainer, {"test_accuracy": trainer.test_accuracy(), "diverged": False})
    talk.say(f"test accuracy {100 * results['test_accuracy']:.2f} %, {results['seconds']:.0f} s")
    return results


def _save(run: RunFolder, trainer: Trainer) -> None:
    trainer.save(run.path / CHECKPOINT)
    run.description["history"] = trainer.history
    if trainer.ranks.rank == 0:
        run.write()


def _results(run: RunFolder, trainer: Trainer, found: dict[str, Any]) -> dict[str, Any]:
    described, tested = run.description, trainer.tested
    results = {
        "rule": described["rule"],
        **found,
        "test_accuracy_spread": None,
        "validation_accuracy": tested.get("validation_accuracy"),
        "train_accuracy": tested.get("train_accuracy"),
        "seconds": sum(entry["seconds"] for entry in trainer.history),
        "seed": described["seed"],
    }
    described |= results
    if trainer.ranks.rank == 0:
        run.write()
    return {**results, "run": str(run.path)}


def summary(results: Sequence[dict[str, Any]], talk: Talk) -> dict[str, Any]:
    """Mean and spread over the seeds that did not diverge."""
    found: dict[str, Any] = {
        "rule": results[0]["rule"],
        "seed": [r["seed"] for r in results],
        "diverged": any(r["diverged"] for r in results),
        "error": next((r["error"] for r in results if r["diverged"]), None),
        "runs": list(results),
    }
    for name in SUMMED:
        values = [r[name] for r in results if not r["diverged"] and r[name] is not None]
        found[name], found[f"{name}_spread"] = mean_and_spread(values) if values else (None, None)
    if found["test_accuracy"] is not None:
        reached, spread = 100 * found["test_accuracy"], 100 * found["test_accuracy_spread"]
        finite = sum(not r["diverged"] for r in results)
        talk.say(f"{finite} of {len(results)} seeds finite: test accuracy {reached:.2f} +- {spread:.2f} %")
    return found
