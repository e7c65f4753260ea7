"""Runs of any kind, from one seed or several: trained, gone on with, made longer.

Several seeds stand in the folders seedN of one folder, with summary.json, their mean and spread, beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from neuromorph.console import Talk
from neuromorph.errors import ArtifactError, RangeError
from neuromorph.runs.folder import SUMMARY, RunFolder, is_first, told_as_damaged, write_json
from neuromorph.runs.origin import Origin
from neuromorph.runs.seeds import summary, tell
from neuromorph.runs.task import Given, Task
from neuromorph.surroundings import surroundings


def kind_of(name: str) -> type[Task]:
    """The class of the tasks of a kind, as run.json names it. Raises ArtifactError."""
    from neuromorph.runs.batched import BatchedTask
    from neuromorph.runs.boltzmann import BoltzmannTask
    from neuromorph.runs.chip import ChipTask

    for kind in (ChipTask, BatchedTask, BoltzmannTask):
        if kind.kind == name:
            return kind
    raise ArtifactError(f"a run of kind {name!r} is none of this version; train anew")


def train(kind: type[Task], given: Given, seeds: Sequence[int], folder: Path, command: str, talk: Talk) -> dict[str, Any]:
    """One run folder per seed (inside `folder` when there are several); the results, or the summary of several.

    A run that diverges says so in its results; the others go on. One that fails ends all, and those that have learned nothing leave no
    folder.
    """
    origin, data = Origin.read(given)
    tasks = [kind.settled(given, data, seed) for seed in seeds]
    with tasks[0].processes() as ranks:
        trainings = (task.begin(data, ranks) for task in tasks)
        first = next(trainings)  # what does not go together is found before a folder is made
        runs = [
            RunFolder.create(folder / f"seed{task.seed}" if len(tasks) > 1 else folder, _described(task, origin, command))
            for task in tasks
        ]
        if is_first():
            talk.say(str(data))
        try:
            results = [training.train(run, talk) for run, training in zip(runs, chain((first,), trainings), strict=True)]
        except Exception:
            for run in runs:
                run.discard_untrained()
            raise
    return results[0] if len(results) == 1 else _summed(folder, kind, results, talk)


def _described(task: Task, origin: Origin, command: str) -> dict[str, Any]:
    return {"kind": task.kind, "task": task.as_dict(), "data": origin.as_dict(), "command": command, **surroundings()}


@dataclass(frozen=True)
class More:
    """What going on with a run may be given. `longer`: options that make it longer. `device`, `data_dir`: None for the run's own."""

    command: str
    longer: Given
    device: str | None = None
    data_dir: Path | None = None


def resume(path: Path, more: More, talk: Talk) -> dict[str, Any]:
    """Go on with a run, or with all runs of several seeds, to their end; or, where it is asked for, until they are longer."""
    several = RunFolder.several(path)
    runs = several or [RunFolder.open(path)]
    if several and not more.longer and all(run.results for run in runs):
        raise RangeError(f"all {len(runs)} runs of '{path}' have been trained to their end; there is nothing to resume")
    unfinished = [run for run in runs if more.longer or run.results is None or not several]
    tasks = [_task_from_here(run, more, talk) for run in unfinished]
    with tasks[0].processes() as ranks:  # one meeting for all runs: torchrun gives one meeting point
        for run, task in zip(unfinished, tasks, strict=True):
            _go_on(run, task, more, talk, ranks)
    results = [run.results for run in runs if run.results is not None]
    return _summed(path, kind_of(runs[0].kind), results, talk) if several else results[0]


def _task_from_here(run: RunFolder, more: More, talk: Talk) -> Task:
    """What the run is trained to from here on."""
    if not more.longer or run.diverged:
        run.check_unfinished()
    with told_as_damaged(run):
        task = task_of(run).on(more.device)
        if not more.longer:
            return task
        task = task.extended(more.longer)
    talk.say(f"{run.path} is made longer; {task.when_longer}")
    return task


def _go_on(run: RunFolder, task: Task, more: More, talk: Talk, ranks: Any) -> None:
    with told_as_damaged(run):
        origin = Origin.of_run(run)
        training = task.begin(origin.load(more.data_dir), ranks)
        training.go_on_from(run)
    _note(run, task, origin.moved(more.data_dir), more.command)
    training.train(run, talk)


def _note(run: RunFolder, task: Task, origin: Origin, command: str) -> None:
    """In run.json, from the next time it is written: what is trained from here on, and how that came."""
    again = {"command": command, "after": len(run.history), **surroundings()}
    continued = [*run.description.get("continued", ()), again]
    run.description.pop("results", None)
    run.description |= {"task": task.as_dict(), "data": origin.as_dict(), "continued": continued}


def task_of(run: RunFolder) -> Task:
    """Raises ArtifactError for a run that another version described."""
    return kind_of(run.kind).from_dict(run.description["task"])


def _summed(folder: Path, kind: type[Task], results: Sequence[dict[str, Any]], talk: Talk) -> dict[str, Any]:
    found = summary(results, kind.measures)
    tell(found, kind.measures, talk)
    if is_first():
        write_json(folder / SUMMARY, found)
    return found
