"""`neuromorph check-gradient`: a rule's updates against backpropagation's, on a network trained or new."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.options import AsJson, Device, FeedbackName, Layers, RuleOptions, layers_of
from neuromorph.errors import ArtifactError, RangeError

if TYPE_CHECKING:
    from neuromorph.console import Talk
    from neuromorph.runs.batched import Task


def check_gradient(
    model: Annotated[str, typer.Argument(help="A run folder (from train --rule), or the name of a rule, such as dp.")],
    samples: Annotated[int, typer.Option(help="Training images to compare on.", min=1)] = 200,
    data: Annotated[str, typer.Option(help="With a rule: digits, mnist, ...")] = "digits",
    layers: Layers = None,
    feedback: FeedbackName = None,
    options: RuleOptions = None,
    device: Device = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where data sets lie [$NEUROMORPH_DATA or ./data].")
    ] = None,
    json: AsJson = False,
) -> None:
    """The angle between a rule's updates and backpropagation's, layer by layer."""
    from neuromorph.console import Talk
    from neuromorph.runs.batched import Task

    talk = Talk(json)
    task = Task(
        rule=model, data=data, options=tuple(options or ()), layers=layers_of(layers) if layers else None, feedback=feedback,
        device=device or "auto",
    )  # fmt: skip
    talk.result(compare_gradient(model, task, samples, data_dir, talk))


def compare_gradient(model: str, task: Task, samples: int, data_dir: Path | None, talk: Talk) -> dict[str, Any]:
    """Compare on the first training images. `model`: a run folder of a batched rule, or the name of one.

    With a name, `task` says what to train on; the network is new. A run folder says so itself, and its network is as it stands.
    """
    import torch

    from neuromorph.data import load
    from neuromorph.judges.gradients import compare, worst_angle
    from neuromorph.learning.training.distributed import Ranks
    from neuromorph.runs.batched import Task, stood, trainer_of
    from neuromorph.runs.folder import CHECKPOINT, RunFolder

    run = RunFolder.open(Path(model)) if Path(model).is_dir() else None
    if run is not None:
        if "rule" not in run.description:
            raise RangeError(f"'{model}' was trained at chip precision; gradients are compared of runs of train --rule")
        if replace(task, device="auto") != Task(model, "digits"):
            raise RangeError(
                f"'{model}' knows what was trained on what; leave out what says otherwise, but for --samples and --device"
            )
        task = replace(Task.of(run.description), device=task.device)
    seed = 0 if run is None else run.description["seed"]
    trainer = trainer_of(task, seed, load(task.data, data_dir or task.data_dir), Ranks())
    if run is not None:
        stood(run, trainer)
        if not (run.path / CHECKPOINT).exists():
            raise ArtifactError(
                f"'{model}' has not been trained yet: it has no {CHECKPOINT}; train it, or give the name of a rule"
            )
        talk.say(f"{model}: weights after {trainer.epoch} epochs and {trainer.position} batches")
    images = trainer.batches.samples
    batch = images.batch(torch.arange(min(samples, len(images)), device=images.labels.device))
    layers = compare(trainer.network, trainer.rule, batch)
    rows = [[str(c.layer), f"{c.angle:.4f}", f"{c.cosine:.6f}", f"{c.ratio:.4f}"] for c in layers]
    talk.table(
        f"{task.rule} against backpropagation, {len(batch.x)} images", ["layer", "degrees", "cosine", "norm ratio"], rows
    )
    talk.say(f"worst angle {worst_angle(layers):.4f} degrees")
    return {"rule": task.rule, "layers": [asdict(c) for c in layers], "worst_angle": worst_angle(layers)}
