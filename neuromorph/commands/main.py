"""The command line: what a user types leads to one file a command."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from neuromorph.commands.bench import bench
from neuromorph.commands.check_bits import check_bits
from neuromorph.commands.check_gradient import check_gradient
from neuromorph.commands.check_locality import check_locality
from neuromorph.commands.compile import compile_
from neuromorph.commands.demo import demo
from neuromorph.commands.inspect import inspect
from neuromorph.commands.reproduce import reproduce
from neuromorph.commands.rules import rules
from neuromorph.commands.run import run
from neuromorph.commands.train import train
from neuromorph.errors import Interrupted, NeuromorphError
from neuromorph.extras import EXTRAS, missing

app = typer.Typer(
    help="Local learning as Lava processes: build a graph in Python, simulate it bit for bit, compile it for a chip.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(train)
app.command("compile")(compile_)
app.command()(run)
app.command()(inspect)
app.command("check-bits")(check_bits)
app.command()(reproduce)
app.command()(demo)
app.command()(rules)
app.command("check-gradient")(check_gradient)
app.command("check-locality")(check_locality)
app.add_typer(bench, name="bench")


def main() -> None:
    """Run a command; what went wrong is one line on stderr and exit status 1, Ctrl-C 130."""
    try:
        app(standalone_mode=True)
    except NeuromorphError as error:
        _fail(error)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        _fail(missing(package, "this command"))


def _fail(error: NeuromorphError) -> NoReturn:
    print(f"neuromorph: {error}", file=sys.stderr)
    sys.exit(130 if isinstance(error, Interrupted) else 1)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("neuromorph"))
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", callback=_show_version)] = False,
) -> None:
    """Options of no command."""
