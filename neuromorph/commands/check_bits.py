"""`neuromorph check-bits`: a model in Lava and natively, side by side."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.model import graph_of, is_folder
from neuromorph.commands.options import AsJson, DataDir, Model
from neuromorph.errors import NeuromorphError
from neuromorph.extras import need

if TYPE_CHECKING:
    from neuromorph.console import Talk
    from neuromorph.runs.folder import RunFolder

SAMPLES = 100
"""Images shown when the graph of a run folder is checked."""


def check_bits(
    model: Model,
    steps: Annotated[int, typer.Option(help="Steps to compare.", min=1)] = 100,
    runtime: Annotated[
        bool, typer.Option("--runtime", help="Against Lava's own runtime, values after the last step.")
    ] = False,
    time_limit: Annotated[float, typer.Option(help="Seconds for Lava's runtime.", min=1)] = 600.0,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Run a graph in Lava and natively, side by side: all bits agree, or the first that does not."""
    from neuromorph.console import Talk

    talk = Talk(json)
    found = check_model(model, steps, runtime=runtime, time_limit=time_limit, data_dir=data_dir, talk=talk)
    talk.result(found)
    if not found["equal"]:
        raise typer.Exit(1)


def check_model(
    model: str, steps: int, *, runtime: bool, time_limit: float, data_dir: Path | None, talk: Talk
) -> dict[str, Any]:
    """Compare a MODEL in Lava and natively."""
    if model.endswith(".h5"):
        raise NeuromorphError(f"'{model}' is an artifact, which has no Lava graph; give the run folder or file.py:name")
    need("lava", "check-bits")
    from neuromorph.processes.equivalence.check import check_bits as compare
    from neuromorph.runs.folder import RunFolder

    process = _run_graph(RunFolder.open(Path(model)), data_dir) if is_folder(model) else graph_of(model)
    with warnings.catch_warnings(record=True) as notes, talk.bar("comparing", steps) as bar:
        warnings.simplefilter("always")
        check = compare(process, steps, runtime=runtime, time_limit=time_limit, progress=bar.advance)
    for note in dict.fromkeys(str(warning.message) for warning in notes):
        talk.say(f"note: {note}")
    found = check.first_difference
    talk.say(f"{check.steps} steps, {check.variables} variables: {'all bits agree' if check.equal else found}")
    return {"equal": check.equal, "steps": check.steps, "first_difference": None if found is None else vars(found)}


def _run_graph(run: RunFolder, data_dir: Path | None) -> Any:
    """The graph of a run with its present weights, learning on, on its first training images."""
    from neuromorph.runs.chip import network_of
    from neuromorph.runs.origin import Origin

    network, data = network_of(run), Origin(**run.description["data"]).load(data_dir)
    return network.build(data.train_images[:SAMPLES], data.train_labels[:SAMPLES]).readout
