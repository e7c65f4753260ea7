"""What `neuromorph train` does around the training itself: folders, seeds, the check of the first bits, the summary."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from neuromorph.console import Talk
from neuromorph.data import Dataset, load
from neuromorph.errors import NeuromorphError, RangeError
from neuromorph.runs.chip import Task, describe, first_bits, train
from neuromorph.runs.folder import RunFolder

HIDDEN = {"digits": 128, "mnist": 512}
DEFAULT_HIDDEN = 256


def train_all(
    *,
    data: str,
    layers: tuple[int, ...] | None,
    feedback: str,
    epochs: int | None,
    validation: int,
    data_dir: Path | None,
    seeds: Iterable[int],
    folder: Path,
    bits: int,
    talk: Talk,
) -> dict[str, Any]:
    """One run folder per seed (inside `folder` when there are several); the results, and mean and spread of several."""
    loaded = load(data, data_dir)
    sizes = layers or (pixels(loaded), hidden_units(loaded), loaded.classes)
    _check(sizes, loaded, validation)
    task = Task(data, sizes, feedback, epochs, validation, data_dir)
    runs = RunFolder.create_each(folder, {seed: describe(task, seed) for seed in seeds})
    results = [_one(run, loaded, bits, talk) for run in runs]
    return results[0] if len(results) == 1 else summary(results, talk)


def resume(path: Path, talk: Talk, device: str | None = None) -> dict[str, Any]:
    """Go on with a run folder. Raises RangeError for a device: chip precision is computed on the CPU."""
    if device not in (None, "auto", "cpu"):
        raise RangeError(f"--device {device}: '{path}' is a run at chip precision, which the CPU computes; leave it out")
    return _trained(RunFolder.unfinished(path), talk)


def pixels(data: Dataset) -> int:
    """Values of one sample."""
    return int(data.train_images[0].size)


def hidden_units(data: Dataset) -> int:
    """How many units suit the data when nobody says."""
    return HIDDEN.get(data.name, DEFAULT_HIDDEN)


def _check(sizes: tuple[int, ...], data: Dataset, validation: int) -> None:
    if sizes[0] != pixels(data) or sizes[-1] != data.classes:
        raise RangeError(
            f"--layers {'-'.join(map(str, sizes))} does not fit {data.name}: it has {pixels(data)} pixels and {data.classes} "
            f"classes, so write {pixels(data)}-...-{data.classes}"
        )
    if validation >= len(data.train_images):
        raise RangeError(f"--validation {validation} leaves nothing of {len(data.train_images)} training images")


def _one(run: RunFolder, data: Dataset, bits: int, talk: Talk) -> dict[str, Any]:
    network = run.description["network"]
    talk.say(f"{run.path}: {'-'.join(map(str, network['layers']))}, {network['feedback']} feedback, seed {network['seed']}")
    if bits:
        equal = first_bits(run, data, bits)
        run.description["first_bits_equal"], run.description["first_bits_steps"] = equal, bits
        talk.say(f"first {bits} steps against Lava's models: {'every bit equal' if equal else 'DIFFERENT'}")
        if not equal:
            raise NeuromorphError("the engine and Lava's models differ; run neuromorph check-bits on the run folder")
    return _trained(run, talk)


def _trained(run: RunFolder, talk: Talk) -> dict[str, Any]:
    results = train(run, talk)
    talk.say(
        f"test accuracy {100 * results['test_accuracy']:.2f} % (weights of -256..255), "
        f"{100 * results['test_accuracy_frozen']:.2f} % frozen to even weights, {results['seconds']:.0f} s"
    )
    known = {k: v for k, v in run.description.items() if k.startswith("first_bits")}
    return {**results, **known, "run": str(run.path)}


def summary(results: list[dict[str, Any]], talk: Talk) -> dict[str, Any]:
    """Mean and spread of several seeds."""
    found: dict[str, Any] = {"seed": [r["seed"] for r in results], "runs": results}
    for name in ("test_accuracy", "test_accuracy_frozen", "seconds"):
        values = [r[name] for r in results]
        found[name], found[f"{name}_spread"] = statistics.mean(values), statistics.stdev(values)
    talk.say(
        f"{len(results)} seeds: test accuracy {100 * found['test_accuracy']:.2f} +- "
        f"{100 * found['test_accuracy_spread']:.2f} %, frozen {100 * found['test_accuracy_frozen']:.2f} +- "
        f"{100 * found['test_accuracy_frozen_spread']:.2f} %"
    )
    return found
