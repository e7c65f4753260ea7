"""`neuromorph inspect`: what an artifact holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuromorph.commands.options import AsJson, Laws


def inspect(
    artifact: Annotated[Path, typer.Argument(help="net.h5, from compile.")], laws: Laws = None, json: AsJson = False
) -> None:
    """Print what an artifact holds."""
    from neuromorph.console import Talk
    from neuromorph.deploy.artifact.file import load
    from neuromorph.deploy.artifact.inspect import describe, summary

    talk, loaded = Talk(json), load(artifact, laws or ())
    talk.say(describe(loaded))
    talk.result(summary(loaded))
