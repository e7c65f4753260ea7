"""Equilibrium propagation: descent of energy, the gradient and its error, Langevin statistics, and what is remembered."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from relaxing import assert_same, descent, distance, energy, fixed_point, loss_descent, problem, relaxing, step
from torch import Tensor

from neuromorph.data import load
from neuromorph.errors import RangeError
from neuromorph.learning.network.activations import ACTIVATIONS
from neuromorph.learning.network.losses import CrossEntropy
from neuromorph.learning.network.network import Network, convolutional, mlp
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Batch
from neuromorph.learning.training.trainer import Trainer

LONG = {"eps": 1.0, "order": "odd-even", "free_steps": 120, "nudged_steps": 120}


def test_units_at_rest_at_zero_move() -> None:
    rule = relaxing("ep", nudge="positive", free_steps=1)
    network, batch = problem(rule)
    with torch.no_grad():
        found = rule.term(network, batch, -1).states
        drives = [network.up(k, network.zeros("", batch.x)) for k in range(1, network.depth + 1)]
    for s, drive in zip(found[1:], drives, strict=True):
        torch.testing.assert_close(s, (0.5 * drive).clamp(min=0))
    assert all(float(s.mean()) > 0.1 for s in found[1:])


@pytest.mark.parametrize("order", ["synchronous", "odd-even"])
def test_the_free_phase_ends_at_the_fixed_point(order: str) -> None:
    rule = relaxing("ep", free_steps=200, order=order)
    network, batch = problem(rule)
    with torch.no_grad():
        outcome = rule.step(network, batch)
        torch.testing.assert_close(rule.predict(network, batch.x), fixed_point(network, batch.x)[-1], rtol=0, atol=1e-12)
    torch.testing.assert_close(outcome.output, fixed_point(network, batch.x)[-1].detach(), rtol=0, atol=1e-12)
    assert outcome.residual.max() < 1e-12


def test_centred_updates_tend_to_the_gradient() -> None:
    rule = relaxing("ep", nudge="centred", beta=1e-3, **LONG)
    network, batch = problem(rule)
    rule.fits(network)
    assert_same(step(rule, network, batch), loss_descent(network, batch), 1e-5)


def logits_of(network: Network, x: Tensor) -> Tensor:
    """Of a readout that sends nothing down."""
    silent = torch.zeros(len(x), *network.connection(network.depth).post, dtype=x.dtype)
    return network.connection(network.depth).up(fixed_point(network, x, held=silent)[-2])


@pytest.mark.parametrize("name", ["ep", "ep-continuous", "coupled"])
@pytest.mark.parametrize("sizes", [(5, 3), (5, 7, 6, 3)])
def test_with_cross_entropy_the_gradient_is_that_of_a_readout(name: str, sizes: tuple[int, ...]) -> None:
    """Of the free states of the layers below, whose energy does not know the output; however large the logits are."""
    rule = relaxing(name, nudge="centred", beta=1e-4, loss="cross-entropy", **LONG)
    network, batch = problem(rule, sizes)
    with torch.no_grad():
        network.connection(network.depth).weight.mul_(10)
    batch = batch._replace(y=batch.y / batch.y.sum(1, keepdim=True))
    rule.fits(network)
    output = logits_of(network, batch.x)
    expected = descent(network, CrossEntropy().value(output, batch.y).mean())
    assert_same(step(rule, network, batch), expected, 1e-5)
    with torch.no_grad():
        outcome = rule.step(network, batch)
        torch.testing.assert_close(outcome.output, output, rtol=0, atol=1e-12)
        torch.testing.assert_close(rule.predict(network, batch.x), output, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["ep", "coupled"])
def test_cross_entropy_learns_digits(name: str) -> None:
    rule = relaxing(name, loss="cross-entropy")
    network = rule.build((64, 64, 10))
    trainer = Trainer(network, rule, load("digits"), replace(rule.settings_for(network, 1000), epochs=3), device="cpu")
    trainer.fit()
    assert trainer.test_accuracy() > 0.85


def test_noise_moves_units_and_not_the_error_of_a_readout() -> None:
    rule = relaxing("ep", loss="cross-entropy", nudge="positive", temperature=0.1)
    network, batch = problem(rule)
    with torch.no_grad():
        found = rule.term(network, batch, -1).states
    assert float(found[-1].abs().max()) == 0
    assert float((found[1] - fixed_point(network, batch.x)[1]).detach().abs().max()) > 0.01


@pytest.mark.parametrize(("nudge", "order"), [("positive", 1), ("negative", 1), ("centred", 2)])
def test_the_error_is_of_first_order_one_sided_and_of_second_order_centred(nudge: str, order: int) -> None:
    network, batch = problem(relaxing("ep"))
    exact = loss_descent(network, batch)
    large, small = (
        distance(step(relaxing("ep", nudge=nudge, beta=beta, **LONG), network, batch), exact) for beta in (0.02, 0.01)
    )
    assert large > 1e-7
    assert large / small == pytest.approx(2**order, rel=0.05)


def test_random_signs_are_centred_in_the_mean() -> None:
    """Each draw is the positive or the negative form, whose mean is the centred one; both come about equally often."""
    network, batch = problem(relaxing("ep"))
    positive, negative, centred = (
        step(relaxing("ep", nudge=nudge, beta=0.5, **LONG), network, batch) for nudge in ("positive", "negative", "centred")
    )
    assert_same({name: (positive[name] + negative[name]) / 2 for name in positive}, centred, 1e-12)
    rule = relaxing("ep", nudge="random-sign", beta=0.5, **LONG)
    drawn = [step(rule, network, batch) for _ in range(20)]
    signs = [distance(updates, positive) < 1e-12 for updates in drawn]
    assert all(is_positive or distance(updates, negative) < 1e-12 for updates, is_positive in zip(drawn, signs, strict=True))
    assert 5 <= sum(signs) <= 15


@pytest.mark.parametrize("nudge", ["positive", "negative", "random-sign", "centred"])
def test_the_continuous_form_telescopes_to_the_rule_of_two_phases(nudge: str) -> None:
    network, batch = problem(relaxing("ep"), scale=0.6)
    assert_same(
        step(relaxing("ep-continuous", nudge=nudge), network, batch), step(relaxing("ep", nudge=nudge), network, batch)
    )


def pooled() -> Network:
    network = convolutional((2, 4, 4), (3, 4, "M"), (3,), start="glorot").double()
    network.activations[1:] = [ACTIVATIONS["hard-sigmoid"]] * network.depth
    return network


@pytest.mark.parametrize(("eps", "order"), [(0.02, "synchronous"), (1.0, "odd-even")])
@pytest.mark.parametrize("strength", [0.0, 0.8])
@pytest.mark.parametrize("kind", ["dense", "pooled"])
def test_no_iteration_raises_the_energy(eps: float, order: str, strength: float, kind: str) -> None:
    """Of small steps of all layers, or exact ones of every other layer; nudged: E + b C. Whatever the weights are."""
    rule = relaxing("ep", eps=eps, order=order, nudge="positive", beta=0.8)
    network, batch = problem(rule, scale=1.5)
    if kind == "pooled":
        network, batch = pooled(), Batch(torch.rand(4, 2, 4, 4, dtype=torch.float64), batch.y, batch.places)
    with torch.no_grad():
        clamp = rule.clamp(network, batch)
        states = rule.begun(network, clamp, strength, rule.rest(network, clamp, strength))
        relaxation, values = rule.relaxation(network, clamp, strength, states), []
        for _ in range(60):
            values.append(energy(network, states) + strength / 2 * (states[-1] - batch.y).square().sum(1))
            relaxation.run(network, states, 1)
    drops = torch.stack(values).detach().diff(dim=0)
    assert float(drops.max()) < 1e-12
    assert float(drops.sum()) < -0.1


def test_updates_of_pooled_convolutions_are_the_slopes_of_the_energy() -> None:
    """At the states that a phase ends with, their maxima chosen by these."""
    rule, network = relaxing("ep"), pooled()
    states = network.states("", torch.rand(4, 2, 4, 4, dtype=torch.float64))
    network.up(1, states)
    for k in range(1, network.depth + 1):
        states[k] = torch.rand(4, *network.connection(k).post, dtype=torch.float64)
    with torch.no_grad():
        found = rule.products(network, states, 1 / 4)
    assert_same(found, descent(network, energy(network, states).mean()))


def test_pooling_connections_choose_their_maxima_before_any_feedback_asks_for_them() -> None:
    """In the odd-even order feedback comes first: into a network that has seen nothing, and one that has seen other images."""
    rule, network, fresh = relaxing("ep", order="odd-even"), pooled(), pooled()
    x = torch.rand(2, 4, 2, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        rule.predict(network, x[0])
        torch.testing.assert_close(rule.predict(network, x[1]), rule.predict(fresh, x[1]), rtol=0, atol=0)


def test_in_long_langevin_dynamics_states_have_the_density_of_their_energy() -> None:
    """One linear unit: normal around its drive, of variance T / (1 - eps / 2), the step's share included."""
    rule = relaxing("ep", temperature=0.3, eps=0.2, free_steps=60, averaged=1, nudge="positive")
    network = mlp([1, 1], output="linear").double()
    x = torch.ones(20_000, 1, dtype=torch.float64)
    with torch.no_grad():
        network.connection(1).weight.fill_(0.7)
        states = rule.term(network, Batch(x, x, torch.arange(len(x))), -1).states[1]
    assert states.mean().item() == pytest.approx(0.7, abs=0.02)
    assert states.var().item() == pytest.approx(0.3 / 0.9, rel=0.04)


