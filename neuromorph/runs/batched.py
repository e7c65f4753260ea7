"""Runs of kind rule: a learning rule trains a network in batches (`neuromorph train --rule NAME`).

Under torchrun every process trains and the first one writes; several machines need a folder that all of them see to resume.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

from neuromorph.console import Talk
from neuromorph.data import Dataset
from neuromorph.errors import DivergenceError, RangeError, did_you_mean
from neuromorph.runs.folder import CHECKPOINT, RunFolder
from neuromorph.runs.log import TrainingLog, check_tensorboard
from neuromorph.runs.sizes import hidden_units, pixels, typed, within_memory
from neuromorph.runs.task import Given, Task, Training, longer
from neuromorph.user_file import sha256_of

if TYPE_CHECKING:
    from neuromorph.learning.network.network import Network
    from neuromorph.learning.rule import Rule, Settings
    from neuromorph.learning.training.distributed import Ranks
    from neuromorph.learning.training.trainer import Trainer

CONVOLUTIONAL = ("vgg16", "small-vgg")
"""Networks that have layers of their own."""
NETWORKS = ("dense", *CONVOLUTIONAL)
COLOURED = (32, 32, 3)
"""The images that these take."""
AHEAD = ("cosine", "warmup-cosine")
"""Schedules whose rate at a step depends on how many there will be."""


@dataclass(frozen=True)
class BatchedTask(Task):
    """`rule`: by name, one of the user's own by the absolute path of its file, and `source`, the hash of that file (None: ours).
    `options`: all of the rule's. `settings`: the fields of learning.rule.Settings. `layers`: None where the network has its own.
    `validation`: training samples held out. `tensorboard`: folder for event files, None for none."""

    rule: str
    source: str | None
    options: dict[str, Any]
    network: str
    layers: tuple[int, ...] | None
    feedback: str
    settings: dict[str, Any]
    validation: int
    keep_best: bool
    metrics: int
    device: str
    tensorboard: str | None

    kind: ClassVar[str] = "rule"
    measures: ClassVar[tuple[str, ...]] = ("test_accuracy", "validation_accuracy", "train_accuracy", "seconds")

    @classmethod
    def settled(cls, given: Given, data: Dataset, seed: int) -> BatchedTask:
        from neuromorph.learning.faults import blamed
        from neuromorph.learning.registry import absolute, rule_class, seeded_rule
        from neuromorph.learning.training.distributed import chosen_device
        from neuromorph.learning.training.options import parse_options
        from neuromorph.learning.training.trainer import HELD_OUT

        name = absolute(given["rule"])
        rule = seeded_rule(name, seed, parse_options(rule_class(name), given.get("options", ())))
        network = given.get("network", "dense")
        first = cls(
            seed=seed,
            rule=name,
            source=sha256_of(type(rule)),
            options={option: getattr(rule, option) for option in rule.options()},
            network=network,
            layers=_layers(network, given.get("layers"), rule, data),
            feedback=given.get("feedback", rule.feedback),
            settings=asdict(replace(rule.settings, **_chosen(given, ("first",)))),
            validation=given.get("validation", len(data.train_images) // HELD_OUT),
            keep_best=given.get("keep_best", False),
            metrics=given.get("metrics", 0),
            device=chosen_device(given.get("device", "auto")).type,
            tensorboard=None if "tensorboard" not in given else str(given["tensorboard"]),
        )
        network_built = first.build(rule, data)
        with blamed(rule):
            own = rule.settings_for(network_built, len(data.train_images))
        return replace(first, settings=asdict(_settings(own, given)))

    def on(self, device: str | None) -> BatchedTask:
        from neuromorph.learning.training.distributed import chosen_device

        return self if device is None else replace(self, device=chosen_device(device).type)

    def processes(self) -> AbstractContextManager[Ranks]:
        from neuromorph.learning.training.distributed import chosen_device, processes_of_torchrun

        return processes_of_torchrun(chosen_device(self.device))

    def extended(self, given: Given) -> BatchedTask:
        if "options" in given:
            raise RangeError(f"--set would change rule {self.rule}; a run of a rule is made longer by --epochs alone")
        epochs = longer("epochs", self.settings["epochs"], given, "--epochs")
        return replace(self, settings={**self.settings, "epochs": epochs})

    @property
    def when_longer(self) -> str:
        if self.settings["schedule"] in AHEAD:
            return f"from here on the rate is where the schedule {self.settings['schedule']} of so many epochs has it"
        return (
            f"it ends with the bits of a run of so many epochs: its schedule, {self.settings['schedule']}, looks not ahead"
        )

    def begin(self, data: Dataset, ranks: Any = None) -> BatchedTraining:
        training = BatchedTraining(self, self.trainer(data, ranks))
        if self.tensorboard is not None:
            check_tensorboard(self.tensorboard)
        return training

    def trainer(self, data: Dataset, ranks: Ranks | None = None) -> Trainer:
        from neuromorph.learning.registry import make_rule
        from neuromorph.learning.rule import Settings
        from neuromorph.learning.training.distributed import Ranks
        from neuromorph.learning.training.trainer import Trainer

        rule = make_rule(self.rule, **self.options)
        if sha256_of(type(rule)) != self.source:
            raise RangeError(
                f"rule {self.rule} is not what the run was begun with: its file has changed, or one that it imports; put it back, or train anew"
            )
        return Trainer(
            self.build(rule, data), rule, data, Settings(**self.settings), seed=self.seed, validation=self.validation,
            device=self.device, metrics=self.metrics, keep_best=self.keep_best, ranks=ranks or Ranks(),
        )  # fmt: skip

    def build(self, rule: Rule, data: Dataset) -> Network:
        """The network at its first weights."""
        from neuromorph.learning.faults import blamed
        from neuromorph.learning.network import network as networks

        if self.layers is None:
            make = {"vgg16": networks.vgg16, "small-vgg": networks.small_vgg}[self.network]
            return make(data.classes, feedback=self.feedback, seed=self.seed)
        with blamed(rule), within_memory(self.layers):
            return rule.build(self.layers, self.feedback, self.seed, self.settings["first"])


def _layers(network: str, given: tuple[int, ...] | None, rule: Rule, data: Dataset) -> tuple[int, ...] | None:
    """Sizes that fit the data; None for a network that has its own. Raises RangeError."""
    if network not in NETWORKS:
        raise RangeError(f"unknown network {network!r}; {did_you_mean(network, NETWORKS)}")
    if network in CONVOLUTIONAL:
        _check_convolutional(network, given, rule, data)
        return None
    hidden = hidden_units(data)
    sizes = given or (pixels(data), hidden, data.classes if rule.has_output else hidden)
    if sizes[0] != pixels(data):
        raise RangeError(f"{typed(sizes)} does not fit {data.name}: it has {pixels(data)} values a sample")
    return sizes


def _check_convolutional(network: str, layers: tuple[int, ...] | None, rule: Rule, data: Dataset) -> None:
    if layers is not None:
        raise RangeError(f"{network} has layers of its own; leave out --layers, or take --network dense")
    if (rule.hidden, rule.output) != ("relu", "linear"):
        raise RangeError(
            f"{network} has ReLU and a linear output, and rule {rule.name} needs {rule.hidden} and {rule.output}; take another rule"
        )
    if data.train_images.shape[1:] != COLOURED:
        raise RangeError(f"{network} takes images of 3 x 32 x 32, and {data.name} has others; take --data cifar10")


def _chosen(given: Given, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}


def _settings(own: Settings, given: Given) -> Settings:
    """The rule's own, but for what was given."""
    chosen = _chosen(given, tuple(field.name for field in fields(own)))
    if chosen.get("optimizer", own.optimizer) != own.optimizer:
        chosen = {"momentum": 0.0, **chosen}  # the rule's own belongs to its own optimiser
    if "rate" in chosen:
        try:
            rates = tuple(float(part) for part in str(chosen["rate"]).split(","))
        except ValueError:
            raise RangeError(
                f"--rate {chosen['rate']!r} is no number, nor numbers with commas between, one a connection"
            ) from None
        chosen["rate"] = rates[0] if len(rates) == 1 else rates
    return replace(own, **chosen)


