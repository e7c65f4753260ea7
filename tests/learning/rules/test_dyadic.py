"""Dyadic learning: gradients of its objective, its special cases, the two-phase form, and the gain of skew networks."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import settling
import torch
from settling import descent, draw, same, stepped
from torch import Tensor, nn

from neuromorph.errors import RangeError
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network, States, convolutional, mlp
from neuromorph.learning.network.recurrent import Recurrent
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Batch, Rule
from neuromorph.learning.rules.dual_propagation import DualPropagation
from neuromorph.learning.rules.dyadic import ArbitraryDyadic, Dyadic, SaddleStates, SkewDyadic, SkewPhases

BETA = 0.4
ALL_LAM = [0.0, 0.25, 0.5, 0.75, 1.0]
SETTLED: dict[str, Any] = {"beta": BETA, "steps": 4000, "tolerance": 1e-13}
NEARLY: dict[str, Any] = {"beta": BETA, "steps": 4000, "tolerance": 1e-9}
"""Enough for a value at a saddle, which sees errors of the states squared."""


def problem(sizes: tuple[int, ...] = (6, 9, 8, 4), scale: float = 1.0, **options: Any) -> tuple[Network, Batch]:
    """From uniform first weights, toward targets of any sign."""
    network, batch = settling.problem(sizes, scale, start="uniform", **options)
    return network, batch._replace(y=draw(7, sizes[-1], seed=3))


def objective(dyads: SaddleStates, y: Tensor, drive: Callable[[int], Tensor], top: int, loss: str) -> float:
    """Eq. 4.7 at these states, mean over the batch; G = |s|^2 / 2 inside the bounds. `drive`: W mean + theta_0 x + b of a layer."""
    value = make_loss(loss).value
    plus, minus = dyads.plus[top][:, -y.shape[1] :], dyads.minus[top][:, -y.shape[1] :]
    total = (value(plus, y) + value(minus, y)) / 2
    for k in range(1, top + 1):
        pairing = (dyads.delta[k] * drive(k)).sum(1)
        total += (0.5 * dyads.plus[k] ** 2 - 0.5 * dyads.minus[k] ** 2).sum(1).sub(pairing) / BETA
    return float(total.mean())


def saddle(network: Network, batch: Batch, lam: float, loss: str) -> float:
    """The value of eq. 4.7 where the dyads settle."""
    with torch.no_grad():
        dyads = Dyadic(lam=lam, loss=loss, **NEARLY).infer(network, batch)

        def drive(k: int) -> Tensor:
            above = network.down(k, dyads.mean) if k < network.depth else torch.zeros_like(dyads.mean[k])
            return network.up(k, dyads.mean) + (2 * lam - 1) * above

        return objective(dyads, batch.y, drive, network.depth, loss)


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
@pytest.mark.parametrize("lam", ALL_LAM)
def test_the_update_is_the_gradient_of_the_objective_at_its_saddle(lam: float, loss: str) -> None:
    network, batch = problem(hidden="hard-sigmoid")
    batch = batch._replace(y=batch.y.softmax(1))
    updates = stepped(Dyadic(lam=lam, loss=loss, **SETTLED), network, batch).updates
    named = dict(network.named_parameters())
    for name, update in updates.items():
        place = (0, 1)[: update.dim()] if name != "connections.1.weight" else (2, 3)
        expected = descent(named[name], lambda: saddle(network, batch, lam, loss), place, 1e-4)
        assert float(update[place]) == pytest.approx(expected, abs=1e-7), name
        assert abs(expected) > 1e-5


def recurrent_problem() -> tuple[Recurrent, Batch]:
    network = Recurrent(5, 7, 3, seed=1).double()
    with torch.no_grad():
        network.connection(1).bias.add_(0.3 * draw(10, seed=5))
    return network, Batch(draw(6, 5, seed=2), draw(6, 3, seed=3), torch.arange(6))


def test_the_update_of_arbitrary_connectivity_is_the_gradient_too() -> None:
    network, batch = recurrent_problem()

    def value() -> float:
        with torch.no_grad():
            dyads = ArbitraryDyadic(**NEARLY).infer(network, batch)
            return objective(dyads, batch.y, lambda _: network.up(1, dyads.mean) + network.across(dyads.mean), 1, "squared")

    updates = stepped(ArbitraryDyadic(**SETTLED), network, batch).updates
    named = dict(network.named_parameters())
    places = {
        "connections.0.weight": [(1, 2), (8, 0)],
        "connections.0.bias": [(2,), (9,)],
        "connections.1.weight": [(1, 2), (2, 1), (8, 3), (3, 8), (8, 9)],
    }
    assert updates.keys() == places.keys()
    for name, entries in places.items():
        for place in entries:
            assert float(updates[name][place]) == pytest.approx(descent(named[name], value, place, 1e-4), abs=1e-7), (
                name,
                place,
            )
    assert float(updates["connections.1.weight"].diagonal().abs().max()) == 0


def test_arbitrary_connectivity_that_happens_to_be_layered_is_the_layered_network() -> None:
    """Blocks of W_lambda in W, at a lambda that is none of the special ones."""
    lam = 0.3
    layered, batch = problem(sizes=(5, 7, 3), hidden="hard-sigmoid")
    network, _ = recurrent_problem()
    theta = layered.connection(2).weight
    with torch.no_grad():
        network.connection(1).weight[:7], network.connection(1).weight[7:] = layered.connection(1).weight, 0
        network.connection(1).bias.copy_(torch.cat([layered.connection(1).bias, layered.connection(2).bias]))
        network.connection(2).weight.zero_()
        network.connection(2).weight[7:, :7] = theta
        network.connection(2).weight[:7, 7:] = (2 * lam - 1) * theta.t()
        expected = Dyadic(lam=lam, **SETTLED).infer(layered, batch)
        found = ArbitraryDyadic(**SETTLED).infer(network, batch)
    for one, other in ((found.plus, expected.plus), (found.minus, expected.minus)):
        torch.testing.assert_close(one[1], torch.cat([other[1], other[2]], 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
def test_lam_one_half_is_dual_propagation(loss: str) -> None:
    """The same fixed point as dp's with alpha = 1/2: with its exact nudging of the squared error; where dp linearises the loss at
    the output (softmax) up to O(beta)."""
    network, batch = problem()
    batch = batch._replace(y=batch.y.softmax(1))
    beta, nudging = (0.4, "exact") if loss == "squared" else (1e-3, "linear")
    dp = DualPropagation(beta=beta, loss=loss, iterations=300, order="parallel", nudging=nudging)
    found = stepped(Dyadic(lam=0.5, loss=loss, **{**SETTLED, "beta": beta}), network, batch).updates
    same(found, stepped(dp, network, batch).updates, 1e-12 if loss == "squared" else 1e-6)


def test_at_lam_1_each_compartment_is_a_phase_of_centred_equilibrium_propagation() -> None:
    network, batch = problem(hidden="hard-sigmoid")
    rule = Dyadic(lam=1.0, **SETTLED)
    with torch.no_grad():
        dyads = rule.infer(network, batch)
        for sign, compartment in ((1, dyads.plus), (-1, dyads.minus)):
            s, _ = rule.phase(network, "alone", batch.x, lambda s, sign=sign: -sign * BETA / 2 * (s - batch.y))
            for k in range(1, network.depth + 1):
                torch.testing.assert_close(compartment[k], s[k], rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [(6, 9, 4), (6, 9, 8, 4), (6, 9, 8, 7, 4)])
@pytest.mark.parametrize("steps", [3, 40])
def test_the_two_phase_form_is_the_dyads_form_at_every_step(sizes: tuple[int, ...], steps: int) -> None:
    network, batch = problem(sizes=sizes, scale=2.0)
    dyads = stepped(SkewDyadic(beta=BETA, steps=steps), network, batch)
    phases = stepped(SkewPhases(beta=BETA, steps=steps), network, batch)
    same(dyads.updates, phases.updates, 1e-12)
    torch.testing.assert_close(dyads.output, phases.output, rtol=0, atol=1e-12)
    assert max(float(change.abs().max()) for change in dyads.updates.values()) > 1e-2


def pooled(channels: tuple[int | str, ...]) -> tuple[Network, Batch]:
    network = convolutional((1, 8, 8), channels, (6, 4), start="uniform", seed=1).double()
    with torch.no_grad():
        for k in range(1, network.depth + 1):
            network.connection(k).bias.add_(0.1 * draw(*network.connection(k).bias.shape, seed=k))
    return network, Batch(draw(7, 1, 8, 8, seed=2), draw(7, 4, seed=3), torch.arange(7))


def test_both_forms_are_one_where_inputs_are_pooled() -> None:
    network, batch = pooled((3, "M", 4))
    dyads, phases = (rule(beta=BETA, steps=100) for rule in (SkewDyadic, SkewPhases))
    dyads.fits(network)
    found = stepped(dyads, network, batch).updates
    same(found, stepped(phases, network, batch).updates, 1e-12)
    assert float(found["connections.0.weight"].abs().max()) > 1e-2


def test_pooling_between_layers_is_dual_propagations_at_lam_one_half() -> None:
    network, batch = pooled((3, "M", 4, "M"))
    rule = Dyadic(lam=0.5, lam_end=0.5, lam_batches=3, **SETTLED)
    rule.fits(network)
    dp = DualPropagation(beta=BETA, iterations=300, order="parallel", nudging="exact")
    same(stepped(rule, network, batch).updates, stepped(dp, network, batch).updates, 1e-12)


@pytest.mark.parametrize("options", [*({"lam": lam} for lam in ALL_LAM if lam != 0.5), {"lam_end": 0.0, "lam_batches": 9}])
def test_pooling_between_layers_is_refused_at_any_other_lam(options: dict[str, Any]) -> None:
    """There the compartments choose different maxima: the form of two phases, which has each its own, learns something else."""
    network, batch = pooled((3, "M", 4, "M"))
    with pytest.raises(RangeError, match=r"different maxima.*without pooling.*lam = 0\.5"):
        Dyadic(**options).fits(network)
    dyads, phases = (rule(beta=BETA, steps=100) for rule in (SkewDyadic, SkewPhases))
    found, other = (stepped(rule, network, batch).updates["connections.0.weight"] for rule in (dyads, phases))
    assert float((found - other).norm()) > 0.1 * float(found.norm())


def weak_nudge_matches(rule: Rule, network: Network, batch: Batch, free: Callable[[], Tensor]) -> None:
    """The update is minus the gradient of the free output's loss, which finite differences of `free` see."""
    updates = stepped(rule, network, batch).updates
    named = dict(network.named_parameters())
    for name, update in updates.items():
        place = (0, 1)[: update.dim()]
        expected = descent(named[name], lambda: float(make_loss("squared").value(free(), batch.y).mean()), place, 1e-4)
        assert float(update[place]) == pytest.approx(expected, abs=1e-6), name


