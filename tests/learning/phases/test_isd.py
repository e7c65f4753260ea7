"""ISD of any rule of two terms: unbiased for every p, with the variance of the formula, and exact to resume."""

from typing import Any

import pytest
import torch
from relaxing import Fixed
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.network import Network
from neuromorph.learning.phases.isd import Sampled
from neuromorph.learning.phases.terms import TwoTermRule
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.relaxing.until_still import SettlingRule
from neuromorph.learning.rule import Batch
from neuromorph.phases import optimal_p

SPLIT = sorted(name for name, rule in RULES.items() if issubclass(rule, Sampled) and not rule.learns_within)
RELAXED = [name for name in SPLIT if name not in ("ff-isd", "resistive-isd")]


def long(name: str) -> dict[str, int]:
    """Options of phases that forget their beginning."""
    if name in ("ff-isd", "resistive-isd"):
        return {}
    return {"steps": 400} if issubclass(RULES[name], SettlingRule) else {"free_steps": 400, "nudged_steps": 400}


def problem(name: str, seed: int = 0) -> tuple[Network, Batch]:
    generator = torch.Generator().manual_seed(seed)
    sizes = (12, 9, 8) if name == "ff-isd" else (5, 6, 3)
    network = make_rule(name).build(sizes, seed=seed).double()
    x = torch.rand(7, sizes[0], generator=generator, dtype=torch.float64)
    classes = 10 if name == "ff-isd" else sizes[-1]
    y = torch.eye(classes, dtype=torch.float64)[torch.randint(classes, (7,), generator=generator)]
    return network, Batch(x, y, torch.arange(7))


def rule_of(name: str, **options: Any) -> Sampled:
    found = make_rule(name, **options)
    assert isinstance(found, Sampled)
    return found


def stepped(rule: Sampled, network: Network, batch: Batch) -> dict[str, Tensor]:
    with torch.no_grad():
        return rule.step(network, batch).updates


def step_in(is_positive: bool, name: str, p: float, **options: Any) -> dict[str, Tensor]:
    """The update of a fresh rule whose phase comes out like this."""
    network, batch = problem(name)
    rule = rule_of(name, p=p, **options)
    rule.phases = Fixed(is_positive, p)
    return stepped(rule, network, batch)


def test_every_rule_of_two_terms_has_its_isd() -> None:
    two_terms = {name for name, rule in RULES.items() if issubclass(rule, TwoTermRule) and not issubclass(rule, Sampled)}
    assert {f"{name}-isd" for name in two_terms - {"ep-continuous"}} == set(SPLIT)
    for name in SPLIT:
        assert RULES[name].base.name == name.removesuffix("-isd")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", RELAXED)
@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_the_mean_of_both_phases_is_the_update_of_the_rule(name: str, p: float) -> None:
    """Proposition 3.1: p (g_plus / p) + (1 - p) (g_minus / (1 - p)), where phases are long enough to forget their beginning."""
    options = long(name) | ({"nudge": "positive"} if name == "ep-isd" else {})
    plus, minus = step_in(True, name, p, **options), step_in(False, name, p, **options)
    network, batch = problem(name)
    with torch.no_grad():
        whole = make_rule(name.removesuffix("-isd"), **options).step(network, batch).updates
    assert max(change.abs().max() for change in whole.values()) > 1e-3
    for parameter, change in whole.items():
        mean = p * plus[parameter] + (1 - p) * minus[parameter]
        torch.testing.assert_close(mean, change, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in SPLIT if name != "ff-isd"])
