"""The leaky unit: descent of its energy, rest at its drive, and movement from both ends."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.arithmetic.fixed import FIXED
from neuromorph.arithmetic.floating import FLOATING
from neuromorph.arithmetic.tensors import TENSORS
from neuromorph.laws.hopfield import make_leaky

rates = st.integers(1, 256)


def step(ops: Any, s: float, drive: float, rate: int, low: float = 0.0, top: float = 1.0) -> float:
    if ops is TENSORS:
        return make_leaky(ops)(
            torch.tensor(s, dtype=torch.float64), torch.tensor(drive, dtype=torch.float64), rate, low, top
        ).item()
    return make_leaky(ops)(np.array(s), np.array(drive), rate, low, top).item()


@settings(max_examples=200, deadline=None)
@given(s=st.floats(0, 1), drive=st.floats(-3, 3), rate=rates)
def test_no_step_raises_the_energy_and_tensors_agree_with_floats(s: float, drive: float, rate: int) -> None:
    """E = s^2 / 2 - drive s: it is convex, and a step does not pass its minimum."""
    after = step(FLOATING, s, drive, rate)
    assert after == pytest.approx(step(TENSORS, s, drive, rate), abs=1e-12)
    assert after**2 / 2 - drive * after <= s**2 / 2 - drive * s + 1e-12


@settings(max_examples=100, deadline=None)
@given(s=st.floats(0, 1), drive=st.floats(-3, 3))
def test_at_full_rate_a_unit_is_its_clipped_drive(s: float, drive: float) -> None:
    assert step(FLOATING, s, drive, 256) == pytest.approx(min(max(drive, 0), 1), abs=1e-12)


def test_units_at_either_end_move_as_if_inside() -> None:
    """rho' is 1 at the ends: with 0 a network at rest would stay there."""
    assert step(FLOATING, 0.0, 0.5, 128) == 0.25
    assert step(FLOATING, 1.0, 0.5, 128) == 0.75


@settings(max_examples=100, deadline=None)
@given(s=st.integers(0, 127 << 6), drive=st.integers(-200 << 6, 200 << 6), rate=st.integers(16, 256))
def test_in_fixed_point_a_unit_comes_to_rest_where_its_portion_rounds_to_nothing(s: int, drive: int, rate: int) -> None:
    top = 127 << 6
    for _ in range(300):
        s = int(step(FIXED, s, drive, rate, 0, top))
    assert s == step(FIXED, s, drive, rate, 0, top)
    assert abs(s - min(max(drive, 0), top)) <= 128 / rate
