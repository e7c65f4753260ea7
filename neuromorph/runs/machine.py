"""`neuromorph train --rule rbm-METHOD`: a Boltzmann machine learns binary samples, in a run folder, from one seed or several.

Pixels above half are ones. Told along the way: the exact negative log-likelihood of the first MEASURED test samples, summed, in nats. A
run stopped at any point goes on with the same bits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromorph.console import Talk
from neuromorph.data import load
from neuromorph.errors import ArtifactError, RangeError
from neuromorph.runs.folder import CHECKPOINT, RunFolder
from neuromorph.runs.seeds import mean_and_spread

if TYPE_CHECKING:
    from neuromorph.learning.boltzmann.machine import Array, Sampler

LOOKS, MEASURED = 20, 200
NETWORK = "boltzmann"
"""What run.json calls it."""


@dataclass(frozen=True)
class Task:
    """`options`: of the machine, as typed (name=value)."""

    rule: str
    data: str
    options: tuple[str, ...] = ()
    data_dir: str | None = None


@dataclass
class _Training:
    """A sampler, how many changes it makes in all, how many it has made, and what it is judged by."""

    sampler: Sampler
    changes: int
    test: Array
    done: int = 0

    @classmethod
    def of(cls, task: Task, seed: int) -> _Training:
        from neuromorph.learning.boltzmann.registry import make_machine

        machine, data = make_machine(task.rule, task.options), load(task.data, task.data_dir)
        train, test = (_binary(images) for images in (data.train_images, data.test_images[:MEASURED]))
        return cls(machine.sampler(task.rule, train, seed), machine.changes, test)

    def state_dict(self) -> dict[str, Any]:
        state = {"machine": asdict(self.sampler.machine), "sampler": self.sampler.state_dict(), "done": self.done}
        return dict(_as_tensors(state))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, values in state["machine"].items():
            getattr(self.sampler.machine, name)[:] = values.numpy()
        self.sampler.load_state_dict(state["sampler"])
        self.done = state["done"]

    @property
    def likelihood(self) -> float:
        """Negative, in nats."""
        return self.sampler.machine.negative_log_likelihood(self.test)


def train_machine(task: Task, seeds: Iterable[int], folder: Path, talk: Talk) -> dict[str, Any]:
    """One run folder per seed (inside `folder` when there are several); the results, and mean and spread of several."""
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise RangeError(f"rule {task.rule} learns from one sample after the other, which processes cannot share; start one")
    listed = list(seeds)
    _Training.of(task, listed[0])  # what does not go together is found before a folder is made
    runs = RunFolder.create_each(folder, {seed: {**asdict(task), "network": NETWORK, "seed": seed} for seed in listed})
    results = [_trained(run, _Training.of(task, seed), talk) for run, seed in zip(runs, listed, strict=True)]
    return results[0] if len(results) == 1 else summary(results, talk)


def summary(results: Sequence[dict[str, Any]], talk: Talk) -> dict[str, Any]:
    """Mean and spread of several seeds."""
    mean, spread = mean_and_spread([r["nll"] for r in results])
    talk.say(f"{len(results)} seeds: negative log-likelihood {mean:.2f} +- {spread:.2f} nats")
    seeds = [r["seed"] for r in results]
    return {"rule": results[0]["rule"], "seed": seeds, "runs": list(results), "nll": mean, "nll_spread": spread}


def resume(path: Path, talk: Talk, device: str | None = None) -> dict[str, Any]:
    """Go on with a run folder. Raises RangeError for a device: a chain is computed on the CPU."""
    if device not in (None, "auto", "cpu"):
        raise RangeError(f"--device {device}: '{path}' is a Boltzmann machine, which the CPU computes; leave it out")
    run = RunFolder.unfinished(path)
    from neuromorph.learning.training import checkpoint

    known = run.description
    training = _Training.of(Task(known["rule"], known["data"], tuple(known["options"]), known["data_dir"]), known["seed"])
    if run.history or (path / CHECKPOINT).exists():  # otherwise a seed that was never begun
        try:
            training.load_state_dict(checkpoint.load(path / CHECKPOINT))
        except ArtifactError:
            raise
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise ArtifactError(f"the checkpoint of '{path}' is of another machine: {error}; train anew") from None
    return _trained(run, training, talk)


def _trained(run: RunFolder, training: _Training, talk: Talk) -> dict[str, Any]:
    known = run.description
    talk.say(f"{run.path}: rule {known['rule']}, {known['data']}, seed {known['seed']}")
    look, began = max(1, training.changes // LOOKS), time.perf_counter()
    spent = run.history[-1]["seconds"] if run.history else 0.0
    try:
        _save(run, training)
        with talk.bar("training", training.changes) as bar:

            def progress(count: int) -> None:
                training.done += count
                bar.advance(count)

            bar.advance(training.done)
            for until in [*range(look, training.changes, look), training.changes]:
                training.sampler.run(max(0, until - training.done), progress)
                if run.history and run.history[-1]["changes"] >= until:
                    continue  # before the interruption
                entry = {"changes": until, "steps": training.sampler.steps, "nll": training.likelihood}
                run.history.append({**entry, "seconds": spent + time.perf_counter() - began})
                _save(run, training)
                talk.say(f"{until:9d} changes, {entry['steps']} Gibbs steps: {entry['nll']:.2f} nats")
    except KeyboardInterrupt:
        _save(run, training)
        raise
    results = {"rule": known["rule"], "seed": known["seed"], **{k: run.history[-1][k] for k in ("nll", "steps", "seconds")}}
    known |= results | {"samples": len(training.test)}
    run.write()
    talk.say(f"negative log-likelihood of {known['samples']} samples: {known['nll']:.2f} nats, {known['seconds']:.0f} s")
    return {**results, "samples": known["samples"], "nll_spread": None, "run": str(run.path)}


def _save(run: RunFolder, training: _Training) -> None:
    from neuromorph.learning.training import checkpoint

    checkpoint.save(run.path / CHECKPOINT, training.state_dict())
    run.write()


def _as_tensors(value: Any) -> Any:
    """As checkpoint.py keeps arrays."""
    import torch

    if isinstance(value, dict):
        return {name: _as_tensors(part) for name, part in value.items()}
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def _binary(images: Any) -> Array:
    return (np.asarray(images).reshape(len(images), -1) > 127).astype(np.float64)