def test_a_batch_changes_by_the_mean_of_what_each_sample_would_change_in_a_phase_of_its_own(name: str) -> None:
    """As if each passed through a network of its own. (ff-isd draws labels besides: test_forward_forward.py.)"""
    network, batch = problem(name)
    p = 0.3
    options = long(name) | ({"nudge": "positive"} if "nudge" in RULES[name].options() else {})
    rule = rule_of(name, p=p, **options)
    before = rule.phases.state_dict()
    drawn = [phase.positive for phase in rule.phases.draws(len(batch.x))]
    rule.phases.load_state_dict(before)
    assert len(set(drawn)) == 2
    found = stepped(rule, network, batch)
    mean = {parameter: torch.zeros_like(change) for parameter, change in found.items()}
    for place, is_positive in enumerate(drawn):
        alone = rule_of(name, p=p, **options)
        alone.phases = Fixed(is_positive, p)
        one = Batch(*(part[place : place + 1] for part in (batch.x, batch.y, batch.places)))
        for parameter, change in stepped(alone, network, one).items():
            mean[parameter] += change / len(drawn)
    for parameter, change in found.items():
        torch.testing.assert_close(change, mean[parameter], rtol=0, atol=1e-9)
    assert max(float(change.abs().max()) for change in found.values()) > 1e-3


def test_phases_are_as_often_positive_as_p_says() -> None:
    for p in (0.3, 0.5):
        drawn = [phase.positive for phase in rule_of("chl-isd", p=p).phases.draws(4000)]
        assert sum(drawn) / len(drawn) == pytest.approx(p, abs=4 * (p * (1 - p) / 4000) ** 0.5)


def test_a_phase_goes_on_from_the_end_of_the_last_one_under_the_next_sample() -> None:
    """Two phases of three iterations end where the iterations, written out, lead: 6 from zero, 3 under each sample."""
    network, first = problem("ep-isd")
    second = problem("ep-isd", seed=1)[1]
    rule = rule_of("ep-isd", free_steps=3, nudged_steps=1, eps=0.5, nudge="positive")
    rule.phases = Fixed(False, 0.5)
    s = [torch.zeros(7, 6, dtype=torch.float64), torch.zeros(7, 3, dtype=torch.float64)]
    w, v = network.connection(1), network.connection(2)
    with torch.no_grad():
        for batch in (first, second):
            rule.step(network, batch)
            for _ in range(3):
                below, above = batch.x @ w.weight.T + w.bias + s[1] @ v.weight, s[0] @ v.weight.T + v.bias
                s = [(s[0] + 0.5 * (below - s[0])).clamp(0, 1), (s[1] + 0.5 * (above - s[1])).clamp(0, 1)]
    for found, expected in zip(rule.state_dict()["last"], s, strict=True):
        torch.testing.assert_close(found, expected)


def test_a_nudged_phase_that_follows_on_no_free_one_lasts_as_long_as_both() -> None:
    network, batch = problem("ep-isd")
    rule = rule_of("ep-isd", free_steps=3, nudged_steps=2, nudge="positive", beta=0.7)
    with torch.no_grad():
        found = rule.term(network, batch, +1).states
        clamp = rule.clamp(network, batch)  # type: ignore[attr-defined]
        begin = network.zeros("rest", batch.x)
        ends = {steps: rule.phase(network, clamp, 0.7, begin, steps).states for steps in (2, 5)}  # type: ignore[attr-defined]
    assert all(torch.equal(a, b) for a, b in zip(found, ends[5], strict=True))
    assert not torch.equal(ends[2][1], ends[5][1])


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_the_covariance_of_a_step_is_that_of_the_formula(p: float) -> None:
    """Eq. 10, over samples and phases: E[g_plus g_plus^T] / p + E[g_minus g_minus^T] / (1 - p) - m m^T, m the mean of their sums."""
    options, steps, weights, terms = long("chl-isd"), [], [], {1: [], -1: []}

    def flat(updates: dict[str, Tensor]) -> Tensor:
        return torch.cat([change.flatten() for change in updates.values()])

    network = problem("chl-isd")[0]
    for seed in range(4):
        batch = problem("chl-isd", seed=seed)[1].only([0])
        for sign, share in ((1, p), (-1, 1 - p)):
            rule = rule_of("chl-isd", p=p, **options)
            rule.phases = Fixed(sign > 0, p)
            steps.append(flat(stepped(rule, network, batch)))
            weights.append(share / 4)
            with torch.no_grad():
                terms[sign].append(flat(make_rule("chl", **options).term(network, batch, sign).updates))  # type: ignore[attr-defined]
    found = torch.cov(torch.stack(steps).T, correction=0, aweights=torch.tensor(weights, dtype=torch.float64))
    plus, minus = torch.stack(terms[1]), torch.stack(terms[-1])
    m = (plus + minus).mean(0)
    expected = plus.T @ plus / 4 / p + minus.T @ minus / 4 / (1 - p) - torch.outer(m, m)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)
    assert float(expected.diagonal().max()) > 1e-3


