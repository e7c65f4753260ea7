"""Plasticity by events: the rows of pre neurons that spiked, and in all other rows the synapses to post neurons that spiked.

For rules of w alone in dense synapses, with x0, y0 and u_k, whose products split into a pre and a post factor (times w at most once), for
any epoch. A product of x0 sees all traces at the time of the pre spike, one of y0 at that of the post spike, one of u_k at the epoch's
end: so there is a table of either side's factors for every time. (Without y0 and with epochs of one step, outer.py does less.)
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neuromorph.engine.fields import (
    ACC,
    COUNT_W,
    DEP_U,
    DEP_Y0,
    DEPENDENCY,
    DIRTY,
    FIRST_POST,
    FIRST_SYNAPTIC,
    HIGH,
    LEFT,
    LOW,
    MANTISSA,
    N_POST,
    N_PRE,
    POST_ACTIVE,
    POST_FACTOR,
    PRE_ACTIVE,
    PRE_FACTOR,
    PRODUCT_SIZE,
    RIGHT,
    RULES,
    T_EPOCH,
    TX,
    TY,
    WEIGHT_FACTOR,
    X0,
    X_HISTORY,
    Y_HISTORY,
    W,
)
from neuromorph.engine.outer import accumulate, add_product, factor_value, factors_of, product_term, round_weight
from neuromorph.engine.pairs import list_posts
from neuromorph.laws.products.plasticity import FRACTION_BITS


@njit
def _tables(d, mem):  # type: ignore[no-untyped-def]
    """Factors of every product at every time of the epoch: PRE_FACTOR[q, time, j] (with the mantissa), POST_FACTOR[q, time, i]."""
    epoch, n_pre, n_post = d[T_EPOCH], d[N_PRE], d[N_POST]
    for q in range(d[COUNT_W]):
        product = d[RULES] + q * PRODUCT_SIZE
        for time in range(1, epoch + 1):
            pre, post = d[PRE_FACTOR] + (q * epoch + time - 1) * n_pre, d[POST_FACTOR] + (q * epoch + time - 1) * n_post
            x, y = d[X_HISTORY] + time * 2 * n_pre, d[Y_HISTORY] + time * 3 * n_post
            factors_of(product, 0, FIRST_POST, x, n_pre, pre, mem[product + MANTISSA], mem)
            factors_of(product, FIRST_POST, FIRST_SYNAPTIC, y, n_post, post, np.int32(1), mem)


@njit
def _has_y0(d, mem):  # type: ignore[no-untyped-def]
    """Whether some product happens at post spikes."""
    found = False
    for q in range(d[COUNT_W]):
        found |= mem[d[RULES] + q * PRODUCT_SIZE + DEPENDENCY] == DEP_Y0
    return found


@njit
def _mark_moving(d, mem):  # type: ignore[no-untyped-def]
    """Mark the pre neurons that have a pre factor in some product of y0 at some time: only their synapses move by a post spike."""
    n = d[N_PRE]
    some = mem[d[PRE_ACTIVE] : d[PRE_ACTIVE] + n]
    some[:] = 0
    for q in range(d[COUNT_W]):
        if mem[d[RULES] + q * PRODUCT_SIZE + DEPENDENCY] == DEP_Y0:
            for time in range(d[T_EPOCH]):
                at = d[PRE_FACTOR] + (q * d[T_EPOCH] + time) * n
                factors = mem[at : at + n]
                for j in range(n):
                    some[j] |= factors[j]


@njit
def _post_term(q, j, i, weight, d, mem):  # type: ignore[no-untyped-def]
    """What a product of y0 adds to the synapse from j to i, at the time of i's spike."""
    product, at = d[RULES] + q * PRODUCT_SIZE, q * d[T_EPOCH] + mem[d[TY] + i] - 1
    value = np.int32(mem[d[PRE_FACTOR] + at * d[N_PRE] + j] * mem[d[POST_FACTOR] + at * d[N_POST] + i])
    if mem[product + WEIGHT_FACTOR] != 0:
        factor = product + mem[product + WEIGHT_FACTOR]
        value = np.int32(value * factor_value(np.int32(weight), mem[factor + 1], mem[factor + 2], mem[factor + 3]))
    return product_term(value, mem[product + RIGHT], mem[product + LEFT])


@njit
def _whole_row(u, threshold, j, posts, row, d, mem):  # type: ignore[no-untyped-def]
    """All synapses of a pre neuron that spiked, or of any at a time of u_k; every product in the rule's order."""
    epoch, n = d[T_EPOCH], d[N_POST]
    acc = mem[d[ACC] : d[ACC] + n]
    for i in range(n):
        acc[i] = np.int32(row[i]) << FRACTION_BITS
    for q in range(d[COUNT_W]):
        product = d[RULES] + q * PRODUCT_SIZE
        dependency = mem[product + DEPENDENCY]
        if dependency == DEP_Y0:
            for k in range(posts):
                i = mem[d[POST_ACTIVE] + k]
                acc[i] = accumulate(acc[i], _post_term(q, j, i, row[i], d, mem))
            continue
        if not (u if dependency == DEP_U else mem[d[X0] + j] != 0):
            continue
        at = q * epoch + (epoch if dependency == DEP_U else mem[d[TX] + j]) - 1
        one, many = mem[d[PRE_FACTOR] + at * d[N_PRE] + j], d[POST_FACTOR] + at * n
        if one != 0:
            add_product(acc, row, one, mem[many : many + n], product, mem)
    for i in range(n):
        row[i] = round_weight(acc[i], threshold, d[LOW], d[HIGH])


@njit
def _post_synapses(threshold, j, posts, row, d, mem):  # type: ignore[no-untyped-def]
    """The synapses from a pre neuron that did not spike to the post neurons that did."""
    for k in range(posts):
        i = mem[d[POST_ACTIVE] + k]
        acc = np.int32(row[i]) << FRACTION_BITS
        for q in range(d[COUNT_W]):
            if mem[d[RULES] + q * PRODUCT_SIZE + DEPENDENCY] == DEP_Y0:
                acc = accumulate(acc, _post_term(q, j, i, row[i], d, mem))
        row[i] = round_weight(acc, threshold, d[LOW], d[HIGH])


@njit
def learn_events(u, threshold, d, mem, syn):  # type: ignore[no-untyped-def]
    """An epoch's end. Synapses where no product happened keep their weights."""
    _tables(d, mem)
    posts = list_posts(d, mem) if _has_y0(d, mem) else 0
    if posts > 0:
        _mark_moving(d, mem)
    for j in range(d[N_PRE]):
        at = d[W] + j * d[N_POST]
        row = syn[at : at + d[N_POST]]
        if u or mem[d[X0] + j] != 0:
            mem[d[DIRTY]] = 1
            _whole_row(u, threshold, j, posts, row, d, mem)
        elif posts > 0 and mem[d[PRE_ACTIVE] + j] != 0:
            mem[d[DIRTY]] = 1
            _post_synapses(threshold, j, posts, row, d, mem)