def test_nudging_lowers_the_expected_cost_by_its_variance() -> None:
    """d E[C] / d beta = - Var(C) / T at beta = 0, with the same noise in both phases."""
    temperature, beta, y = 0.3, 0.02, 1.5
    network = mlp([1, 1], output="linear").double()
    x = torch.ones(20_000, 1, dtype=torch.float64)
    batch = Batch(x, x * y, torch.arange(len(x)))
    costs = []
    for sign in (-1, +1):
        rule = relaxing(
            "ep",
            temperature=temperature,
            eps=0.05,
            beta=beta,
            free_steps=200 + (sign < 0),
            nudged_steps=1,
            averaged=1,
            nudge="positive",
        )
        with torch.no_grad():
            network.connection(1).weight.fill_(0.7)
            costs.append((rule.term(network, batch, sign).states[1] - y).square() / 2)
    free, nudged = costs
    slope = (nudged.mean() - free.mean()) / beta
    assert slope < 0
    assert slope.item() == pytest.approx(-free.var().item() / temperature, rel=0.1)


def test_langevin_updates_are_the_gradient_in_the_mean() -> None:
    """One linear unit: db = (E[s] nudged - E[s] free) / beta = (y - a) / (1 + beta)."""
    rule = relaxing("ep", temperature=0.05, eps=0.5, beta=0.5, free_steps=60, nudged_steps=20, averaged=40, nudge="positive")
    network = mlp([1, 1], output="linear").double()
    x = torch.ones(4000, 1, dtype=torch.float64)
    with torch.no_grad():
        network.connection(1).weight.fill_(0.7)
        outcome = rule.step(network, Batch(x, 2 * x, torch.arange(len(x))))
    assert outcome.updates["connections.0.bias"].item() == pytest.approx((2 - 0.7) / 1.5, abs=0.02)
    assert outcome.output.var().item() < 0.05 / 5


