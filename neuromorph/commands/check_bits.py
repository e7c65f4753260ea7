"""`neuromorph check-bits`: a model in Lava and natively, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.model import graph_of, is_folder
from neuromorph.commands.options import AsJson, DataDir, Laws
from neuromorph.errors import RangeError
from neuromorph.extras import need

if TYPE_CHECKING:
    from neuromorph.console import Talk
    from neuromorph.processes.equivalence.result import BitCheck


def check_bits(
    model: Annotated[str, typer.Argument(help="A run folder, net.h5 from compile, or file.py:name of a process.")],
    steps: Annotated[int, typer.Option(help="Steps to compare.", min=1)] = 100,
    runtime: Annotated[
        bool, typer.Option("--runtime", help="Against Lava's own runtime, values after the last step.")
    ] = False,
    time_limit: Annotated[float, typer.Option(help="Seconds for Lava's runtime.", min=1)] = 600.0,
    laws: Laws = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Run a graph in Lava and natively, side by side: all bits agree, or the first that does not."""
    from neuromorph.console import Talk

    talk = Talk(json)
    found = check_model(model, steps, runtime=runtime, time_limit=time_limit, laws=laws, data_dir=data_dir, talk=talk)
    talk.result(found)
    if not found["equal"]:
        raise typer.Exit(1)


def check_model(
    model: str,
    steps: int,
    *,
    runtime: bool,
    time_limit: float,
    laws: list[Path] | None = None,
    data_dir: Path | None = None,
    talk: Talk,
) -> dict[str, Any]:
    """Compare a MODEL in Lava and natively."""
    compare = _comparison(model, laws or (), data_dir)
    with warnings.catch_warnings(record=True) as notes, talk.bar("comparing", steps) as bar:
        warnings.simplefilter("always")
        check = compare(steps, runtime=runtime, time_limit=time_limit, progress=bar.advance)
    for note in dict.fromkeys(str(warning.message) for warning in notes):
        talk.say(f"note: {note}")
    found = check.first_difference
    talk.say(
        f"{check.steps} steps, {check.variables} variables, against {check.against}: "
        f"{'all bits agree' if check.equal else found}"
    )
    return {
        "equal": check.equal, "against": check.against, "steps": check.steps,
        "first_difference": None if found is None else vars(found),
    }  # fmt: skip


def _comparison(model: str, laws: Iterable[Path], data_dir: Path | None) -> Callable[..., BitCheck]:
    """Compares the MODEL: a graph with Lava; with Lava or with what is recorded, an artifact as it stands and a run on its first
    training images."""
    from neuromorph.processes.equivalence.recorded import check_program

    if model.endswith(".h5"):
        from neuromorph.deploy.artifact.file import load

        return partial(check_program, load(model, laws).program)
    if laws:
        raise RangeError("--laws goes with an artifact; a process brings its law itself")
    if not is_folder(model):
        need("lava", "check-bits of a graph")
        from neuromorph.processes.equivalence.check import check_bits as compare

        return partial(compare, graph_of(model))
    from neuromorph.runs.chip import first_images, network_of
    from neuromorph.runs.folder import RunFolder
    from neuromorph.runs.origin import Origin

    run = RunFolder.open(Path(model))
    return partial(check_program, first_images(network_of(run), Origin.of_run(run).load(data_dir)))
