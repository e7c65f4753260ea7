"""Splits: disjoint, whole, stratified, and the same for ever."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromorph.data.splitting import mixed, stratified
from neuromorph.errors import DataError


@given(st.lists(st.integers(2, 30), min_size=2, max_size=5), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1), st.randoms())
def test_parts_are_disjoint_and_whole_and_every_class_is_divided_alike(
    counts: list[int], test: float, seed: int, random: st.DrawFn
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    random.shuffle(labels)  # type: ignore[attr-defined]
    names = tuple(map(str, range(len(counts))))
    train, held = stratified(labels, names, test, seed, "here")
    assert sorted([*train, *held]) == list(range(len(labels)))
    for label, count in enumerate(counts):
        tested = int((labels[held] == label).sum())
        assert 1 <= tested <= count - 1
        assert abs(tested - test * count) <= max(0.5, 1 - test * count, test * count - (count - 1)) + 1e-9
    again = stratified(labels, names, test, seed, "here")
    np.testing.assert_array_equal(np.concatenate([train, held]), np.concatenate(again))


def test_the_split_of_a_seed_never_changes() -> None:
    assert mixed(8, 0).tolist() == [6, 2, 1, 7, 3, 0, 5, 4]
    train, held = stratified(np.arange(12) % 3, ("a", "b", "c"), 0.25, 1, "here")
    assert (train.tolist(), held.tolist()) == ([10, 1, 6, 0, 7, 11, 9, 8, 5], [2, 3, 4])


def test_another_seed_is_another_split() -> None:
    labels = np.arange(100) % 2
    first, second = (stratified(labels, ("a", "b"), 0.2, seed, "here")[1] for seed in (0, 1))
    assert set(first) != set(second)


def test_any_part_of_sorted_samples_has_every_class() -> None:
    labels = np.repeat(np.arange(5), 100)
    train, held = stratified(labels, tuple("abcde"), 0.2, 0, "here")
    for part in (*np.split(labels[train], 4), labels[held]):
        assert np.bincount(part, minlength=5).min() > 0


@pytest.mark.parametrize("test", [0.0, 1.0, -0.1, 20.0, float("nan")])
def test_a_part_that_is_none_is_refused(test: float) -> None:
    with pytest.raises(DataError, match=f"here: test = {test}; .*between 0 and 1"):
        stratified(np.arange(4) % 2, ("a", "b"), test, 0, "here")


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "0"])
def test_a_seed_that_is_none_is_refused(seed: Any) -> None:
    with pytest.raises(DataError, match=r"seed = .* is no whole number from 0 to 4294967295"):
        mixed(3, seed)


def test_a_class_of_one_sample_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="class 'cat' has a single sample"):
        stratified(np.array([0, 0, 1]), ("ant", "cat"), 0.5, 0, "here")