def test_without_noise_an_average_over_settled_phases_is_their_end() -> None:
    """In every layer, however far from the output: an average that began with the nudge would be smaller below."""
    options = {"free_steps": 200, "nudged_steps": 200, "nudge": "positive"}
    rule = relaxing("ep", **options)
    network, batch = problem(rule)
    assert_same(
        step(relaxing("ep", temperature=1e-26, averaged=3, **options), network, batch), step(rule, network, batch), 1e-10
    )


def test_persistent_particles_go_on_where_they_were() -> None:
    """With weights as they are, four visits of five iterations are one of twenty; samples are known by their index."""
    rule, once = relaxing("ep", persistent=True, free_steps=5), relaxing("ep", free_steps=20)
    network, batch = problem(rule, scale=0.4)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        for visit in (order, order.flip(0), order[[1, 0, 3, 2]]):
            rule.step(network, Batch(batch.x[visit], batch.y[visit], batch.places[visit]))
        found = rule.step(network, Batch(batch.x[order], batch.y[order], batch.places[order])).output
        torch.testing.assert_close(found, once.step(network, batch).output[order], rtol=0, atol=1e-12)


def test_particles_and_random_numbers_survive_the_state_dict() -> None:
    options = {"persistent": True, "free_steps": 3, "temperature": 0.01, "averaged": 2}
    rule = relaxing("ep", **options)
    network, batch = problem(rule)
    step(rule, network, batch)
    other = relaxing("ep", seed=7, **options)
    other.load_state_dict(rule.state_dict())
    assert_same(step(other, network, batch), step(rule, network, batch), 0.0)


