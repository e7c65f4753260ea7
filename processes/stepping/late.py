"""A model that begins where its graph has already made steps: it counts them, and its random numbers are those of the next one."""

from __future__ import annotations

from lava.magma.core.model.py.connection import LearningConnectionModelBitApproximate
from lava.magma.core.model.py.model import PyLoihiProcessModel

TRACE_NUMBERS = 2**7
"""How many random numbers an impulse meets (Lava: 2^W_TRACE)."""


def pass_time(model: PyLoihiProcessModel, steps: int) -> None:
    """Let `steps` steps have gone by: Lava's learning models draw two numbers a step for traces, and one an epoch for weights."""
    model.time_step = steps
    if not isinstance(model, LearningConnectionModelBitApproximate):
        return
    if steps > 0:
        for traces in (model._x_random, model._y_random):
            traces._rng_trace_decay.random(2 * steps - 1)
            traces._rng_impulse_addition.integers(0, TRACE_NUMBERS, size=2 * steps - 1, dtype=int)
            traces.advance()
    epochs = steps // model._learning_rule.t_epoch
    if epochs > 0:
        model._conn_var_random._rng.random(epochs - 1)
        model._conn_var_random.advance()
