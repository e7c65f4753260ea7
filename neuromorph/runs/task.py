"""What every kind of run is: a Task, which says all that decides it, and a Training, which makes it.

The kinds are chip (chip.py: one sample at a time, in the chip's integers), rule (batched.py: any learning rule, in batches) and boltzmann
(boltzmann.py: a Boltzmann machine). runner.py trains them, goes on with them, and knows no more of them than stands here.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

from neuromorph.console import Talk
from neuromorph.data import Dataset
from neuromorph.errors import ArtifactError, RangeError
from neuromorph.runs.folder import RunFolder

OneTask = TypeVar("OneTask", bound="Task")
Given = Mapping[str, Any]
"""Options of the command line by name, those that were given."""


@dataclass(frozen=True)
class Task(ABC):
    """All that decides a run beside its data: every value settled, also those that nobody gave. Fields are texts, numbers, truths,
    None, tuples and dicts of such, as run.json holds them."""

    seed: int

    kind: ClassVar[str]
    """As run.json says it."""
    measures: ClassVar[tuple[str, ...]]
    """The results of which several seeds have mean and spread."""

    @classmethod
    @abstractmethod
    def settled(cls, given: Given, data: Dataset, seed: int) -> Task:
        """The task that these options ask for. Raises RangeError for what does not go together."""

    @classmethod
    def from_dict(cls: type[OneTask], values: Mapping[str, Any]) -> OneTask:
        """Of run.json. Raises ArtifactError when something is missing, or nothing of this version knows it."""
        wanted = {field.name for field in fields(cls)}
        if values.keys() != wanted:
            raise ArtifactError(
                f"the run was not described whole: run.json lacks {sorted(wanted - values.keys())} and has "
                f"{sorted(values.keys() - wanted)} in place of it; train anew"
            )
        return cls(**{name: _frozen(value) for name, value in values.items()})

    def as_dict(self) -> dict[str, Any]:
        """As run.json holds it."""
        return dict(json.loads(json.dumps(asdict(self), allow_nan=False)))

    def on(self, device: str | None) -> Task:
        """The same on another device (None: on its own). Raises RangeError where a kind knows the CPU only."""
        if device not in (None, "auto", "cpu"):
            raise RangeError(f"--device {device}: runs of kind {self.kind} are computed by the CPU; leave it out")
        return self

    def processes(self) -> AbstractContextManager[Any]:
        """Within, the processes that share a training. Raises RangeError where a kind cannot share."""
        if os.environ.get("WORLD_SIZE", "1") != "1":
            raise RangeError(
                f"runs of kind {self.kind} learn from one sample after the other, which processes cannot share; start one"
            )
        return nullcontext()

    @abstractmethod
    def extended(self, given: Given) -> Task:
        """The same until more epochs (changes) have been made in all. Raises RangeError for what is not more, or changes more."""

    @property
    @abstractmethod
    def when_longer(self) -> str:
        """What its learning rate does when a run is made longer."""

    @abstractmethod
    def begin(self, data: Dataset, ranks: Any = None) -> Training:
        """A training at its start; `ranks`: what `processes` yields. Raises RangeError for data that do not fit."""


class Training(ABC):
    """A task on its way."""

    @abstractmethod
    def go_on_from(self, run: RunFolder) -> None:
        """Stand where the run's checkpoint stands. Raises ArtifactError for one of another training."""

    @abstractmethod
    def train(self, run: RunFolder, talk: Talk) -> dict[str, Any]:
        """To the end, with a checkpoint now and then; what it reached. Ctrl-C saves a checkpoint and raises KeyboardInterrupt; to go on
        from there ends with the bits of a training that never stopped."""


def longer(name: str, now: int, given: Given, allowed: str) -> int:
    """The whole number `name` of what was given, which makes a run longer than `now`. Raises RangeError otherwise."""
    wanted = int(given[name])
    if wanted <= now:
        raise RangeError(
            f"the run has {now} {name} in all already; {allowed} says how many there are to be in all, so give more"
        )
    return wanted


def _frozen(value: Any) -> Any:
    """Lists of JSON as the tuples that they were."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return {name: _frozen(part) for name, part in value.items()} if isinstance(value, dict) else value
