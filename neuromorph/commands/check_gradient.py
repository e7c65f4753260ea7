"""`neuromorph check-gradient`: a rule's updates against backpropagation's, on a network trained or new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.options import AsJson, DataDir, Device, FeedbackName, Layers, RuleOptions, layers_of
from neuromorph.errors import ArtifactError, RangeError
from neuromorph.extras import need

if TYPE_CHECKING:
    from neuromorph.console import Talk
    from neuromorph.learning.training.trainer import Trainer


def check_gradient(
    model: Annotated[str, typer.Argument(help="A run folder (from train --rule), or a rule, such as dp or file.py:Name.")],
    samples: Annotated[int, typer.Option(help="Training images to compare on.", min=1)] = 200,
    data: Annotated[str | None, typer.Option(help="With a rule: digits, mnist, ... (digits).")] = None,
    layers: Layers = None,
    feedback: FeedbackName = None,
    options: RuleOptions = None,
    device: Device = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """The angle between a rule's updates and backpropagation's, layer by layer."""
    from neuromorph.console import Talk

    talk = Talk(json)
    given = {
        "layers": layers and layers_of(layers),
        "feedback": feedback,
        "options": options,
        "device": device,
        "data": data,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    talk.result(compare_gradient(model, chosen, samples, data_dir, talk))


def compare_gradient(
    model: str, given: Mapping[str, Any], samples: int, data_dir: Path | None, talk: Talk
) -> dict[str, Any]:
    """Compare on the first training images. `model`: a run folder of a batched rule, or the name of one.

    With a name, `given` (options as of train) says what to train on; the network is new. A run folder says so itself, and its network is
    as it stands.
    """
    need("torch", "check-gradient")
    import torch

    from neuromorph.judges import gradients

    is_run = Path(model).is_dir()
    trainer = _trained(Path(model), given, data_dir) if is_run else _new(model, given, data_dir)
    if is_run:
        talk.say(f"{model}: weights after {trainer.epoch} epochs and {trainer.position} batches")
    images = trainer.batches.samples
    batch = images.batch(torch.arange(min(samples, len(images)), device=images.labels.device))
    layers, name = gradients.check_gradient(trainer.network, trainer.rule, batch), trainer.rule.name
    rows = [[str(c.layer), f"{c.angle:.4f}", f"{c.cosine:.6f}", f"{c.ratio:.4f}"] for c in layers]
    talk.table(f"{name} against backpropagation, {len(batch.x)} images", ["layer", "degrees", "cosine", "norm ratio"], rows)
    talk.say(f"worst angle {gradients.worst_angle(layers):.4f} degrees")
    return {"rule": name, "layers": [asdict(c) for c in layers], "worst_angle": gradients.worst_angle(layers)}


def _new(rule: str, given: Mapping[str, Any], data_dir: Path | None) -> Trainer:
    from neuromorph.data import load
    from neuromorph.runs.batched import BatchedTask

    data = load(given.get("data", "digits"), data_dir)
    return BatchedTask.settled({**given, "rule": rule}, data, 0).trainer(data)


def _trained(path: Path, given: Mapping[str, Any], data_dir: Path | None) -> Trainer:
    """As a run stands. Raises RangeError for one of another kind, ArtifactError for one that was never begun."""
    from neuromorph.runs.batched import BatchedTask
    from neuromorph.runs.folder import CHECKPOINT, RunFolder
    from neuromorph.runs.origin import Origin

    run = RunFolder.open(path)
    if run.kind != BatchedTask.kind:
        raise RangeError(
            f"'{path}' is a run of kind {run.kind}; gradients are compared of runs of train --rule, not rbm-METHOD"
        )
    if given.keys() - {"device"}:
        raise RangeError(
            f"'{path}' knows what was trained on what; leave out what says otherwise, but for --samples and --device"
        )
    if not run.has_checkpoint:
        raise ArtifactError(
            f"'{path}' has not been trained yet: it has no {CHECKPOINT}; train it, or give the name of a rule"
        )
    task = BatchedTask.from_dict(run.description["task"]).on(given.get("device"))
    training = task.begin(Origin.of_run(run).load(data_dir))
    training.go_on_from(run)
    return training.trainer
