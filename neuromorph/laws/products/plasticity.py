"""The laws of a plastic synapse and of the traces it sees, in fixed point.

At the end of an epoch, one synaptic variable z (w, tag_1 or tag_2) changes by a rule (`laws.rule`):

    acc = z << 7
    for each product:   value = dependency * factor_value(...) * factor_value(...) ... * mantissa
                        acc = accumulate(acc, product_term(value, shift, exponent))
    z = round_weight(acc, threshold, low, high)

Before that, every trace takes the epoch's steps: x = decay_trace(x, ...), then, in the step of its neuron's
last spike, x = add_impulse(x, ...). A pre-synaptic payload acts on x1 when it arrives, by `receive`.
One random number serves all synapses of a connection; two (decay, impulse) serve all traces of one side.

Each `make_*(ops)` returns the law; besides `ops` it uses integer + - << >> & and comparison.
Source: Lava 0.10, model/py/connection.py (LearningConnectionModelBitApproximate), learning_rule_applier.py.
"""

import math
from enum import IntEnum
from typing import Any

import numpy as np

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import Step
from neuromorph.laws.products.rule import GradedSpike


class SignMode(IntEnum):
    """Which signs weights may have; names and values are those of Lava's SignMode."""

    MIXED = 1
    EXCITATORY = 2
    INHIBITORY = 3


# Lava's utils/weightutils.py, clip_weights with W_WEIGHTS_U = 8: plastic weights count in steps of 1.
WEIGHT_RANGE = {
    SignMode.MIXED: (-256, 255),
    SignMode.EXCITATORY: (0, 255),
    SignMode.INHIBITORY: (-255, 0),
}
# connection.py, _saturate_synaptic_variable, for LearningDense (LearningSparse leaves tag_2 negative).
TAG_1_RANGE = (-257, 255)
TAG_2_RANGE = (0, 255)
# learning/constants.py: W_TRACE; _add_impulse clips to it.
TRACE_RANGE = (0, 127)
# learning_rule_applier.py: W_ACCUMULATOR_U = 15, and one step more below.
ACCUMULATOR_LOW, ACCUMULATOR_HIGH = -(2**15) - 1, 2**15 - 1
# connection.py, _apply_learning_rules: W_ACCUMULATOR_S - W_SYN_VAR_S = 16 - 9, for weights and both tags.
FRACTION_BITS = 7
# learning/constants.py: W_TRACE_FRACTIONAL_PART; the random number it meets has only 7 bits (random.py).
IMPULSE_FRACTION_BITS = 8


def decay_factor(tau: float) -> float:
    """exp(-1/tau), and 0 for tau = 0, which Lava clears. By NumPy: other libraries differ in the last bit."""
    return float(np.exp(-1 / np.array([tau]))[0]) if tau else 0.0


def split_impulse(impulse: float) -> tuple[int, int]:
    """Whole part, and fraction in 1/256 (0..256, rounded half to even)."""
    whole = math.floor(impulse)
    return whole, round((impulse - whole) * 2**IMPULSE_FRACTION_BITS)


def rounding_threshold(r: Any) -> Any:
    """floor(128 r), 0..127, of the random number(s) 0 <= r < 1: what `round_weight` compares with."""
    return np.floor(np.multiply(r, 2**FRACTION_BITS)).astype(np.int64)


def make_factor_value(ops: Arithmetic) -> Step:
    """factor_value(variable, constant, low, high) = variable + constant, clipped to the factor's bounds."""
    clip = ops.clip

    def factor_value(variable, constant, low, high):  # type: ignore[no-untyped-def]
        return clip(variable + constant, low, high)

    return ops.function(factor_value)


def make_product_term(ops: Arithmetic) -> Step:
    """product_term(value, shift, exponent): what one product adds to the accumulator, floored and clipped.

    A `Product` has at most 28 bits of factors, so |value| <= 2^31, |value >> shift| <= 2^15 and every
    intermediate result fits the int32 in which Lava computes. Both shifts are below 32; `& 31` says so to compilers, which
    then compute in 32 bits.
    """
    clip = ops.clip

    def product_term(value, shift, exponent):  # type: ignore[no-untyped-def]
        left = (exponent + FRACTION_BITS) & 31
        return clip((value >> (shift & 31)) << left, ACCUMULATOR_LOW, ACCUMULATOR_HIGH)

    return ops.function(product_term)


