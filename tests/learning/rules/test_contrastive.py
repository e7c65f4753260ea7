"""Contrastive Hebbian learning and coupled learning: what they descend, and what they agree with."""

import pytest
import torch
from relaxing import assert_same, descent, distance, energy, fixed_point, problem, relaxing, step

from neuromorph.errors import RangeError
from neuromorph.learning.network.network import mlp
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Batch

LONG = {"eps": 1.0, "order": "odd-even", "free_steps": 120, "nudged_steps": 120}


def test_chl_descends_the_difference_of_the_energies_of_its_phases() -> None:
    """J = min E, output held - min E: the gradient sees only the explicit weights, whatever the states are (Movellan)."""
    rule = relaxing("chl", **LONG)
    network, batch = problem(rule)
    free, held = fixed_point(network, batch.x), fixed_point(network, batch.x, held=batch.y)
    contrast = (energy(network, held) - energy(network, free)).mean()
    assert contrast > 0
    assert_same(step(rule, network, batch), descent(network, contrast), 1e-10)


@pytest.mark.parametrize("name", ["chl", "coupled"])
def test_a_held_phase_that_begins_at_rest_ends_where_one_does_that_follows_on_the_free_one(name: str) -> None:
    """Where both lie in one basin, as in a contraction: so the phases may come in any order. Coupled finds its free output first."""
    rule = relaxing(name, **LONG)
    network, batch = problem(rule)
    with torch.no_grad():
        alone = [rule.term(network, batch, sign).updates for sign in (+1, -1)]
    assert_same({name: alone[0][name] + alone[1][name] for name in alone[0]}, step(rule, network, batch), 1e-12)


@pytest.mark.parametrize("name", ["chl", "chl-discounted", "coupled"])
def test_at_the_target_nothing_is_learned(name: str) -> None:
    rule = relaxing(name, **LONG)
    network, batch = problem(rule)
    with torch.no_grad():
        at_target = batch._replace(y=rule.predict(network, batch.x))
    assert max(float(g.abs().max()) for g in step(rule, network, at_target).values()) < 1e-10


def test_chl_with_vanishing_feedback_is_backpropagation() -> None:
    """The update differs from minus the gradient of 1/2 |a_L - y|^2 by O(gamma), in every layer."""
    network, batch = problem(relaxing("chl-discounted"), scale=0.4)
    backward = step_of_backpropagation(network, batch)
    missing = []
    for gamma in (1e-2, 1e-3, 1e-4):
        found = step(relaxing("chl-discounted", gamma=gamma, free_steps=60, nudged_steps=60), network, batch)
        cosines = [torch.cosine_similarity(found[name].flatten(), backward[name].flatten(), dim=0) for name in backward]
        missing.append(1 - float(min(cosines)))
        assert distance(found, backward) < 50 * gamma
    assert missing[0] > missing[1] > missing[2]
    assert missing[2] < 1e-6


