"""Training in batches: any rule, any network, one loop.

    trainer = Trainer(rule.build((784, 512, 10)), rule, load("mnist"))
    history = trainer.fit(20)
    trainer.test_accuracy()

Order within a step: the rule infers on a batch (batches.py) and names updates; they are averaged over processes
(distributed.py); the optimiser applies them, the schedule moves the rate (optimizers.py). An epoch ends with the accuracy on
training images held out; the test images are touched by `test_accuracy` alone. One seed, one device: one result, bit for bit,
also when a run is saved after any batch and loaded into a new trainer made of the same arguments.

The training accuracy is that of the free predictions met on the way, each before the update of its batch. Every CHECK steps (of several
processes every step, so that all of them end at the same one) one look tells whether outputs and updates were finite; the error names the
first step and layer at which they were not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import Any, NamedTuple

import torch
from torch import Tensor

from neuromorph.data import Dataset
from neuromorph.errors import ArtifactError, DivergenceError, check_count
from neuromorph.learning.faults import blamed, leaving_alone, scores_of, state_of, updates_of
from neuromorph.learning.network.network import Network, Updates
from neuromorph.learning.rule import Outcome, Rule, Settings
from neuromorph.learning.training import checkpoint
from neuromorph.learning.training.batches import Batches, Samples, Share
from neuromorph.learning.training.distributed import Ranks, chosen_device
from neuromorph.learning.training.fitting import check_kinds, check_numbers, check_scores, check_share
from neuromorph.learning.training.made import check_made, made_of
from neuromorph.learning.training.metrics import measure
from neuromorph.learning.training.optimizers import connection_of, make_optimizer, make_schedule, set_rates

CHECK = 50
MEASURED = 500
"""Training samples on which metrics are measured."""
HELD_OUT = 10
"""One training image of so many is held out when nothing else is said."""
REPORTED = 0.1
"""Seconds between two reports of progress."""
Entry = dict[str, Any]
Progress = Callable[[int, float], None]
"""Told the samples since the last call and the training accuracy so far in the epoch."""


class _Met(NamedTuple):
    """A step that nobody has looked at yet: one update of each layer, the output, and the targets (None: not ours)."""

    step: int
    updates: Updates
    output: Tensor
    targets: Tensor | None


@dataclass
class Best:
    """The epoch with the highest accuracy on the images held out."""

    accuracy: float = -1.0
    epoch: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)


class Trainer:
    """`rule` stays as it is: the training goes by a fresh one of the same options, `trainer.rule`, so that one may train many networks.
    `validation`: how many of the last training images are held out (None: a tenth). `device`: auto, cpu or cuda.

    `metrics`: measure layers (metrics.py) every so many epochs, 0 never. `keep_best`: test the epoch that did best on the images
    held out, not the last. `ranks`: this process among several. Raises RangeError where rule, network, data and settings
    do not fit each other.
    """

    def __init__(
        self,
        network: Network,
        rule: Rule,
        data: Dataset,
        settings: Settings | None = None,
        *,
        seed: int = 0,
        validation: int | None = None,
        device: str = "auto",
        metrics: int = 0,
        keep_best: bool = False,
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
    ) -> None:
        check_kinds(network, rule, data)
        settings = rule.settings_for(network, len(data.train_images)) if settings is None else settings
        held = len(data.train_images) // HELD_OUT if validation is None else validation
        check_numbers(settings, held, metrics, len(data.train_images), keep_best)
        check_share(rule, ranks.world)
        with blamed(rule):
            rule.fits(network)
            rule = rule.fresh()
        rule.classes = data.classes
        self.rule, self.settings, self.ranks, self.device = rule, settings, ranks, chosen_device(device)
        self.network = network.to(self.device)
        self._data, kept = data, len(data.train_images) - held
        self._held = self._samples(data.train_images[kept:], data.train_labels[kept:])
        train = self._samples(data.train_images[:kept], data.train_labels[:kept])
        self.batches = Batches(train, settings.batch, seed, ranks.rank, ranks.world)
        check_scores(rule, network, train)
        ranks.share_weights(network)
        self._parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
        self.optimizer = make_optimizer(network, self._parameters, settings)
        self.schedule = make_schedule(self.optimizer, settings, len(self.batches))
        self.epoch, self.position, self.history = 0, 0, list[Entry]()
        self._metrics, self._best, self._saved = metrics, Best() if keep_best else None, "none was saved"
        self._watched: list[str] = []
        self._unseen: list[_Met] = []
        self._residual = torch.zeros(0)
        self._right = torch.zeros((), dtype=torch.int64, device=train.labels.device)
        self._met, self._seconds = 0, 0.0
        self._rate = self.optimizer.param_groups[0]["lr"]
        """Of the last step."""

    def _samples(self, images: Any, labels: Any) -> Samples:
        return Samples(images, labels, self._data, self.network)

    @cached_property
    def made(self) -> dict[str, Any]:
        """What this training was made with (made.py)."""
        return made_of(
            self.rule, self.network, self._data, self.settings,
            seed=self.batches.seed, validation=len(self._held), keep_best=self._best is not None,
        )  # fmt: skip

    @property
    def step(self) -> int:
        """Batches since the beginning."""
        return self.epoch * len(self.batches) + self.position

    def fit(self, epochs: int | None = None) -> list[Entry]:
        """Train for `epochs` more (None: what the settings say in all); the history, one entry an epoch."""
        check_count("epochs", 0 if epochs is None else epochs, 0)
        until = self.settings.epochs if epochs is None else self.epoch + epochs
        while self.epoch < until:
            self.run_epoch()
        return self.history

    def run_epoch(self, progress: Progress | None = None) -> Entry:
        """Train to the end of the epoch. Ctrl-C raises KeyboardInterrupt between two batches: save, or just call again.

        Raises DivergenceError when updates are not finite.
        """
        with blamed(self.rule):
            self.rule.begin_epoch(self.epoch)
        with self.ranks.interruptible() as pressed, torch.no_grad():
            began = reported = time.perf_counter()
            unreported = 0
            for share in self.batches.epoch(self.epoch, self.position):
                stops = self._learn(share, pressed())
                unreported += share.total
                if progress is not None and time.perf_counter() - reported > REPORTED:
                    progress(unreported, self._training_accuracy())
                    reported, unreported = time.perf_counter(), 0
                if stops:
                    self._seconds += time.perf_counter() - began
                    raise KeyboardInterrupt
            self._look()
            if progress is not None:
                progress(unreported, self._training_accuracy())
            self._seconds += time.perf_counter() - began
            return self._end_epoch()

    def _learn(self, share: Share, stop: bool) -> bool:
        if self.rule.learns_within:
            self.rule.rates_now = self._rates()
        is_watched = not self._watched and not self.rule.learns_within
        with leaving_alone(self.rule, self._parameters) if is_watched else nullcontext(), blamed(self.rule):
            outcome = self.rule.step(self.network, share.batch)
        updates_of(self.rule, outcome, self._parameters, share.batch)
        is_lost = self.ranks.world > 1 and not _is_finite(outcome.output)
        updates, (stops, is_lost) = self.ranks.mean(outcome.updates, self._parameters, share.part, stop, is_lost)
        if is_lost:  # said here and not by `_look`, for it may be the output of another process
            raise self._lost(f"output (layer {self.network.depth})", self.step + 1)
        self._note(updates, outcome, share)
        for name, parameter in self._parameters.items():
            parameter.grad = updates.get(name)
        self.optimizer.step()
        with blamed(self.rule):
            self.rule.constrain(self.network)
        self.network.recycle(outcome.updates)
        self._rate = self.optimizer.param_groups[0]["lr"]
        self.schedule.step()
        self._residual = outcome.residual
        self.position += 1
        if len(self._unseen) == CHECK or self.ranks.world > 1:  # several processes have waited for each other anyway
            self._look()
        return stops

    def _rates(self) -> dict[str, float]:
        names = {id(p): name for name, p in self._parameters.items()}
        return {names[id(p)]: group["lr"] for group in self.optimizer.param_groups for p in group["params"]}

    def _note(self, updates: Updates, outcome: Outcome, share: Share) -> None:
        """Keep what tells whether this step was finite and right, as cheaply as can be."""
        if not self._watched:
            self._watched = _smallest_of_each_layer(updates)
        watched = {name: updates[name].clone() for name in self._watched if name in updates}
        self._unseen.append(_Met(self.step + 1, watched, outcome.output, share.batch.y if share.part else None))
        self._met += share.total

    def _look(self) -> None:
        """Count the right answers since the last look; raise DivergenceError for the first step that was not finite."""
        met, self._unseen = self._unseen, []
        if not met:
            return
        if (
            not torch.cat([part.flatten() for entry in met for part in (*entry.updates.values(), entry.output)])
            .isfinite()
            .all()
        ):
            raise self._divergence(next(entry for entry in met if not _is_finite(*entry.updates.values(), entry.output)))
        own = [(entry.output, entry.targets) for entry in met if entry.targets is not None]
        if own:
            outputs, targets = (torch.cat(parts) for parts in zip(*own, strict=True))
            self._right += (outputs.argmax(1) == targets.argmax(1)).sum()

    def _divergence(self, met: _Met) -> DivergenceError:
        what = f"output (layer {self.network.depth})"
        if _is_finite(met.output):
            # errors travel down: while the output is finite, the topmost layer is where it began
            layers = [connection_of(name) + 1 for name, part in met.updates.items() if not _is_finite(part)]
            what = f"update of layer {max(layers)}"
        return self._lost(what, met.step)

    def _lost(self, what: str, step: int) -> DivergenceError:
        return DivergenceError(
            f"rule {self.rule.name}: the {what} is not finite at step {step} (epoch {(step - 1) // len(self.batches) + 1}); "
            f"last finite checkpoint: {self._saved}; lower the rate or the nudging"
        )

    def _training_accuracy(self) -> float:
        self._look()
        return int(self._right) * self.ranks.world / self._met

    def _end_epoch(self) -> Entry:
        right, began = int(self.ranks.sum(self._right)), time.perf_counter()
        entry: Entry = {
            "epoch": self.epoch + 1,
            "train_accuracy": right / self._met,
            "validation_accuracy": self.accuracy(self._held) if len(self._held) else None,
            "rate": self._rate,
            "residual": self._residual.tolist(),
        }
        if self._metrics and (self.epoch + 1) % self._metrics == 0:
            shown = torch.arange(min(MEASURED, len(self.batches.samples)), device=self._right.device)
            entry |= measure(self.network, self.rule, self.batches.samples.batch(shown))
        self.epoch, self.position, self._met = self.epoch + 1, 0, 0
        self._right.zero_()
        if self._best is not None and entry["validation_accuracy"] > self._best.accuracy:
            weights = {name: values.clone() for name, values in self.network.state_dict().items()}
            self._best = Best(entry["validation_accuracy"], self.epoch, weights)
        entry["seconds"], self._seconds = self._seconds + time.perf_counter() - began, 0.0
        self.history.append(entry)
        return entry

    @torch.no_grad()
    def accuracy(self, samples: Samples) -> float:
        """Share of samples whose class has the highest of the rule's scores. The training goes on as if nobody had looked."""
        right = torch.zeros((), dtype=torch.int64, device=samples.labels.device)
        with self.rule.as_it_was():
            for batch in samples.chunks(self.ranks.rank, self.ranks.world):
                scores = scores_of(self.rule, self.network, batch.x, samples.classes)
                right += (scores.argmax(1) == batch.y.argmax(1)).sum()
        return int(self.ranks.sum(right)) / len(samples)

    def test_accuracy(self) -> float:
        """On the test set, which nothing else reads; with `keep_best` by the best epoch's weights. The training stays as it is."""
        with self.tested_weights():
            return self.accuracy(self._samples(self._data.test_images, self._data.test_labels))

    @contextmanager
    def tested_weights(self) -> Iterator[None]:
        """Within, the network has the weights of the epoch that is `tested`."""
        if self._best is None or not self._best.weights:
            yield
            return
        last = {name: values.clone() for name, values in self.network.state_dict().items()}
        self.network.load_state_dict(self._best.weights)
        try:
            yield
        finally:
            self.network.load_state_dict(last)

    @property
    def tested(self) -> Entry:
        """The epoch that `test_accuracy` tests; empty before the first."""
        best = self._best.epoch if self._best is not None else 0
        return self.history[best - 1] if self.history else {}

    def state_dict(self) -> dict[str, Any]:
        """All that goes on from here needs, for checkpoint.py. Of several processes all must call."""
        self._look()
        best = self._best
        return {
            "made": self.made,
            "parameters": dict(self.network.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "rules": self.ranks.gather(state_of(self.rule)),
            "epoch": self.epoch,
            "position": self.position,
            "right": self.ranks.gather(int(self._right)),
            "met": self._met,
            "seconds": self._seconds,
            "history": self.history,
            "best": {"accuracy": best.accuracy, "epoch": best.epoch, "weights": best.weights} if best else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where that trainer stood. Raises ArtifactError, naming what differs, when it was made with anything else: another
        rule, option, setting (but epochs, which may be more), seed, number of samples held out, network or data."""
        check_made(state["made"], self.made)
        self._take(state)

    def _take(self, state: dict[str, Any]) -> None:
        try:
            own, right = state["rules"], state["right"]
            if len(own) != self.ranks.world:
                raise ValueError(f"it was saved by {len(own)} processes, these are {self.ranks.world}")
            self.network.load_state_dict(state["parameters"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
            set_rates(self.optimizer, self.schedule)
            self.rule.load_state_dict(own[self.ranks.rank])
            self._right.fill_(right[self.ranks.rank])
            self.epoch, self.position, self._met = state["epoch"], state["position"], state["met"]
            self.history, self._seconds = state["history"], state["seconds"]
            self._best = Best(**state["best"]) if state["best"] else None
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            reason = (str(error).splitlines() or ["?"])[0]
            raise ArtifactError(
                f"the checkpoint is of another training: {reason}; use the arguments it was made with"
            ) from None

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: what the trainer is made of, and where it stands."""
        arguments = {
            "network": self.network, "rule": self.rule, "data": self._data, "settings": self.settings, "seed": self.batches.seed,
            "validation": len(self._held), "device": self.device.type, "metrics": self._metrics,
            "keep_best": self._best is not None, "ranks": self.ranks,
        }  # fmt: skip
        return {"arguments": arguments, "state": self.state_dict()}

    def __setstate__(self, found: dict[str, Any]) -> None:
        self.__init__(**found["arguments"])  # type: ignore[misc]
        self._take(found["state"])

    def save(self, path: str | PathLike[str]) -> None:
        """Write a checkpoint, Ctrl-C or not. Raises DivergenceError rather than replace a finite one by one that is not."""
        with self.ranks.interruptible():
            state = self.state_dict()
            for name, values in self._parameters.items():
                if not _is_finite(values):
                    raise self._lost(f"parameter {name}", self.step)
            if self.ranks.rank == 0:
                checkpoint.save(path, state)
            self._saved = f"'{path}' (step {self.step})"

    def load(self, path: str | PathLike[str]) -> None:
        """Go on from a checkpoint. Raises ArtifactError."""
        self.load_state_dict(checkpoint.load(path))
        self._saved = f"'{path}' (step {self.step})"


def _is_finite(*tensors: Tensor) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


def _smallest_of_each_layer(updates: Updates) -> list[str]:
    """Names of the updates that are cheapest to watch: of biases, sums over the batch of the errors that move the weights."""
    layers: dict[int, str] = {}
    for name in sorted(updates, key=lambda name: updates[name].numel()):
        layers.setdefault(connection_of(name), name)
    return [layers[k] for k in sorted(layers)]
