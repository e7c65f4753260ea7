"""Always-on learning of relaxations: what moving weights change, and how far it is from learning at the end of a phase."""

from typing import Any

import pytest
import torch
from relaxing import Fixed, distance, problem
from torch import Tensor

from neuromorph.data import Dataset
from neuromorph.errors import RangeError
from neuromorph.learning.network.network import Network
from neuromorph.learning.phases.always_on import AlwaysOn
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.rule import Settings
from neuromorph.learning.training.trainer import Trainer

NAMES = [name for name, rule in RULES.items() if rule.learns_within]


def always_on(name: str, is_positive: bool = True, **options: Any) -> AlwaysOn:
    rule = make_rule(name, **({"nudge": "positive"} if "nudge" in RULES[name].options() else {}) | options)
    assert isinstance(rule, AlwaysOn)
    rule.phases = Fixed(is_positive, 0.5)
    return rule


def phase(name: str, length: int, rate: float = 0.0, is_positive: bool = True) -> dict[str, Tensor]:
    """The update of one phase from rest."""
    rule = always_on(name, is_positive, length=length, free_steps=2000)
    network, batch = problem(rule)
    rule.rates_now = dict.fromkeys(dict(network.named_parameters()), rate)
    with torch.no_grad():
        return rule.step(network, batch).updates


def test_there_is_one_for_each_relaxation_whose_weights_are_free() -> None:
    assert NAMES == ["ep-always-on", "chl-always-on", "chl-discounted-always-on", "coupled-always-on"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_positive", [True, False])
def test_a_long_phase_is_off_by_its_transient_over_its_length(name: str, is_positive: bool) -> None:
    """Theorem 3.5, with weights at rest: isd's update and the mean over the phase differ by O(tau / length)."""
    isd = make_rule(name.replace("always-on", "isd"), **({"nudge": "positive"} if name == "ep-always-on" else {}))
    isd.free_steps = isd.nudged_steps = 2000
    isd.phases = Fixed(is_positive, 0.5)
    network, batch = problem(isd)
    with torch.no_grad():
        end = isd.step(network, batch).updates
    far, near = (distance(phase(name, length, is_positive=is_positive), end) for length in (500, 1000))
    assert far == pytest.approx(2 * near, rel=1e-6)
    assert near > 1e-6


def test_weights_that_move_within_a_phase_change_its_update_in_proportion_to_the_rate() -> None:
    """So that their share of what the optimiser does, which is the rate times this, is O(rate^2)."""
    still = phase("ep-always-on", 50)
    far, near = (distance(phase("ep-always-on", 50, rate), still) for rate in (2e-4, 1e-4))
    assert far == pytest.approx(2 * near, rel=1e-2)
    assert near > 1e-6


def test_plain_gradient_descent_leaves_weights_where_the_phase_has_led_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = always_on("ep-always-on", length=7)
    network, batch = problem(rule)
    images = (255 * batch.x).to(torch.uint8).numpy()
    data = Dataset("small", images, batch.y.argmax(1).numpy(), images, batch.y.argmax(1).numpy(), 3)
    settings = Settings(rate=(0.3, 0.2, 0.1), optimizer="sgd", batch=len(images))
    trainer = Trainer(network, rule, data, settings, validation=0, device="cpu")
    seen: list[dict[str, Tensor]] = []
    assert isinstance(trainer.rule, AlwaysOn)
    trainer.rule.phases = rule.phases
    products = trainer.rule.products

    def watched(network: Network, states: Any, scale: float) -> dict[str, Tensor]:
        found = products(network, states, scale)
        rate = dict(zip(range(3), settings.rate, strict=True))
        seen.append({n: p.detach() + 2 * rate[int(n.split(".")[1])] * found[n] for n, p in network.named_parameters()})
        return found

    monkeypatch.setattr(trainer.rule, "products", watched)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    trainer.run_epoch()
    assert len(seen) == 7
    for name, p in network.named_parameters():
        torch.testing.assert_close(p.detach(), seen[-1][name], rtol=0, atol=1e-12)
        assert not torch.equal(p, before[name])


def test_a_step_leaves_the_weights_as_they_were_also_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = always_on("ep-always-on", length=3)
    network, batch = problem(rule)
    rule.rates_now = dict.fromkeys(dict(network.named_parameters()), 0.1)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    products, calls = rule.products, []

    def failing(*arguments: Any) -> dict[str, Tensor]:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return products(*arguments)

    monkeypatch.setattr(rule, "products", failing)
    with torch.no_grad():
        rule.step(network, batch)
        with pytest.raises(KeyboardInterrupt):
            rule.step(network, batch)
    assert all(torch.equal(before[name], p) for name, p in network.named_parameters())


def test_random_lengths_are_geometric() -> None:
    """P(T <= t) = 1 - (1 - 1 / length)^t; mean `length`."""
    rule = always_on("ep-always-on", length=5, random=True)
    drawn = torch.tensor([rule._iterations() for _ in range(20_000)], dtype=torch.float64)
    assert drawn.mean().item() == pytest.approx(5, abs=4 * (20 / 20_000) ** 0.5)
    for t in (1, 2, 5, 10):
        assert (drawn <= t).double().mean().item() == pytest.approx(1 - 0.8**t, abs=0.015)


@pytest.mark.parametrize(
    ("options", "message"), [({"length": 0}, "length = 0"), ({"persistent": True}, "leave out persistent")]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(RangeError, match=message):
        make_rule("ep-always-on", **options)
