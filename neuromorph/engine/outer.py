"""Plasticity as outer products: active pre times active post.

For rules of w alone whose products depend on x0 or u_k, on traces and on w itself, with one step per epoch. There every
product splits into a pre and a post factor (times w), and only synapses between neurons that have one are touched.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuromorph.arithmetic.compiled import COMPILED_32
from neuromorph.engine.fields import (
    ACC,
    ACTIVE,
    COUNT_W,
    DECIMATE,
    DEP_X0,
    DEPENDENCY,
    DIRTY,
    FACTOR_SIZE,
    FIRST_POST,
    FIRST_SYNAPTIC,
    GATHERED,
    HIGH,
    LEFT,
    LOW,
    MANTISSA,
    N_FACTORS,
    N_POST,
    N_PRE,
    POST_ACTIVE,
    POST_FACTOR,
    PRE_ACTIVE,
    PRE_FACTOR,
    PRODUCT_HEADER,
    PRODUCT_SIZE,
    RIGHT,
    RULES,
    SPIKES,
    WEIGHT_FACTOR,
    X0,
    X_HISTORY,
    Y_HISTORY,
    W,
)
from neuromorph.laws.products.plasticity import (
    FRACTION_BITS,
    make_accumulate,
    make_factor_value,
    make_product_term,
    make_round_weight,
)

factor_value = make_factor_value(COMPILED_32)
product_term = make_product_term(COMPILED_32)
accumulate = make_accumulate(COMPILED_32)
round_weight = make_round_weight(COMPILED_32)

CALL_COST, ROW_COST, GATHER_COST = 50, 1, 20
"""Rough costs: to begin a row, per product and synapse in a row as it lies, per synapse gathered from elsewhere."""


@njit
def factors_of(product, first, last, history, n, out, start, mem):  # type: ignore[no-untyped-def]
    """mem[out + i] = start * product of those factors whose variable is in first..last-1, at one time of a history."""
    factors = mem[out : out + n]
    factors[:] = start
    for f in range(mem[product + N_FACTORS]):
        at = product + PRODUCT_HEADER + f * FACTOR_SIZE
        variable = mem[at]
        if first <= variable < last:
            values = mem[history + (variable - first) * n : history + (variable - first + 1) * n]
            constant, low, high = mem[at + 1], mem[at + 2], mem[at + 3]
            for i in range(n):
                factors[i] *= factor_value(values[i], constant, low, high)


@njit
def _split(u, d, mem):  # type: ignore[no-untyped-def]
    """Pre factor (with dependency and mantissa) and post factor of every product, at the end of an epoch of one step."""
    n_pre, n_post = d[N_PRE], d[N_POST]
    x, y = d[X_HISTORY] + 2 * n_pre, d[Y_HISTORY] + 3 * n_post
    for q in range(d[COUNT_W]):
        product = d[RULES] + q * PRODUCT_SIZE
        pre, post = d[PRE_FACTOR] + q * n_pre, d[POST_FACTOR] + q * n_post
        factors_of(product, FIRST_POST, FIRST_SYNAPTIC, y, n_post, post, np.int32(1), mem)
        factors_of(product, 0, FIRST_POST, x, n_pre, pre, mem[product + MANTISSA], mem)
        if mem[product + DEPENDENCY] == DEP_X0:
            spiked, factors = mem[d[X0] : d[X0] + n_pre], mem[pre : pre + n_pre]
            for j in range(n_pre):
                factors[j] *= spiked[j]
        elif not u:
            mem[pre : pre + n_pre] = 0


@njit
def _compact(count, factors, n, active, mem):  # type: ignore[no-untyped-def]
    """List the neurons with a non-zero factor in any product, and move their factors to the front; their number."""
    some = mem[active : active + n]
    some[:] = 0
    for q in range(count):
        of_product = mem[factors + q * n : factors + (q + 1) * n]
        for i in range(n):
            some[i] |= of_product[i]
    found = 0
    for i in range(n):
        if some[i] != 0:
            for q in range(count):
                mem[factors + q * n + found] = mem[factors + q * n + i]
            some[found] = i
            found += 1
    return found


@njit
def _has_listed_all(d, mem):  # type: ignore[no-untyped-def]
    """Whether the drive has listed every pre neuron that counts as having spiked: not those with a spike time set by hand."""
    spiked, listed = mem[d[X0] : d[X0] + d[N_PRE]], np.int64(0)
    for k in range(mem[d[SPIKES]]):
        listed += spiked[mem[d[ACTIVE] + k]]
    return listed == spiked.sum()


@njit
def _compact_spikes(count, factors, n, active, d, mem):  # type: ignore[no-untyped-def]
    """The same for pre neurons that the drive has listed, where no others can have a factor."""
    found = 0
    for k in range(mem[d[SPIKES]]):
        j = np.int64(mem[d[ACTIVE] + k])
        some = np.int32(0)
        for q in range(count):
            some |= mem[factors + q * n + j]
        if some != 0:
            mem[active + found] = j
            for q in range(count):
                mem[factors + q * n + found] = mem[factors + q * n + j]
            found += 1
    return found


@njit
def add_product(acc, row, one, many, product, mem):  # type: ignore[no-untyped-def]
    """One product on the synapses between one neuron and many, into their accumulators."""
    right, left = mem[product + RIGHT], mem[product + LEFT]
    if mem[product + WEIGHT_FACTOR] == 0:
        for i in range(len(row)):
            acc[i] = accumulate(acc[i], product_term(np.int32(one * many[i]), right, left))
        return
    at = product + mem[product + WEIGHT_FACTOR]
    constant, low, high = mem[at + 1], mem[at + 2], mem[at + 3]
    for i in range(len(row)):
        value = np.int32(np.int32(one * many[i]) * factor_value(row[i], constant, low, high))
        acc[i] = accumulate(acc[i], product_term(value, right, left))


@njit
def _rows_of_one_product(weights, where, ones, many, product, threshold, low, high, mem):  # type: ignore[no-untyped-def]
    """Whole rows of weights[pre, post] by a rule of one product without w, in one pass."""
    right, left = mem[product + RIGHT], mem[product + LEFT]
    for k in range(len(where)):
        row, one = where[k], ones[k]
        for i in range(weights.shape[1]):
            term = product_term(np.int32(one * many[i]), right, left)
            acc = accumulate(np.int32(weights[row, i]) << FRACTION_BITS, term)
            weights[row, i] = round_weight(acc, threshold, low, high)


@njit
def _row(row, k, ones, n_ones, manys, n_manys, threshold, d, mem):  # type: ignore[no-untyped-def]
    """All products on the synapses between neuron k of one side and many of the other."""
    n = len(row)
    acc = mem[d[ACC] : d[ACC] + n]
    for i in range(n):
        acc[i] = np.int32(row[i]) << FRACTION_BITS
    for q in range(d[COUNT_W]):
        one = mem[ones + q * n_ones + k]
        if one != 0:
            many = mem[manys + q * n_manys : manys + q * n_manys + n]
            add_product(acc, row, one, many, d[RULES] + q * PRODUCT_SIZE, mem)
    for i in range(n):
        row[i] = round_weight(acc[i], threshold, d[LOW], d[HIGH])


@njit
def _gathered(ones, n_ones, manys, n_manys, where_one, step_one, where_many, step_many, threshold, d, mem, syn):  # type: ignore[no-untyped-def]
    """Rows of one side over the active neurons of the other, wherever their synapses lie."""
    some = mem[d[GATHERED] : d[GATHERED] + len(where_many)]
    for k in range(len(where_one)):
        base = d[W] + where_one[k] * step_one
        for i in range(len(where_many)):
            some[i] = syn[base + where_many[i] * step_many]
        _row(some, k, ones, n_ones, manys, n_manys, threshold, d, mem)
        for i in range(len(where_many)):
            syn[base + where_many[i] * step_many] = some[i]


@njit
def _whole_rows(where, whole, threshold, d, mem, syn):  # type: ignore[no-untyped-def]
    """Rows of active pre neurons over all post neurons, as they lie."""
    n_pre, n = d[N_PRE], d[N_POST]
    if d[COUNT_W] == 1 and mem[d[RULES] + WEIGHT_FACTOR] == 0:
        weights = syn[d[W] : d[W] + n_pre * n].reshape((n_pre, n))
        ones, many = mem[d[PRE_FACTOR] : d[PRE_FACTOR] + n_pre], mem[whole : whole + n]
        _rows_of_one_product(weights, where, ones, many, d[RULES], threshold, d[LOW], d[HIGH], mem)
        return
    for k in range(len(where)):
        at = d[W] + where[k] * n
        _row(syn[at : at + n], k, d[PRE_FACTOR], n_pre, whole, n, threshold, d, mem)


@njit
def learn_outer(u, threshold, d, mem, syn):  # type: ignore[no-untyped-def]
    """Whole rows of the active pre neurons, or gathered rows of either side: whichever costs least."""
    n_pre, n_post, count = d[N_PRE], d[N_POST], d[COUNT_W]
    _split(u, d, mem)
    if d[DECIMATE] < 0 and _has_listed_all(d, mem):  # a rule without u_k
        pres = _compact_spikes(count, d[PRE_FACTOR], n_pre, d[PRE_ACTIVE], d, mem)
    else:
        pres = _compact(count, d[PRE_FACTOR], n_pre, d[PRE_ACTIVE], mem)
    if pres == 0:
        return
    whole = d[POST_FACTOR] + count * n_post
    mem[whole : whole + count * n_post] = mem[d[POST_FACTOR] : d[POST_FACTOR] + count * n_post]
    posts = _compact(count, d[POST_FACTOR], n_post, d[POST_ACTIVE], mem)
    if posts == 0:
        return
    mem[d[DIRTY]] = 1
    pre_where = mem[d[PRE_ACTIVE] : d[PRE_ACTIVE] + pres]
    post_where = mem[d[POST_ACTIVE] : d[POST_ACTIVE] + posts]
    pre, post = d[PRE_FACTOR], d[POST_FACTOR]
    by_row = pres * (CALL_COST + ROW_COST * count * n_post)
    by_pre, by_post = pres * (CALL_COST + GATHER_COST * posts), posts * (CALL_COST + GATHER_COST * pres)
    if by_row <= by_pre and by_row <= by_post:
        _whole_rows(pre_where, whole, threshold, d, mem, syn)
    elif by_pre <= by_post:
        _gathered(pre, n_pre, post, n_post, pre_where, n_post, post_where, 1, threshold, d, mem, syn)
    else:
        _gathered(post, n_post, pre, n_pre, post_where, 1, pre_where, n_post, threshold, d, mem, syn)