class BatchedTraining(Training):
    """`trainer`: does it."""

    def __init__(self, task: BatchedTask, trainer: Trainer) -> None:
        self.task, self.trainer = task, trainer

    def go_on_from(self, run: RunFolder) -> None:
        if run.has_checkpoint:
            self.trainer.load(run.path / CHECKPOINT)
            run.description["history"] = self.trainer.history  # run.json may be older, if the run was killed between the two

    def train(self, run: RunFolder, talk: Talk) -> dict[str, Any]:
        task, trainer = self.task, self.trainer
        talk.say(f"{run.path}: rule {task.rule}, {run.description['data']['name']}, seed {task.seed}, {trainer.device}")
        try:
            if not run.has_checkpoint:
                self._save(run)
            self._epochs(run, talk)
        except KeyboardInterrupt:
            self._save(run)
            raise
        except DivergenceError as error:
            return self._finish(run, {"test_accuracy": None, "diverged": True, "error": str(error)})
        results = self._finish(run, {"test_accuracy": trainer.test_accuracy(), "diverged": False})
        talk.say(f"test accuracy {100 * results['test_accuracy']:.2f} %, {results['seconds']:.0f} s")
        return results

    def _epochs(self, run: RunFolder, talk: Talk) -> None:
        trainer, epochs, samples = self.trainer, self.trainer.settings.epochs, len(self.trainer.batches.samples)
        with (
            TrainingLog(talk, self.task.tensorboard if trainer.ranks.rank == 0 else None, run.path.name) as log,
            talk.bar("training", epochs * samples) as bar,
        ):

            def progress(count: int, accuracy: float) -> None:
                bar.advance(count)
                bar.note(f"training {100 * accuracy:.2f} %")

            bar.advance(trainer.epoch * samples + trainer.position * trainer.settings.batch)
            while trainer.epoch < epochs:
                entry = trainer.run_epoch(progress)
                self._save(run)
                log.add(entry)

    def _save(self, run: RunFolder) -> None:
        self.trainer.save(run.path / CHECKPOINT)
        run.description["history"] = self.trainer.history
        run.write()

    def _finish(self, run: RunFolder, found: Mapping[str, Any]) -> dict[str, Any]:
        tested = self.trainer.tested
        return run.finish(
            {
                "rule": self.task.rule,
                **found,
                "test_accuracy_spread": None,
                "validation_accuracy": tested.get("validation_accuracy"),
                "train_accuracy": tested.get("train_accuracy"),
                "seconds": sum(entry["seconds"] for entry in self.trainer.history),
                "seed": self.task.seed,
            }
        )
