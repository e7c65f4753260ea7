"""Rule, network and data are told apart before anything is trained."""

from __future__ import annotations

import pytest

from neuromorph.data import load
from neuromorph.errors import RangeError
from neuromorph.learning import Trainer, make_rule


def test_a_trainer_names_what_is_in_the_wrong_place() -> None:
    rule, digits = make_rule("dp"), load("digits")
    network = rule.build((64, 8, 10))
    for arguments, says in (
        ((rule, network, digits), r"network is a DualPropagation; give a Network, as rule\.build"),
        ((network, "dp", digits), r"rule is a str; give a Rule, as make_rule\('dp'\)"),
        (
            (network, rule, (digits.train_images, digits.train_labels)),
            r"data is a tuple; give a Dataset, as load\('digits'\)",
        ),
    ):
        with pytest.raises(RangeError, match=says):
            Trainer(*arguments)


@pytest.mark.parametrize("rule", ["dp", "resistive", "dyadic-arbitrary"])
@pytest.mark.parametrize("sizes", ["64-10", (64, 10.0), 64, (64, True), (64, 0), None])
def test_a_network_has_whole_sizes(rule: str, sizes: object) -> None:
    with pytest.raises(RangeError, match="are no network: give at least two positive sizes, such as"):
        make_rule(rule).build(sizes)  # type: ignore[arg-type]
