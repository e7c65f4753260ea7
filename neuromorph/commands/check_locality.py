"""`neuromorph check-locality`: what a rule reads while it learns, and what no neuron could."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.options import AsJson, FeedbackName, Layers, RuleOptions, layers_of

if TYPE_CHECKING:
    from neuromorph.console import Talk


def check_locality(
    rule: Annotated[str, typer.Argument(help="The name of a rule, such as dp, or file.py:Name of a class of your own.")],
    layers: Layers = None,
    feedback: FeedbackName = None,
    options: RuleOptions = None,
    json: AsJson = False,
) -> None:
    """What a rule reads while it learns; exit status 1 when a neuron or synapse could not know it."""
    from neuromorph.console import Talk

    talk = Talk(json)
    found = judge_locality(rule, options or (), layers_of(layers) if layers else None, feedback, talk)
    talk.result(found)
    if found["violations"]:
        raise typer.Exit(1)


def judge_locality(
    name: str, options: Sequence[str], sizes: tuple[int, ...] | None, feedback: str | None, talk: Talk
) -> dict[str, Any]:
    """The report on a rule, said and as a dictionary; `violations` is empty for a local one."""
    from neuromorph.judges.verdict import SIZES, judged
    from neuromorph.learning.registry import make_rule, rule_class
    from neuromorph.learning.training.options import parse_options

    rule = make_rule(name, **parse_options(rule_class(name), options))
    found = judged(rule, (sizes,) if sizes else SIZES, feedback)
    marks = {True: "yes", False: "no", None: "cannot be told"}
    talk.say(f"{name}: states are made of {', '.join(found.reads) or 'nothing that could be followed'}")
    talk.say(f"local in space: {marks[found.local_in_space]}; local in time: {marks[found.local_in_time]}")
    talk.say(f"avoids f': {marks[found.avoids_slope]}; weight transport: {marks[found.transport]}")
    talk.say(f"broadcasts: {', '.join(found.broadcasts) or 'none'}")
    for line in found.violations:
        talk.say(f"not local: {line}")
    return {**asdict(found), "local": not found.violations}
