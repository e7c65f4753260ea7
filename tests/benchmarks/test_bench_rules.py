"""bench rules: every rule is timed, and its products are counted right."""

import pytest

from neuromorph.benchmarks import rules as bench_rules
from neuromorph.console import Talk
from neuromorph.errors import RangeError
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.rules.dual_propagation import DualPropagation
from neuromorph.learning.rules.forward_forward import ForwardForward


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAYERS", "EP_LAYERS", "WITHOUT_LAYERS"):
        monkeypatch.setattr(bench_rules, name, (20, 12, 11, 10) if name == "LAYERS" else (20, 200, 10))
    monkeypatch.setattr(bench_rules, "BATCH", 8)
    monkeypatch.setattr(bench_rules, "CHAIN_PHASES", 20)


def test_dual_propagation_asks_for_the_products_of_backpropagation_and_no_more() -> None:
    found = bench_rules.bench_rules(1, Talk(True))
    assert set(found["ratio"]) == set(RULES) - {"backprop"} | {"ste+dp", "adaste+dp"}
    assert all(value > 0 for value in found["ratio"].values())
    assert found["products"]["dp"] == found["products"]["dp-transpose"] == 1.0
    assert found["bas_seconds"] > 0


def test_some_rules_are_timed_by_name_without_the_others_and_the_chain() -> None:
    found = bench_rules.bench_rules(1, Talk(True), ["dp", "ste+mac"])
    assert list(found["ratio"]) == ["dp", "ste+mac"]
    assert "bas_seconds" not in found
    with pytest.raises(RangeError, match="unknown rule 'dq'; did you mean dp"):
        bench_rules.bench_rules(1, Talk(True), ["dq"])


def test_products_of_ep_are_its_iterations() -> None:
    """The input's drive once a batch; then up into and down from the output at every iteration; then one product of the
    difference for the lowest weights, and one of each nudged phase for the others."""
    inputs, hidden, outputs = 30, 20, 10
    layers, steps = (inputs, hidden, outputs), (15, 15, 15)
    rule = make_rule("ep", nudge="centred", free_steps=15, nudged_steps=15)
    cost = bench_rules._compare(rule, layers, 4, 1, lambda _: None)
    first, second = inputs * hidden, hidden * outputs
    mine = first + sum(steps) * 2 * second + first + 2 * second
    theirs = first + second + second + first + second
    assert cost.products == pytest.approx(mine / theirs, rel=1e-12)


def test_a_wrong_result_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    step = DualPropagation.step

    def wrong(self, network, batch):  # type: ignore[no-untyped-def]
        outcome = step(self, network, batch)
        outcome.updates["connections.0.weight"] = outcome.updates["connections.0.weight"].flip(0)
        return outcome

    monkeypatch.setattr(DualPropagation, "step", wrong)
    with pytest.raises(RangeError, match="degrees off"):
        bench_rules.bench_rules(1, Talk(True))


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_no_rule_is_timed_that_changes_nothing_or_not_finitely(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    step = ForwardForward.step

    def wrong(self, network, batch):  # type: ignore[no-untyped-def]
        outcome = step(self, network, batch)
        outcome.updates["connections.1.weight"].fill_(value)
        return outcome

    monkeypatch.setattr(ForwardForward, "step", wrong)
    with pytest.raises(RangeError, match=r"ff changes connections\.1\.weight by nothing, or not finitely"):
        bench_rules._compare(make_rule("ff"), (20, 12, 11, 10), 4, 1, lambda _: None)