@pytest.mark.parametrize("lam", ALL_LAM)
def test_with_weak_nudging_it_descends_the_loss_of_the_free_network(lam: float) -> None:
    network, batch = problem(hidden="hard-sigmoid")
    rule = Dyadic(lam=lam, **{**SETTLED, "beta": 1e-4})
    with torch.no_grad():
        weak_nudge_matches(rule, network, batch, lambda: rule.predict(network, batch.x))


def test_arbitrary_connectivity_descends_the_loss_of_its_free_network() -> None:
    network, batch = recurrent_problem()
    rule = ArbitraryDyadic(**{**SETTLED, "beta": 1e-4})
    with torch.no_grad():
        weak_nudge_matches(rule, network, batch, lambda: rule.predict(network, batch.x))


def free_states(rule: Dyadic, network: Network, x: Tensor) -> States:
    with torch.no_grad():
        s, residual = rule.phase(network, "free", x)
        assert residual.max() < 1e-12
    return s


@pytest.mark.parametrize("hidden", ["relu", "hard-sigmoid"])
@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0, 10.0])
def test_a_skew_network_never_lengthens_a_change_of_its_drive(scale: float, hidden: str) -> None:
    """|ds| <= |theta_0 dx| over all units, at weights of any scale, once converged."""
    network, batch = problem(sizes=(6, 12, 10, 8), scale=scale, hidden=hidden)
    rule = SkewDyadic(steps=6000, tolerance=1e-13)
    change = draw(7, 6, seed=9)
    first, second = (free_states(rule, network, x) for x in (batch.x, batch.x + change))
    moved = torch.cat([a - b for a, b in zip(first[1:], second[1:], strict=True)], 1).norm(dim=1)
    assert (moved <= (change @ network.connection(1).weight.t()).norm(dim=1) * (1 + 1e-9)).all()


