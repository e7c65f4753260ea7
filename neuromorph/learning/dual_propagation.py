"""Layered dual propagation (DP) and DP-transpose in batches, at the fixed point of parallel updates.

Every layer l = 1..L holds two compartments s_plus, s_minus of shape (batch, size); for all layers at once,
from copies of the states before::

    mean_l = alpha * s_plus_l + (1 - alpha) * s_minus_l,   delta_l = s_plus_l - s_minus_l,   mean_0 = x
    a_l = W_l mean_(l-1),   Delta_l = B_l delta_(l+1)      (hidden)
    a_L = W_L mean_(L-1),   Delta_L = beta * (y - a_L)     (output: linearised squared error)
    s_plus_l <- f(a_l + nudge * Delta_l),   s_minus_l <- f(a_l - (1 - nudge) * Delta_l)

with f(x) = clip(x, 0, top) in hidden layers and the identity at the output; nudge = alpha for DP, 1 - alpha
for DP-transpose. delta points downhill, so that dW_l = <delta_l mean_(l-1)^T> / beta is a descent direction:
-dE/dW_l as beta -> 0, of E = <|y - a_L|^2> / 2.

These are the equations of laws/dyad.py at its fixed point, in floating point and without margin, limit and
leak.
Source: Two Tales eq. 2 (DP), 19 and 22 (DP-transpose).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Variant = Literal["dp", "dp-transpose"]


@dataclass(frozen=True)
class Dyads:
    """Compartments of the layers 1..L, each (batch, size).

    `residual`: the largest change of a compartment in the last update; 0 (up to rounding) at a fixed point.
    DP with alpha other than 1/2 may have none that undamped updates reach: the residual then grows.
    """

    plus: list[Tensor]
    minus: list[Tensor]
    alpha: float
    residual: float

    @property
    def mean(self) -> list[Tensor]:
        return [self.alpha * p + (1 - self.alpha) * m for p, m in zip(self.plus, self.minus, strict=True)]

    @property
    def delta(self) -> list[Tensor]:
        return [p - m for p, m in zip(self.plus, self.minus, strict=True)]


def settle(
    weights: Sequence[Tensor],
    x: Tensor,
    y: Tensor,
    *,
    beta: float,
    alpha: float = 0.5,
    variant: Variant = "dp",
    feedback: Sequence[Tensor] | None = None,
    top: float = math.inf,
    updates: int = 200,
) -> Dyads:
    """The states after `updates` parallel updates from zero.

    weights: W_1..W_L, each (post, pre). x: (batch, pre of W_1). y: (batch, post of W_L). feedback:
    B_1..B_(L-1), each (size of layer l, size of layer l + 1); default the transposed W_(l+1).
    """
    if feedback is None:
        feedback = [w.T for w in weights[1:]]
    nudge = {"dp": alpha, "dp-transpose": 1 - alpha}[variant]
    zeros = [x.new_zeros(len(x), len(w)) for w in weights]
    states = Dyads(zeros, zeros, alpha, math.inf)
    for _ in range(updates):
        states = _update(states, weights, feedback, x, y, beta, nudge, top)
    return states


def _update(
    old: Dyads,
    weights: Sequence[Tensor],
    feedback: Sequence[Tensor],
    x: Tensor,
    y: Tensor,
    beta: float,
    nudge: float,
    top: float,
) -> Dyads:
    drives = [below @ w.T for w, below in zip(weights, [x, *old.mean[:-1]], strict=True)]
    errors = [above @ b.T for b, above in zip(feedback, old.delta[1:], strict=True)] + [beta * (y - drives[-1])]
    plus = [a + nudge * e for a, e in zip(drives, errors, strict=True)]
    minus = [a - (1 - nudge) * e for a, e in zip(drives, errors, strict=True)]
    for compartment in (plus, minus):
        compartment[:-1] = [s.clamp(0, top) for s in compartment[:-1]]
    changes = zip(plus + minus, old.plus + old.minus, strict=True)
    return Dyads(plus, minus, old.alpha, max(float((new - s).abs().max()) for new, s in changes))


def plasticity(states: Dyads, x: Tensor, beta: float) -> list[Tensor]:
    """dW_l = <delta_l mean_(l-1)^T> / beta, l = 1..L, averaged over the batch: the change that descends."""
    pairs = zip(states.delta, [x, *states.mean[:-1]], strict=True)
    return [delta.T @ below / (beta * len(x)) for delta, below in pairs]
