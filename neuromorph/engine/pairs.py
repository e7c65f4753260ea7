"""Plasticity synapse by synapse: any rule, for weights and both tags, dense or sparse, any epoch."""

from __future__ import annotations

import numpy as np
from numba import njit

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.engine.fields import (
    COUNT_D,
    COUNT_T,
    COUNT_W,
    DEP_U,
    DEP_X0,
    DEPENDENCY,
    DIRTY,
    FACTOR_SIZE,
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
    PRODUCT_HEADER,
    PRODUCT_SIZE,
    RIGHT,
    RULES,
    T_EPOCH,
    TAG_1,
    TAG_2,
    TX,
    TY,
    X0,
    X_HISTORY,
    Y0,
    Y_HISTORY,
    W,
)
from neuromorph.laws.products.plasticity import (
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
def list_posts(d, mem):  # type: ignore[no-untyped-def]
    """List the post neurons that spiked in this epoch; their number."""
    count = 0
    for i in range(d[N_POST]):
        if mem[d[Y0] + i] != 0:
            mem[d[POST_ACTIVE] + count] = i
            count += 1
    return count


@njit
def _learn_pair(u, threshold, i, j, k, d, mem, syn):  # type: ignore[no-untyped-def]
    """Rules for w, d (tag_2) and t (tag_1), all of which see the values from before."""
    w = _pair(syn[d[W] + k], d[RULES], d[COUNT_W], u, i, j, k, d, mem, syn)
    if d[COUNT_D] + d[COUNT_T] > 0:
        rules_d = d[RULES] + d[COUNT_W] * PRODUCT_SIZE
        rules_t = rules_d + d[COUNT_D] * PRODUCT_SIZE
        tag_2 = _pair(syn[d[TAG_2] + k], rules_d, d[COUNT_D], u, i, j, k, d, mem, syn)
        tag_1 = _pair(syn[d[TAG_1] + k], rules_t, d[COUNT_T], u, i, j, k, d, mem, syn)
        syn[d[TAG_2] + k] = round_weight(tag_2, threshold, TAG_2_LOW, TAG_2_HIGH)
        syn[d[TAG_1] + k] = round_weight(tag_1, threshold, TAG_1_LOW, TAG_1_HIGH)
    syn[d[W] + k] = round_weight(w, threshold, d[LOW], d[HIGH])


@njit
def learn_pairs(u, threshold, d, mem, syn):  # type: ignore[no-untyped-def]
    """Rows of pre neurons that spiked (all, for u_k), and in the other rows the synapses to post neurons that spiked."""
    posts = list_posts(d, mem)
    everywhere = u or d[COUNT_T] > 0  # a rule for the tag moves a tag of -257 even without spikes
    for j in range(d[N_PRE]):
        whole = everywhere or mem[d[X0] + j] != 0
        if not whole and posts == 0:
            continue
        mem[d[DIRTY]] = 1
        if d[INDPTR] >= 0:
            for k in range(mem[d[INDPTR] + j], mem[d[INDPTR] + j + 1]):
                i = np.int64(mem[d[POST] + k])
                if whole or mem[d[Y0] + i] != 0:
                    _learn_pair(u, threshold, i, j, np.int64(k), d, mem, syn)
            continue
        for n in range(d[N_POST] if whole else posts):
            i = np.int64(n if whole else mem[d[POST_ACTIVE] + n])
            _learn_pair(u, threshold, i, j, np.int64(j * d[N_POST] + i), d, mem, syn)
