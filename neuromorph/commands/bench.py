"""`neuromorph bench`: measurements."""

from __future__ import annotations

from typing import Annotated

import typer

from neuromorph.commands.options import AsJson, DataDir

bench = typer.Typer(
    help="Measure: speed against Lava, cost against activity, learning rules against backpropagation.", no_args_is_help=True
)


@bench.command("lava")
def bench_lava(
    names: Annotated[
        list[str] | None, typer.Argument(help="How names of workloads begin (all).", metavar="[WORKLOAD]...")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps per run, instead of each workload's own.", min=1)] = None,
    runs: Annotated[int, typer.Option(help="Runs on each side; medians are compared.", min=1)] = 3,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """The same graphs in Lava's runtime and natively: a table of workloads, bits checked first."""
    from neuromorph.benchmarks.lava import as_table, figures
    from neuromorph.benchmarks.lava import bench_lava as measure
    from neuromorph.console import Talk
    from neuromorph.surroundings import surroundings

    talk = Talk(json)
    rows = measure(names or (), runs, talk, data_dir, steps)
    talk.table(f"Medians of {runs}, a step", *as_table(rows))
    talk.result(figures(rows) | surroundings())
    if not all(row.bits_equal for row in rows):
        raise typer.Exit(1)


@bench.command("sparsity")
def bench_sparsity(
    steps: Annotated[int, typer.Option(help="Steps per run.", min=1)] = 2000,
    runs: Annotated[int, typer.Option(help="Runs; the median counts.", min=1)] = 5,
    json: AsJson = False,
) -> None:
    """A plastic 784-512-10 stack with 1 to 100 % of its neurons active."""
    from neuromorph.benchmarks.sparsity import bench_sparsity as measure
    from neuromorph.console import Talk
    from neuromorph.surroundings import surroundings

    talk = Talk(json)
    found = measure(steps, runs, talk)
    for level, cost in found["native_us_per_step"].items():
        talk.say(f"{100 * float(level):5.0f} % active: {cost:8.1f} us a step")
    talk.say(f"plain dense kernel: {found['dense_us_per_step']:8.1f} us a step (results agree: {found['results_agree']})")
    talk.say(f"10 % costs {found['cost_ratio']:.3f} of 100 %; 100 % costs {found['dense_ratio']:.2f} of the dense kernel")
    talk.result(found | surroundings())


@bench.command("rules")
def bench_rules(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Rules, such as dp, or file.py:Name of your own (all, and a Boltzmann machine).", metavar="[RULE]..."
        ),
    ] = None,
    runs: Annotated[int, typer.Option(help="Steps of each rule; medians are compared.", min=1)] = 50,
    json: AsJson = False,
) -> None:
    """A step of every batched learning rule, or of some, against one of backpropagation, and chains on Bars-and-Stripes."""
    from neuromorph.benchmarks.rules import bench_rules as measure
    from neuromorph.console import Talk
    from neuromorph.surroundings import surroundings

    talk = Talk(json)
    talk.result(measure(runs, talk, names or ()) | surroundings())
