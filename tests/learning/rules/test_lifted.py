"""MAC and predictive coding: backpropagation in the limit, trivial free phases, falling energies, one model where f is linear."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from settling import problem, stepped
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network, Updates
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Batch
from neuromorph.learning.rules.backpropagation import Backpropagation
from neuromorph.learning.rules.lifted import LiftedRule

RULES = ["mac", "pc"]
BETA = 0.05
"""At a larger one some states of this problem come to lie at a bend of f, where the minimum has no derivative."""
SETTLED: dict[str, Any] = {"steps": 2000, "tolerance": 1e-14}


def lifted(name: str, **options: Any) -> LiftedRule:
    rule = make_rule(name, **options)
    assert isinstance(rule, LiftedRule)
    return rule


def distance(first: Updates, second: Updates) -> float:
    assert first.keys() == second.keys()
    return float(torch.stack([(first[name] - second[name]).norm() for name in first]).norm())


def energy(network: Network, name: str, values: list[Tensor], batch: Batch, beta: float) -> float:
    """sum_k 1/2 |residual_k|^2 + beta loss, of the whole batch; mac: values are activities, pc: what these are functions of."""
    total = beta * make_loss("squared").value(values[-1], batch.y)
    for k in range(1, network.depth + 1):
        below = values[k - 1] if k == 1 or name == "mac" else network.activate(k - 1, values[k - 1])
        drive = network.connection(k).up(below)
        prediction = network.activate(k, drive) if name == "mac" else drive
        total = total + 0.5 * (values[k] - prediction).square().sum(1)
    return float(total.sum())


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
@pytest.mark.parametrize("name", RULES)
def test_updates_approach_the_gradient_in_proportion_to_beta(name: str, loss: str) -> None:
    network, batch = problem()
    exact = stepped(Backpropagation(loss=loss), network, batch).updates
    size = distance(exact, {n: torch.zeros_like(g) for n, g in exact.items()})
    off = [
        distance(stepped(lifted(name, beta=beta, loss=loss, **SETTLED), network, batch).updates, exact) / size
        for beta in (4e-4, 2e-4)
    ]
    assert off[0] < 0.01
    assert off[0] / off[1] == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
@pytest.mark.parametrize("name", RULES)
def test_one_whole_step_under_a_clamped_output_sends_the_errors_of_backpropagation(name: str, loss: str) -> None:
    """So the biases change as there, and the weights of the lowest layer, whose input has not moved."""
    network, batch = problem()
    exact = stepped(Backpropagation(loss=loss), network, batch).updates
    found = stepped(lifted(name, target="clamped", steps=1, eps=1.0, loss=loss), network, batch).updates
    for update in [n for n in exact if n.endswith("bias") or n == "connections.0.weight"]:
        torch.testing.assert_close(found[update], exact[update], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("target", ["nudged", "clamped"])
@pytest.mark.parametrize("name", RULES)
def test_a_target_that_is_met_changes_nothing(name: str, target: str) -> None:
    """The free phase has energy 0, so that nothing is subtracted from the other one."""
    network, batch = problem()
    batch = batch._replace(y=network(batch.x).detach())
    outcome = stepped(lifted(name, target=target), network, batch)
    assert max(float(u.abs().max()) for u in outcome.updates.values()) < 1e-14
    torch.testing.assert_close(outcome.output, batch.y)


@pytest.mark.parametrize("name", RULES)
def test_the_update_is_the_gradient_of_the_objective_at_its_minimum(name: str) -> None:
    """min_s loss + energy / beta, so far from the limit that the gradient of the loss itself is another one."""
    network, batch = problem()
    rule = lifted(name, beta=BETA, steps=1000, tolerance=1e-13)

    def value() -> float:
        with torch.no_grad():
            return energy(network, name, rule.infer(network, batch)[0].value, batch, BETA) / (BETA * len(batch.x))

    updates = stepped(rule, network, batch).updates
    for full, parameter in network.named_parameters():
        place, h = (1, 2)[: parameter.dim()], 1e-5
        with torch.no_grad():
            old = parameter[place].item()
            parameter[place] = old + h
            above = value()
            parameter[place] = old - h
            below = value()
            parameter[place] = old
        assert float(updates[full][place]) == pytest.approx((below - above) / (2 * h), abs=1e-8), full
    assert distance(updates, stepped(Backpropagation(), network, batch).updates) > 0.01


@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize("name", RULES)
def test_no_step_raises_the_energy_of_linear_layers(name: str, scale: float) -> None:
    network, batch = problem(hidden="linear")
    with torch.no_grad():
        for k in range(1, network.depth + 1):
            network.connection(k).weight.mul_(scale)
        energies = [
            energy(network, name, lifted(name, beta=2.0, steps=steps).infer(network, batch)[0].value, batch, 2.0)
            for steps in range(1, 40)
        ]
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(energies))
    assert energies[-1] < energies[0]


def test_where_f_is_linear_all_lifted_forms_and_lpom_are_one() -> None:
    """G(s) - s^T a + G*(a) = 1/2 |s - a|^2; LPOM is dual propagation with alpha = 1."""
    network, batch = problem(hidden="linear")
    updates = {name: stepped(make_rule(name, **SETTLED), network, batch).updates for name in ("mac", "pc", "prox")}
    lpom = stepped(make_rule("lpom", beta=0.5, nudging="exact", iterations=500), network, batch).updates
    for name, found in updates.items():
        assert distance(found, lpom) < 1e-11, name
    assert distance(lpom, stepped(Backpropagation(), network, batch).updates) > 0.01


def test_mac_and_pc_differ_where_f_bends() -> None:
    network, batch = problem()
    found = [stepped(lifted(name, **SETTLED), network, batch).updates for name in RULES]
    assert distance(*found) > 1e-3


@pytest.mark.parametrize("name", RULES)
def test_clamping_does_not_know_beta(name: str) -> None:
    network, batch = problem()
    first, second = (stepped(lifted(name, target="clamped", beta=beta), network, batch).updates for beta in (0.1, 2.0))
    assert distance(first, second) == 0


@pytest.mark.parametrize("name", [*RULES, "prox", "lrrn"])
def test_what_makes_no_sense_is_refused(name: str) -> None:
    with pytest.raises(RangeError, match="unknown target 'held'"):
        make_rule(name, target="held")
    network, _ = problem(output="hard-sigmoid")
    with pytest.raises(RangeError, match="pulls a linear output"):
        make_rule(name).fits(network)
