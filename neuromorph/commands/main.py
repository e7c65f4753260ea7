"""The command line: what a user types, and nothing of how it is done."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from neuromorph.commands.judges import judges
from neuromorph.commands.train_options import (
    BatchSize,
    Device,
    KeepBest,
    Metrics,
    Momentum,
    NetworkName,
    OptimizerName,
    Rate,
    RuleName,
    RuleOptions,
    Schedule,
    TensorBoard,
    WeightDecay,
    train_as_chosen,
)
from neuromorph.errors import DivergenceError, Interrupted, NeuromorphError

app = typer.Typer(
    help="Local learning as Lava processes: build a graph in Python, simulate it bit for bit, compile it for a chip.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
bench = typer.Typer(
    help="Measure: speed against Lava, cost against activity, learning rules against backpropagation.", no_args_is_help=True
)
app.add_typer(bench, name="bench")
app.add_typer(judges)

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where data sets lie [$NEUROMORPH_DATA or ./data].")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line, nothing else.")]
MOST_SEED = 2**24
"""Learning rules of a network draw from streams whose seeds are up to 64 times as large, in 32 bits."""
Model = Annotated[
    str, typer.Argument(help="A run folder (from train -o), or file.py:name of a process or a function making one.")
]


def main() -> None:
    """Run a command; what went wrong is one line on stderr and exit status 1, Ctrl-C 130."""
    try:
        app(standalone_mode=True)
    except NeuromorphError as error:
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


@app.command()
def train(
    data: Annotated[str | None, typer.Option(help="digits, mnist, cifar10, ... (digits).")] = None,
    layers: Annotated[
        str | None, typer.Option(help="Sizes, such as 784-512-10 (one hidden layer that suits the data).")
    ] = None,
    feedback: Annotated[
        str | None,
        typer.Option(
            help="learned, random or tied (tied: simulation only) (learned); with --rule tied, random, direct, "
            "kolen-pollack or sign, of dyadic-arbitrary also transpose (the rule's)."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training set (the recipe's or rule's).", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the run repeat bit for bit (0).", min=0, max=MOST_SEED)] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Train this many networks, from seeds SEED, SEED+1, ...; mean and spread (1).", min=1)
    ] = None,
    validation: Annotated[
        int | None, typer.Option(help="Hold out this many of the last training images (0; a tenth with --rule).", min=0)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Run folder (runs/DATA-...).")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with an interrupted run folder.")] = None,
    bits: Annotated[
        int | None, typer.Option(help="Check this many first steps against Lava's models; 0: none (200).", min=0)
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="native: chip precision, torch: batches (native; torch with --rule).")
    ] = None,
    rule: RuleName = None,
    options: RuleOptions = None,
    network: NetworkName = None,
    batch: BatchSize = None,
    rate: Rate = None,
    optimizer: OptimizerName = None,
    momentum: Momentum = None,
    weight_decay: WeightDecay = None,
    schedule: Schedule = None,
    keep_best: KeepBest = None,
    metrics: Metrics = None,
    tensorboard: TensorBoard = None,
    device: Device = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Train a network of dyads at chip precision: integers, one sample at a time; or, with --rule, by any rule in batches."""
    chosen = locals()
    from neuromorph.console import Talk

    is_first = int(os.environ.get("RANK", "0")) == 0  # of the processes of torchrun
    talk = Talk(json or not is_first)
    results = train_as_chosen(chosen, talk)
    if is_first:
        talk.result(results)
    if results.get("diverged"):
        raise DivergenceError(results["error"])


