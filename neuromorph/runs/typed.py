"""The `neuromorph train` that makes a task, as one would type it: what is said is what would otherwise be something else."""

from __future__ import annotations

import shlex
from typing import Any

from neuromorph.data import Dataset
from neuromorph.runs.batched import BatchedTask
from neuromorph.runs.boltzmann import BoltzmannTask

DATA = "digits"
"""Which train takes when nobody says."""


def command_of(task: BatchedTask | BoltzmannTask, data: Dataset, samples: int | None = None, seeds: int = 1) -> str:
    """`data`: what it is trained on, the first `samples` of a set that a name leads to; `seeds`: how many, from the task's own on."""
    said = _of_rule(task, data) if isinstance(task, BatchedTask) else _of_machine(task, data)
    words = ["--rule", task.rule, *(["--data", data.name] if data.name != DATA else []), *said]
    for name, value, plain in (("samples", samples, None), ("seed", task.seed, 0), ("seeds", seeds, 1)):
        words += [] if value == plain else [f"--{name}", str(value)]
    return shlex.join(["neuromorph", "train", *words])


def _of_rule(task: BatchedTask, data: Dataset) -> list[str]:
    given: dict[str, Any] = {"rule": task.rule, "network": task.network}
    if task.layers is not None:
        given["layers"] = task.layers
    if task.settings["optimizer"] != BatchedTask.settled(given, data, task.seed).settings["optimizer"]:
        given["optimizer"] = task.settings["optimizer"]  # with which other numbers go
    plain = BatchedTask.settled(given, data, task.seed)
    words = [f"--network={task.network}"] if task.network != "dense" else []
    words += ["--layers", "-".join(map(str, task.layers))] if task.layers is not None else []
    words += _sets(task.options, plain.options)
    for name in ("feedback", "validation", "metrics"):
        if getattr(task, name) != getattr(plain, name):
            words += [f"--{name}", str(getattr(task, name))]
    words += ["--keep-best"] if task.keep_best else []
    words += ["--optimizer", given["optimizer"]] if "optimizer" in given else []
    for name, value in task.settings.items():
        if value != plain.settings[name]:
            words += [f"--{name.replace('_', '-')}", _text(value)]
    return words


def _of_machine(task: BoltzmannTask, data: Dataset) -> list[str]:
    plain = BoltzmannTask.settled({"rule": task.rule}, data, task.seed)
    return _sets(task.options, plain.options)


def _sets(options: dict[str, Any], plain: dict[str, Any]) -> list[str]:
    said = [f"{name}={_text(value)}" for name, value in options.items() if value != plain[name]]
    return [word for text in said for word in ("--set", text)]


def _text(value: Any) -> str:
    """As learning.training.options reads it."""
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool | None) else str(value)