@pytest.mark.parametrize(("nudge", "free_sign"), [("positive", -1), ("negative", +1), ("centred", 0)])
def test_a_step_is_the_sum_of_its_terms(nudge: str, free_sign: int) -> None:
    """The free term from rest, the others from its states."""
    rule = relaxing("ep", nudge=nudge)
    network, batch = problem(rule)
    with torch.no_grad():
        free = relaxing("ep", nudge="positive").term(network, batch, -1).states
        plus, minus = (rule.term(network, batch, sign, None if sign == free_sign else free).updates for sign in (+1, -1))
    assert_same({name: plus[name] + minus[name] for name in plus}, step(rule, network, batch))


@pytest.mark.parametrize("name", ["ep", "ep-continuous", "chl", "chl-discounted", "coupled", "resistive"])
def test_the_drive_of_the_input_is_computed_once_a_batch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = relaxing(name)
    network, batch = problem(rule)
    images = rule.inputs(batch.x).shape
    calls = []
    up = Network.up

    def counted(self: Network, k: int, s: Sequence[Tensor]) -> Tensor:
        if k == 1 and s[0].shape == images:
            calls.append(k)
        return up(self, k, s)

    monkeypatch.setattr(Network, "up", counted)
    step(rule, network, batch)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eps": 0.0}, "eps = 0.0"),
        ({"eps": 1.5}, "eps = 1.5"),
        ({"beta": -1.0}, "beta = -1.0"),
        ({"nudge": "up"}, "unknown nudge 'up'"),
        ({"order": "random"}, "unknown order 'random'"),
        ({"free_steps": 0}, "0 free"),
        ({"temperature": -1.0}, "temperature"),
        ({"averaged": 0}, "averaged = 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(RangeError, match=message):
        make_rule("ep", **options)


def test_logits_that_are_clipped_are_refused() -> None:
    rule = relaxing("ep", loss="cross-entropy")
    with pytest.raises(RangeError, match="output linear"):
        rule.fits(mlp([4, 5, 3], hidden="hard-sigmoid", output="hard-sigmoid"))


@pytest.mark.parametrize("name", ["ep", "ep-continuous", "coupled", "ep-isd"])
def test_networks_for_cross_entropy_have_logits(name: str) -> None:
    rule = relaxing(name, loss="cross-entropy")
    network = rule.build([4, 5, 3])
    rule.fits(network)
    assert network.activations[-1] == ACTIVATIONS["linear"]
    assert network.activations[1] == ACTIVATIONS["hard-sigmoid"]


def test_the_continuous_form_has_no_terms() -> None:
    rule = relaxing("ep-continuous")
    network, batch = problem(rule)
    with pytest.raises(RangeError, match="take ep"):
        rule.term(network, batch, +1)
