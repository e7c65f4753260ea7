"""`neuromorph reproduce`: a table or figure of the papers again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuromorph.commands.options import AsJson, DataDir


def reproduce(
    name: Annotated[str, typer.Argument(help="two-tales-1, ep-mnist, isd-bas, ...; an unknown name lists all.")],
    quick: Annotated[bool, typer.Option("--quick", help="Smaller and shorter: minutes on a CPU.")] = False,
    seeds: Annotated[int, typer.Option(help="Trainings per row; mean and spread.", min=1)] = 3,
    rows: Annotated[
        str | None,
        typer.Option(
            help="Train only rows with this in their names; the others are shown as trained before, or as not run."
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="name=value, an option of the rules of these rows; repeatable. The JSON is named after it."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for JSON and picture.")] = Path("results") / "reproduce",
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Get a table or figure of the papers again: their claims beside our figures."""
    from neuromorph.console import Talk
    from neuromorph.experiments.catalogue import reproduce as repeat
    from neuromorph.experiments.request import Order

    talk = Talk(json)
    talk.result(repeat(name, Order(talk, quick, seeds, rows, data_dir, tuple(options or ())), out))
