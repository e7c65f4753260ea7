"""What a rule's own code does wrong is one line that names the rule, wherever the rule is used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from neuromorph.data import load
from neuromorph.errors import NeuromorphError, RangeError, RuleError
from neuromorph.judges.gradients import check_gradient
from neuromorph.judges.verdict import judged
from neuromorph.learning.network.network import Network
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.rule import Batch, Outcome, Rule, Settings
from neuromorph.learning.training.trainer import Trainer


@dataclass(kw_only=True)
class Faulty(Rule):
    does: ClassVar[Callable[[Network, Batch], Any]]

    def step(self, network: Network, batch: Batch) -> Outcome:
        found: Outcome = type(self).does(network, batch)
        return found


def gives(name: str, *shape: int) -> Callable[[Network, Batch], Outcome]:
    return lambda network, batch: Outcome({name: torch.ones(shape)}, network(batch.x))


FAULTS = {
    r"the step of rule Faulty gave NoneType; let it return an Outcome": lambda network, batch: None,
    r"rule Faulty changes nothing\.weight, which the network does not have or does not train; it has connections": gives(
        "nothing.weight", 1
    ),
    r"rule Faulty changes connections\.0\.bias by an update of shape \(3,\), and its shape is": gives(
        "connections.0.bias", 3
    ),
    r"rule Faulty failed: ZeroDivisionError: division by zero \(test_faults\.py, line [0-9]+\); mend it": lambda network, batch: (
        1 / 0
    ),
    r"rule Faulty failed: TypeError: .* \(test_faults\.py, line": lambda network, batch: network.up(1),
}


def trained(rule: Rule) -> None:
    Trainer(rule.build((64, 8, 10)), rule, load("digits").first(40), Settings(batch=10, epochs=1), device="cpu").fit()


def compared(rule: Rule) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(4, 6, generator=generator)
    check_gradient(rule.build((6, 5, 4)), rule, Batch(x, torch.eye(4), torch.arange(4)))


@pytest.mark.parametrize("use", [trained, compared, judged])
@pytest.mark.parametrize("says", FAULTS)
def test_a_faulty_step_is_told_by_whoever_uses_the_rule(
    says: str, use: Callable[[Rule], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Faulty, "does", FAULTS[says], raising=False)
    with pytest.raises(RuleError, match=says) as found:
        use(Faulty())
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", sorted(RULES))
def test_options_of_another_type_are_refused_and_those_of_numpy_taken(name: str) -> None:
    for option, default in RULES[name].options().items():
        if isinstance(default, bool):
            wrong: tuple[Any, ...] = (1, "true", None)
        elif isinstance(default, int):
            wrong = (2.5, "2", True, None)
        elif isinstance(default, float):
            wrong = (float("nan"), float("inf"), "0.5", True, None)
        else:
            continue
        for value in wrong:
            with pytest.raises(RangeError, match=f"{option} = .*: this option of rule {name} is"):
                make_rule(name, **{option: value})
        kind = {bool: np.bool_, int: np.int64, float: np.float64}[type(default)]
        assert type(getattr(make_rule(name, **{option: kind(default)}), option)) is type(default)


def test_an_error_of_ours_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(network: Network, batch: Batch) -> Outcome:
        raise RangeError("not today")

    monkeypatch.setattr(Faulty, "does", refuses, raising=False)
    with pytest.raises(NeuromorphError, match=r"^not today$"):
        trained(Faulty())
