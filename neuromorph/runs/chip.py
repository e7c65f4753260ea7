"""Runs of kind chip: a dyadic network learns in the chip's integers, one sample at a time (`neuromorph train`).

The rate y3 falls in equal intervals from the recipe's first to its last value over the recipe's epochs. A run that is made longer goes on
at the interval it was begun with: the bits of a run whose recipe has as few epochs and which is trained for as many.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from neuromorph.console import Talk
from neuromorph.data import Dataset, Scaling
from neuromorph.deploy.artifact.file import load, save
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.deploy.freeze import freeze
from neuromorph.engine.online import OnlineTraining, accuracy
from neuromorph.errors import ArtifactError, NeuromorphError, RangeError
from neuromorph.extras import has
from neuromorph.interrupt import deferred_interrupt
from neuromorph.networks.dyadic_mlp.network import DyadicMLP
from neuromorph.networks.dyadic_mlp.recipe import Recipe, recipe_for
from neuromorph.processes.equivalence.recorded import check_program, is_recorded
from neuromorph.processes.equivalence.result import BitCheck
from neuromorph.program import Array, Program
from neuromorph.runs.folder import CHECKPOINT, RunFolder
from neuromorph.runs.origin import Origin
from neuromorph.runs.sizes import hidden_units, pixels, typed, within_memory
from neuromorph.runs.task import Given, Task, Training, longer

SHOWN = 2000
"""Samples on which the accuracy of an epoch is measured when nothing is held out."""
BITS = 200
"""First steps that are compared with Lava's models when nobody says."""
CHECKED = 100
"""Images that a trained network shows when it is compared with Lava's models."""


@dataclass(frozen=True)
class ChipTask(Task):
    """`recipe`: its numbers. `epochs`: in all; the recipe's own are those over which its rate falls. `validation`: training samples
    held out (the last ones); 0 trains on all. `bits`: first steps that are compared with Lava's models."""

    layers: tuple[int, ...]
    feedback: str
    recipe: dict[str, Any]
    epochs: int
    validation: int
    bits: int

    kind: ClassVar[str] = "chip"
    measures: ClassVar[tuple[str, ...]] = ("test_accuracy", "test_accuracy_frozen", "seconds")

    @classmethod
    def settled(cls, given: Given, data: Dataset, seed: int) -> ChipTask:
        sizes = given.get("layers") or (pixels(data), hidden_units(data), data.classes)
        feedback, validation = given.get("feedback", "learned"), given.get("validation", 0)
        _check(sizes, validation, data)
        with within_memory(sizes):
            network = DyadicMLP(sizes, feedback, seed, recipe_for(data.name, len(sizes) - 2), data.scaling)
            if network.recipe is None:
                network.calibrate(split(data, validation).images)
        epochs = given.get("epochs", network.known_recipe.epochs)
        return cls(
            seed=seed, layers=sizes, feedback=feedback, recipe=asdict(replace(network.known_recipe, epochs=epochs)),
            epochs=epochs, validation=validation, bits=given.get("bits", BITS),
        )  # fmt: skip

    def extended(self, given: Given) -> ChipTask:
        if "options" in given:
            raise RangeError("--set is of rules; a run at chip precision is made longer by --epochs alone")
        return replace(self, epochs=longer("epochs", self.epochs, given, "--epochs"))

    @property
    def when_longer(self) -> str:
        return "the rate y3 goes on falling at the interval it was begun with"

    def begin(self, data: Dataset, ranks: Any = None) -> ChipTraining:
        with within_memory(self.layers):
            return ChipTraining(self, self.network(data.scaling), split(data, self.validation), data)

    def network(self, scaling: Scaling) -> DyadicMLP:
        """At its first weights, for data of this scaling."""
        return DyadicMLP(self.layers, self.feedback, self.seed, Recipe.from_dict(self.recipe), scaling)


def _check(layers: Sequence[int], validation: int, data: Dataset) -> None:
    if layers[0] != pixels(data) or layers[-1] != data.classes:
        raise RangeError(
            f"{typed(layers)} does not fit {data.name}: it has {pixels(data)} values a sample and "
            f"{data.classes} classes, so write {pixels(data)}-...-{data.classes}"
        )
    if validation >= len(data.train_images):
        raise RangeError(f"--validation {validation} leaves nothing of {len(data.train_images)} training images")


def chip_task(run: RunFolder) -> ChipTask:
    """Raises ArtifactError for a run of another kind: its weights are no integers."""
    if run.kind != ChipTask.kind:
        raise ArtifactError(
            f"'{run.path}' was trained by rule {run.description['task'].get('rule')}, not at chip precision; take a run made without "
            "--rule"
        )
    return ChipTask.from_dict(run.description["task"])


def network_of(run: RunFolder) -> DyadicMLP:
    """The network of a run with the weights of its checkpoint, or as its first weights were drawn where there is none."""
    network = chip_task(run).network(Scaling.from_dict(Origin.of_run(run).scaling))
    if run.has_checkpoint:
        network.take_weights(load(run.path / CHECKPOINT).program)
    return network


def provenance_of(run: RunFolder) -> Provenance:
    """What an artifact says of where it comes from."""
    known, results = run.description, run.description.get("results", {})
    notes = {name: known[name] for name in ("task", "data")} | {"epochs_done": len(run.history)}
    accuracies = {name: results[name] for name in ChipTask.measures[:2] if name in results}
    return Provenance(
        seed=known["task"]["seed"], data_set=known["data"]["name"], accuracies=accuracies, command=known.get("command"),
        notes=notes,
    )  # fmt: skip


