"""The leaky unit of equilibrium propagation: a continuous Hopfield network descends its energy, one Euler step at a time.

    E = 1/2 sum_i s_i^2 - 1/2 sum_(i != j) W_ij rho(s_i) rho(s_j) - sum_i b_i rho(s_i),   rho(s) = clip(s, low, top)
    drive = sum_j W_ij rho(s_j) + b_i,  plus the push of a nudged output unit, beta (y_i - s_i) for the squared error
    s <- clip(s + eps (rho'(s) drive - s), low, top)

Every s lies in [low, top] after a step (and has to before the first), where rho(s) = s and rho' = 1: also at its ends, for with rho'(low) =
0 a unit that starts at rest would never move. So both are absent below. eps = rate / 256 in 0..1. eps = 1 is the fixed-point form,
s <- clip(drive, low, top): one coordinate of E minimised exactly, the others held (deep Hopfield networks, Gauss-Seidel).

Langevin dynamics at temperature T adds sqrt(2 T / eps) n, n ~ N(0, 1), to the drive: the step then carries sqrt(2 eps T) n. Its
stationary density tends to exp(-E / T) as eps -> 0.

Shapes: s and drive alike; rate, low, top broadcast. Fixed point: s and drive at the resolution of `widen` (else slow
approaches stall on the rounding of the portion), rate 0..256.
Source: Scellier and Bengio 2017, eq. 1-4 and appendix C. Difference: there the push stands beside the drive, here it is part of it.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import Step


def make_leaky(ops: Arithmetic) -> Step:
    """s after one step toward its drive."""
    clip, approach = ops.clip, ops.approach

    def leaky(s, drive, rate, low, top):  # type: ignore[no-untyped-def]
        return clip(approach(s, drive, rate), low, top)

    return ops.function(leaky)