def test_other_networks_do() -> None:
    network, batch = problem(sizes=(6, 12, 10, 8), scale=3.0)
    change = draw(7, 6, seed=9)
    with torch.no_grad():
        moved = network(batch.x + change) - network(batch.x)
    assert (moved.norm(dim=1) > (change @ network.connection(1).weight.t()).norm(dim=1)).any()


@pytest.mark.parametrize("scale", [0.5, 3.0, 10.0, 30.0])
def test_the_dampings_own_choice_settles_skew_networks_of_any_scale(scale: float) -> None:
    """A mode shrinks by 1 - eps a step, so that 40 / eps steps leave nothing but rounding."""
    network, batch = problem(scale=scale)
    rule = SkewDyadic(beta=BETA)
    with torch.no_grad():
        rule.steps = math.ceil(40 / rule.damping(network))
        assert rule.infer(network, batch).residual.max() < 1e-12
        assert rule.phase(network, "free", batch.x)[1].max() < 1e-12


@pytest.mark.parametrize("rule", [Dyadic(lam=0.3, **SETTLED), ArbitraryDyadic(**SETTLED)], ids=["layered", "arbitrary"])
def test_without_an_error_compartments_agree_and_nothing_is_learned(rule: Rule) -> None:
    network, batch = problem() if isinstance(rule, Dyadic) else recurrent_problem()
    with torch.no_grad():
        batch = batch._replace(y=rule.predict(network, batch.x))
    outcome = stepped(rule, network, batch)
    assert max(float(change.abs().max()) for change in outcome.updates.values()) < 1e-11
    torch.testing.assert_close(outcome.output, batch.y, rtol=0, atol=1e-12)