@dataclass
class Split:
    """Training images, and those on which the accuracy of an epoch is measured (named in `shown`)."""

    images: Array
    labels: Array
    shown_images: Array
    shown_labels: Array
    shown: str


def split(data: Dataset, validation: int) -> Split:
    images, labels = data.train_images, data.train_labels
    if validation:
        return Split(images[:-validation], labels[:-validation], images[-validation:], labels[-validation:], "validation")
    return Split(images, labels, images[:SHOWN], labels[:SHOWN], "training")


@dataclass
class ChipTraining(Training):
    """`start`: the Program to go on from."""

    task: ChipTask
    network: DyadicMLP
    parts: Split
    data: Dataset
    start: Program | None = None

    def go_on_from(self, run: RunFolder) -> None:
        if run.has_checkpoint:
            self.start = load(run.path / CHECKPOINT).program

    def train(self, run: RunFolder, talk: Talk) -> dict[str, Any]:
        task, described = self.task, run.description
        talk.say(f"{run.path}: {'-'.join(map(str, task.layers))}, {task.feedback} feedback, seed {task.seed}")
        named = recipe_for(self.data.name, len(task.layers) - 2)
        if named and task.epochs < named.epochs // 2:
            talk.say(
                f"note: the recipe of {self.data.name} was chosen for {named.epochs} epochs; in {task.epochs} a DyadicMLP that is fitted "
                "in Python, and finds its own, may reach more"
            )
        training = self.network.training(self.parts.images, self.parts.labels, task.recipe["epochs"], self.start)
        for layer in self.network.health(self.parts.images):
            if layer.is_ill:
                talk.say(f"note: {layer}, before training")
        if task.bits and self.start is None:
            self._compare_first_bits(run, training, talk)
        began, before = time.perf_counter(), described.get("seconds", 0.0)
        try:
            with talk.bar("training", task.epochs * len(self.parts.images)) as bar:
                bar.advance(training.samples_seen)
                while training.epoch < task.epochs:
                    training.run_epoch(bar.advance)
                    described["seconds"] = before + time.perf_counter() - began
                    with deferred_interrupt():
                        bar.note(self._end_epoch(run, training, talk))
        except KeyboardInterrupt:
            described["seconds"] = before + time.perf_counter() - began
            _save(run, training.snapshot())
            raise
        return self._finish(run, training.snapshot(), talk)

    def _compare_first_bits(self, run: RunFolder, training: OnlineTraining, talk: Talk) -> None:
        """Raises NeuromorphError where the engine and Lava's models differ."""
        steps = self.task.bits
        found = first_bits(training, steps)
        if found is None:
            talk.say("Lava is not installed, and of this training nothing of it is recorded: no bits are compared")
            return
        run.description["first_bits"] = {"steps": steps, "equal": found.equal}
        talk.say(f"first {steps} steps against {found.against}: {'every bit equal' if found.equal else 'DIFFERENT'}")
        if not found.equal:
            raise NeuromorphError(f"the engine differs from {found.against}: {found.first_difference}")

    def _end_epoch(self, run: RunFolder, training: OnlineTraining, talk: Talk) -> str:
        program, network, parts = training.snapshot(), self.network, self.parts
        network.take_weights(program)
        reached = accuracy(program, network.samples(parts.shown_images), parts.shown_labels)
        rate = float(training.engine.get("hidden1", "rate")[0]) / 2**16
        cosine = network.alignment()
        entry = {"epoch": training.epoch, parts.shown: reached, "cosine": cosine, "rate": rate}
        run.history.append({**entry, "seconds": run.description["seconds"]})
        _save(run, program)
        cosines = ", ".join(f"{c:.3f}" for c in cosine)
        talk.say(
            f"epoch {training.epoch:3d}  {parts.shown} accuracy {100 * reached:6.2f} %  cosine of W and B {cosines}  y3 {rate:5.1f}"
        )
        return f"{parts.shown} {100 * reached:.2f} %"

    def _finish(self, run: RunFolder, program: Program, talk: Talk) -> dict[str, Any]:
        images, labels = self.network.samples(self.data.test_images), self.data.test_labels
        results = {
            "test_accuracy": accuracy(program, images, labels),
            "test_accuracy_frozen": accuracy(freeze(program)[0], images, labels),
            "seconds": run.description["seconds"],
            "seed": self.task.seed,
            **{f"first_bits_{name}": value for name, value in run.description.get("first_bits", {}).items()},
        }
        told = run.finish(results)
        _save(run, program)
        talk.say(
            f"test accuracy {100 * results['test_accuracy']:.2f} % (weights of -256..255), "
            f"{100 * results['test_accuracy_frozen']:.2f} % frozen to even weights, {results['seconds']:.0f} s"
        )
        return told


def first_bits(training: OnlineTraining, steps: int) -> BitCheck | None:
    """The engine held against Lava on the first `steps` steps of this very training, every variable at every step.

    None where Lava is not installed and nothing of this training is recorded: nothing was compared.
    """
    program = training.beginning(max(steps, BITS))  # samples for BITS steps at least: one record serves fewer steps too
    return check_program(program, steps) if has("lava") or is_recorded(program) else None


def first_images(network: DyadicMLP, data: Dataset) -> Program:
    """The network with its present weights, learning on, on the first training images."""
    return network.program(data.train_images[:CHECKED], data.train_labels[:CHECKED])


def _save(run: RunFolder, program: Program) -> None:
    save(program, run.path / CHECKPOINT, provenance_of(run), overwrite=True)
    run.write()
