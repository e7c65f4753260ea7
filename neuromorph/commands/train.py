"""`neuromorph train`: which of the trainings a choice of options asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.options import AsJson, DataDir, layers_of
from neuromorph.errors import DivergenceError, RangeError
from neuromorph.extras import need

if TYPE_CHECKING:
    from neuromorph.console import Talk
    from neuromorph.runs.folder import RunFolder

_option = partial(typer.Option, rich_help_panel="In batches, with --rule (defaults: the rule's own)")

RuleName = Annotated[str | None, _option(help="Learning rule, such as dp; an unknown name lists all.")]
RuleOptions = Annotated[list[str] | None, _option("--set", help="name=value, an option of the rule; repeatable.")]
NetworkName = Annotated[str | None, _option(help="dense, or vgg16 for cifar10 (dense).")]
BatchSize = Annotated[int | None, _option(help="Samples a step.", min=1)]
Rate = Annotated[str | None, _option(help="Learning rate, or one for each connection: 0.1,0.05.")]
OptimizerName = Annotated[str | None, _option(help="Of torch.optim: sgd, adam, ...")]
Momentum = Annotated[float | None, _option(help="Of sgd and rmsprop.", min=0)]
WeightDecay = Annotated[float | None, _option(help="Feedback kolen-pollack needs some.", min=0)]
Schedule = Annotated[str | None, _option(help="constant, cosine, warmup-cosine or exponential.")]
KeepBest = Annotated[bool | None, _option("--keep-best", help="Test the epoch that did best on held out images (the last).")]
Metrics = Annotated[int | None, _option(help="Every N epochs measure layers: angle to the gradient, saturation, ...", min=1)]
TensorBoard = Annotated[Path | None, _option(help="Folder for TensorBoard's event files.")]
Device = Annotated[str | None, _option(help="cpu, cuda or auto (auto).")]

SETTINGS = ("optimizer", "rate", "batch", "epochs", "momentum", "weight_decay", "schedule")
BATCHED = ("options", "network", "batch", "rate", "optimizer", "momentum", "weight_decay", "schedule", "keep_best", "metrics",
           "tensorboard", "device")  # fmt: skip
MACHINE = ("rule", "data", "data_dir")
TASK = ("rule", "data", "network", "layers", "feedback", "validation", "keep_best", "metrics", "device")


MOST_SEED = 2**24
"""Learning rules of a network draw from streams whose seeds are up to 64 times as large, in 32 bits."""


def train(
    data: Annotated[str | None, typer.Option(help="digits, mnist, cifar10, ... (digits).")] = None,
    layers: Annotated[
        str | None, typer.Option(help="Sizes, such as 784-512-10 (one hidden layer that suits the data).")
    ] = None,
    feedback: Annotated[
        str | None,
        typer.Option(
            help="learned, random or tied (tied: simulation only) (learned); with --rule tied, random, direct, "
            "kolen-pollack or sign, of dyadic-arbitrary also transpose (the rule's)."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training set (the recipe's or rule's).", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the run repeat bit for bit (0).", min=0, max=MOST_SEED)] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Train this many networks, from seeds SEED, SEED+1, ...; mean and spread (1).", min=1)
    ] = None,
    validation: Annotated[
        int | None, typer.Option(help="Hold out this many of the last training images (0; a tenth with --rule).", min=0)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Run folder (runs/DATA-...).")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with an interrupted run folder.")] = None,
    bits: Annotated[
        int | None, typer.Option(help="Check this many first steps against Lava's models; 0: none (200).", min=0)
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="native: chip precision, torch: batches (native; torch with --rule).")
    ] = None,
    rule: RuleName = None,
    options: RuleOptions = None,
    network: NetworkName = None,
    batch: BatchSize = None,
    rate: Rate = None,
    optimizer: OptimizerName = None,
    momentum: Momentum = None,
    weight_decay: WeightDecay = None,
    schedule: Schedule = None,
    keep_best: KeepBest = None,
    metrics: Metrics = None,
    tensorboard: TensorBoard = None,
    device: Device = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Train a network of dyads at chip precision: integers, one sample at a time; or, with --rule, by any rule in batches."""
    from neuromorph.console import Talk

    chosen = {
        "data": data, "layers": layers, "feedback": feedback, "epochs": epochs, "seed": seed, "seeds": seeds,
        "validation": validation, "out": out, "resume": resume, "bits": bits, "backend": backend, "rule": rule,
        "options": options, "network": network, "batch": batch, "rate": rate, "optimizer": optimizer,
        "momentum": momentum, "weight_decay": weight_decay, "schedule": schedule, "keep_best": keep_best,
        "metrics": metrics, "tensorboard": tensorboard, "device": device, "data_dir": data_dir,
    }  # fmt: skip
    is_first = int(os.environ.get("RANK", "0")) == 0  # of the processes of torchrun
    talk = Talk(json or not is_first)
    results = train_as_chosen(chosen, talk)
    if is_first:
        talk.result(results)
    if results.get("diverged"):
        raise DivergenceError(results["error"])


