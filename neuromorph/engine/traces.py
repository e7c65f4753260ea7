"""Pre- and post-synaptic traces: spikes and payloads arrive, an epoch's history is computed.

Source: Lava 0.10 model/py/connection.py, LearningConnectionModelBitApproximate: _process_pre_spikes,
_process_post_spikes, recv_traces, _compute_trace_histories. The laws themselves are in laws/products/plasticity.py.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.engine.fields import (
    ACTIVE,
    BAD_PAYLOAD,
    BAD_TRACE,
    BAP,
    FACTORS,
    GRADED,
    GRADED_SPIKE,
    IMPULSES,
    LENIENT,
    N_POST,
    N_PRE,
    NOTED_PAYLOAD,
    NOTED_TRACE,
    RANDOM_X,
    RANDOM_Y,
    S_IN,
    SPIKES,
    STATUS,
    T_EPOCH,
    THREE_FACTOR,
    TX,
    TY,
    X_HISTORY,
    Y0,
    Y_HISTORY,
    Y_IN,
    X,
    Y,
)
from neuromorph.laws.products.plasticity import TRACE_RANGE, make_add_impulse, make_decay_trace, make_receive
from neuromorph.laws.products.rule import GradedSpike

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
    """Payloads act on x1, second spikes of an epoch add their impulses, spike times are noted. `now`: step in epoch.

    A synapse that is not graded hands on payload 1, as in Lava.
    """
    n, s_in, tx, x1, mode, impulses = d[N_PRE], d[S_IN], d[TX], d[X], d[GRADED_SPIKE], d[IMPULSES]
    x2 = x1 + n
    for k in range(mem[d[SPIKES]]):  # the drive has listed them
        j = np.int64(mem[d[ACTIVE] + k])
        payload = np.int64(mem[s_in + j])
        if d[GRADED] == 0:
            payload = np.int64(1)
        elif mode != REGULAR and (payload < 0 or payload > MAX_PAYLOAD or payload & 1 != 0):
            if mem[d[LENIENT]] == 0:
                mem[STATUS] = j
                return BAD_PAYLOAD
            mem[d[LENIENT] + 1] |= NOTED_PAYLOAD
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
    return _take_traces(d, mem) if d[THREE_FACTOR] != 0 else 0


@njit
def _take_traces(d, mem):  # type: ignore[no-untyped-def]
    """y1, y2, y3 from the neuron."""
    n = d[N_POST]
    for k in range(3):
        sent, held = mem[d[Y_IN + k] : d[Y_IN + k] + n], mem[d[Y] + k * n : d[Y] + (k + 1) * n]
        wrong = False
        for i in range(n):
            held[i] = sent[i]
            wrong |= (sent[i] < LOW) | (sent[i] > HIGH)
        if wrong and mem[d[LENIENT]] != 0:
            mem[d[LENIENT] + 1] |= NOTED_TRACE
        elif wrong:
            for i in range(n):
                if sent[i] < LOW or sent[i] > HIGH:
                    mem[STATUS] = i
                    return BAD_TRACE
    return 0


@njit
def _decayed(n, before, after, factor, random, mem):  # type: ignore[no-untyped-def]
    """One trace of n neurons after one step. A factor of 0 clears it, and nothing decays to nothing."""
    old, new = mem[before : before + n], mem[after : after + n]
    some = np.int32(0)
    for i in range(n):
        some |= old[i]
    if factor == 0.0 or some == 0:
        new[:] = 0
    else:
        for i in range(n):
            new[i] = decay_trace(old[i], factor, random)


@njit
def _history(count, n, epoch, now, history, times, factors, impulses, random_decay, random_impulse, lenient, mem, real):  # type: ignore[no-untyped-def]
    """Traces now[k][i] at steps 0..epoch of the epoch: history[step][k][i]."""
    size = count * n
    mem[history : history + size] = mem[now : now + size]
    for step in range(1, epoch + 1):
        for k in range(count):
            after = history + step * size + k * n
            _decayed(n, after - size, after, real[factors + k], random_decay, mem)
            whole, fraction = mem[impulses + 2 * k], mem[impulses + 2 * k + 1]
            if whole == 0 and fraction == 0 and not lenient:
                continue  # the clip that comes with an impulse changes no trace within its range
            for i in range(n):
                if mem[times + i] == step:
                    mem[after + i] = add_impulse(np.int64(mem[after + i]), whole, fraction, random_impulse)


@njit
def pre_history(local, d, mem, real):  # type: ignore[no-untyped-def]
    """x1, x2 through the epoch that ends now, and their new values. `local`: steps since the random block began."""
    epoch, n = d[T_EPOCH], d[N_PRE]
    at = d[RANDOM_X] + 2 * (2 * local - 1)
    _history(
        2,
        n,
        epoch,
        d[X],
        d[X_HISTORY],
        d[TX],
        d[FACTORS],
        d[IMPULSES],
        real[at],
        np.int64(real[at + 1]),
        mem[d[LENIENT]] != 0,
        mem,
        real,
    )
    last = d[X_HISTORY] + epoch * 2 * n
    mem[d[X] : d[X] + 2 * n] = mem[last : last + 2 * n]


@njit
def post_history(local, d, mem, real):  # type: ignore[no-untyped-def]
    """y1, y2, y3 likewise; those of a three-factor rule keep what the neuron wrote."""
    epoch, n = d[T_EPOCH], d[N_POST]
    at = d[RANDOM_Y] + 2 * (2 * local - 1)
    factors, impulses = d[FACTORS] + 2, d[IMPULSES] + 4
    _history(
        3,
        n,
        epoch,
        d[Y],
        d[Y_HISTORY],
        d[TY],
        factors,
        impulses,
        real[at],
        np.int64(real[at + 1]),
        mem[d[LENIENT]] != 0,
        mem,
        real,
    )
    if d[THREE_FACTOR] == 0:
        last = d[Y_HISTORY] + epoch * 3 * n
        mem[d[Y] : d[Y] + 3 * n] = mem[last : last + 3 * n]
