"""Synapses accumulate the next drive from the spikes of this step: cost follows spikes.

Lava: a_buff = (weights . s_in) << exponent, or >> -exponent of the sum (floor), sums in 32 bits. Lava's models differ in
how they wrap a sum that leaves 32 bits; here it is an error.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuromorph.engine.fields import (
    A_BUFF,
    ACTIVE,
    BAD_DRIVE,
    BAD_WIDTH,
    DELAYS,
    DEPTH,
    DIRTY,
    EXPONENT,
    GRADED,
    INDPTR,
    LAST,
    N_POST,
    N_PRE,
    POST,
    S_IN,
    SPIKES,
    STATUS,
    SUMS,
    W,
)
from neuromorph.engine.kernel import kernel
from neuromorph.laws.synapse import PAYLOAD_RANGE

LARGEST_PAYLOAD = -PAYLOAD_RANGE[0]
LARGEST_WEIGHT = 256


@njit
def _scale(total, exponent):  # type: ignore[no-untyped-def]
    return np.int32(total << exponent) if exponent > 0 else np.int32(total >> -exponent)


@njit
def changed(d, mem):  # type: ignore[no-untyped-def]
    """Whether spikes or weights differ from those of the last sum; remembers the spikes."""
    n = d[N_PRE]
    s_in, last = mem[d[S_IN] : d[S_IN] + n], mem[d[LAST] : d[LAST] + n]
    differs = mem[d[DIRTY]] != 0
    for j in range(n):
        differs |= s_in[j] != last[j]
    if differs:
        last[:] = s_in
    mem[d[DIRTY]] = 0
    return differs


@njit
def list_spikes(d, mem):  # type: ignore[no-untyped-def]
    """Indices of the neurons that spiked, in scratch; their number."""
    n = d[N_PRE]
    s_in, active = mem[d[S_IN] : d[S_IN] + n], mem[d[ACTIVE] : d[ACTIVE] + n]
    count = 0
    for j in range(n):
        if s_in[j] != 0:
            active[count] = j
            count += 1
    mem[d[SPIKES]] = count
    return count


@njit
def payload(d, mem, j):  # type: ignore[no-untyped-def]
    value = mem[d[S_IN] + j]
    return value if d[GRADED] != 0 else np.int32(value != 0)


@njit
def largest_payload(d, mem, count):  # type: ignore[no-untyped-def]
    """The largest magnitude among the spikes, and BAD_WIDTH where one leaves its 24 bits."""
    largest = np.int64(1)
    if d[GRADED] != 0:
        for k in range(count):
            largest = max(largest, abs(np.int64(mem[d[S_IN] + mem[d[ACTIVE] + k]])))
            if largest > LARGEST_PAYLOAD:
                mem[STATUS] = mem[d[ACTIVE] + k]
                return largest, BAD_WIDTH
    return largest, 0


@njit
def _check_width(d, mem, syn, count, pre_stride, post_stride):  # type: ignore[no-untyped-def]
    """BAD_WIDTH or BAD_DRIVE where a payload leaves its 24 or a sum its 32 bits. Sums exactly only if they might."""
    largest, code = largest_payload(d, mem, count)
    if code != 0:
        return code
    left = max(d[EXPONENT], 0)
    if (largest * count * LARGEST_WEIGHT) << left < 2**31:
        return 0
    n, depth = d[N_POST], d[DEPTH]
    sums = np.zeros(n * depth, np.int64)
    for k in range(count):
        j = mem[d[ACTIVE] + k]
        p = np.int64(payload(d, mem, j))
        if d[INDPTR] < 0:
            for i in range(n):
                sums[i * depth] += p * syn[d[W] + j * pre_stride + i * post_stride]
        else:
            for e in range(mem[d[INDPTR] + j], mem[d[INDPTR] + j + 1]):
                delay = mem[d[DELAYS] + e] if d[DELAYS] >= 0 else 0
                sums[mem[d[POST] + e] * depth + delay] += p * syn[d[W] + e]
    for i in range(n * depth):
        if sums[i] << left != np.int32(sums[i] << left):
            mem[STATUS] = i // depth
            return BAD_DRIVE
    return 0


@kernel
def dense(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """weights[pre][post] in syn; four rows at a time, so that sums stay in registers."""
    if not changed(d, mem):
        return 0
    n, w = d[N_POST], d[W]
    sums = mem[d[A_BUFF] : d[A_BUFF] + n]
    sums[:] = 0
    count = list_spikes(d, mem)
    code = _check_width(d, mem, syn, count, n, 1)
    if code != 0:
        return code
    active = mem[d[ACTIVE] : d[ACTIVE] + count]
    k = 0
    while k + 4 <= count:
        a, b, c, e = active[k], active[k + 1], active[k + 2], active[k + 3]
        pa, pb, pc, pe = payload(d, mem, a), payload(d, mem, b), payload(d, mem, c), payload(d, mem, e)
        ra, rb = syn[w + a * n : w + a * n + n], syn[w + b * n : w + b * n + n]
        rc, re = syn[w + c * n : w + c * n + n], syn[w + e * n : w + e * n + n]
        for i in range(n):
            sums[i] += np.int32(pa * ra[i]) + np.int32(pb * rb[i]) + np.int32(pc * rc[i]) + np.int32(pe * re[i])
        k += 4
    while k < count:
        j = active[k]
        p = payload(d, mem, j)
        row = syn[w + j * n : w + j * n + n]
        for i in range(n):
            sums[i] += np.int32(p * row[i])
        k += 1
    if d[EXPONENT] != 0:
        for i in range(n):
            sums[i] = _scale(sums[i], d[EXPONENT])
    return 0


@kernel
def tied(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """As dense, with another synapse's weights: post of this one is pre of that one."""
    n, m, w = d[N_POST], d[N_PRE], d[W]
    count = list_spikes(d, mem)
    code = _check_width(d, mem, syn, count, 1, m)
    if code != 0:
        return code
    active = mem[d[ACTIVE] : d[ACTIVE] + count]
    for i in range(n):
        total = np.int32(0)
        for k in range(count):
            total += np.int32(payload(d, mem, active[k]) * syn[w + i * m + active[k]])
        mem[d[A_BUFF] + i] = _scale(total, d[EXPONENT])
    return 0


@kernel
def sparse(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """Compressed by pre neuron; a_buff (post, depth) shifts by one step and takes what this step adds, by delay."""
    n, depth = d[N_POST], d[DEPTH]
    sums = mem[d[SUMS] : d[SUMS] + n * depth]
    sums[:] = 0
    count = list_spikes(d, mem)
    code = _check_width(d, mem, syn, count, 0, 0)
    if code != 0:
        return code
    for k in range(count):
        j = mem[d[ACTIVE] + k]
        p = payload(d, mem, j)
        for e in range(mem[d[INDPTR] + j], mem[d[INDPTR] + j + 1]):
            delay = mem[d[DELAYS] + e] if d[DELAYS] >= 0 else 0
            sums[mem[d[POST] + e] * depth + delay] += np.int32(p * syn[d[W] + e])
    buffer = mem[d[A_BUFF] : d[A_BUFF] + n * depth]
    for i in range(n):
        row = i * depth
        for k in range(depth):
            kept = buffer[row + k + 1] if k + 1 < depth else np.int32(0)
            total = np.int64(kept) + _scale(sums[row + k], d[EXPONENT])
            if total != np.int32(total):
                mem[STATUS] = i
                return BAD_DRIVE
            buffer[row + k] = total
    return 0