def test_the_weights_of_batches_show_the_variance_of_the_formula() -> None:
    """tr Cov of the weighted terms of one sample, over samples and phases, is least near p* of their second moments."""
    network, _ = problem("chl-isd")
    terms = {True: [], False: []}
    for seed in range(40):
        batch = problem("chl-isd", seed=seed)[1]
        one = Batch(batch.x[:1], batch.y[:1], batch.places[:1])
        with torch.no_grad():
            for sign, found in terms.items():
                changes = make_rule("chl").term(network, one, 1 if sign else -1).updates  # type: ignore[attr-defined]
                found.append(torch.cat([change.flatten() for change in changes.values()]))
    plus, minus = torch.stack(terms[True]), torch.stack(terms[False])
    squares = [float(g.square().sum(1).mean()) for g in (plus, minus)]
    grid = torch.linspace(0.05, 0.95, 181, dtype=torch.float64)
    traces = []
    for p in grid.tolist():
        mean = plus.mean(0) + minus.mean(0)
        spread = p * (plus / p - mean).square().sum(1).mean() + (1 - p) * (minus / (1 - p) - mean).square().sum(1).mean()
        traces.append(float(spread))
    assert abs(float(grid[int(torch.tensor(traces).argmin())]) - optimal_p(*squares)) < 0.005


def test_adaptive_p_is_the_optimum_of_what_one_sample_gives() -> None:
    """Also in a batch, of copies of that sample: the mean over several has other moments."""
    network, batch = problem("chl-isd")
    copies = Batch(batch.x[:1].expand(7, -1), batch.y[:1].expand(7, -1), batch.places)
    rule = rule_of("chl-isd", adaptive=True, **long("chl-isd"))
    for _ in range(12):
        stepped(rule, network, copies)
    one = Batch(batch.x[:1], batch.y[:1], batch.places[:1])
    with torch.no_grad():
        terms = [make_rule("chl", **long("chl-isd")).term(network, one, sign).updates for sign in (1, -1)]  # type: ignore[attr-defined]
    squares = [float(sum(g.square().sum() for g in term.values())) for term in terms]
    assert rule.phases.now == pytest.approx(optimal_p(*squares), abs=1e-6)
    assert abs(rule.phases.now - 0.5) > 1e-4


def test_measuring_one_sample_of_each_phase_changes_no_update() -> None:
    """The first step has p = 1/2, measured or not."""
    network, batch = problem("chl-isd")
    found, expected = (stepped(rule_of("chl-isd", adaptive=adaptive), network, batch) for adaptive in (True, False))
    for parameter, change in expected.items():
        torch.testing.assert_close(found[parameter], change, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", SPLIT)
def test_a_rule_goes_on_from_its_state(name: str) -> None:
    network, batch = problem(name)
    whole, first, second = (rule_of(name, adaptive=True) for _ in range(3))
    with torch.no_grad():
        expected = [whole.step(network, batch).updates for _ in range(8)]
        for _ in range(3):
            first.step(network, batch)
        second.load_state_dict(first.state_dict())
        for updates in expected[3:]:
            again = second.step(network, batch).updates
            assert all(torch.equal(updates[parameter], again[parameter]) for parameter in updates)


def test_p_must_leave_a_chance_to_both() -> None:
    for p in (0.0, 1.0, -0.5):
        with pytest.raises(RangeError, match="between 0 and 1"):
            make_rule("ep-isd", p=p)
