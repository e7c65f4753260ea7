"""Runs of kind boltzmann: a Boltzmann machine learns binary samples (`neuromorph train --rule rbm-METHOD`).

Pixels above half are ones. Told along the way: the exact negative log-likelihood of the first MEASURED test samples, summed, in nats. The
rate is constant: a run that is made longer ends with the bits of one of as many changes.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neuromorph.console import Talk
from neuromorph.data import Dataset, Scaling
from neuromorph.errors import ArtifactError, DivergenceError, RangeError
from neuromorph.runs.folder import CHECKPOINT, RunFolder
from neuromorph.runs.task import Given, Task, Training, longer

if TYPE_CHECKING:
    from neuromorph.learning.boltzmann.machine import Array, Sampler

LOOKS, MEASURED = 20, 200


@dataclass(frozen=True)
class BoltzmannTask(Task):
    """`options`: all of the machine's, learning.boltzmann.registry.Machine."""

    rule: str
    options: dict[str, Any]

    kind: ClassVar[str] = "boltzmann"
    measures: ClassVar[tuple[str, ...]] = ("nll", "seconds")

    @classmethod
    def settled(cls, given: Given, data: Dataset, seed: int) -> BoltzmannTask:
        from neuromorph.learning.boltzmann.registry import make_machine

        texts = [*given.get("options", ()), *([f"rate={given['rate']}"] if "rate" in given else [])]
        return cls(seed, given["rule"], asdict(make_machine(given["rule"], tuple(texts))))

    def extended(self, given: Given) -> BoltzmannTask:
        from neuromorph.learning.boltzmann.registry import Machine
        from neuromorph.learning.training.options import parse_fields

        wanted = parse_fields(self.rule, Machine, given.get("options", ()))
        if wanted.keys() != {"changes"} or "epochs" in given:
            raise RangeError(f"a run of {self.rule} is made longer by --set changes=N alone, the changes in all")
        return replace(
            self, options={**self.options, "changes": longer("changes", self.options["changes"], wanted, "--set changes=")}
        )

    @property
    def when_longer(self) -> str:
        return "the rate is constant: it ends with the bits of a run of so many changes"

    def begin(self, data: Dataset, ranks: Any = None) -> BoltzmannTraining:
        from neuromorph.learning.boltzmann.registry import Machine

        train, test = (_binary(images, data.scaling) for images in (data.train_images, data.test_images[:MEASURED]))
        return BoltzmannTraining(self, Machine(**self.options).sampler(self.rule, train, self.seed), test)


@dataclass
class BoltzmannTraining(Training):
    """A sampler, how many changes it has made, and the samples that it is judged by."""

    task: BoltzmannTask
    sampler: Sampler
    test: Array
    done: int = 0

    def go_on_from(self, run: RunFolder) -> None:
        from neuromorph.learning.training import checkpoint

        if not run.has_checkpoint:
            return
        state = checkpoint.load(run.path / CHECKPOINT)
        try:
            self.sampler.load_state_dict(state["sampler"])
            for name, values in state["machine"].items():
                getattr(self.sampler.machine, name)[:] = values.numpy()
            self.done = state["done"]
        except ArtifactError:
            raise
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise ArtifactError(f"the checkpoint of '{run.path}' is of another machine: {error}; train anew") from None

    def train(self, run: RunFolder, talk: Talk) -> dict[str, Any]:
        talk.say(f"{run.path}: rule {self.task.rule}, {run.description['data']['name']}, seed {self.task.seed}")
        try:
            self._save(run)
            self._changes(run, talk)
        except KeyboardInterrupt:
            self._save(run)
            raise
        except DivergenceError as error:
            told = {"rule": self.task.rule, "seed": self.task.seed, "nll": None, "diverged": True, "error": str(error)}
            return run.finish(told)
        last = {name: run.history[-1][name] for name in ("nll", "steps", "seconds")}
        results = {"rule": self.task.rule, "seed": self.task.seed, **last, "samples": len(self.test), "nll_spread": None}
        talk.say(
            f"negative log-likelihood of {len(self.test)} samples: {results['nll']:.2f} nats, {results['seconds']:.0f} s"
        )
        return run.finish(results)

    def _changes(self, run: RunFolder, talk: Talk) -> None:
        """All that are left, with a look now and then."""
        changes = self.task.options["changes"]
        look, began = max(1, changes // LOOKS), time.perf_counter()
        spent = run.history[-1]["seconds"] if run.history else 0.0
        with talk.bar("training", changes) as bar:

            def progress(count: int) -> None:
                self.done += count
                bar.advance(count)

            bar.advance(self.done)
            for until in [*range(look, changes, look), changes]:
                self.sampler.run(max(0, until - self.done), progress)
                if self.done > until or (run.history and run.history[-1]["changes"] >= until):
                    continue  # before the run was interrupted, or made longer
                nll = self.sampler.machine.negative_log_likelihood(self.test)
                entry = {"changes": until, "steps": self.sampler.steps, "nll": nll}
                run.history.append({**entry, "seconds": spent + time.perf_counter() - began})
                self._save(run)
                talk.say(f"{until:9d} changes, {entry['steps']} Gibbs steps: {nll:.2f} nats")

    def _save(self, run: RunFolder) -> None:
        from neuromorph.learning.training import checkpoint

        state = {"machine": asdict(self.sampler.machine), "sampler": self.sampler.state_dict(), "done": self.done}
        checkpoint.save(run.path / CHECKPOINT, _as_tensors(state))
        run.write()


def _as_tensors(value: Any) -> Any:
    """As checkpoint.py keeps arrays."""
    import torch

    if isinstance(value, dict):
        return {name: _as_tensors(part) for name, part in value.items()}
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def _binary(images: Any, scaling: Scaling) -> Array:
    """1 where the payload of a chip's input axon would be above half: of bytes, where a pixel is above 127."""
    return (scaling.encode(images) > 127).astype(np.float64)
