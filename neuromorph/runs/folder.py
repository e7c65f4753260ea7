"""A run on disk: run.json says what was trained on what, by which command, where, and how it went; checkpoint.h5 is where it stands.

run.json holds::

    kind, task       what was trained (task.py): every value that was used, given or not
    data             which data (origin.py)
    command          as it was typed
    machine, python, versions
    continued        of a run that was resumed or extended: each time the command, the machine and the versions, and after how much
    history          one entry an epoch (of a Boltzmann machine: a look)
    first_bits       of a run at chip precision: how many first steps were compared with Lava's models, and whether they were equal
    results          of a finished run
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from neuromorph.errors import ArtifactError, Interrupted, NeuromorphError, OutputError

DESCRIPTION, CHECKPOINT, SUMMARY = "run.json", "checkpoint.h5", "summary.json"
NEEDED = {"kind": str, "task": dict, "data": dict, "history": list}
KNOWN: dict[str, type] = {**NEEDED, "continued": list, "results": dict, "seconds": Real}
"""Types of what run.json holds."""


def is_first() -> bool:
    """Whether this process writes and speaks: of those that torchrun starts the first does."""
    return os.environ.get("RANK", "0") == "0"


@dataclass
class RunFolder:
    """`description`: what run.json holds."""

    path: Path
    description: dict[str, Any]

    @classmethod
    def create(cls, path: Path, description: dict[str, Any]) -> RunFolder:
        """A new folder, written to at once, so that a path that cannot be written is found before the training."""
        folder = cls(path, {**description, "history": []})
        if not is_first():
            return folder
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise OutputError(f"'{path}' exists and is not empty; give another folder with -o, or go on with --resume")
        try:
            path.mkdir(parents=True, exist_ok=True)
            folder.write()
        except OSError as error:
            raise OutputError(f"'{path}' cannot be written: {error.strerror}; give another folder with -o") from None
        return folder

    def discard_untrained(self) -> None:
        """Remove what `create` has made, if nothing has been learned since: a run that failed at once may be begun anew."""
        if self.history or not is_first():
            return
        for name in (DESCRIPTION, CHECKPOINT):
            (self.path / name).unlink(missing_ok=True)
        with suppress(OSError):  # something else lies in it
            self.path.rmdir()

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run. Raises ArtifactError when it is none."""
        file = path / DESCRIPTION
        try:
            description = json.loads(file.read_text())
        except FileNotFoundError:
            within = ", ".join(run.path.name for run in cls.several(path))
            hint = f"; it holds the runs {within}: name one of them" if within else ""
            raise ArtifactError(f"'{path}' is no run folder: it has no {DESCRIPTION}{hint}") from None
        except (ValueError, OSError) as error:
            raise ArtifactError(f"'{file}' cannot be read: {error}") from None
        if not isinstance(description, dict) or any(name not in description for name in NEEDED):
            raise ArtifactError(f"'{file}' describes no run of this version (it needs {', '.join(NEEDED)}); train anew")
        for name, kind in KNOWN.items():
            if name in description and not isinstance(description[name], kind):
                raise ArtifactError(f"'{file}' is damaged: {name} is {description[name]!r}, no {kind.__name__}; train anew")
        return cls(path, description)

    @classmethod
    def several(cls, path: Path) -> list[RunFolder]:
        """The runs seedN of a folder that `train --seeds` has made, by N; none of a folder that is a run itself."""
        found = [] if (path / DESCRIPTION).exists() else path.glob(f"seed*/{DESCRIPTION}")
        return [cls.open(file.parent) for file in sorted(found, key=lambda file: int(file.parent.name.removeprefix("seed")))]

    @property
    def kind(self) -> str:
        return str(self.description["kind"])

    @property
    def history(self) -> list[dict[str, Any]]:
        """One entry per epoch."""
        entries: list[dict[str, Any]] = self.description["history"]
        return entries

    @property
    def results(self) -> dict[str, Any] | None:
        """What a finished run tells; None of one that can go on."""
        found = self.description.get("results")
        return None if found is None else {**found, "run": str(self.path)}

    @property
    def has_checkpoint(self) -> bool:
        """Raises ArtifactError for a run that was trained and has none any more."""
        exists = (self.path / CHECKPOINT).exists()
        if self.history and not exists:
            raise ArtifactError(
                f"'{self.path}' has been trained for {len(self.history)} epochs, and its {CHECKPOINT} is missing; train anew"
            )
        return exists

    @property
    def diverged(self) -> bool:
        return bool(self.description.get("results", {}).get("diverged"))

    def check_unfinished(self) -> None:
        """Raise NeuromorphError when the run has ended."""
        results = self.description.get("results")
        if results is None:
            return
        if self.diverged:
            raise NeuromorphError(f"'{self.path}' diverged ({results['error']}); train anew with other settings")
        raise NeuromorphError(
            f"'{self.path}' has been trained to its end; there is nothing to resume, but --epochs (of a Boltzmann machine: --set "
            "changes=) makes it longer"
        )

    def finish(self, results: dict[str, Any]) -> dict[str, Any]:
        """Write down what came out; the same with the folder's name."""
        self.description["results"] = results
        self.write()
        return {**results, "run": str(self.path)}

    def write(self) -> None:
        if is_first():
            write_json(self.path / DESCRIPTION, self.description)


def write_json(file: Path, value: Any) -> None:
    """The file as a whole, or as it was."""
    unfinished = file.with_name(f".{file.name}")
    unfinished.write_text(json.dumps(value, indent=1))
    os.replace(unfinished, file)


@contextmanager
def told_as_damaged(run: RunFolder) -> Iterator[None]:
    """What cannot be made of run.json within is ArtifactError, in one line."""
    try:
        yield
    except NeuromorphError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise ArtifactError(
            f"'{run.path / DESCRIPTION}' describes no run that can go on: {type(error).__name__}: {reason}; put it back, or train anew"
        ) from error


@contextmanager
def telling_how_to_go_on(folder: Path) -> Iterator[None]:
    """Ctrl-C within is told with the command that goes on with this folder, of one run or of several."""
    try:
        yield
    except KeyboardInterrupt:
        if not (folder / DESCRIPTION).exists() and not RunFolder.several(folder):
            raise Interrupted(f"interrupted before '{folder}' was made; start again") from None
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", os.environ.get("WORLD_SIZE", "1")))
        launcher = f"torchrun --nproc-per-node {processes} -m " if processes > 1 else ""
        raise Interrupted(f"interrupted; go on with: {launcher}neuromorph train --resume {folder}") from None
