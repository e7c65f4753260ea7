"""`neuromorph check-gradient`: a rule's updates against backpropagation's, on a network trained or new."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from neuromorph.console import Talk
from neuromorph.data import load
from neuromorph.errors import ArtifactError, RangeError
from neuromorph.runs.batched import Task, stood, trainer_of
from neuromorph.runs.folder import CHECKPOINT, RunFolder


def check_gradient(model: str, task: Task, samples: int, data_dir: Path | None, talk: Talk) -> dict[str, Any]:
    """Compare on the first training images. `model`: a run folder of a batched rule, or the name of one.

    With a name, `task` says what to train on; the network is new. A run folder says so itself, and its network is as it stands.
    """
    import torch

    from neuromorph.judges.gradients import compare, worst_angle
    from neuromorph.learning.training.distributed import Ranks

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
