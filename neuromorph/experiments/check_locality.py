"""`neuromorph check-locality`: what a rule reads while it learns, and what no neuron could."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from neuromorph.console import Talk
from neuromorph.errors import RangeError

if TYPE_CHECKING:
    from neuromorph.learning.rule import Rule
    from neuromorph.reference.locality import LocalityReport

SIZES = ((12, 8, 7, 10), (12, 8, 10))
"""Layers of the network that a rule is watched on: the first that it builds."""


def check_locality(
    name: str, options: Sequence[str], sizes: tuple[int, ...] | None, feedback: str | None, talk: Talk
) -> dict[str, Any]:
    """The report on a rule, said and as a dictionary; `violations` is empty for a local one."""
    from neuromorph.learning.options import parse_options
    from neuromorph.learning.registry import make_rule, rule_class

    rule = make_rule(name, **parse_options(rule_class(name), options))
    found = judged(rule, (sizes,) if sizes else SIZES, feedback)
    marks = {True: "yes", False: "no"}
    talk.say(f"{name}: states are made of {', '.join(found.reads) or 'nothing that could be followed'}")
    talk.say(f"local in space: {marks[found.local_in_space]}; local in time: {marks[found.local_in_time]}")
    talk.say(f"avoids f': {marks[found.avoids_slope]}; weight transport: {marks[found.transport]}")
    talk.say(f"broadcasts: {', '.join(found.broadcasts) or 'none'}")
    for line in found.violations:
        talk.say(f"not local: {line}")
    return {**asdict(found), "local": not found.violations}


def judged(rule: Rule, sizes: Sequence[tuple[int, ...]] = SIZES, feedback: str | None = None) -> LocalityReport:
    """The judge's report, on a network of the first of these sizes that the rule builds."""
    from neuromorph.reference.locality import check, specimen

    for tried in sizes[:-1]:
        try:
            return check(rule, *specimen(rule, tried, feedback))
        except RangeError:
            continue
    return check(rule, *specimen(rule, sizes[-1], feedback))
