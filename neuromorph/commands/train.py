"""`neuromorph train`: which of the trainings a choice of options asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromorph.commands.options import AsJson, DataDir, layers_of, typed_command
from neuromorph.commands.train_options import (
    Backend,
    BatchSize,
    Bits,
    DataName,
    Device,
    Epochs,
    Feedback,
    First,
    KeepBest,
    Layers,
    Metrics,
    Momentum,
    NetworkName,
    OptimizerName,
    Out,
    Rate,
    Resume,
    RuleName,
    RuleOptions,
    Samples,
    Schedule,
    Seed,
    Seeds,
    TensorBoard,
    Validation,
    WeightDecay,
)
from neuromorph.errors import DivergenceError, RangeError, did_you_mean
from neuromorph.extras import need

if TYPE_CHECKING:
    from neuromorph.console import Talk

BACKENDS = ("native", "torch")
BATCHED = ("options", "network", "batch", "rate", "optimizer", "momentum", "weight_decay", "schedule", "first", "keep_best",
           "metrics", "tensorboard", "device")  # fmt: skip
MACHINE = ("rule", "data", "samples", "data_dir", "options", "rate", "seed", "seeds", "out", "backend")
RESUMED = ("resume", "device", "data_dir", "epochs", "options")


def train(
    data: DataName = None,
    layers: Layers = None,
    feedback: Feedback = None,
    epochs: Epochs = None,
    seed: Seed = None,
    seeds: Seeds = None,
    validation: Validation = None,
    samples: Samples = None,
    out: Out = None,
    resume: Resume = None,
    bits: Bits = None,
    backend: Backend = None,
    rule: RuleName = None,
    options: RuleOptions = None,
    network: NetworkName = None,
    batch: BatchSize = None,
    rate: Rate = None,
    optimizer: OptimizerName = None,
    momentum: Momentum = None,
    weight_decay: WeightDecay = None,
    schedule: Schedule = None,
    first: First = None,
    keep_best: KeepBest = None,
    metrics: Metrics = None,
    tensorboard: TensorBoard = None,
    device: Device = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Train a network of dyads at chip precision: integers, one sample at a time; or, with --rule, by any rule in batches."""
    from neuromorph.console import Talk
    from neuromorph.runs.folder import is_first

    chosen = {
        "data": data, "layers": layers, "feedback": feedback, "epochs": epochs, "seed": seed, "seeds": seeds,
        "validation": validation, "out": out, "resume": resume, "bits": bits, "backend": backend, "rule": rule,
        "options": options, "network": network, "batch": batch, "rate": rate, "optimizer": optimizer,
        "momentum": momentum, "weight_decay": weight_decay, "schedule": schedule, "first": first,
        "keep_best": keep_best, "metrics": metrics, "samples": samples, "tensorboard": tensorboard, "device": device,
        "data_dir": data_dir,
    }  # fmt: skip
    talk = Talk(json or not is_first())
    results = train_as_chosen(chosen, talk)
    if is_first():
        talk.result(results)
    if results.get("diverged"):
        raise DivergenceError(results["error"])


def backend_of(given: Mapping[str, Any]) -> str:
    """native or torch, of the options that were given. Raises RangeError for those that do not go together."""
    backend = given.get("backend", "torch" if "rule" in given else "native")
    if backend not in BACKENDS:
        raise RangeError(f"unknown backend {backend!r}; {did_you_mean(backend, BACKENDS)}")
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
    from neuromorph.runs.runner import kind_of, train

    if "layers" in given:
        given["layers"] = layers_of(given["layers"])
    given.setdefault("data", "digits")
    kind = _kind(given)
    first = given.get("seed", 0)
    seeds = range(first, first + given.get("seeds", 1))
    what = given.get("rule", given.get("feedback", "learned"))
    plain = "-".join(re.sub(r"[^\w.+-]+", "-", Path(name).name) for name in (given["data"], what))  # both may be paths
    folder: Path = given.get("out", Path("runs") / f"{plain}-{datetime.now():%Y%m%d-%H%M%S}")
    with telling_how_to_go_on(folder):
        return train(kind_of(kind), given, seeds, folder, typed_command(), talk)


def _kind(given: Mapping[str, Any]) -> str:
    """Of run, that the options ask for. Raises RangeError for those that do not go together."""
    if backend_of(given) == "native":
        return "chip"
    need("torch", "train --rule")
    if not given["rule"].startswith("rbm-"):
        return "rule"
    strangers = sorted(given.keys() - set(MACHINE))
    if strangers:
        raise RangeError(
            f"{_typed(strangers[0])} does not go with rule {given['rule']}, which trains a Boltzmann machine; its options: neuromorph rules "
            f"{given['rule']}"
        )
    return "boltzmann"


def _resume(given: Mapping[str, Any], talk: Talk) -> dict[str, Any]:
    """Go on with a run, or with all runs of several seeds."""
    from neuromorph.runs.folder import telling_how_to_go_on
    from neuromorph.runs.runner import More, resume

    path: Path = given["resume"]
    strangers = sorted(given.keys() - set(RESUMED))
    if strangers:
        raise RangeError(
            f"--resume goes on with what '{path}' was begun with, and {_typed(strangers[0])} would change it: leave it out, or train anew"
        )
    longer = {name: given[name] for name in ("epochs", "options") if name in given}
    with telling_how_to_go_on(path):
        return resume(path, More(typed_command(), longer, given.get("device"), given.get("data_dir")), talk)
