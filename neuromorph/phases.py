"""Which phase plasticity sees, and when.

Learning by contrast has two terms, g = g_plus + g_minus: one of positive phases (data or target present), one of negative (free)
phases. A `PhasePlan` says how phases follow each other and at which steps weights change::

    periodic       both phases in turn, one change after the second: products of the first must be stored
    Bernoulli(p)   each phase positive with probability p; one change at its end, weighted 1/p or 1/(1 - p) (ISD)
    always on      Bernoulli(p), and a change at every step, at the rate divided by the length
    random length  always on, and the phase ends after each step with probability 1 / length

ISD is unbiased for every p. With A = E|g_plus|^2 and C = E|g_minus|^2 (Flexible Phase Dynamics eq. 10, 11)::

    tr Cov(g_isd) = A / p + C / (1 - p) - |E g|^2,   convex in p,   least at p* = sqrt(A) / (sqrt(A) + sqrt(C))

The paper prints p* = (A - sqrt(A C)) / (A - C), the same number, but 0/0 at A = C.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from neuromorph.arithmetic.floating import FLOATING
from neuromorph.errors import RangeError, check_count
from neuromorph.laws.phase import make_positive

positive = make_positive(FLOATING)


def importance(p: float) -> tuple[float, float]:
    """Weights of a positive and of a negative phase, 1/p and 1/(1 - p). Raises RangeError unless 0 < p < 1."""
    if not 0 < p < 1:
        raise RangeError(f"p = {p}: the probability of a positive phase lies between 0 and 1, so that both terms are seen")
    return 1 / p, 1 / (1 - p)


def trace_of_covariance(p: float, plus: float, minus: float, mean: float) -> float:
    """tr Cov(g_isd) for second moments A = `plus`, C = `minus` and mean = |E g|^2."""
    weight_plus, weight_minus = importance(p)
    return weight_plus * plus + weight_minus * minus - mean


def optimal_p(plus: float, minus: float) -> float:
    """p* for second moments A = `plus`, C = `minus`: the term with the larger one gets more phases. 1/2 when both are 0."""
    plus, minus = math.sqrt(plus), math.sqrt(minus)
    return plus / (plus + minus) if plus + minus > 0 else 0.5


@dataclass(frozen=True, kw_only=True)
class PhasePlan:
    """How phases follow each other. `length`: steps of a phase, or their mean if `random`; `p` is not used if `periodic`."""

    length: int
    p: float = 0.5
    periodic: bool = False
    always_on: bool = False
    random: bool = False

    def __post_init__(self) -> None:
        importance(self.p)
        check_count("length", self.length, 1)
        if self.periodic and (self.always_on or self.random):
            raise RangeError(
                "periodic phases change weights once, after both: always_on and random length need Bernoulli phases"
            )
        if self.random and not self.always_on:
            raise RangeError("a phase of random length has no end that a neuron could know beforehand: it learns always_on")

    @property
    def rates(self) -> tuple[float, float]:
        """What the learning rate is multiplied by at each change, in positive and in negative phases."""
        if self.periodic:
            return 1.0, 1.0
        changes = self.length if self.always_on else 1
        plus, minus = importance(self.p)
        return plus / changes, minus / changes


class Phase(NamedTuple):
    """One phase as drawn, and the weight of its term."""

    positive: bool
    weight: float


@dataclass
class Bernoulli:
    """A stream of phases. `p`: the probability of a positive one, or None for p* from running second moments.

    p* starts at 1/2 until both kinds have been seen, then follows means of |g|^2 over about the last `memory` phases of each kind, and
    stays `margin` away from 0 and 1. It depends on past phases only, so that the estimator stays unbiased.
    """

    p: float | None = 0.5
    seed: int = 0
    memory: int = 100
    margin: float = 0.05
    moments: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    seen: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})

    def __post_init__(self) -> None:
        self._generator = np.random.default_rng(self.seed)
        importance(self.now)

    @property
    def now(self) -> float:
        """The probability of a positive phase."""
        if self.p is not None:
            return self.p
        if not all(self.seen.values()):
            return 0.5
        return min(max(optimal_p(self.moments[True], self.moments[False]), self.margin), 1 - self.margin)

    def draw(self) -> Phase:
        p = self.now
        is_positive = bool(positive(self._generator.random(), p))
        return Phase(is_positive, importance(p)[0 if is_positive else 1])

    def draws(self, count: int) -> list[Phase]:
        """As many phases as samples that are seen at once, each with one of its own."""
        return [self.draw() for _ in range(count)]

    def observe(self, phase: Phase, square: float) -> None:
        """Take |g|^2 of a phase's unweighted term into the running moments."""
        kind = phase.positive
        self.seen[kind] += 1
        self.moments[kind] += (square - self.moments[kind]) / min(self.seen[kind], self.memory)

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self._generator.bit_generator.state, "moments": dict(self.moments), "seen": dict(self.seen)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._generator.bit_generator.state = state["generator"]
        self.moments, self.seen = dict(state["moments"]), dict(state["seen"])
