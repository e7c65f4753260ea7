"""A plastic synapse in one step: spikes arrive, and at the end of an epoch it learns."""

from __future__ import annotations

import numpy as np
from numba import njit

from neuromorph.engine.events import learn_events
from neuromorph.engine.fields import (
    BY_EVENT,
    BY_OUTER,
    COUNT_W,
    DECIMATE,
    FACTOR_SIZE,
    FIRST_POST,
    FIRST_SYNAPTIC,
    N_FACTORS,
    N_POST,
    N_PRE,
    PATH,
    PRODUCT_HEADER,
    PRODUCT_SIZE,
    RANDOM_W,
    RANDOM_Y,
    RULES,
    T_EPOCH,
    THREE_FACTOR,
    TX,
    TY,
    X0,
    Y0,
    Y,
)
from neuromorph.engine.kernel import kernel
from neuromorph.engine.outer import learn_outer
from neuromorph.engine.pairs import learn_pairs
from neuromorph.engine.traces import post_history, pre_history, take_post_spikes, take_pre_spikes
from neuromorph.laws.products.plasticity import FRACTION_BITS


@njit
def _silent(d, mem):  # type: ignore[no-untyped-def]
    """Whether every product has a post-trace as a factor that is zero on all neurons (a rate y3 = 0): nothing can move."""
    n = d[N_POST]
    for q in range(d[COUNT_W]):
        product = d[RULES] + q * PRODUCT_SIZE
        zero = False
        for f in range(mem[product + N_FACTORS]):
            at = product + PRODUCT_HEADER + f * FACTOR_SIZE
            if mem[at] >= FIRST_POST and mem[at] < FIRST_SYNAPTIC and mem[at + 1] == 0:
                trace = mem[d[Y] + (mem[at] - FIRST_POST) * n : d[Y] + (mem[at] - FIRST_POST + 1) * n]
                some = np.int32(0)
                for i in range(n):
                    some |= trace[i]
                zero |= some == 0
        if not zero:
            return False
    return True


@njit
def _forget_spikes(d, mem):  # type: ignore[no-untyped-def]
    mem[d[X0] : d[X0] + d[N_PRE]] = 0
    mem[d[TX] : d[TX] + d[N_PRE]] = 0
    mem[d[Y0] : d[Y0] + d[N_POST]] = 0
    mem[d[TY] : d[TY] + d[N_POST]] = 0


@njit
def _mark_spikes(n, times, marks, mem):  # type: ignore[no-untyped-def]
    time, mark = mem[times : times + n], mem[marks : marks + n]
    for i in range(n):
        mark[i] = time[i] > 0


@njit
def _epoch_ends(t, local, d, mem, syn, real):  # type: ignore[no-untyped-def]
    epoch = d[T_EPOCH]
    _mark_spikes(d[N_PRE], d[TX], d[X0], mem)
    _mark_spikes(d[N_POST], d[TY], d[Y0], mem)
    pre_history(local, d, mem, real)
    if d[PATH] == BY_OUTER and d[THREE_FACTOR] != 0 and _silent(d, mem):
        _forget_spikes(d, mem)
        return
    post_history(local, d, mem, real)
    u = d[DECIMATE] >= 0 and (t // epoch) % (1 << max(d[DECIMATE], 0)) == 0
    random = real[d[RANDOM_W] + t // epoch - np.int64(real[0]) // epoch - 1]
    threshold = np.int64(random * (1 << FRACTION_BITS))
    if d[PATH] == BY_OUTER:
        learn_outer(u, threshold, d, mem, syn)
    elif d[PATH] == BY_EVENT:
        learn_events(u, threshold, d, mem, syn)
    else:
        learn_pairs(u, threshold, d, mem, syn)
    _forget_spikes(d, mem)


@kernel
def learn(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """One step of a plastic synapse after its drive: spikes arrive, and at the end of an epoch it learns."""
    epoch = d[T_EPOCH]
    now = t % epoch
    if now == 0:
        now = epoch
    local = t - np.int64(real[0])
    code = take_pre_spikes(now, d, mem)
    if code != 0:
        return code
    code = take_post_spikes(now, d, mem, np.int64(real[d[RANDOM_Y] + 4 * local - 3]))
    if code != 0:
        return code
    if t % epoch == 0:
        _epoch_ends(t, local, d, mem, syn, real)
    return 0
