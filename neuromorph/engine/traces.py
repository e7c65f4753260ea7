"""Pre- and post-synaptic traces: spikes and payloads arrive, an epoch's history is computed.

Source: Lava 0.10 model/py/connection.py, LearningConnectionModelBitApproximate: _process_pre_spikes,
_process_post_spikes, recv_traces, _compute_trace_histories. The laws themselves are in laws/plasticity.py.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.engine.fields import (
    BAD_PAYLOAD,
    BAD_TRACE,
    BAP,
    FACTORS,
    GRADED_SPIKE,
    IMPULSES,
    N_POST,
    N_PRE,
    RANDOM_X,
    RANDOM_Y,
    S_IN,
    STATUS,
    T_EPOCH,
    THREE_FACTOR,
    TX,
    TY,
    X,
    X_HISTORY,
    Y,
    Y0,
    Y_HISTORY,
    Y_IN,
)
from neuromorph.laws.plasticity import TRACE_RANGE, make_add_impulse, make_decay_trace, make_receive
from neuromorph.laws.rule import GradedSpike

LOW, HIGH = TRACE_RANGE
MAX_PAYLOAD = 2 * HIGH
REGULAR = int(GradedSpike.USE_REGULAR_IMPULSE)
OVERWRITE = int(GradedSpike.OVERWRITE)
SATURATE = int(GradedSpike.ADD_WITH_SATURATION)

decay_trace = make_decay_trace(COMPILED)
add_impulse = make_add_impulse(COMPILED)
receive_regular = make_receive(COMPILED, GradedSpike.USE_REGULAR_IMPULSE)
receive_overwrite = make_receive(COMPILED, GradedSpike.OVERWRITE)
receive_saturate = make_receive(COMPILED, GradedSpike.ADD_WITH_SATURATION)
receive_carry = make_receive(COMPILED, GradedSpike.ADD_WITHOUT_SATURATION)


@njit
def _receive(mode, x1, payload):  # type: ignore[no-untyped-def]
    if mode == REGULAR:
        return receive_regular(x1, payload)
    if mode == OVERWRITE:
        return receive_overwrite(x1, payload)
    if mode == SATURATE:
        return receive_saturate(x1, payload)
    return receive_carry(x1, payload)


@njit
def take_pre_spikes(now, d, mem):  # type: ignore[no-untyped-def]
    """Payloads act on x1, second spikes of an epoch add their impulses, spike times are noted. `now`: step in epoch."""
    n, s_in, tx, x1, mode, impulses = d[N_PRE], d[S_IN], d[TX], d[X], d[GRADED_SPIKE], d[IMPULSES]
    x2 = x1 + n
    for j in range(n):
        payload = np.int64(mem[s_in + j])
        if payload == 0:
            continue
        if mode != REGULAR and (payload < 0 or payload > MAX_PAYLOAD or payload & 1 != 0):
            mem[STATUS] = j
            return BAD_PAYLOAD
        new, counts = _receive(mode, np.int64(mem[x1 + j]), payload)
        again = counts and mem[tx + j] > 0
        if again and mode == REGULAR:
            new = add_impulse(new, mem[impulses], mem[impulses + 1], 0)
        mem[x1 + j] = new
        if again:
            mem[x2 + j] = add_impulse(np.int64(mem[x2 + j]), mem[impulses + 2], mem[impulses + 3], 0)
        if counts:
            mem[tx + j] = now
    return 0


@njit
def take_post_spikes(now, d, mem, random):  # type: ignore[no-untyped-def]
    """Second spikes of an epoch add impulses to y; a three-factor rule then takes y from the neuron."""
    n, bap, ty, y0, y = d[N_POST], d[BAP], d[TY], d[Y0], d[Y]
    for i in range(n):
        if mem[bap + i] != 0:
            mem[y0 + i] = 1
            if mem[ty + i] > 0:
                for k in range(3):
                    a = d[IMPULSES] + 4 + 2 * k
                    mem[y + k * n + i] = add_impulse(np.int64(mem[y + k * n + i]), mem[a], mem[a + 1], random)
            mem[ty + i] = now
    if d[THREE_FACTOR] != 0:
        for k in range(3):
            source = d[Y_IN + 0] + k * n
            for i in range(n):
                value = mem[source + i]
                if value < LOW or value > HIGH:
                    mem[STATUS] = i
                    return BAD_TRACE
                mem[y + k * n + i] = value
    return 0


@njit
def _history(count, n, epoch, now, history, times, factors, impulses, random_decay, random_impulse, mem, real):  # type: ignore[no-untyped-def]
    """Traces now[k][i] at steps 0..epoch of the epoch: history[step][k][i]. A trace with factor 0 is cleared."""
    size = count * n
    for i in range(size):
        mem[history + i] = mem[now + i]
    for step in range(1, epoch + 1):
        before, after = history + (step - 1) * size, history + step * size
        for k in range(count):
            factor = real[factors + k]
            for i in range(n):
                mem[after + k * n + i] = decay_trace(mem[before + k * n + i], factor, random_decay)
            for i in range(n):
                if mem[times + i] == step:
                    a = after + k * n + i
                    mem[a] = add_impulse(np.int64(mem[a]), mem[impulses + 2 * k], mem[impulses + 2 * k + 1], random_impulse)


@njit
def histories(local, d, mem, real):  # type: ignore[no-untyped-def]
    """History of the epoch that ends now, and the traces' new values. `local`: steps since the random block began."""
    epoch, n_pre, n_post = d[T_EPOCH], d[N_PRE], d[N_POST]
    at = 2 * (2 * local - 1)
    x, y = d[RANDOM_X] + at, d[RANDOM_Y] + at
    _history(
        2, n_pre, epoch, d[X], d[X_HISTORY], d[TX], d[FACTORS], d[IMPULSES], real[x], np.int64(real[x + 1]), mem, real
    )
    _history(
        3, n_post, epoch, d[Y], d[Y_HISTORY], d[TY], d[FACTORS] + 2, d[IMPULSES] + 4,
        real[y], np.int64(real[y + 1]), mem, real,
    )  # fmt: skip
    last = d[X_HISTORY] + epoch * 2 * n_pre
    for i in range(2 * n_pre):
        mem[d[X] + i] = mem[last + i]
    if d[THREE_FACTOR] == 0:
        last = d[Y_HISTORY] + epoch * 3 * n_post
        for i in range(3 * n_post):
            mem[d[Y] + i] = mem[last + i]
