"""What an experiment has measured already, in small files: an interrupted one goes on where it was.

Each measurement is a JSON file in `runs/reproduce/EXPERIMENT`, under a name made of everything that decides it. The training that
leads to one has its checkpoint beside that file, written after every epoch and on Ctrl-C, until the measurement is there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromorph.errors import ArtifactError, Interrupted, OutputError

if TYPE_CHECKING:
    from neuromorph.learning.rule import Rule, Settings
    from neuromorph.learning.training.trainer import Trainer

FOLDER = Path("runs") / "reproduce"


@dataclass(frozen=True)
class Kept:
    """One measurement."""

    file: Path

    @classmethod
    def of(cls, experiment: str, label: str, told: Any, seed: int) -> Kept:
        """`told`: all that decides it beside the seed and our code, as JSON knows it. `label`: for people who look into the folder."""
        digest = hashlib.sha256(json.dumps([told, seed], sort_keys=True).encode()).hexdigest()[:12]
        return cls(FOLDER / experiment / f"{label}-{digest}-seed{seed}.json")

    @property
    def checkpoint(self) -> Path:
        return self.file.with_suffix(".h5")

    def read(self) -> Any | None:
        """None when it was not measured. Raises ArtifactError for a damaged file."""
        try:
            return json.loads(self.file.read_text()) if self.file.exists() else None
        except ValueError as error:
            raise ArtifactError(f"'{self.file}' is damaged: {error}; delete it to measure again") from None

    def get(self, measure: Callable[[], Any]) -> Any:
        """As it was measured before, or now. What is told comes from the file either way: tuples are lists."""
        if not self.file.exists():
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(
                    f"'{self.file.parent}' cannot be made: {error.strerror}; measurements are kept there"
                ) from None
            unfinished = self.file.with_suffix(".part")
            unfinished.write_text(json.dumps(measure(), indent=1))
            os.replace(unfinished, self.file)
            self.checkpoint.unlink(missing_ok=True)
        return self.read()

    def train(self, trainer: Trainer) -> None:
        """To its end, from the checkpoint where there is one. Raises DivergenceError; Interrupted on Ctrl-C."""
        if self.checkpoint.exists():
            trainer.load(self.checkpoint)
        try:
            while trainer.epoch < trainer.settings.epochs:
                trainer.run_epoch()
                trainer.save(self.checkpoint)
        except KeyboardInterrupt:
            trainer.save(self.checkpoint)
            raise Interrupted("interrupted; the same command goes on where it stopped") from None


def told_of(rule: Rule, settings: Settings) -> list[Any]:
    """All numbers of a training, defaults too: where one changes, what was measured with the old one is not this."""
    return [rule.name, {option: getattr(rule, option) for option in rule.options()}, asdict(settings)]
