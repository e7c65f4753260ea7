"""A training run on disk: what network on what data (run.json), how it went (history), where it stands (checkpoint.h5)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuromorph.deploy.artifact.file import load, save
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.errors import ArtifactError, Interrupted, NeuromorphError, OutputError
from neuromorph.networks.dyadic_mlp.network import DyadicMLP
from neuromorph.networks.dyadic_mlp.recipe import Recipe
from neuromorph.program import Program

DESCRIPTION, CHECKPOINT = "run.json", "checkpoint.h5"
RESULTS = (
    "rule", "seed", "test_accuracy", "test_accuracy_spread", "test_accuracy_frozen", "validation_accuracy", "train_accuracy", "nll",
    "nll_spread", "samples", "steps", "diverged", "error", "seconds", "first_bits_equal", "first_bits_steps",
)  # fmt: skip
"""What a finished run tells."""


@dataclass
class RunFolder:
    """`description`: network (arguments of DyadicMLP), data, epochs, validation; and results as they come: history, test."""

    path: Path
    description: dict[str, Any]

    @classmethod
    def create(cls, path: Path, description: dict[str, Any]) -> RunFolder:
        """A new folder, written to at once, so that a path that cannot be written is found before the training."""
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise OutputError(f"'{path}' exists and is not empty; give another folder with -o, or go on with --resume")
        try:
            path.mkdir(parents=True, exist_ok=True)
            folder = cls(path, {**description, "history": []})
            folder.write()
        except OSError as error:
            raise OutputError(f"'{path}' cannot be written: {error.strerror}; give another folder with -o") from None
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run. Raises ArtifactError when it is none."""
        file = path / DESCRIPTION
        try:
            description = json.loads(file.read_text())
        except FileNotFoundError:
            within = sorted(found.parent.name for found in path.glob(f"*/{DESCRIPTION}"))
            hint = f"; it holds the runs {', '.join(within)}: name one of them" if within else ""
            raise ArtifactError(f"'{path}' is no run folder: it has no {DESCRIPTION}{hint}") from None
        except (ValueError, OSError) as error:
            raise ArtifactError(f"'{file}' cannot be read: {error}") from None
        if not isinstance(description, dict) or "network" not in description:
            raise ArtifactError(f"'{file}' describes no network; it was not written by neuromorph train")
        return cls(path, description)

    @classmethod
    def unfinished(cls, path: Path) -> RunFolder:
        """An existing run that can go on. Raises NeuromorphError when it has ended."""
        run = cls.open(path)
        if run.description.get("diverged"):
            raise NeuromorphError(f"'{path}' diverged ({run.description['error']}); train anew with other settings")
        if run.is_finished:
            raise NeuromorphError(f"'{path}' has been trained to its end; there is nothing to resume")
        return run

    @classmethod
    def create_each(cls, folder: Path, descriptions: Mapping[int, dict[str, Any]]) -> list[RunFolder]:
        """New folders for the descriptions by seed: within `folder` when there are several, before any is trained."""
        several = len(descriptions) > 1
        return [cls.create(folder / f"seed{seed}" if several else folder, told) for seed, told in descriptions.items()]

    @classmethod
    def several(cls, path: Path) -> list[RunFolder]:
        """The runs seedN of a folder that `train --seeds` has made, by N; none of a folder that is a run itself."""
        found = [] if (path / DESCRIPTION).exists() else path.glob(f"seed*/{DESCRIPTION}")
        return [cls.open(file.parent) for file in sorted(found, key=lambda file: int(file.parent.name.removeprefix("seed")))]

    @property
    def is_finished(self) -> bool:
        return "test_accuracy" in self.description or "nll" in self.description

    @property
    def results(self) -> dict[str, Any]:
        """Of a finished run."""
        return {name: self.description[name] for name in RESULTS if name in self.description} | {"run": str(self.path)}

    def write(self) -> None:
        unfinished = self.path / f".{DESCRIPTION}"
        unfinished.write_text(json.dumps(self.description, indent=1))
        os.replace(unfinished, self.path / DESCRIPTION)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One entry per epoch."""
        entries: list[dict[str, Any]] = self.description["history"]
        return entries

    def network(self) -> DyadicMLP:
        """The network as its first weights were drawn, or with those of the checkpoint if there is one.

        Raises ArtifactError for a run of a batched rule: its weights are no integers.
        """
        if "rule" in self.description:
            raise ArtifactError(
                f"'{self.path}' was trained in batches by rule {self.description['rule']}, not at chip precision; take a run made "
                "without --rule"
            )
        arguments = dict(self.description["network"])
        recipe = Recipe.from_dict(arguments.pop("recipe"))
        network = DyadicMLP(**arguments, recipe=recipe)
        if (self.path / CHECKPOINT).exists():
            network.take_weights(self.checkpoint())
        return network

    def checkpoint(self) -> Program:
        """The Program in the middle of its training, without the data."""
        return load(self.path / CHECKPOINT).program

    def save_checkpoint(self, program: Program) -> None:
        save(program, self.path / CHECKPOINT, self.provenance(), overwrite=True)
        self.write()

    def provenance(self) -> Provenance:
        known = self.description
        accuracies: dict[str, float] = {k: known[k] for k in ("test_accuracy", "test_accuracy_frozen") if k in known}
        return Provenance(
            seed=known["network"]["seed"],
            data_set=known["data"],
            accuracies=accuracies,
            command=known.get("command"),
            notes={"network": known["network"], "epochs": known["epochs"], "epochs_done": len(self.history)},
        )


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
