"""Mean and spread of several seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromorph.runs.seeds import mean_and_spread, summary


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9))
def test_the_spread_is_the_sample_standard_deviation(values: list[float]) -> None:
    mean, spread = mean_and_spread(values)
    assert mean == pytest.approx(np.mean(values), rel=1e-9, abs=1e-9)
    assert spread == pytest.approx(np.std(values, ddof=1), rel=1e-6, abs=1e-6)


def test_one_value_has_no_spread() -> None:
    assert mean_and_spread([3.0]) == (3.0, 0.0)


def test_a_run_that_diverged_counts_in_no_mean() -> None:
    def run(seed: int, reached: float | None, seconds: float) -> dict[str, object]:
        return {
            "rule": "dp", "seed": seed, "test_accuracy": reached, "seconds": seconds, "diverged": reached is None,
            "error": "lost" if reached is None else None,
        }  # fmt: skip

    runs = [run(0, 0.5, 2.0), run(1, None, 50.0), run(2, 0.7, 4.0)]
    found = summary(runs, ("test_accuracy", "seconds"))
    assert (found["test_accuracy"], found["seconds"]) == (pytest.approx(0.6), 3.0)
    assert (found["seed"], found["diverged"], found["error"], found["runs"]) == ([0, 1, 2], True, "lost", runs)
    lost = summary([runs[1]], ("test_accuracy", "seconds"))
    assert lost["seconds"] is lost["seconds_spread"] is lost["test_accuracy"] is None