@app.command("compile")
def compile_(
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", help="The artifact to write, such as net.h5.")],
    freeze: Annotated[bool, typer.Option("--freeze", help="Static weights: no learning, even weights.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    json: AsJson = False,
) -> None:
    """Compile a model to a chip artifact (HDF5)."""
    from neuromorph.commands.models import compile_model
    from neuromorph.console import Talk

    talk = Talk(json)
    talk.result(compile_model(model, out, freeze=freeze, overwrite=overwrite, talk=talk))


@app.command()
def run(
    artifact: Annotated[Path, typer.Argument(help="net.h5, from compile.")],
    data: Annotated[str | None, typer.Option(help="Present this data set's test images and count right answers.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first images.", min=1)] = None,
    steps: Annotated[
        int | None, typer.Option(help="Without data: make this many steps as the artifact stands.", min=1)
    ] = None,
    learn: Annotated[bool, typer.Option("--learn", help="Leave plasticity on (paused exactly).")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the artifact as it stands afterwards.")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Run an artifact natively, with the bits of the graph it came from."""
    from neuromorph.commands.models import run_artifact
    from neuromorph.console import Talk

    talk = Talk(json)
    result: dict[str, Any] = run_artifact(
        artifact, data=data, limit=limit, steps=steps, learn=learn, out=out, data_dir=data_dir, talk=talk
    )
    talk.result(result)


@app.command()
def inspect(artifact: Annotated[Path, typer.Argument(help="net.h5, from compile.")], json: AsJson = False) -> None:
    """Print what an artifact holds."""
    from neuromorph.console import Talk
    from neuromorph.deploy.artifact.file import load
    from neuromorph.deploy.artifact.inspect import describe, summary

    talk, loaded = Talk(json), load(artifact)
    talk.say(describe(loaded))
    talk.result(summary(loaded))


@app.command("check-bits")
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
    from neuromorph.commands.models import check_model
    from neuromorph.console import Talk

    talk = Talk(json)
    found = check_model(model, steps, runtime=runtime, time_limit=time_limit, data_dir=data_dir, talk=talk)
    talk.result(found)
    if not found["equal"]:
        raise typer.Exit(1)


@bench.command("lava")
def bench_lava(
    steps: Annotated[int, typer.Option(help="Steps per run.", min=1)] = 300,
    runs: Annotated[int, typer.Option(help="Runs on each side; medians are compared.", min=1)] = 3,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """The plastic 784-256-10 graph in Lava's runtime and natively."""
    from neuromorph.benchmarks.lava import bench_lava as measure
    from neuromorph.benchmarks.surroundings import surroundings
    from neuromorph.console import Talk

    talk = Talk(json)
    found = measure(steps, runs, talk, data_dir)
    talk.say(
        f"Lava {1e3 * found.lava:.2f} ms a step, native {1e6 * found.native:.1f} us a step: {found.speedup:.0f} times faster "
        f"(medians of {runs}; kernels ready in {found.compile:.1f} s, not counted)"
    )
    talk.result(found.as_dict() | surroundings())
    if not found.bits_equal:
        raise typer.Exit(1)


@bench.command("sparsity")
def bench_sparsity(
    steps: Annotated[int, typer.Option(help="Steps per run.", min=1)] = 2000,
    runs: Annotated[int, typer.Option(help="Runs; the median counts.", min=1)] = 5,
    json: AsJson = False,
) -> None:
    """A plastic 784-512-10 stack with 1 to 100 % of its neurons active."""
    from neuromorph.benchmarks.sparsity import bench_sparsity as measure
    from neuromorph.benchmarks.surroundings import surroundings
    from neuromorph.console import Talk

    talk = Talk(json)
    found = measure(steps, runs, talk)
    for level, cost in found["native_us_per_step"].items():
        talk.say(f"{100 * float(level):5.0f} % active: {cost:8.1f} us a step")
    talk.say(f"plain dense kernel: {found['dense_us_per_step']:8.1f} us a step (results agree: {found['results_agree']})")
    talk.say(f"10 % costs {found['cost_ratio']:.3f} of 100 %; 100 % costs {found['dense_ratio']:.2f} of the dense kernel")
    talk.result(found | surroundings())


@bench.command("rules")
def bench_rules(
    runs: Annotated[int, typer.Option(help="Steps of each rule; medians are compared.", min=1)] = 50,
    json: AsJson = False,
) -> None:
    """A step of every batched learning rule against one of backpropagation, and chains on Bars-and-Stripes."""
    from neuromorph.benchmarks.rules import bench_rules as measure
    from neuromorph.benchmarks.surroundings import surroundings
    from neuromorph.console import Talk

    talk = Talk(json)
    talk.result(measure(runs, talk) | surroundings())


@app.command()
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
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for JSON and picture.")] = Path("results") / "reproduce",
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Get a table or figure of the papers again: their claims beside our figures."""
    from neuromorph.console import Talk
    from neuromorph.experiments.catalogue import reproduce as repeat
    from neuromorph.experiments.request import Order

    talk = Talk(json)
    talk.result(repeat(name, Order(talk, quick, seeds, rows, data_dir), out))


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for run, artifact and picture.")] = Path("demo"),
    json: AsJson = False,
) -> None:
    """Handwritten digits, learned at chip precision, checked against Lava, compiled, and drawn."""
    from neuromorph.commands.demo import demo as show
    from neuromorph.console import Talk

    talk = Talk(json)
    talk.result(show(out, talk))
