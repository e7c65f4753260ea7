"""What a rule's own code does wrong is one line that names the rule, wherever the rule is used."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from neuromorph.benchmarks.rules import check_moves, problem
from neuromorph.data import load
from neuromorph.errors import NeuromorphError, RangeError, RuleError
from neuromorph.judges.gradients import check_gradient
from neuromorph.judges.verdict import judged
from neuromorph.learning.network.network import Network, Updates
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


def altered(
    change: Callable[[Updates], Any], output: Callable[[Tensor], Any] = lambda output: output
) -> Callable[..., Outcome]:
    """What a right step would give, but for a change of its updates, and of its output."""

    def does(network: Network, batch: Batch) -> Outcome:
        updates = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
        return Outcome(change(updates), output(network(batch.x)))

    return does


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
    r"rule Faulty failed: SystemExit: 3 \(test_faults\.py": lambda network, batch: sys.exit(3),
    r"changes connections\.0\.weight by an update of torch\.float64 on cpu, and it is of torch\.float32 on cpu": altered(
        lambda updates: {name: update.double() for name, update in updates.items()}
    ),
    r"changes connections\.0\.weight by an update of torch\.int64 on cpu": altered(
        lambda updates: {name: update.long() for name, update in updates.items()}
    ),
    r"changes connections\.0\.weight by an update that is ndarray; give a tensor": altered(
        lambda updates: {name: update.numpy() for name, update in updates.items()}
    ),
    r"the updates of rule Faulty are list; give a dict": altered(lambda updates: list(updates.items())),
    r"the updates of rule Faulty are an empty dict; give a dict": altered(lambda updates: {}),
    r"the output of rule Faulty is NoneType; give the scores": altered(lambda updates: updates, lambda output: None),
    r"the output of rule Faulty is a tensor of torch\.float32 and shape \([0-9]+, 1\); give the scores": altered(
        lambda updates: updates, lambda output: output[:, :1]
    ),
}


def trained(rule: Rule) -> None:
    Trainer(rule.build((64, 8, 10)), rule, load("digits").first(40), Settings(batch=10, epochs=1), device="cpu").fit()


def compared(rule: Rule) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(4, 6, generator=generator)
    check_gradient(rule.build((6, 5, 4)), rule, Batch(x, torch.eye(4), torch.arange(4)))


def timed(rule: Rule) -> None:
    check_moves(rule, *problem(rule, (6, 5, 4), 4))


@pytest.mark.parametrize("use", [trained, compared, judged, timed])
@pytest.mark.parametrize("says", FAULTS)
def test_a_faulty_step_is_told_by_whoever_uses_the_rule(
    says: str, use: Callable[[Rule], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Faulty, "does", FAULTS[says], raising=False)
    with pytest.raises(RuleError, match=says) as found:
        use(Faulty())
    assert "\n" not in str(found.value)


def test_a_step_that_changes_parameters_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def moves(network: Network, batch: Batch) -> Outcome:
        network.connection(1).weight.add_(1)
        return altered(lambda updates: updates)(network, batch)

    monkeypatch.setattr(Faulty, "does", moves, raising=False)
    with pytest.raises(RuleError, match=r"the step of rule Faulty changes connections\.0\.weight itself; let it name"):
        trained(Faulty())


def fails(*given: Any) -> Any:
    raise KeyError("boo")


@pytest.mark.parametrize("method", ["fits", "begin_epoch", "constrain", "predict", "state_dict"])
def test_what_else_a_rule_fails_in_is_told(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, "does", altered(lambda updates: updates), raising=False)
    monkeypatch.setattr(Faulty, method, fails, raising=False)
    with pytest.raises(RuleError, match=r"rule Faulty failed: KeyError: 'boo' \(test_faults\.py"):
        trained(Faulty())


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("predict", "the prediction of rule Faulty is NoneType"),
        ("state_dict", "the state_dict of rule Faulty gave NoneType"),
    ],
)
def test_nothing_is_no_prediction_and_no_state(method: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, method, lambda *given: None, raising=False)
    with pytest.raises(RuleError, match=says):
        trained(Faulty())


OWN = """
from neuromorph.learning.rules.equilibrium import EquilibriumPropagation
class Init(EquilibriumPropagation):
    def __init__(self, beta=1.0): self.beta = beta
class Check(EquilibriumPropagation):
    def check(self): raise KeyError("boo")
"""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Init", "__init__ of rule Init in .* does not take its .*; leave it to @dataclass"),
        ("Check", "rule Check failed: KeyError: 'boo'"),
    ],
)
def test_a_rule_that_cannot_be_made_is_told(name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "rules_that_fail.py").write_text(OWN)
    with pytest.raises(NeuromorphError, match=says):
        make_rule(f"{tmp_path}/rules_that_fail.py:{name}")


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
