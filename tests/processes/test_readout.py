"""NudgedReadout in Lava's models."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wiring import drive

from neuromorph.errors import LavaRunError, RangeError
from neuromorph.processes.readout.process import NudgedReadout
from neuromorph.processes.stepping.stepper import LavaStepper

TAGS = ["floating_pt", "fixed_pt"]
UNBOUNDED = {"low": -np.inf, "top": np.inf, "limit": np.inf}


@pytest.mark.parametrize("tag", TAGS)
def test_it_is_nudged_from_a_phase_spike_2_on_and_free_from_1_on_and_before_any(tag: str) -> None:
    phase = [0, 0, 2, 0, 0, 1, 0, 0, 2, 0]
    nudged = [0, 0, 1, 1, 1, 0, 0, 0, 1, 1]
    seen = drive(NudgedReadout(shape=(2,), beta=0.25), tag, phase=phase, a_in=[[40, 60]] * 10, a_target=[[60, 40]] * 10)
    delta = np.outer(nudged, [5, -5])
    np.testing.assert_array_equal(seen["nudged"], np.outer(nudged, [1, 1]))
    even = seen["age"] % 2 == 0
    np.testing.assert_array_equal(seen["s_error"], 2 * np.maximum(np.where(even, delta, -delta), 0))
    np.testing.assert_array_equal(seen["s_out_y1"], 64 + np.where(seen["s_error"] > 0, delta, 0))


@settings(max_examples=30, deadline=None)
@given(
    a=st.floats(-1e3, 1e3),
    target=st.floats(-1e3, 1e3),
    alpha=st.integers(0, 256),
    beta=st.integers(0, 256),
    variant=st.sampled_from(["dp", "dp-transpose"]),
)
def test_compartments_are_the_linearised_nudging_of_the_squared_error(
    a: float, target: float, alpha: int, beta: int, variant: str
) -> None:
    """Two Tales: s_plus = a + nudge * beta * (y - a), s_minus = a - (1 - nudge) * beta * (y - a)."""
    readout = NudgedReadout(shape=(1,), alpha=alpha / 256, beta=beta / 256, variant=variant, shift=1, **UNBOUNDED)
    seen = drive(readout, "floating_pt", phase=[2], a_in=[2 * a], a_target=[target])
    nudge = alpha / 256 if variant == "dp" else 1 - alpha / 256
    error = beta / 256 * (target - a)
    assert seen["s_plus"].item() == pytest.approx(a + nudge * error, abs=1e-9)
    assert seen["s_minus"].item() == pytest.approx(a - (1 - nudge) * error, abs=1e-9)
    mean = alpha / 256 * seen["s_plus"].item() + (1 - alpha / 256) * seen["s_minus"].item()
    assert seen["s_out"].item() == pytest.approx(2 * mean, abs=1e-9)


@pytest.mark.parametrize("tag", TAGS)
def test_errors_below_the_margin_are_none_and_above_the_limit_saturate(tag: str) -> None:
    errors = np.array([0, 11, 12, 63, 64, 100])
    readout = NudgedReadout(shape=(6,), beta=1.0, margin=12, limit=63)
    seen = drive(readout, tag, phase=[2], a_in=[[20] * 6], a_target=20 + errors[None])
    assert seen["s_error"][0].tolist() == [0, 0, 24, 126, 126, 126]


@pytest.mark.parametrize("tag", TAGS)
def test_the_output_ends_at_low_and_top_and_the_drive_is_kept_whole(tag: str) -> None:
    readout = NudgedReadout(shape=(3,), shift=1, bias=2, low=10, top=100)
    seen = drive(readout, tag, phase=[1], a_in=[[-500, 60, 500]])
    assert seen["s_out"][0].tolist() == [20, 64, 200]
    assert seen["drive"][0].tolist() == [-500, 60, 500]


@pytest.mark.parametrize("tag", TAGS)
def test_an_output_driven_beyond_its_range_errs_only_as_far_as_the_range(tag: str) -> None:
    readout = NudgedReadout(shape=(3,), low=10, top=100, beta=1.0)
    seen = drive(readout, tag, phase=[2, 0], a_in=[[-500, 500, 500]] * 2, a_target=[[10, 100, 80]] * 2)
    assert seen["s_error"].tolist() == [[0, 0, 0], [0, 0, 40]]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("leak", range(6))
def test_leaky_outputs_settle_where_fast_ones_are_at_once(tag: str, leak: int) -> None:
    inputs = {"phase": [2] + [0] * 399, "a_in": [50] * 400, "a_target": [90] * 400}
    leaky, fast = (drive(NudgedReadout(shape=(1,), leak=k), tag, **inputs) for k in (leak, 0))
    for name in ("s_out", "s_error", "s_out_y1"):
        np.testing.assert_allclose(leaky[name][-2:], fast[name][-2:], atol=1e-3 if tag == "floating_pt" else 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beta": -0.5}, "beta = -0.5 is outside 0..1"),
        ({"beta": 0.01}, "beta = 0.01 is no multiple of 1/256; the nearest is 3/256 = 0.01171875"),
        ({"low": 5, "top": 4}, "low = 5 is above top = 4"),
        ({"shape": (2.5,)}, "shape"),
        ({"margin": -1}, "margin = -1 is negative; at least 0"),
    ],
)
def test_what_is_nonsense_for_any_arithmetic_is_refused_at_once(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(RangeError, match=rf"^process 'out' \(NudgedReadout\): {message}"):
        NudgedReadout(**({"shape": (3,), "name": "out"} | wrong))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"low": -1}, "low = -1 is outside 0..127"),
        ({"top": 200}, "top = 200 is outside 0..127"),
        ({"limit": math.inf}, "limit = inf is outside 1..63"),
        ({"bias": 0.5}, "bias = 0.5 is not an integer"),
    ],
)
def test_what_fixed_point_cannot_hold_is_refused_by_its_model_only(wrong: dict[str, Any], message: str) -> None:
    readout = NudgedReadout(**({"shape": (3,), "name": "out"} | wrong))
    LavaStepper(readout, tag="floating_pt").step()
    with pytest.raises(LavaRunError, match=rf"RangeError: process 'out' \(NudgedReadout\): {message}"):
        LavaStepper(readout, tag="fixed_pt")
