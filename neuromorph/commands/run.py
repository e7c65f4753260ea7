"""`neuromorph run`: an artifact, natively."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.options import AsJson, DataDir, Laws
from neuromorph.errors import RangeError

if TYPE_CHECKING:
    from neuromorph.console import Talk
    from neuromorph.deploy.artifact.file import Artifact


def run(
    artifact: Annotated[Path, typer.Argument(help="net.h5, from compile.")],
    data: Annotated[str | None, typer.Option(help="Present this data set's test images and count right answers.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first images.", min=1)] = None,
    steps: Annotated[
        int | None, typer.Option(help="Without data: make this many steps as the artifact stands.", min=1)
    ] = None,
    learn: Annotated[bool, typer.Option("--learn", help="Leave plasticity on (paused exactly).")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the artifact as it stands afterwards.")] = None,
    laws: Laws = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Run an artifact natively, with the bits of the graph it came from."""
    from neuromorph.console import Talk

    talk = Talk(json)
    talk.result(
        run_artifact(
            artifact, data=data, limit=limit, steps=steps, learn=learn, out=out, laws=laws, data_dir=data_dir, talk=talk
        )
    )


def run_artifact(
    artifact: Path,
    *,
    data: str | None,
    limit: int | None,
    steps: int | None,
    learn: bool,
    out: Path | None,
    laws: list[Path] | None = None,
    data_dir: Path | None,
    talk: Talk,
) -> dict[str, Any]:
    """Present a data set's test images, or make steps as the artifact stands."""
    from neuromorph.deploy.artifact.file import load, save
    from neuromorph.deploy.freeze import pause
    from neuromorph.engine.engine import Engine
    from neuromorph.program import Sink

    loaded = load(artifact, laws or ())
    if (data is None) == (steps is None):
        raise RangeError("give either --data, to present a data set, or --steps")
    if data is not None and learn:
        raise RangeError("--learn goes with --steps; test images have no business in training")
    if data is not None:
        return _classify(loaded, data, limit, data_dir, talk)
    program = loaded.program if learn else pause(loaded.program)
    engine = Engine(program)
    with talk.bar("steps", steps or 0) as bar:
        engine.run(steps or 0, bar.advance)
    after = engine.snapshot()
    if out is not None:
        save(after, out, loaded.provenance)
    sinks = {n.name: engine.get(n.name, "data").sum(axis=1).tolist() for n in after.nodes if isinstance(n, Sink)}
    talk.say(f"made {steps} steps, learning {'on' if learn else 'paused'}; step {after.step}")
    for name, totals in sinks.items():
        talk.say(f"{name}: sums over its buffer {totals}")
    return {"steps": steps, "step": after.step, "learning": learn, "sinks": sinks}


def _classify(artifact: Artifact, data: str, limit: int | None, data_dir: Path | None, talk: Talk) -> dict[str, Any]:
    """Present test samples, scaled as those were that the artifact has learned (as their own set says where it has learned none).

    Raises DataError for other data of the name of those that it has learned.
    """
    from neuromorph.data import Scaling, load
    from neuromorph.engine.online import accuracy, presenter_of
    from neuromorph.runs.origin import Origin

    shown, learned = load(data, data_dir), Origin.of_artifact(artifact.provenance.notes)
    scaling = Scaling.from_dict(learned.scaling) if learned else shown.scaling
    is_learned = learned.is_of(shown) if learned else None
    if learned and not is_learned:
        talk.say(
            f"note: {shown.name} is not what the artifact has learned: {learned.name}, fingerprint {learned.fingerprint}"
        )
    samples, labels = scaling.encode(shown.test_images[:limit]), shown.test_labels[:limit]
    with talk.bar("steps", presenter_of(artifact.program).hold * len(samples)) as bar:
        right = accuracy(artifact.program, samples, labels, bar.advance)
    talk.say(f"{data}: {100 * right:.2f} % of {len(labels)} test images")
    return {"data": data, "samples": len(labels), "accuracy": right, "learned": is_learned}
