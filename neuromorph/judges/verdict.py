"""The judge of locality's report on any rule, on a small network that the rule builds."""

from __future__ import annotations

from collections.abc import Sequence

from neuromorph.errors import RangeError
from neuromorph.judges.locality import LocalityReport, check_locality, specimen
from neuromorph.learning.rule import Rule

SIZES = ((12, 8, 7, 10), (12, 8, 10))
"""Layers of the network that a rule is watched on: the first that it builds."""


def judged(rule: Rule, sizes: Sequence[tuple[int, ...]] = SIZES, feedback: str | None = None) -> LocalityReport:
    """The report, on a network of the first of these sizes that the rule builds. Raises RangeError where it builds none."""
    for tried in sizes[:-1]:
        try:
            return check_locality(rule, *specimen(rule, tried, feedback))
        except RangeError:
            continue
    return check_locality(rule, *specimen(rule, sizes[-1], feedback))
