"""`neuromorph train`: a dyadic network learns at chip precision, one sample at a time, with checkpoints."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.console import Talk
from neuromorph.data import Dataset, load
from neuromorph.deploy.freeze import freeze
from neuromorph.engine.online import OnlineTraining, accuracy
from neuromorph.interrupt import deferred_interrupt
from neuromorph.networks.dyadic_mlp.network import DyadicMLP
from neuromorph.networks.dyadic_mlp.recipe import recipe_for
from neuromorph.program import Array, Program
from neuromorph.runs.folder import RunFolder

SHOWN = 2000
"""Samples on which the accuracy of an epoch is measured when nothing is held out."""


@dataclass(frozen=True)
class Task:
    """What to train on what. `validation`: training images held out (the last ones); 0 trains on all."""

    data: str
    layers: tuple[int, ...]
    feedback: str
    epochs: int | None
    validation: int
    data_dir: Path | None


def describe(task: Task, seed: int) -> dict[str, Any]:
    """What a run folder says of this run."""
    recipe = recipe_for(task.data, len(task.layers) - 2)
    if task.epochs is not None:
        recipe = replace(recipe, epochs=task.epochs)
    network = DyadicMLP(task.layers, feedback=task.feedback, seed=seed, recipe=recipe)
    return {
        "network": network.arguments(),
        "data": task.data,
        "data_dir": str(task.data_dir) if task.data_dir else None,
        "epochs": recipe.epochs,
        "validation": task.validation,
    }


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


def first_bits(run: RunFolder, data: Dataset, steps: int) -> bool:
    """Whether the first `steps` steps of this very training are the same in Lava's models, every variable at every step."""
    from neuromorph.processes.equivalence.check import check_bits

    network, parts = RunFolder(run.path, run.description).network(), split(data, run.description["validation"])
    order = np.random.default_rng([network.seed, 2, 0]).permutation(len(parts.images))[: -(-steps // network.steps)]
    interval = network.recipe.rate_interval(len(parts.images) * run.description["epochs"])
    graph = network.build(parts.images[order], parts.labels[order], rate_interval=interval)
    return check_bits(graph.readout, steps).equal


def train(run: RunFolder, talk: Talk) -> dict[str, Any]:
    """Train to the end, from the checkpoint if there is one, then read the test set once.

    Ctrl-C saves a checkpoint and raises KeyboardInterrupt; the same call on the same folder then goes on, to the same bits
    as if it had never stopped. Returns the results that are also in the folder.
    """
    described = run.description
    data = load(described["data"], described["data_dir"] and Path(described["data_dir"]))
    parts, network = split(data, described["validation"]), run.network()
    start = run.checkpoint() if run.history or described.get("interrupted") else None
    training = network.training(parts.images, parts.labels, described["epochs"], start)
    began, before = time.perf_counter(), described.get("seconds", 0.0)
    try:
        with talk.bar("training", described["epochs"] * len(parts.images)) as bar:
            bar.advance(training.samples_seen)
            while training.epoch < described["epochs"]:
                training.run_epoch(bar.advance)
                described["seconds"] = before + time.perf_counter() - began
                with deferred_interrupt():
                    bar.note(_end_epoch(run, network, training, parts, talk))
    except KeyboardInterrupt:
        described["interrupted"] = True
        described["seconds"] = before + time.perf_counter() - began
        run.save_checkpoint(training.snapshot())
        raise
    return _finish(run, network, training.snapshot(), data)


def _end_epoch(run: RunFolder, network: DyadicMLP, training: OnlineTraining, parts: Split, talk: Talk) -> str:
    program = training.snapshot()
    network.take_weights(program)
    reached = accuracy(program, network.samples(parts.shown_images), parts.shown_labels)
    rate = float(training.engine.get("hidden1", "rate")[0]) / 2**16
    cosine = network.alignment()
    entry = {"epoch": training.epoch, parts.shown: reached, "cosine": cosine, "rate": rate}
    run.history.append({**entry, "seconds": run.description["seconds"]})
    run.save_checkpoint(program)
    cosines = ", ".join(f"{c:.3f}" for c in cosine)
    talk.say(
        f"epoch {training.epoch:3d}  {parts.shown} accuracy {100 * reached:6.2f} %  cosine of W and B {cosines}  y3 {rate:5.1f}"
    )
    return f"{parts.shown} {100 * reached:.2f} %"


def _finish(run: RunFolder, network: DyadicMLP, program: Program, data: Dataset) -> dict[str, Any]:
    images = network.samples(data.test_images)
    results = {
        "test_accuracy": accuracy(program, images, data.test_labels),
        "test_accuracy_frozen": accuracy(freeze(program)[0], images, data.test_labels),
        "seconds": run.description["seconds"],
        "seed": network.seed,
    }
    run.description.pop("interrupted", None)
    run.description |= results
    run.save_checkpoint(program)
    return results