def step_of_backpropagation(network: torch.nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
    return make_rule("backprop").step(network, batch).updates  # type: ignore[arg-type]


@pytest.mark.parametrize("nudge", ["positive", "negative", "centred"])
@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_one_linear_layer_learns_the_delta_rule_under_coupled_learning(nudge: str, beta: float) -> None:
    """s_held - s_free = - b g, whatever b is, so that dW = <(y - s) x^T>."""
    network = mlp([5, 3], output="linear").double()
    _, batch = problem(relaxing("coupled"))
    rule = relaxing("coupled", nudge=nudge, beta=beta, eps=1.0)
    assert_same(step(rule, network, batch), step_of_backpropagation(network, batch), 1e-12)


@pytest.mark.parametrize(("beta", "sign"), [(0.1, 1), (-0.1, -1)])
def test_coupled_learning_descends_the_energy_it_takes_to_hold_the_output_nearer(beta: float, sign: int) -> None:
    """dtheta = - d/dtheta (E held - E free) / b with the place where the output is held fixed."""
    rule = relaxing("coupled", nudge="positive" if sign > 0 else "negative", beta=abs(beta), **LONG)
    network, batch = problem(rule)
    free = fixed_point(network, batch.x)
    output = free[-1].detach()
    held = fixed_point(network, batch.x, held=output - beta * (output - batch.y))
    work = (energy(network, held) - energy(network, free)).mean() / beta
    assert_same(step(rule, network, batch), descent(network, work), 1e-10)


def test_centred_coupled_learning_is_the_mean_of_positive_and_negative() -> None:
    network, batch = problem(relaxing("coupled"))
    positive, negative, centred = (
        step(relaxing("coupled", nudge=nudge, **LONG), network, batch) for nudge in ("positive", "negative", "centred")
    )
    assert_same({name: (positive[name] + negative[name]) / 2 for name in positive}, centred, 1e-12)


def test_coupled_learning_of_logits_goes_down_the_cross_entropy() -> None:
    network = mlp([5, 3], output="linear").double()
    _, batch = problem(relaxing("coupled"))
    batch = batch._replace(y=torch.eye(3, dtype=torch.float64)[[0, 2, 1, 1]])
    found = step(relaxing("coupled", loss="cross-entropy", eps=1.0), network, batch)
    expected = make_rule("backprop", loss="cross-entropy").step(network, batch).updates
    assert_same(found, expected, 1e-12)


@pytest.mark.parametrize("name", ["chl", "coupled"])
def test_the_output_is_held_while_the_others_relax(name: str) -> None:
    rule = relaxing(name)
    network, batch = problem(rule)
    with torch.no_grad():
        free = rule.term(network, batch, -1).states
        held = rule.term(network, batch, +1, free).states
    expected = batch.y if name == "chl" else (free[-1] + batch.y) / 2
    torch.testing.assert_close(held[-1], expected, rtol=0, atol=1e-12)
    assert float((held[1] - free[1]).abs().max()) > 1e-3


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(RangeError, match="leave loss squared"):
        make_rule("chl", loss="cross-entropy")
    with pytest.raises(RangeError, match=r"gamma = 0\.0"):
        make_rule("chl-discounted", gamma=0.0)


def test_direct_feedback_of_one_hidden_layer_is_like_any_other() -> None:
    rule = relaxing("chl-discounted")
    tied, batch = problem(rule, (5, 7, 3))
    direct = rule.build((5, 7, 3), "direct").double()
    direct.load_state_dict(tied.state_dict(), strict=False)
    direct.feedback.weights[0].copy_(tied.connection(2).weight.detach())
    assert_same(step(rule, direct, batch), step(rule, tied, batch), 0.0)


def test_direct_feedback_that_skips_layers_arrives_everywhere_at_order_gamma() -> None:
    """So that with gamma^(k - L) the update of layer 1 of 4 grows as gamma^-2, and would without bound: it is refused."""
    norms = []
    for gamma in (1e-2, 1e-3):
        rule = relaxing("chl-discounted", gamma=gamma, **LONG)
        network = rule.build((5, 7, 6, 5, 3), "direct").double()
        norms.append(float(step(rule, network, problem(rule, (5, 3))[1])["connections.0.weight"].norm()))
    assert norms[1] / norms[0] == pytest.approx(100, rel=0.1)
    relaxing("chl-discounted", gamma=1.0).fits(network)


@pytest.mark.parametrize(("name", "options"), [("chl-discounted", {}), ("prox", {"discount": 0.5})])
def test_discounts_by_layer_refuse_feedback_that_skips_layers(name: str, options: dict[str, float]) -> None:
    rule = make_rule(name, **options)
    with pytest.raises(RangeError, match="reaches all 2 hidden layers at once"):
        rule.fits(rule.build((4, 3, 3, 2), "direct"))
    rule.fits(rule.build((4, 3, 2), "direct"))
    rule.fits(rule.build((4, 3, 3, 2), "random"))
