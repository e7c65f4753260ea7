"""Leaky integrate-and-fire with adaptive threshold and refractoriness: Lava's ATRLIF.

Equation (fixed point; K(x, k) = sgn(x) * (|x * k| >> 12), with the sign of the product, rounds toward zero)::

    i     <- wrap24( K(i, keep_i) + (a_in << 6) )
    v     <- clip24( K(v, keep_v) + i + bias ),   bias = bias_mant << bias_exp
    theta <- K(theta - theta_0, keep_theta) + theta_0
    r     <- K(r, keep_r)
    s_out = s = v - r >= theta;  where it fires r <- r + 2 * theta, then theta <- theta + theta_step

keep = 4096 - 4096 * delta, cut to an integer, of i one less (the chip's ds_offset).

Order: i, v, theta, r, threshold (inclusive), and what a spike does, in this order; v is not reset.

Odd, and so here too: theta_0 and theta_step are scaled by 2^6 in the first step, which makes all theta theta_0; a value set later is
taken as it is. Lava's product i * keep_i has 32 bits where delta_i was given as an integer (`short_i`), and is exact where it was given as
a fraction; delta_i of 1 leaves -i / 4096. A delta_i that is no multiple of 1/4096 makes Lava compute i in floats; this law does not.

Ranges: whatever 32 bits hold, in ports and states; biases 16 bits and an exponent of -15..15.

Source: Lava 0.10.0 proc/atrlif/models.py. In floating point keep / 4096 is Lava's 1 - delta.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import REGISTER, Law, Step, Variable

DECAY_BITS = 12
UNIT = 2**DECAY_BITS


def make_kept(ops: Arithmetic) -> Step:
    """The product of a state and what it keeps, in 1/4096, rounded toward zero."""
    select, down = ops.select, ops.floor_down

    def kept(product):  # type: ignore[no-untyped-def]
        size = down(abs(product), DECAY_BITS)
        return select(product < 0, -size, size)

    return ops.function(kept)


def make_atrlif(ops: Arithmetic) -> Step:
    select, word, wrap, saturate, align, scale = ops.select, ops.word, ops.wrap, ops.saturate, ops.align, ops.bias
    kept = make_kept(ops)

    def atrlif(  # type: ignore[no-untyped-def]
        t, a_in, i, v, theta, r, s, isthrscaled,
        keep_i, keep_v, keep_theta, keep_r, short_i, theta_0, theta_step, bias_mant, bias_exp,
    ):  # fmt: skip
        decayed = i * keep_i
        i = wrap(kept(select(short_i != 0, word(decayed), decayed)) + align(a_in))
        v = saturate(kept(v * keep_v) + i + scale(bias_mant, bias_exp))
        theta = word(kept(word(theta - theta_0) * keep_theta) + theta_0)
        r = kept(r * keep_r)
        fires = word(v - r) >= theta
        r = select(fires, word(r + 2 * theta), r)
        spike = select(fires, 1, 0)
        return i, v, select(fires, word(theta + theta_step), theta), r, spike, isthrscaled, spike

    return ops.function(atrlif)


ATRLIF = Law(
    name="atrlif",
    inputs=(Variable("a_in", *REGISTER, "summed synaptic input"),),
    outputs=(Variable("s_out", 0, 1, "spike"),),
    states=(
        Variable("i", *REGISTER, "current"),
        Variable("v", *REGISTER, "voltage, 24 bits after a step"),
        Variable("theta", *REGISTER, "threshold, scaled by 2^6"),
        Variable("r", *REGISTER, "refractory state"),
        Variable("s", 0, 1, "whether it fired"),
        Variable("isthrscaled", 1, 1, "that theta_0 and theta_step are scaled, as Lava keeps it", default=1),
    ),
    parameters=(
        Variable(
            "keep_i", -1, UNIT - 1, "of the current, 1/4096 a step: 4095 - 4096 delta_i", default=UNIT - 1, shared=True
        ),
        Variable("keep_v", 0, UNIT, "of the voltage: 4096 - 4096 delta_v", default=UNIT, shared=True),
        Variable("keep_theta", 0, UNIT, "of the threshold above rest: 4096 - 4096 delta_theta", default=UNIT, shared=True),
        Variable("keep_r", 0, UNIT, "of the refractory state: 4096 - 4096 delta_r", default=UNIT, shared=True),
        Variable("short_i", 0, 1, "whether the product of current and keep_i has 32 bits", shared=True),
        Variable("theta_0", *REGISTER, "threshold at rest, scaled by 2^6", shared=True),
        Variable("theta_step", *REGISTER, "its rise at a spike, scaled by 2^6", shared=True),
        Variable("bias_mant", -(2**15), 2**15 - 1, "bias mantissa, 16 bits"),
        Variable("bias_exp", -15, 15, "bias exponent"),
    ),
    make=make_atrlif,
)
