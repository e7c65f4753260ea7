"""A synapse with a kernel accumulates the next drive: each spike adds the weights that lie around it, so that cost follows spikes.

Lava: a_buf = the sum in 64-bit floats, cut to 32 bits, wrapped to 24. Sums that leave 32 bits are undefined there, and an error here.
Weights lie as (in, kx, ky, out) and neurons as (x, y, channel), so that what one tap adds lies in a row on both sides.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuromorph.engine.drive import LARGEST_WEIGHT, changed, largest_payload, list_spikes, payload
from neuromorph.engine.fields import A_BUFF, ACTIVE, BAD_DRIVE, GEOMETRY, N_POST, STATUS, W
from neuromorph.engine.kernel import kernel
from neuromorph.program import Kernel, Synapse


def geometry(synapse: Synapse, shared: Kernel) -> list[int]:
    """What `convolve` knows of a kernel: columns from GEOMETRY on."""
    weights = synapse.weights.shape
    both = (weights[1:3], shared.stride, shared.padding, shared.dilation)
    fan_in = int(np.prod(weights[1:]))
    return [*shared.taken[1:], *shared.sent(weights), *(n for pair in both for n in pair), shared.groups, fan_in]


@njit
def _add(d, mem, syn, count, sums):  # type: ignore[no-untyped-def]
    y_in, c_in, x_out, y_out, c_out, kx, ky, sx, sy, px, py, dx, dy, groups = d[GEOMETRY : GEOMETRY + 14]
    fed, into = c_in // groups, c_out // groups
    for n in range(count):
        pre = mem[d[ACTIVE] + n]
        p = sums.dtype.type(payload(d, mem, pre))
        place, c = pre // c_in, pre % c_in
        left, top = place // y_in + px - (kx - 1) * dx, place % y_in + py - (ky - 1) * dy
        taps, first = d[W] + (c % fed) * kx * ky * c_out, (c // fed) * into
        for i in range(kx):
            x = left + i * dx
            if x < 0 or x % sx != 0 or x // sx >= x_out:
                continue
            for j in range(ky):
                y = top + j * dy
                if y < 0 or y % sy != 0 or y // sy >= y_out:
                    continue
                w, out = taps + (i * ky + j) * c_out + first, ((x // sx) * y_out + y // sy) * c_out + first
                weights, row = syn[w : w + into], sums[out : out + into]
                for o in range(into):
                    row[o] += p * weights[o]


@kernel
def convolve(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """Sums in 32 bits; in 64 only if they might leave these."""
    if not changed(d, mem):
        return 0
    n = d[N_POST]
    count = list_spikes(d, mem)
    largest, code = largest_payload(d, mem, count)
    if code != 0:
        return code
    sums = mem[d[A_BUFF] : d[A_BUFF] + n]
    sums[:] = 0
    if largest * min(count, d[GEOMETRY + 14]) * LARGEST_WEIGHT < 2**31:
        _add(d, mem, syn, count, sums)
    else:
        wide = np.zeros(n, np.int64)
        _add(d, mem, syn, count, wide)
        for i in range(n):
            if wide[i] != np.int32(wide[i]):
                mem[STATUS] = i
                return BAD_DRIVE
            sums[i] = wide[i]
    for i in range(n):
        sums[i] = ((sums[i] + 2**23) & 0xFFFFFF) - 2**23
    return 0
