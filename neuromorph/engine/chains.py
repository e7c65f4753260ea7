"""Chains of Boltzmann machines, one sample at a time: many phases of Gibbs steps and plasticity in one compiled call.

All randomness is a function of (key, n), n counting the numbers drawn so far: number n is the mix of splitmix64 at key + n * GOLDEN.
So a run is cut and resumed anywhere by keeping n. Kernels change their arrays in place; `clock` holds n, the place in the data, and
the Gibbs steps made so far.

Arrays, float64, C-contiguous: weights (hidden, visible), bias (hidden,), couplings (hidden, hidden) symmetric with zero diagonal, or
(0, 0) where hidden units do not see each other; v (visible,), h (hidden,) of zeros and ones; data (samples, visible).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.laws.boltzmann import make_hebbian, make_unit
from neuromorph.laws.phase import make_ends, make_gain, make_positive

unit, hebbian = make_unit(COMPILED), make_hebbian(COMPILED)
positive_of, gain_of, ends = make_positive(COMPILED), make_gain(COMPILED), make_ends(COMPILED)

DRAWN, PLACE, STEPS = range(3)
"""Fields of `clock`."""
GOLDEN, FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
REORDER = {"reassoc", "contract"}
"""Sums may be vectorised: the same on one machine from run to run, not between machines."""


@njit(inline="always")
def uniform(key, clock):  # type: ignore[no-untyped-def]
    """The next number of the stream, one of the 2^52 midpoints between 0 and 1: never 0, never 1."""
    clock[DRAWN] += 1
    z = np.uint64(key + np.uint64(clock[DRAWN]) * GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    z ^= z >> np.uint64(31)
    return (np.float64(z >> np.uint64(12)) + 0.5) * 2.0**-52


@njit(inline="always")
def logistic(key, clock):  # type: ignore[no-untyped-def]
    u = uniform(key, clock)
    return math.log(u / (1 - u))


@njit(cache=True, fastmath=REORDER)
def gibbs(weights, bias, couplings, v, h, clamped, key, clock):  # type: ignore[no-untyped-def]
    """One step: all hidden units, then the visible units but the first `clamped`."""
    hidden, visible = weights.shape
    for j in range(hidden):
        drive = bias[j]
        for i in range(visible):
            drive += weights[j, i] * v[i]
        for k in range(len(couplings)):
            drive += couplings[j, k] * h[k]
        h[j] = unit(drive, logistic(key, clock))
    if clamped < visible:
        drives = np.zeros(visible)
        for j in range(hidden):
            for i in range(visible):
                drives[i] += weights[j, i] * h[j]
        for i in range(clamped, visible):
            v[i] = unit(drives[i], logistic(key, clock))
    clock[STEPS] += 1


@njit(cache=True)
def learn(weights, bias, couplings, v, h, gain):  # type: ignore[no-untyped-def]
    for j in range(len(h)):
        if h[j] != 0:
            bias[j] = hebbian(bias[j], h[j], 1.0, gain)
            for i in range(len(v)):
                weights[j, i] = hebbian(weights[j, i], h[j], v[i], gain)
            for k in range(len(couplings)):
                if k != j:
                    couplings[j, k] = hebbian(couplings[j, k], h[j], h[k], gain)


@njit(inline="always")
def _clamp(v, data, clock):  # type: ignore[no-untyped-def]
    """The next sample, in order, round and round."""
    v[:] = data[clock[PLACE]]
    clock[PLACE] = (clock[PLACE] + 1) % len(data)


@njit(cache=True)
def run_phases(count, weights, bias, couplings, v, h, data, length, random, always_on, p, up, down, key, clock):  # type: ignore[no-untyped-def]
    """`count` Bernoulli(p) phases: a positive one holds the next sample, a negative one runs free from where the last phase ended.

    Order: draw the phase; then at each step a Gibbs step, does the phase end?, plasticity if always_on or at the end.
    """
    for _ in range(count):
        positive = positive_of(uniform(key, clock), p)
        gain = gain_of(positive, up, down)
        clamped = 0
        if positive == 1:
            _clamp(v, data, clock)
            clamped = len(v)
        age, ended = 0, 0
        while ended == 0:
            gibbs(weights, bias, couplings, v, h, clamped, key, clock)
            age += 1
            ended = ends(age, uniform(key, clock), length, random)
            if always_on == 1 or ended == 1:
                learn(weights, bias, couplings, v, h, gain)


@njit(cache=True)
def run_contrasts(  # type: ignore[no-untyped-def]
    count, weights, bias, couplings, v, h, fantasy_v, fantasy_h, data, length, persistent, up, down, key, clock
):
    """`count` changes after a positive and a negative phase each: CD (the negative chain starts at the positive one's end) or PCD
    (it goes on from its own). v and h of the positive phase are stored through the negative one."""
    for _ in range(count):
        _clamp(v, data, clock)
        for _ in range(length):
            gibbs(weights, bias, couplings, v, h, len(v), key, clock)
        if persistent == 0:
            fantasy_v[:] = v
            fantasy_h[:] = h
        for _ in range(length):
            gibbs(weights, bias, couplings, fantasy_v, fantasy_h, 0, key, clock)
        learn(weights, bias, couplings, v, h, up)
        learn(weights, bias, couplings, fantasy_v, fantasy_h, -down)
