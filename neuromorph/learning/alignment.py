"""How an update lies to backpropagation's, as vectors: their angle, and the ratio of their lengths."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LayerComparison:
    """The update of the weights into layer k against minus the gradient of the mean loss of what the rule predicts, through its
    relaxation if it has one. (Of a recurrent network: of its first and second weights.)

    `angle`: between both as vectors, in degrees, 0 to 180. `ratio`: of their norms, the rule's over backpropagation's. Where one of both is
    zero, cosine 0, angle 90, ratio 0.
    """

    layer: int
    angle: float
    cosine: float
    ratio: float

    @classmethod
    def of(cls, layer: int, update: Tensor, exact: Tensor) -> LayerComparison:
        """Computed in 64 bits; the angle as 2 atan2(|u - v|, |u + v|) of unit vectors, exact near 0 where the arc cosine is not."""
        update, exact = update.double().flatten(), exact.double().flatten()
        length, size = float(update.norm()), float(exact.norm())
        if length == 0 or size == 0:
            return cls(layer, 90.0, 0.0, 0.0)
        u, v = update / length, exact / size
        angle = math.degrees(2 * math.atan2((u - v).norm(), (u + v).norm()))
        return cls(layer, angle, float(update @ exact) / (length * size), length / size)
