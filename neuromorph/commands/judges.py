"""The commands about rules: what there is, and what the judges say: rules, check-gradient, check-locality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neuromorph.commands.train_options import Device, RuleOptions, layers_of

judges = typer.Typer()

Layers = Annotated[str | None, typer.Option(help="Sizes, such as 64-32-10 (some that suit).")]
FeedbackName = Annotated[str | None, typer.Option(help="tied, random, direct, kolen-pollack or sign (the rule's).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line, nothing else.")]


@judges.command("rules")
def rules(
    name: Annotated[
        str | None, typer.Argument(help="A rule, such as ep: its options (all rules).", metavar="[RULE]")
    ] = None,
    json: AsJson = False,
) -> None:
    """The learning rules, or the options of one."""
    from neuromorph.commands.list_rules import describe_rule, list_rules
    from neuromorph.console import Talk

    talk = Talk(json)
    talk.result(describe_rule(name, talk) if name else list_rules(talk))


@judges.command("check-gradient")
def check_gradient(
    model: Annotated[str, typer.Argument(help="A run folder (from train --rule), or the name of a rule, such as dp.")],
    samples: Annotated[int, typer.Option(help="Training images to compare on.", min=1)] = 200,
    data: Annotated[str, typer.Option(help="With a rule: digits, mnist, ...")] = "digits",
    layers: Layers = None,
    feedback: FeedbackName = None,
    options: RuleOptions = None,
    device: Device = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where data sets lie [$NEUROMORPH_DATA or ./data].")
    ] = None,
    json: AsJson = False,
) -> None:
    """The angle between a rule's updates and backpropagation's, layer by layer."""
    from neuromorph.commands.check_gradient import check_gradient as compare
    from neuromorph.console import Talk
    from neuromorph.runs.batched import Task

    talk = Talk(json)
    task = Task(
        rule=model, data=data, options=tuple(options or ()), layers=layers_of(layers) if layers else None, feedback=feedback,
        device=device or "auto",
    )  # fmt: skip
    talk.result(compare(model, task, samples, data_dir, talk))


@judges.command("check-locality")
def check_locality(
    rule: Annotated[str, typer.Argument(help="The name of a rule, such as dp, or file.py:Name of a class of your own.")],
    layers: Layers = None,
    feedback: FeedbackName = None,
    options: RuleOptions = None,
    json: AsJson = False,
) -> None:
    """What a rule reads while it learns; exit status 1 when a neuron or synapse could not know it."""
    from neuromorph.commands.check_locality import check_locality as judge
    from neuromorph.console import Talk

    talk = Talk(json)
    found = judge(rule, options or (), layers_of(layers) if layers else None, feedback, talk)
    talk.result(found)
    if found["violations"]:
        raise typer.Exit(1)
