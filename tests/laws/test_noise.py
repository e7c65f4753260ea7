"""Noise: the same bits in every arithmetic, in any order, uniform, and no two neurons alike."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.arithmetic.fixed import FIXED
from neuromorph.arithmetic.floating import FLOATING
from neuromorph.laws.noise import make_draw

WORDS = 2**32


def exact(key: int, t: int) -> int:
    """The same in Python's own integers, cut to 32 bits where the equation says so."""

    def mix(x: int) -> int:
        x = (x ^ (x >> 15)) * 0x2C1B3C6D % WORDS
        x = (x ^ (x >> 12)) * 0x297A2D39 % WORDS
        return x ^ (x >> 15)

    return mix(key ^ mix(t % WORDS))


@cache
def compiled() -> Callable[..., Any]:
    return make_draw(COMPILED)


@settings(deadline=None)
@given(key=st.integers(0, 2**31 - 1), t=st.integers(1, 2**40))
def test_every_arithmetic_draws_the_same_bits(key: int, t: int) -> None:
    drawn = exact(key, t)
    assert compiled()(key, t) == drawn
    assert make_draw(FIXED)(np.array([key]), t)[0] == drawn
    assert make_draw(FLOATING)(np.array([float(key)]), t)[0] == drawn


def test_numbers_are_uniform_and_those_of_neighbours_in_key_and_time_unrelated() -> None:
    """Correlations and the counts of 256 bins within five standard deviations; keys 0..999 and steps 1..500, one apart each."""
    drawn = make_draw(FIXED)(np.arange(1000)[:, None], np.arange(1, 501)[None, :]) / WORDS
    size = drawn.size
    counts = np.histogram(drawn, 256, (0, 1))[0]
    assert np.abs(counts - size / 256).max() < 5 * np.sqrt(size / 256)
    unit = (drawn - 0.5) * np.sqrt(12)
    for one, other in ((unit[1:], unit[:-1]), (unit[:, 1:], unit[:, :-1]), (unit[1:, 1:], unit[:-1, :-1])):
        assert abs((one * other).mean()) < 5 / np.sqrt(size)


def test_a_permutation_of_the_keys_at_every_step() -> None:
    drawn = make_draw(FIXED)(np.arange(20_000), 7)
    assert np.unique(drawn).size == drawn.size
