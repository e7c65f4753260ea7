"""The unit of lifted networks and predictive coding: a value, and beside it the residual by which it misses its prediction.

    s <- clip(s + eps (prediction + pull - s), low, top)          one step down 1/2 |s - prediction|^2 - pull s
    residual = s - prediction

`prediction` comes from the layer below, `pull` is what residuals of the layer above ask for. eps = rate / 256 in 0..1; eps = 1 puts
the residual where the pull is. It is the leaky unit of hopfield.py toward prediction + pull, with a second compartment. Shapes and
fixed point: as there. Source: thesis eq. 3.13-3.15.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.hopfield import make_leaky
from neuromorph.laws.law import Step


def make_residual(ops: Arithmetic) -> Step:
    """Value and residual after one step."""
    leaky = make_leaky(ops)

    def residual(s, prediction, pull, rate, low, top):  # type: ignore[no-untyped-def]
        s = leaky(s, prediction + pull, rate, low, top)
        return s, s - prediction

    return ops.function(residual)
