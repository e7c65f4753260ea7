"""The law of a Forward-Forward layer: its goodness, and what plasticity of one neuron sees of it.

    G = <s_i^2> over the layer's neurons,   gap = sign (threshold - G),   loss = softplus(gap)
    post_i = sign sigma(gap) (2 / n) s_i,   dW = post pre^T,   db = post       (minus the gradient of the loss; ReLU: s_i carries f')

sign: +1 in a positive phase (G is to rise above the threshold), -1 in a negative one (to fall below it). G and sigma(gap), the
strength, are one number of a layer each, broadcast to its neurons. Source: Hinton 2022; Flexible Phase Dynamics, appendix E.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import Step


def make_gap(ops: Arithmetic) -> Step:
    """How far goodness is on the wrong side of the threshold."""

    def gap(goodness, threshold, sign):  # type: ignore[no-untyped-def]
        return sign * (threshold - goodness)

    return ops.function(gap)


def make_post(ops: Arithmetic) -> Step:
    """What the neuron shows its synapses; `share` = 2 / n."""

    def post(s, strength, sign, share):  # type: ignore[no-untyped-def]
        return s * (sign * share * strength)

    return ops.function(post)
