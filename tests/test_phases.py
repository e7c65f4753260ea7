"""Phases: the estimator that sees one term at a time is unbiased, and its variance is what the paper derives."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.errors import RangeError
from neuromorph.phases import Bernoulli, PhasePlan, importance, optimal_p, trace_of_covariance

FIXED = settings(max_examples=60, derandomize=True, database=None, deadline=None)
SHARES = st.floats(0.01, 0.99)
MOMENTS = st.floats(1e-3, 1e3)

# two terms, each taking one of a few vectors with the same probability: expectations are finite sums
PLUS = np.array([[1.0, 2.0, 0.0], [0.5, -1.0, 3.0], [2.0, 0.0, 1.0]])
MINUS = np.array([[-1.0, 0.5, 0.2], [0.3, -0.4, -2.0]])


def drawn(p: float) -> tuple[np.ndarray, np.ndarray]:
    """Values of the weighted estimator, and their probabilities."""
    weight_plus, weight_minus = importance(p)
    values = np.concatenate([weight_plus * PLUS, weight_minus * MINUS])
    return values, np.array([p / len(PLUS)] * len(PLUS) + [(1 - p) / len(MINUS)] * len(MINUS))


@FIXED
@given(SHARES)
def test_the_mean_is_the_gradient_for_every_p(p: float) -> None:
    """Proposition 3.1."""
    values, probability = drawn(p)
    np.testing.assert_allclose(probability @ values, PLUS.mean(0) + MINUS.mean(0), atol=1e-12)


@FIXED
@given(SHARES)
def test_the_covariance_is_that_of_equation_10(p: float) -> None:
    values, probability = drawn(p)
    mean = probability @ values
    covariance = (values - mean).T @ ((values - mean) * probability[:, None])
    v = np.sqrt((1 - p) / p) * PLUS.mean(0) - np.sqrt(p / (1 - p)) * MINUS.mean(0)
    expected = np.cov(PLUS.T, bias=True) / p + np.cov(MINUS.T, bias=True) / (1 - p) + np.outer(v, v)
    np.testing.assert_allclose(covariance, expected, atol=1e-9)
    squares = (PLUS**2).sum(1).mean(), (MINUS**2).sum(1).mean(), float(mean @ mean)
    assert trace_of_covariance(p, *squares) == pytest.approx(np.trace(expected))


@FIXED
@given(MOMENTS, MOMENTS, SHARES, SHARES)
def test_the_trace_is_convex_in_p_and_least_at_the_optimum(plus: float, minus: float, p: float, q: float) -> None:
    """Lemma 3.3 and equation 11; the paper's form of p* is the same number."""

    def trace(share: float) -> float:
        return trace_of_covariance(share, plus, minus, 0.0)

    assert trace((p + q) / 2) <= (trace(p) + trace(q)) / 2 * (1 + 1e-12)
    best = optimal_p(plus, minus)
    assert trace(best) <= trace(p) * (1 + 1e-12)
    assert trace(best) == pytest.approx((np.sqrt(plus) + np.sqrt(minus)) ** 2)
    if abs(plus - minus) > 1e-3 * plus:
        assert best == pytest.approx((plus - np.sqrt(plus * minus)) / (plus - minus))


def test_equal_moments_ask_for_equal_shares() -> None:
    assert optimal_p(2.0, 2.0) == optimal_p(0.0, 0.0) == 0.5


def test_what_is_drawn_has_the_variance_of_the_formula_and_its_argmin() -> None:
    """By draws of the stream itself: the least empirical variance over a grid of p lies at p*."""
    grid, count = [0.2, 0.35, 0.5, 0.65, 0.8], 4000
    plus, minus = (PLUS**2).sum(1).mean(), (MINUS**2).sum(1).mean()
    traces = []
    for p in grid:
        stream, which = Bernoulli(p, seed=1), np.random.default_rng(2)
        values = np.empty((count, 3))
        for k in range(count):
            phase = stream.draw()
            values[k] = phase.weight * which.choice(PLUS if phase.positive else MINUS)
        mean = PLUS.mean(0) + MINUS.mean(0)
        np.testing.assert_allclose(values.mean(0), mean, atol=5 * values.std(0).max() / np.sqrt(count))
        traces.append(values.var(0).sum())
        assert traces[-1] == pytest.approx(trace_of_covariance(p, plus, minus, mean @ mean), rel=0.1)
    best = optimal_p(plus, minus)
    assert grid[int(np.argmin(traces))] == min(grid, key=lambda p: abs(p - best))


def test_an_adaptive_stream_finds_the_optimum_and_stays_unbiased() -> None:
    """Terms of squares 16 and 1: p* = 4/5. The weights of the kind that is drawn have mean 1 at every p that comes by."""
    stream, which = Bernoulli(None, seed=3), np.random.default_rng(4)
    weights = np.zeros((20000, 2))
    for row in weights:
        phase = stream.draw()
        row[0 if phase.positive else 1] = phase.weight
        stream.observe(phase, (16.0 if phase.positive else 1.0) * which.uniform(0.5, 1.5))
    assert stream.now == pytest.approx(0.8, abs=0.01)
    np.testing.assert_allclose(weights.mean(0), 1, atol=0.05)


def test_an_adaptive_stream_starts_at_a_half_and_keeps_both_kinds_alive() -> None:
    stream = Bernoulli(None, seed=0)
    assert stream.now == 0.5
    seen = [stream.draw() for _ in range(20)]
    for phase in seen:
        stream.observe(phase, 1.0 if phase.positive else 0.0)
    assert stream.now == 1 - stream.margin


@pytest.mark.parametrize("p", [0.3, None])
def test_a_stream_goes_on_from_its_state(p: float | None) -> None:
    whole, first, second = (Bernoulli(p, seed=5) for _ in range(3))
    drawn = [whole.draw() for _ in range(30)]
    for phase in drawn[:10]:
        assert first.draw() == phase
    second.load_state_dict(first.state_dict())
    assert [second.draw() for _ in range(20)] == drawn[10:]


def test_one_observation_of_each_kind_is_its_mean_then_it_runs() -> None:
    stream = Bernoulli(None, memory=10)
    phase = stream.draw()
    for value in (4.0, 8.0):
        stream.observe(phase, value)
    assert stream.moments[phase.positive] == 6.0
    for _ in range(500):
        stream.observe(phase, 1.0)
    assert stream.moments[phase.positive] == pytest.approx(1.0)


def test_rates_of_a_phase_add_up_to_its_importance() -> None:
    for length, p in ((1, 0.5), (100, 0.3)):
        at_end, always = PhasePlan(length=length, p=p), PhasePlan(length=length, p=p, always_on=True)
        assert at_end.rates == importance(p)
        np.testing.assert_allclose(np.multiply(always.rates, length), at_end.rates)
    assert PhasePlan(length=5, periodic=True).rates == (1.0, 1.0)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"length": 0}, "length = 0: give a whole number, at least 1"),
        ({"length": 1, "p": 0.0}, "p = 0.0"),
        ({"length": 1, "p": 1.0}, "p = 1.0"),
        ({"length": 5, "periodic": True, "always_on": True}, "periodic"),
        ({"length": 5, "random": True}, "random length"),
    ],
)
def test_plans_that_make_no_sense_are_refused(options: dict[str, float], word: str) -> None:
    with pytest.raises(RangeError, match=word):
        PhasePlan(**options)  # type: ignore[arg-type]


def test_the_optimum_moves_monotonically() -> None:
    shares = [optimal_p(a, 1.0) for a in (0.01, 0.1, 1.0, 10.0)]
    assert all(a < b for a, b in pairwise(shares))