def test_own_feedback_that_equals_the_transpose_learns_the_same() -> None:
    """Kolen-Pollack: from W on W's own feedback gets W's update, and the dyads are those of the tied network."""
    tied, batch = problem()
    own, _ = problem(feedback="kolen-pollack")
    for k in range(2, own.depth + 1):
        own.feedback.weights[k - 2] = nn.Parameter(own.connection(k).weight.detach().clone())
    updates = stepped(SkewDyadic(**SETTLED), own, batch).updates
    learned = {name: updates.pop(name) for name in list(updates) if name.startswith("feedback")}
    same(updates, stepped(SkewDyadic(**SETTLED), tied, batch).updates, 1e-13)
    assert len(learned) == own.depth - 1
    for name, change in learned.items():
        torch.testing.assert_close(change, updates[f"connections.{int(name.split('.')[-1]) + 1}.weight"])


def test_lam_moves_in_a_line_and_goes_on_where_it_was_saved() -> None:
    network, batch = problem()
    rule = Dyadic(lam=0.5, lam_end=0.0, lam_batches=4, steps=5)
    seen = []
    for _ in range(3):
        seen.append(rule.lam_now)
        stepped(rule, network, batch)
    again = Dyadic(lam=0.5, lam_end=0.0, lam_batches=4, steps=5)
    again.load_state_dict(rule.state_dict())
    for _ in range(3):
        seen.append(again.lam_now)
        stepped(again, network, batch)
    assert seen == [0.5, 0.375, 0.25, 0.125, 0.0, 0.0]
    same(stepped(again, network, batch).updates, stepped(Dyadic(lam=0.0, steps=5), network, batch).updates, 0.0)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("dyadic", {"lam": 1.5}, "lam = 1.5 is outside 0..1"),
        ("dyadic", {"lam_end": 0.0}, "lam_batches = 0"),
        ("dyadic", {"beta": 0.0}, "beta > 0"),
        ("dyadic", {"eps": 0.0}, "eps = 0.0"),
        ("dyadic", {"beta": 2.0}, "a pole at beta / 2 = 1"),
        ("dyadic-skew", {"beta": 2.5}, "a pole at beta / 2 = 1"),
        ("dyadic-two-phase", {"beta": 2.0}, "a pole at beta / 2 = 1"),
        ("dyadic-arbitrary", {"beta": 2.0}, "a pole at beta / 2 = 1"),
        ("dyadic", {"steps": 0}, "at least one step"),
        ("dyadic-skew", {"lam": 0.5}, "ask for dyadic"),
    ],
)
def test_options_that_make_no_sense_are_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(RangeError, match=words):
        make_rule(name, **options)


def test_arbitrary_connectivity_settles_under_large_skew_weights() -> None:
    """Linear units, W = -W^T of norm 6: a step of eps = 1 / (1 + |W|^2) shrinks the slowest mode by 1 - eps at least, one of
    1 / (1 + |W|) lengthens it."""
    rule = ArbitraryDyadic(steps=2000)
    network = rule.build((4, 12, 3)).double()
    network.low.fill_(-torch.inf)
    network.top.fill_(torch.inf)
    with torch.no_grad():
        w = network.connection(2).weight
        w.copy_(w - w.T).mul_(6 / torch.linalg.matrix_norm(w, ord=2))
        x = torch.rand(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        s, residual = rule.free(network, x)
        exact = torch.linalg.solve(torch.eye(15, dtype=torch.float64) - w, network.up(1, [x, x]).T).T
    assert float(residual.max()) < 1e-12
    torch.testing.assert_close(s[1], exact, rtol=1e-9, atol=1e-9)


def test_networks_that_make_no_sense_are_refused() -> None:
    with pytest.raises(RangeError, match="W_ij and W_ji are learned apart"):
        ArbitraryDyadic().build((4, 5, 3), feedback="tied")
    with pytest.raises(RangeError, match="direct feedback skips layers"):
        ArbitraryDyadic().build((4, 5, 3), feedback="direct")
    with pytest.raises(RangeError, match="knows no layers"):
        ArbitraryDyadic().build((4, 5, 5, 3))
    with pytest.raises(RangeError, match="for these ask for dyadic"):
        ArbitraryDyadic().fits(mlp((4, 5, 3)))
    with pytest.raises(RangeError, match="the output drives all layers"):
        Dyadic(lam=0.0).fits(mlp((4, 5, 3), feedback="direct"))
    Dyadic(lam=0.5).fits(mlp((4, 5, 3), feedback="direct"))
