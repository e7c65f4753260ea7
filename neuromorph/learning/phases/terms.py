"""Rules whose update is the sum of two terms, each inferred in a phase of its own: what can be split over time.

    dtheta = g_plus(s_plus) + g_minus(s_minus)      both downhill, signs and 1 / beta inside

`step` of such a rule is term(+1) + term(-1), the nudged phase begun at the states of the free one (prox, lrrn: both at the forward
pass; dyadic-two-phase: both at zero). Independent stochastic dynamics (isd.py) calls `term` for one sign only, drawn at
random, and weighs it by the inverse of its probability.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from neuromorph.learning.network.network import Network, States, Updates
from neuromorph.learning.rule import Batch, Rule


class Term(NamedTuple):
    """One term of an update, and the phase that it was read from.

    `updates`: its share of the change, downhill, mean over the batch. `states`: at the end of the phase. `output`: the output
    layer there; a prediction if the phase did not know the target. `residual`: as in `Outcome`.
    """

    updates: Updates
    states: States
    output: Tensor
    residual: Tensor = torch.zeros(0)


@dataclass(kw_only=True)
class TwoTermRule(Rule):
    """A rule with a positive and a negative term."""

    @abstractmethod
    def term(self, network: Network, batch: Batch, sign: int, start: States | None = None) -> Term:
        """g_plus (sign = +1: the phase that sees the target) or g_minus (sign = -1).

        The phase begins at `start`, which stays as it is. Without `start` it begins at rest, or where the rule keeps the samples'
        particles; if it sees the target it then lasts as long as the free phase and itself together.
        """


def added(first: Updates, second: Updates) -> Updates:
    """The sum, in the place of `first`."""
    for name, change in second.items():
        first[name] = first[name].add_(change) if name in first else change
    return first
