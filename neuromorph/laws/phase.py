"""The laws of a phase: which one comes, when it ends, and with what factor plasticity sees it.

A phase is positive (data, target present) or negative (free). Drawn with probability p of a positive one, the term g_plus or g_minus
of a two-term gradient g = g_plus + g_minus that it gives is weighted so that its mean is g whatever p is (ISD)::

    positive = u < p,    g_isd = g_plus / p  if positive,  else g_minus / (1 - p)

For Hebbian terms of opposite sign (+ post pre and - post pre) both factors are one signed number, the gain.
A phase lasts `length` steps, or ends after any step with probability 1 / length: geometric, mean length.

`u`: uniform in 0..1, one for each question. Source: Flexible Phase Dynamics eq. 3-5 and 9.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import Step

FREE, NUDGED = 1, 2
"""Payloads of the spike that opens a phase: without and with a target."""


def make_positive(ops: Arithmetic) -> Step:
    """1 for a positive phase, 0 for a negative one."""
    select = ops.select

    def positive(u, p):  # type: ignore[no-untyped-def]
        return select(u < p, 1, 0)

    return ops.function(positive)


def make_gain(ops: Arithmetic) -> Step:
    """The signed factor of a Hebbian product: up = rate / p in a positive phase, -down = -rate / (1 - p) in a negative one."""

    def gain(positive, up, down):  # type: ignore[no-untyped-def]
        return positive * up - (1 - positive) * down

    return ops.function(gain)


def make_ends(ops: Arithmetic) -> Step:
    """1 where the phase ends after its `age`-th step (counted from 1), else 0; `random`: 1 for a geometric length."""
    select = ops.select

    def ends(age, u, length, random):  # type: ignore[no-untyped-def]
        return random * select(u * length < 1, 1, 0) + (1 - random) * select(age < length, 0, 1)

    return ops.function(ends)
