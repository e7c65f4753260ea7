"""Plasticity: active pre times active post, one pass over weights in place.

`_learn_fast` serves rules for w alone whose products depend on x0 or u_k, on traces and on w itself, with one step per
epoch: there every product splits into a pre and a post factor (times w), and only rows and columns where both are non-zero
are touched. `_learn_any` serves every other rule, pair by pair.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.engine.fields import (
    ACC,
    COUNT_D,
    COUNT_T,
    COUNT_W,
    DECIMATE,
    DEP_U,
    DEP_X0,
    DEPENDENCY,
    DIRTY,
    FACTOR_SIZE,
    FAST,
    FIRST_POST,
    FIRST_SYNAPTIC,
    HIGH,
    INDPTR,
    LEFT,
    LOW,
    MANTISSA,
    N_FACTORS,
    N_POST,
    N_PRE,
    POST,
    POST_ACTIVE,
    POST_FACTOR,
    PRE_FACTOR,
    PRODUCT_HEADER,
    PRODUCT_SIZE,
    RANDOM_W,
    RANDOM_Y,
    RIGHT,
    RULES,
    T_EPOCH,
    TAG_1,
    TAG_2,
    THREE_FACTOR,
    TX,
    TY,
    W,
    WEIGHT_FACTOR,
    X0,
    X_HISTORY,
    Y,
    Y0,
    Y_HISTORY,
)
from neuromorph.engine.kernel import kernel
from neuromorph.engine.traces import post_history, pre_history, take_post_spikes, take_pre_spikes
from neuromorph.laws.plasticity import (
    FRACTION_BITS,
    TAG_1_RANGE,
    TAG_2_RANGE,
    make_accumulate,
    make_factor_value,
    make_product_term,
    make_round_weight,
)

factor_value = make_factor_value(COMPILED)
product_term = make_product_term(COMPILED)
accumulate = make_accumulate(COMPILED)
round_weight = make_round_weight(COMPILED)
TAG_1_LOW, TAG_1_HIGH = TAG_1_RANGE
TAG_2_LOW, TAG_2_HIGH = TAG_2_RANGE


@njit
def _factors_of(product, first, last, history, size, n, out, start, mem):  # type: ignore[no-untyped-def]
    """mem[out + i] = start * product of those factors whose variable is in first..last-1, at one time of a history."""
    for i in range(n):
        mem[out + i] = start
    for f in range(mem[product + N_FACTORS]):
        at = product + PRODUCT_HEADER + f * FACTOR_SIZE
        variable = mem[at]
        if variable < first or variable >= last:
            continue
        values = history + size + (variable - first) * n
        constant, low, high = np.int64(mem[at + 1]), np.int64(mem[at + 2]), np.int64(mem[at + 3])
        for i in range(n):
            mem[out + i] *= factor_value(mem[values + i], constant, low, high)


@njit
def _split(u, d, mem):  # type: ignore[no-untyped-def]
    """Pre and post factor of every product; lists the post neurons with any; their number."""
    n_pre, n_post = d[N_PRE], d[N_POST]
    for q in range(d[COUNT_W]):
        product = d[RULES] + q * PRODUCT_SIZE
        pre, post = d[PRE_FACTOR] + q * n_pre, d[POST_FACTOR] + q * n_post
        mantissa = mem[product + MANTISSA]
        _factors_of(product, 0, FIRST_POST, d[X_HISTORY], 2 * n_pre, n_pre, pre, mantissa, mem)
        _factors_of(product, FIRST_POST, FIRST_SYNAPTIC, d[Y_HISTORY], 3 * n_post, n_post, post, np.int32(1), mem)
        if mem[product + DEPENDENCY] == DEP_X0:
            for j in range(n_pre):
                mem[pre + j] *= mem[d[X0] + j]
        elif not u:
            mem[pre : pre + n_pre] = 0
    count = 0
    for i in range(n_post):
        mem[d[POST_ACTIVE] + count] = i
        some = False
        for q in range(d[COUNT_W]):
            some |= mem[d[POST_FACTOR] + q * n_post + i] != 0
        count += some
    return count


@njit
def _row_one(row, pre, post, right, left, threshold, low, high):  # type: ignore[no-untyped-def]
    """A rule of one product on the synapses of one pre neuron."""
    for i in range(len(row)):
        term = product_term(np.int64(np.int32(pre * post[i])), right, left)
        acc = accumulate(np.int64(row[i]) << FRACTION_BITS, term)
        row[i] = round_weight(acc, threshold, low, high)


@njit
def _one(w, j, i, d, threshold, mem, syn):  # type: ignore[no-untyped-def]
    """All products on one synapse."""
    old = np.int64(syn[w])
    acc = old << FRACTION_BITS
    for q in range(d[COUNT_W]):
        product = d[RULES] + q * PRODUCT_SIZE
        value = np.int32(mem[d[PRE_FACTOR] + q * d[N_PRE] + j] * mem[d[POST_FACTOR] + q * d[N_POST] + i])
        if mem[product + WEIGHT_FACTOR] != 0:
            at = product + mem[product + WEIGHT_FACTOR]
            value = np.int32(value * factor_value(old, np.int64(mem[at + 1]), np.int64(mem[at + 2]), np.int64(mem[at + 3])))
        acc = accumulate(acc, product_term(np.int64(value), mem[product + RIGHT], mem[product + LEFT]))
    syn[w] = round_weight(acc, threshold, d[LOW], d[HIGH])


@njit
def _add_product(acc, row, pre, post, product, mem):  # type: ignore[no-untyped-def]
    """One product on the synapses of one pre neuron, into their accumulators."""
    right, left = mem[product + RIGHT], mem[product + LEFT]
    if mem[product + WEIGHT_FACTOR] == 0:
        for i in range(len(row)):
            acc[i] = accumulate(np.int64(acc[i]), product_term(np.int64(np.int32(pre * post[i])), right, left))
        return
    at = product + mem[product + WEIGHT_FACTOR]
    constant, low, high = np.int64(mem[at + 1]), np.int64(mem[at + 2]), np.int64(mem[at + 3])
    for i in range(len(row)):
        value = np.int32(np.int32(pre * post[i]) * factor_value(np.int64(row[i]), constant, low, high))
        acc[i] = accumulate(np.int64(acc[i]), product_term(np.int64(value), right, left))


@njit
def _row_many(row, j, d, threshold, mem):  # type: ignore[no-untyped-def]
    """All products on the synapses of one pre neuron, product by product over the row."""
    n = d[N_POST]
    acc = mem[d[ACC] : d[ACC] + n]
    for i in range(n):
        acc[i] = np.int64(row[i]) << FRACTION_BITS
    for q in range(d[COUNT_W]):
        pre = mem[d[PRE_FACTOR] + q * d[N_PRE] + j]
        if pre != 0:
            post = mem[d[POST_FACTOR] + q * n : d[POST_FACTOR] + q * n + n]
            _add_product(acc, row, pre, post, d[RULES] + q * PRODUCT_SIZE, mem)
    for i in range(n):
        row[i] = round_weight(np.int64(acc[i]), threshold, d[LOW], d[HIGH])


@njit
def _learn_fast(u, threshold, d, mem, syn):  # type: ignore[no-untyped-def]
    active = _split(u, d, mem)
    if active == 0:
        return
    n, products = d[N_POST], d[COUNT_W]
    right, left = mem[d[RULES] + RIGHT], mem[d[RULES] + LEFT]
    post = mem[d[POST_FACTOR] : d[POST_FACTOR] + n]
    for j in range(d[N_PRE]):
        some = False
        for q in range(products):
            some |= mem[d[PRE_FACTOR] + q * d[N_PRE] + j] != 0
        if not some:
            continue
        mem[d[DIRTY]] = 1
        w = d[W] + j * n
        if active * 6 < n:
            for k in range(active):
                i = mem[d[POST_ACTIVE] + k]
                _one(w + i, j, i, d, threshold, mem, syn)
        elif products == 1 and mem[d[RULES] + WEIGHT_FACTOR] == 0:
            _row_one(syn[w : w + n], mem[d[PRE_FACTOR] + j], post, right, left, threshold, d[LOW], d[HIGH])
        else:
            _row_many(syn[w : w + n], j, d, threshold, mem)


@njit
def _pair_value(product, time, i, j, k, d, mem, syn):  # type: ignore[no-untyped-def]
    """mantissa * factors of one product on synapse k from pre j to post i, traces at `time` of the epoch."""
    value = np.int32(mem[product + MANTISSA])
    for f in range(mem[product + N_FACTORS]):
        at = product + PRODUCT_HEADER + f * FACTOR_SIZE
        variable = mem[at]
        if variable < FIRST_POST:
            now = np.int64(mem[d[X_HISTORY] + (time * 2 + variable) * d[N_PRE] + j])
        elif variable < FIRST_SYNAPTIC:
            now = np.int64(mem[d[Y_HISTORY] + (time * 3 + variable - FIRST_POST) * d[N_POST] + i])
        elif variable == FIRST_SYNAPTIC:
            now = np.int64(syn[d[W] + k])
        elif variable == FIRST_SYNAPTIC + 1:
            now = np.int64(syn[d[TAG_2] + k])
        else:
            now = np.int64(syn[d[TAG_1] + k])
        value = np.int32(value * factor_value(now, np.int64(mem[at + 1]), np.int64(mem[at + 2]), np.int64(mem[at + 3])))
    return np.int64(value)


@njit
def _pair(old, rules, count, u, i, j, k, d, mem, syn):  # type: ignore[no-untyped-def]
    """Accumulator of one synaptic variable after all products of its rule."""
    acc = np.int64(old) << FRACTION_BITS
    for q in range(count):
        product = rules + q * PRODUCT_SIZE
        dependency = mem[product + DEPENDENCY]
        if dependency == DEP_U:
            happened, time = u, d[T_EPOCH]
        elif dependency == DEP_X0:
            happened, time = mem[d[X0] + j] != 0, np.int64(mem[d[TX] + j])
        else:
            happened, time = mem[d[Y0] + i] != 0, np.int64(mem[d[TY] + i])
        term = np.int64(0)
        if happened:
            value = _pair_value(product, time, i, j, k, d, mem, syn)
            term = product_term(value, mem[product + RIGHT], mem[product + LEFT])
        acc = accumulate(acc, term)  # also where it did not happen: a tag of -257 lies outside the accumulator
    return acc


@njit
def _learn_any(u, threshold, d, mem, syn):  # type: ignore[no-untyped-def]
    """Three rules, for w, d (tag_2) and t (tag_1), all of which see the values from before."""
    rules_d = d[RULES] + d[COUNT_W] * PRODUCT_SIZE
    rules_t = rules_d + d[COUNT_D] * PRODUCT_SIZE
    some_post = False
    for i in range(d[N_POST]):
        some_post |= mem[d[Y0] + i] != 0
    for j in range(d[N_PRE]):
        if d[COUNT_T] == 0 and not (u or some_post or mem[d[X0] + j] != 0):
            continue  # a rule for the tag moves a tag of -257 even without spikes
        mem[d[DIRTY]] = 1
        first, last = j * d[N_POST], (j + 1) * d[N_POST]
        if d[INDPTR] >= 0:
            first, last = np.int64(mem[d[INDPTR] + j]), np.int64(mem[d[INDPTR] + j + 1])
        for k in range(first, last):
            i = np.int64(mem[d[POST] + k]) if d[INDPTR] >= 0 else k - j * d[N_POST]
            w = _pair(syn[d[W] + k], d[RULES], d[COUNT_W], u, i, j, k, d, mem, syn)
            tag_2 = _pair(syn[d[TAG_2] + k], rules_d, d[COUNT_D], u, i, j, k, d, mem, syn)
            tag_1 = _pair(syn[d[TAG_1] + k], rules_t, d[COUNT_T], u, i, j, k, d, mem, syn)
            syn[d[W] + k] = round_weight(w, threshold, d[LOW], d[HIGH])
            syn[d[TAG_2] + k] = round_weight(tag_2, threshold, TAG_2_LOW, TAG_2_HIGH)
            syn[d[TAG_1] + k] = round_weight(tag_1, threshold, TAG_1_LOW, TAG_1_HIGH)


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
                trace = d[Y] + (mem[at] - FIRST_POST) * n
                some = np.int32(0)
                for i in range(n):
                    some |= mem[trace + i]
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
def _epoch_ends(t, local, d, mem, syn, real):  # type: ignore[no-untyped-def]
    n_pre, n_post, epoch = d[N_PRE], d[N_POST], d[T_EPOCH]
    for j in range(n_pre):
        mem[d[X0] + j] = mem[d[TX] + j] > 0
    for i in range(n_post):
        mem[d[Y0] + i] = mem[d[TY] + i] > 0
    pre_history(local, d, mem, real)
    if d[FAST] != 0 and d[THREE_FACTOR] != 0 and _silent(d, mem):
        _forget_spikes(d, mem)
        return
    post_history(local, d, mem, real)
    u = d[DECIMATE] >= 0 and (t // epoch) % (1 << max(d[DECIMATE], 0)) == 0
    random = real[d[RANDOM_W] + t // epoch - np.int64(real[0]) // epoch - 1]
    threshold = np.int64(random * (1 << FRACTION_BITS))
    if d[FAST] != 0:
        _learn_fast(u, threshold, d, mem, syn)
    else:
        _learn_any(u, threshold, d, mem, syn)
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