def backend_of(given: Mapping[str, Any]) -> str:
    """native or torch, of the options that were given. Raises RangeError for those that do not go together."""
    backend = given.get("backend", "torch" if "rule" in given else "native")
    if backend not in ("native", "torch"):
        raise RangeError(f"unknown backend {backend!r}; known are native, torch")
    if backend == "torch" and "rule" not in given:
        raise RangeError("backend torch trains by a rule; name one with --rule, such as --rule dp")
    if backend == "native" and "rule" in given:
        raise RangeError(
            f"--rule {given['rule']} needs backend torch: native is the chip's arithmetic, where the rule of the dyad alone is built in; "
            "leave out --rule to train with it"
        )
    strangers = [name for name in (("bits",) if backend == "torch" else BATCHED) if name in given]
    if strangers:
        why = "checks the chip's arithmetic; leave out --rule" if backend == "torch" else "is for batches; name a --rule"
        raise RangeError(f"{_typed(strangers[0])} does not go with backend {backend}: it {why}")
    return str(backend)


def _typed(name: str) -> str:
    """An option as the user types it."""
    return "--set" if name == "options" else f"--{name.replace('_', '-')}"


def train_as_chosen(chosen: Mapping[str, Any], talk: Talk) -> dict[str, Any]:
    """Train, or go on, as the options of the command say; the results."""
    given = {name: value for name, value in chosen.items() if value is not None}
    if "resume" in given:
        return _resume(given, talk)
    return _train(given, talk)


def _train(given: dict[str, Any], talk: Talk) -> dict[str, Any]:
    from neuromorph.runs.folder import telling_how_to_go_on

    if "layers" in given:
        given["layers"] = layers_of(given["layers"])
    given.setdefault("data", "digits")
    first = given.get("seed", 0)
    seeds = range(first, first + given.get("seeds", 1))
    is_rule, feedback = backend_of(given) == "torch", given.get("feedback", "learned")
    folder = _folder(given, given["rule"] if is_rule else feedback)
    with telling_how_to_go_on(folder):
        if is_rule:
            return _train_rule(given, seeds, folder, talk)
        from neuromorph.runs.chip_seeds import train_all

        return train_all(
            data=given["data"], layers=given.get("layers"), feedback=feedback, epochs=given.get("epochs"),
            validation=given.get("validation", 0), data_dir=given.get("data_dir"), seeds=seeds, folder=folder,
            bits=given.get("bits", 200), talk=talk,
        )  # fmt: skip


def _train_rule(given: Mapping[str, Any], seeds: range, folder: Path, talk: Talk) -> dict[str, Any]:
    from neuromorph.runs.batched import Task, train_rule

    need("torch", "train --rule")
    if given["rule"].startswith("rbm-"):
        return _train_machine(given, seeds, folder, talk)
    named = {name: given[name] for name in TASK if name in given}
    paths: dict[str, Any] = {name: str(given[name]) for name in ("tensorboard", "data_dir") if name in given}
    settings = {name: given[name] for name in SETTINGS if name in given}
    task = Task(**named, **paths, options=tuple(given.get("options", ())), settings=settings)
    return train_rule(task, seeds, folder, talk)


def _train_machine(given: Mapping[str, Any], seeds: range, folder: Path, talk: Talk) -> dict[str, Any]:
    from neuromorph.runs.machine import Task, train_machine

    strangers = sorted(given.keys() - {*MACHINE, "options", "rate", "seed", "seeds", "out", "backend"})
    if strangers:
        raise RangeError(
            f"{_typed(strangers[0])} does not go with rule {given['rule']}, which trains a Boltzmann machine; its options: neuromorph rules "
            f"{given['rule']}"
        )
    options = [*given.get("options", ()), *([f"rate={given['rate']}"] if "rate" in given else [])]
    task = Task(**{name: str(given[name]) for name in MACHINE if name in given}, options=tuple(options))
    return train_machine(task, seeds, folder, talk)


def _folder(given: Mapping[str, Any], what: str) -> Path:
    folder: Path = given.get("out", Path("runs") / f"{given['data']}-{what}-{datetime.now():%Y%m%d-%H%M%S}")
    return folder


def _resume(given: Mapping[str, Any], talk: Talk) -> dict[str, Any]:
    """Go on with a run, or with all runs of several seeds."""
    from neuromorph.runs.folder import RunFolder, telling_how_to_go_on

    path: Path = given["resume"]
    strangers = sorted(given.keys() - {"resume", "device"})
    if strangers:
        raise RangeError(
            f"--resume goes on with what '{path}' was begun with, and {_typed(strangers[0])} would change it: leave it out, or train anew"
        )
    runs = RunFolder.several(path)
    with telling_how_to_go_on(path):
        if not runs:
            return _go_on(path, given.get("device"), talk)
        if all(run.is_finished for run in runs):
            raise RangeError(f"all {len(runs)} runs of '{path}' have been trained to their end; there is nothing to resume")
        results = [run.results if run.is_finished else _go_on(run.path, given.get("device"), talk) for run in runs]
    found: dict[str, Any] = results[0] if len(runs) == 1 else _kind(runs[0]).summary(results, talk)
    return found


def _go_on(path: Path, device: str | None, talk: Talk) -> dict[str, Any]:
    from neuromorph.runs.folder import RunFolder

    found: dict[str, Any] = _kind(RunFolder.open(path)).resume(path, talk, device)
    return found


def _kind(run: RunFolder) -> Any:
    """The module that trains runs of this kind."""
    from neuromorph.runs import batched, chip_seeds, machine

    if run.description["network"] == machine.NETWORK:
        return machine
    return batched if "rule" in run.description else chip_seeds
