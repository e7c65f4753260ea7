"""What is told of every epoch of a batched training: a line, and scalars for TensorBoard where they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neuromorph.console import Talk
from neuromorph.errors import OutputError
from neuromorph.extras import need


class TrainingLog:
    """Epochs as the trainer's history has them. `tensorboard`: folder for event files, None for none.

    Raises MissingError when TensorBoard is asked for and not installed.
    """

    def __init__(self, talk: Talk, tensorboard: str | None, run: str) -> None:
        self._talk, self._writer = talk, None
        if tensorboard is not None:
            folder = Path(tensorboard) / run
            self._writer = check_tensorboard(folder)(str(folder))

    def add(self, entry: dict[str, Any]) -> None:
        self._talk.say("  ".join(_told(entry)))
        if self._writer is None:
            return
        for name, value in entry.items():
            for tag, number in _scalars(name, value):
                self._writer.add_scalar(tag, number, entry["epoch"])
        self._writer.flush()

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()


def check_tensorboard(folder: str | Path) -> Any:
    """TensorBoard's writer. Raises MissingError where it is not installed, OutputError for a folder that cannot be written."""
    need("tensorboard", "--tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"'{folder}' cannot be written: {error.strerror}; give another folder with --tensorboard"
        ) from None
    return SummaryWriter


def _told(entry: dict[str, Any]) -> list[str]:
    shown = [f"epoch {entry['epoch']:3d}", f"training {100 * entry['train_accuracy']:6.2f} %"]
    if entry["validation_accuracy"] is not None:
        shown.append(f"validation {100 * entry['validation_accuracy']:6.2f} %")
    shown.append(f"rate {entry['rate']:.2g}")
    if entry["residual"]:
        shown.append(f"residual {max(entry['residual']):.1e}")
    if "angle" in entry:
        angles = ", ".join(f"{angle:.1f}" for angle in entry["angle"])
        shown.append(f"angles to the gradient {angles}")
    if "lipschitz" in entry:
        shown.append(f"Lipschitz {entry['lipschitz']:.3g}")
    return shown


def _scalars(name: str, value: Any) -> list[tuple[str, float]]:
    if isinstance(value, list):
        return [(f"{name}/layer {k}", one) for k, one in enumerate(value, 1)]
    return [] if value is None or name == "epoch" else [(name, value)]
