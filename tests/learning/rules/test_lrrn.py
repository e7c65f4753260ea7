"""LRRN and the proximal form: Lipschitz bounds, falling energies, gradients of the contrast and of the loss, closed forms."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from settling import descent, draw, problem, stepped
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network, States, convolutional
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rules.lrrn import Lrrn, Proximal

SETTLED: dict[str, Any] = {"steps": 3000, "tolerance": 1e-13}


def inferred(rule: Lrrn, network: Network, x: Tensor, y: Tensor | None = None, **options: Any) -> States:
    with torch.no_grad():
        return rule.infer(network, x, y, **options)[0]


def energy(rule: Lrrn, network: Network, s: list[Tensor]) -> Tensor:
    """E of each sample, read off the equation."""
    total = torch.zeros(len(s[0]), dtype=s[0].dtype)
    with torch.no_grad():
        for k in range(1, network.depth + 1):
            weight, bias = network.connection(k).weight, network.connection(k).bias
            kappa = rule.kappa if k < network.depth else 0.0
            regression = (s[k] - s[k - 1] @ weight.t() - bias).square().sum(1)
            reconstruction = (s[k - 1] - s[k] @ weight).square().sum(1)
            total += rule.discount ** (k - network.depth) * (regression + kappa * reconstruction) / 2
    return total


def changes(states: list[Tensor]) -> list[Tensor]:
    """|ds| of every layer between the samples of a batch and those that follow them."""
    return [(s[1:] - s[:-1]).norm(dim=1) for s in states]


@pytest.mark.parametrize("hidden", ["relu", "linear"])
@pytest.mark.parametrize("scale", [0.5, 1.5, 6.0])
@pytest.mark.parametrize("kappa", [0.25, 1.0, 4.0])
def test_no_hidden_layer_lengthens_a_change_beyond_the_bound(kappa: float, scale: float, hidden: str) -> None:
    """At kappa = 1 each is 1-Lipschitz, whatever its weights; so is any stack of them."""
    network, batch = problem((6, 9, 8, 7, 4), scale, hidden=hidden)
    rule = Lrrn(kappa=kappa, steps=20_000, tolerance=1e-10)
    bound = (1 + kappa) / (2 * math.sqrt(kappa))
    found = changes(inferred(rule, network, batch.x))
    for below, above in pairwise(found[:-1]):
        assert float((above - bound * below).max()) < 1e-6
    assert float((found[-2] - bound**3 * found[0]).max()) < 1e-6


@pytest.mark.parametrize("discount", [1.0, 0.3])
def test_the_bound_holds_under_a_discount_and_without_reconstruction_there_is_none(discount: float) -> None:
    network, batch = problem(scale=3.0)
    gains = [
        float((found[2] / found[0]).max())
        for kappa in (1.0, 0.0)
        for found in [changes(inferred(Lrrn(kappa=kappa, discount=discount, steps=1000), network, batch.x))]
    ]
    assert gains[0] <= 1
    assert gains[1] > 3


@pytest.mark.parametrize("kappa", [0.0, 0.25, 1.0, 4.0])
def test_one_linear_layer_has_the_closed_form_and_its_best_direction_reaches_the_bound(kappa: float) -> None:
    """s = (I + kappa W W^T)^-1 ((1 + kappa) W x + b): gains (1 + kappa) sigma / (1 + kappa sigma^2), largest at 1 / sqrt(kappa)."""
    network, batch = problem((6, 9, 4), hidden="linear")
    weight, bias = network.connection(1).weight, network.connection(1).bias
    if kappa:
        with torch.no_grad():
            weight.div_(math.sqrt(kappa) * torch.linalg.matrix_norm(weight, 2))
    found = inferred(Lrrn(kappa=kappa, **SETTLED), network, batch.x)[1]
    system = torch.eye(9, dtype=torch.float64) + kappa * weight @ weight.t()
    expected = torch.linalg.solve(system, (1 + kappa) * weight @ batch.x.t() + bias[:, None]).t()
    torch.testing.assert_close(found, expected.detach(), rtol=1e-9, atol=1e-11)
    if kappa:
        best = torch.linalg.svd(weight)[2][:1].detach()
        moved = inferred(Lrrn(kappa=kappa, **SETTLED), network, batch.x + best)[1] - found
        assert float(moved.norm(dim=1).max()) == pytest.approx((1 + kappa) / (2 * math.sqrt(kappa)), rel=1e-9)


@pytest.mark.parametrize(("kappa", "discount"), [(1.0, 1.0), (2.0, 0.3), (0.0, 1.0), (0.0, 0.3)])
@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_no_step_raises_the_energy_of_a_phase(scale: float, kappa: float, discount: float) -> None:
    network, batch = problem(scale=scale)
    rule = Lrrn(kappa=kappa, discount=discount, beta=2.0, steps=1)
    for y in (None, batch.y):
        s, values = None, []
        for _ in range(40):
            s = inferred(rule, network, batch.x, y, start=s)
            pulled = 0 if y is None else rule.beta * make_loss("squared").value(s[-1], y)
            values.append(float((energy(rule, network, s) + pulled).sum()))
        assert all(after <= before * (1 + 1e-12) for before, after in pairwise(values))
        assert values[-1] < 0.999 * values[0]


def test_settled_states_are_the_minimum() -> None:
    """E is convex: no change of the states of any size lowers it."""
    network, batch = problem()
    rule = Lrrn(**SETTLED)
    settled = inferred(rule, network, batch.x)
    least = energy(rule, network, settled)
    for seed in range(200):
        moved = [batch.x, *(s + 10 ** -(seed % 5) * draw(*s.shape, seed=seed + k) for k, s in enumerate(settled[1:]))]
        moved = [network.activate(k, s) if k else s for k, s in enumerate(moved)]
        assert float((energy(rule, network, moved) - least).min()) > 0


RULES = {
    "lrrn": Lrrn(beta=0.7, **SETTLED),
    "lrrn, discounted": Lrrn(beta=0.7, kappa=2.0, discount=0.5, **SETTLED),
    "lrrn, cross-entropy": Lrrn(beta=0.7, loss="cross-entropy", **SETTLED),
    "lrrn, clamped": Lrrn(target="clamped", **SETTLED),
    "prox": Proximal(beta=0.7, **SETTLED),
    "prox, discounted": Proximal(beta=0.7, discount=0.5, **SETTLED),
}


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_update_is_the_gradient_of_the_contrast(name: str) -> None:
    """(min_s beta loss + E) - min_s E, over beta, at a beta that is not small; clamped: the output is y in the first minimum."""
    network, batch = problem()
    rule = RULES[name]

    def value() -> float:
        free, other = inferred(rule, network, batch.x), inferred(rule, network, batch.x, batch.y)
        contrast = energy(rule, network, other) - energy(rule, network, free)
        if rule.target == "nudged":
            contrast = contrast / rule.beta + make_loss(rule.loss).value(other[-1], batch.y)
        return float(contrast.mean())

    updates = stepped(rule, network, batch).updates
    for full, parameter in network.named_parameters():
        place = (1, 2)[: parameter.dim()]
        assert float(updates[full][place]) == pytest.approx(descent(parameter, value, place, 1e-5), abs=1e-8), full
    assert max(float(u.abs().max()) for u in updates.values()) > 0.01


def test_a_clamped_output_is_the_target() -> None:
    network, batch = problem()
    torch.testing.assert_close(inferred(Lrrn(target="clamped", steps=1), network, batch.x, batch.y)[-1], batch.y)


@pytest.mark.parametrize("kind", [Lrrn, Proximal])
def test_updates_approach_the_gradient_of_the_loss_at_the_free_minimum_in_proportion_to_beta(kind: type[Lrrn]) -> None:
    network, batch = problem()

    def value() -> float:
        return float(make_loss("squared").value(inferred(kind(**SETTLED), network, batch.x)[-1], batch.y).mean())

    parameter = network.connection(1).weight
    exact = descent(parameter, value, (1, 2), 1e-4)
    off = [
        stepped(kind(beta=beta, **SETTLED), network, batch).updates["connections.0.weight"][1, 2] - exact
        for beta in (4e-3, 2e-3)
    ]
    assert float(off[0] / off[1]) == pytest.approx(2, rel=0.05)
    assert abs(float(off[0]) / exact) < 0.02


def test_the_free_phase_of_the_proximal_form_costs_nothing_until_a_unit_is_cut_off() -> None:
    network, batch = problem(hidden="linear")
    rule = Proximal(**SETTLED)
    states = inferred(rule, network, batch.x)
    assert float(energy(rule, network, states).max()) < 1e-20
    torch.testing.assert_close(states[-1], network(batch.x).detach())
    network, batch = problem()
    assert float(energy(rule, network, inferred(rule, network, batch.x)).min()) > 1e-3


def test_the_output_of_the_rule_is_what_it_predicts() -> None:
    network, batch = problem()
    for rule in (Lrrn(), Proximal()):
        with torch.no_grad():
            torch.testing.assert_close(rule.step(network, batch).output, rule.predict(network, batch.x))


def test_both_terms_alone_add_up_to_the_step() -> None:
    network, batch = problem()
    rule = Lrrn(beta=0.7)
    with torch.no_grad():
        plus, minus = (rule.term(network, batch, sign) for sign in (1, -1))
    for name, update in stepped(rule, network, batch).updates.items():
        torch.testing.assert_close(plus.updates[name] + minus.updates[name], update)


def test_what_has_not_settled_cancels() -> None:
    """So that after a few steps too updates have a limit as beta falls, instead of growing by 1 / beta."""
    network, batch = problem(scale=3.0)
    with torch.no_grad():
        assert Lrrn(steps=3).infer(network, batch.x)[1].max() > 1
    first, second = (stepped(Lrrn(steps=3, beta=beta), network, batch).updates for beta in (1e-4, 1e-6))
    for name, update in first.items():
        torch.testing.assert_close(second[name], update, rtol=1e-2, atol=1e-2)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(RangeError, match="rewards a bad reconstruction"):
        Lrrn(kappa=-0.1)
    for discount in (0.0, 1.1):
        with pytest.raises(RangeError, match="discount"):
            Lrrn(discount=discount)
    with pytest.raises(RangeError, match="prox is lrrn without reconstruction"):
        make_rule("prox", kappa=1.0)
    network, _ = problem(feedback="random")
    with pytest.raises(RangeError, match="reconstructs with the transpose"):
        Lrrn().fits(network)
    Proximal().fits(network)
    with pytest.raises(RangeError, match="pooling has chosen"):
        Lrrn().fits(convolutional((1, 4, 4), (2, "M"), (3,)))
    Lrrn().fits(convolutional((1, 4, 4), (2,), (3,)))
