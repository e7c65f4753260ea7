"""Dyads: one convention for alpha, what DP and DP-transpose differ in, and the clock."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.arithmetic.fixed import FIXED
from neuromorph.arithmetic.floating import FLOATING
from neuromorph.laws.dyad import AGE_LIMIT, DYAD
from neuromorph.laws.law import Law
from neuromorph.laws.readout import READOUT

counts = st.integers(0, 256)


def once(law: Law, ops: Any, **given_values: float) -> dict[str, float]:
    """One step from the law's defaults."""
    arguments = [np.array([given_values.pop(v.name, v.default)]) for v in law.arguments]
    assert given_values == {}
    results = law.make(ops)(1, *arguments)
    return {v.name: r.item() for v, r in zip(law.results, results, strict=True)}


def nudged(ops: Any, drive: float, error: float, **parameters: float) -> dict[str, float]:
    """A dyad at even age with this drive and Delta = error: the positive half held, the negative arriving."""
    plus, minus = max(error, 0), max(-error, 0)
    return once(DYAD, ops, a_in=drive, e_plus=plus, a_in_error=minus, age=5, **parameters)


@settings(max_examples=200, deadline=None)
@given(drive=st.floats(20, 100), error=st.floats(-10, 10), alpha=counts, nudge=counts)
def test_nudge_lifts_s_plus_the_rest_lowers_s_minus_and_alpha_weighs_s_plus(
    drive: float, error: float, alpha: int, nudge: int
) -> None:
    """And so mean = alpha * s_plus + (1 - alpha) * s_minus."""
    seen = nudged(FLOATING, drive, error, alpha=alpha, nudge=nudge)
    plus, minus = drive + nudge / 256 * error, drive - (1 - nudge / 256) * error
    assert seen["s_plus"] == pytest.approx(plus, abs=1e-12)
    assert seen["s_minus"] == pytest.approx(minus, abs=1e-12)
    assert seen["s_out"] / 2 == pytest.approx(alpha / 256 * plus + (1 - alpha / 256) * minus, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(drive=st.floats(20, 100), error=st.floats(-10, 10), alpha=counts)
def test_in_the_linear_regime_the_mean_of_dp_transpose_is_free_of_feedback(drive: float, error: float, alpha: int) -> None:
    assert nudged(FLOATING, drive, error, alpha=alpha, nudge=256 - alpha)["s_out"] / 2 == pytest.approx(drive, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(drive=st.floats(20, 100), error=st.floats(-10, 10), alpha=counts)
def test_in_the_linear_regime_the_mean_of_dp_carries_feedback_unless_alpha_is_one_half(
    drive: float, error: float, alpha: int
) -> None:
    """mean = drive + (2 alpha - 1) * Delta (equations.md, section 1)."""
    expected = drive + (2 * alpha / 256 - 1) * error
    assert nudged(FLOATING, drive, error, alpha=alpha, nudge=alpha)["s_out"] / 2 == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("nudge", "free"), [(0, "s_plus"), (256, "s_minus")])
@pytest.mark.parametrize("ops", [FLOATING, FIXED])
def test_at_the_ends_of_nudge_one_compartment_is_the_free_state(ops: Any, nudge: int, free: str) -> None:
    """Also where f bends: a drive below zero."""
    for drive in (-5, 50, 125):
        for error in (-20, 20):
            unit = 64 if ops is FIXED else 1
            assert nudged(ops, drive, error, nudge=nudge)[free] == min(max(drive, 0), 127) * unit


@settings(max_examples=300, deadline=None)
@given(drive=st.integers(-200, 300), error=st.integers(-60, 60), alpha=counts, nudge=counts)
def test_fixed_point_is_floating_point_rounded(drive: int, error: int, alpha: int, nudge: int) -> None:
    """Two roundings to nearest (of nudge * Delta, then of alpha * delta): at most one unit of the mean."""
    exact = nudged(FLOATING, drive, error, alpha=alpha, nudge=nudge)
    rounded = nudged(FIXED, drive, error, alpha=alpha, nudge=nudge)
    assert abs(rounded["s_plus"] / 64 - exact["s_plus"]) <= 0.5
    assert abs(rounded["s_minus"] / 64 - exact["s_minus"]) <= 0.5
    assert abs(rounded["s_out"] - exact["s_out"]) / 2 <= 1
    assert abs(rounded["s_apical_y1"] - exact["s_apical_y1"]) <= 1


@settings(max_examples=200, deadline=None)
@given(drive=st.integers(64, 64), error=st.integers(-60, 60), shift=st.integers(0, 4))
def test_signed_errors_round_alike(drive: int, error: int, shift: int) -> None:
    """Delta and -Delta lift s_plus by opposite amounts, up to the tie, which goes upward: no drift."""
    up = nudged(FIXED, drive, error, nudge=256, shift_error=shift)["s_plus"] // 64 - drive
    down = nudged(FIXED, drive, -error, nudge=256, shift_error=shift)["s_plus"] // 64 - drive
    tie = (error * 2) % 2**shift == 0 and error % 2**shift != 0
    assert up + down == (1 if tie else 0)


@pytest.mark.parametrize("ops", [FLOATING, FIXED])
def test_errors_count_by_the_age_at_which_they_arrive(ops: Any) -> None:
    """What was sent at even age (positive) arrives at odd age."""
    odd = once(DYAD, ops, age=2, a_in_error=8, e_plus=1, e_minus=2)
    assert (odd["age"], odd["e_plus"], odd["e_minus"]) == (3, 8, 2)
    even = once(DYAD, ops, age=3, a_in_error=8, e_plus=1, e_minus=2)
    assert (even["age"], even["e_plus"], even["e_minus"]) == (4, 1, 8)


@pytest.mark.parametrize("law", [DYAD, READOUT])
def test_at_the_age_limit_parity_goes_on_alternating(law: Law) -> None:
    age, seen = AGE_LIMIT - 2, []
    for _ in range(4):
        age = once(law, FIXED, age=age)["age"]
        seen.append(age)
    assert seen == [AGE_LIMIT - 1, AGE_LIMIT, AGE_LIMIT - 1, AGE_LIMIT]


@pytest.mark.parametrize("ops", [FLOATING, FIXED])
@pytest.mark.parametrize(("phase", "was", "now"), [(0, 0, 0), (0, 1, 1), (1, 1, 0), (2, 0, 1)])
def test_the_readout_is_nudged_by_the_last_phase_spike(ops: Any, phase: int, was: int, now: int) -> None:
    seen = once(READOUT, ops, phase=phase, nudged=was, age=7, a_in=40, a_target=60, beta=128, nudge=256)
    assert seen["nudged"] == now
    assert seen["s_plus"] == (50 if now else 40) * (64 if ops is FIXED else 1)