def make_accumulate(ops: Arithmetic) -> Step:
    """accumulate(acc, term): the sum, clipped after every product."""
    clip = ops.clip

    def accumulate(acc, term):  # type: ignore[no-untyped-def]
        return clip(acc + term, ACCUMULATOR_LOW, ACCUMULATOR_HIGH)

    return ops.function(accumulate)


def make_round_weight(ops: Arithmetic) -> Step:
    """round_weight(acc, threshold, low, high): the accumulator back to the variable, stochastically rounded.

    Lava computes floor(acc / 128) + (r < (acc / 128) mod 1). Let acc = 128 q + f with 0 <= f <= 127 and
    T = floor(128 r). f is an integer, so r < f / 128 if and only if T < f. And (acc + 127 - T) >> 7 =
    q + ((f + 127 - T) >> 7) with 0 <= f + 127 - T <= 254, so its last term is 1 if T < f, else 0: the same.
    Lava also clamps acc to the sign mode before. Rounding is monotone and leaves 0 at 0, so clipping the
    result to a range that ends in 0 does it all.
    """
    clip = ops.clip

    def round_weight(acc, threshold, low, high):  # type: ignore[no-untyped-def]
        return clip((acc + 127 - threshold) >> FRACTION_BITS, low, high)

    return ops.function(round_weight)


def make_decay_trace(ops: Arithmetic) -> Step:
    """decay_trace(x, factor, r) = floor(factor * x), plus 1 if r is less than the fraction.

    factor = decay_factor(tau), in double precision; r uniform in [0, 1).
    """
    floor, select = ops.floor, ops.select

    def decay_trace(x, factor, r):  # type: ignore[no-untyped-def]
        decayed = factor * x
        whole = floor(decayed)
        return whole + select(r < decayed - whole, 1, 0)

    return ops.function(decay_trace)


def make_add_impulse(ops: Arithmetic) -> Step:
    """add_impulse(x, whole, fraction, r) = x + whole, plus 1 if r < fraction, clipped to the trace's range.

    r is an integer in 0..127, fraction in 0..256: the chance to round up is twice the fraction, as in Lava.
    A further spike of a neuron in one epoch adds the impulse at once, for x traces with r = 0.
    """
    clip, select = ops.clip, ops.select
    low, high = TRACE_RANGE

    def add_impulse(x, whole, fraction, r):  # type: ignore[no-untyped-def]
        return clip(x + whole + select(r < fraction, 1, 0), low, high)

    return ops.function(add_impulse)


def make_half_payload(ops: Arithmetic) -> Step:
    """half_payload(payload): payload / 2, ties to even, modulo 256 (Lava's uint8)."""

    def half_payload(payload):  # type: ignore[no-untyped-def]
        half = payload >> 1
        return (half + (payload & half & 1)) & 255

    return ops.function(half_payload)


def make_receive(ops: Arithmetic, mode: GradedSpike) -> Step:
    """receive(x1, payload) -> (x1, counts): a pre-synaptic neuron's payload of this step, 0 for none.

    `counts` says whether the spike counts for x0, its time and the impulses: in ADD_WITHOUT_SATURATION only
    spikes that overflow x1 do. USE_REGULAR_IMPULSE leaves x1 to the impulses.
    """
    clip, select, half_payload = ops.clip, ops.select, make_half_payload(ops)
    low, high = TRACE_RANGE

    def use_regular_impulse(x1, payload):  # type: ignore[no-untyped-def]
        return x1, payload != 0

    def overwrite(x1, payload):  # type: ignore[no-untyped-def]
        return select(payload != 0, half_payload(payload), x1), payload != 0

    def add_with_saturation(x1, payload):  # type: ignore[no-untyped-def]
        return clip((x1 + half_payload(payload)) & 255, low, high), payload != 0

    def add_without_saturation(x1, payload):  # type: ignore[no-untyped-def]
        total = (x1 + half_payload(payload)) & 255
        overflow = total > high
        return total - select(overflow, high, 0), (payload != 0) & overflow

    laws = {
        GradedSpike.USE_REGULAR_IMPULSE: use_regular_impulse,
        GradedSpike.OVERWRITE: overwrite,
        GradedSpike.ADD_WITH_SATURATION: add_with_saturation,
        GradedSpike.ADD_WITHOUT_SATURATION: add_without_saturation,
    }
    return ops.function(laws[mode])
