"""What errors say about names that nobody knows."""

from collections.abc import Callable

import pytest

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.learning.network.network import mlp
from neuromorph.learning.registry import make_rule


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mnits", "did you mean mnist? known are digits, mnist"),
        ("MNIST", "did you mean mnist? known are digits, mnist"),
        ("imagenet-21k", "known are digits, mnist"),
        (3, "known are digits, mnist"),
    ],
)
def test_the_nearest_name_is_suggested_and_all_are_listed(name: object, says: str) -> None:
    assert did_you_mean(name, iter(["digits", "mnist"])) == says


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (lambda: make_rule("dp-transposed"), "dp-transpose"),
        (lambda: make_rule("dp", aplha=0.5), "alpha"),
        (lambda: make_rule("ep", nudge="centered"), "centred"),
        (lambda: mlp((2, 2), feedback="kollen-polack"), "kolen-pollack"),
    ],
)
def test_misspelt_rules_options_words_and_feedbacks_meet_the_right_one(wrong: Callable[[], object], right: str) -> None:
    with pytest.raises(RangeError, match=f"did you mean {right}[?] known are "):
        wrong()
