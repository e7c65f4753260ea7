"""Small connections and rules, legal unless told otherwise."""

from typing import Any

import numpy as np
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.process import DelayDense, Dense, LearningDense
from lava.proc.lif.process import LIF, LIFReset, TernaryLIF
from lava.proc.sparse.process import DelaySparse, LearningSparse, Sparse
from scipy.sparse import csr_matrix

from neuromorph.laws import lif as laws

NEURONS = {LIF: laws.LIF, LIFReset: laws.LIF_RESET, TernaryLIF: laws.TERNARY_LIF}
STATIC = (Dense, Sparse, DelayDense, DelaySparse)
KINDS = (*STATIC, LearningDense, LearningSparse)
LEARN = Loihi2FLearningRule | Loihi3FLearningRule


def rule(dw: str | None = "2^-1*x0*y1", three: bool = False, **others: Any) -> LEARN:
    if three:
        return Loihi3FLearningRule(dw=dw, x1_tau=10, x1_impulse=16, rng_seed=1, **others)
    given = {"x1_tau": 10, "x1_impulse": 16, "y1_tau": 10, "y1_impulse": 16, "rng_seed": 1, **others}
    return Loihi2FLearningRule(dw=dw, **given)


def learning(made: type[AbstractProcess] = LearningDense, learned: Any = None, **options: Any) -> AbstractProcess:
    options = {"weights": np.full((2, 3), 4), "name": "plastic", **options}
    return made(learning_rule=learned or rule(), **options)


def connection(kind: type[AbstractProcess], weights: Any, **options: Any) -> AbstractProcess:
    weights = np.asarray(weights)
    if kind in (LearningDense, LearningSparse):
        options.setdefault("learning_rule", rule())
    if kind in (DelayDense, DelaySparse):
        options.setdefault("delays", 0)
    if kind in (Sparse, DelaySparse, LearningSparse):
        weights = csr_matrix(weights)
    return kind(weights=weights, name="here", **options)
