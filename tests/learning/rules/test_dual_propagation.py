"""Layered dual propagation in batches: its fixed point, and backpropagation's gradient."""

import math
from itertools import pairwise

import pytest
import torch
from batched import network_of, plasticity, settle
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.judges.gradients import check_gradient
from neuromorph.learning.network.activations import ACTIVATIONS
from neuromorph.learning.network.network import Network, small_vgg, vgg16
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Batch
from neuromorph.learning.rules.dual_propagation import mean_of

FEEDBACK_FREE = [("dp", 0.5), ("dp-transpose", 0.0), ("dp-transpose", 0.5), ("dp-transpose", 1.0)]


def problem(sizes: tuple[int, ...] = (6, 9, 8, 4), batch: int = 16) -> tuple[list[Tensor], Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    weights = [draw(post, pre) / math.sqrt(pre) for pre, post in pairwise(sizes)]
    return weights, draw(batch, sizes[0]), draw(batch, sizes[-1])


def forward(weights: list[Tensor], x: Tensor, top: float = math.inf) -> list[Tensor]:
    layers = [x]
    for w in weights[:-1]:
        layers.append((layers[-1] @ w.T).clamp(0, top))
    return [*layers[1:], layers[-1] @ weights[-1].T]


def descent(weights: list[Tensor], x: Tensor, y: Tensor, top: float = math.inf) -> list[Tensor]:
    """Minus the gradient of <|y - a|^2> / 2, by backpropagation."""
    leaves = [w.clone().requires_grad_() for w in weights]
    ((forward(leaves, x, top)[-1] - y) ** 2).sum().div(2 * len(x)).backward()
    return [-w.grad for w in leaves]


@pytest.mark.parametrize("top", [math.inf, 0.8])
@pytest.mark.parametrize(("variant", "alpha"), FEEDBACK_FREE)
def test_with_weak_nudging_plasticity_is_the_gradient_of_backpropagation(variant: str, alpha: float, top: float) -> None:
    """Exactly so, as no neuron is pushed over a bend of f; what remains is float64 over beta."""
    beta = 1e-6
    weights, x, y = problem()
    states = settle(weights, x, y, beta=beta, alpha=alpha, variant=variant, top=top)
    for dw, gradient in zip(plasticity(weights, states, beta), descent(weights, x, y, top), strict=True):
        torch.testing.assert_close(dw, gradient, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("beta", [0.01, 0.5, 3.0])
@pytest.mark.parametrize(("variant", "alpha"), FEEDBACK_FREE)
def test_of_a_linear_network_it_is_the_gradient_at_any_nudging(variant: str, alpha: float, beta: float) -> None:
    """In one pass, whose states share memory with the drives and errors that they come from: the output before nudging, too, stays."""
    weights, x, y = problem()
    network, linear = network_of(weights), ACTIVATIONS["linear"]
    network.activations = [linear] * len(network.activations)
    outcome = make_rule(variant, alpha=alpha, beta=beta).step(network, Batch(x, y, torch.arange(len(x))))
    output = network(x)
    (0.5 * (output - y).square().sum(1)).mean().backward()
    torch.testing.assert_close(outcome.output, output.detach())
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(outcome.updates[name], -parameter.grad)


@pytest.mark.parametrize(("variant", "alpha"), FEEDBACK_FREE)
def test_with_nudging_of_a_hundredth_it_is_nearly_the_gradient(variant: str, alpha: float) -> None:
    """A few neurons in a hundred are pushed over the bend of f: errors are a third of the outputs."""
    weights, x, noise = problem(sizes=(20, 100, 50, 5), batch=100)
    y = forward(weights, x)[-1] + 0.3 * noise
    states = settle(weights, x, y, beta=0.01, alpha=alpha, variant=variant, updates=20)
    for dw, gradient in zip(plasticity(weights, states, 0.01), descent(weights, x, y), strict=True):
        assert torch.cosine_similarity(dw.flatten(), gradient.flatten(), dim=0) > 0.999
        assert 0.99 < dw.norm() / gradient.norm() < 1.01


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_asymmetric_dual_propagation_sees_its_own_feedback(alpha: float) -> None:
    """With every hidden neuron active, mean_1 = a_1 + (2 alpha - 1) W^T delta, so with the free output a and
    M = W W^T

    delta = beta (I + (2 alpha - 1) beta M)^-1 (y - a): too large at alpha = 0, too small at 1, right at 1/2.
    """
    weights, x, y = problem(sizes=(5, 6, 4))
    weights, x, beta = [weights[0].abs() + 1, weights[1]], x.abs() + 1, 0.2
    states = settle(weights, x, y, beta=beta, alpha=alpha, variant="dp", updates=500)
    assert states.residual.max() < 1e-13
    assert torch.stack([states.plus[1], states.minus[1]]).min() > 0
    loop = torch.eye(4) + (2 * alpha - 1) * beta * weights[1] @ weights[1].T
    expected = torch.linalg.solve(loop, beta * (y - forward(weights, x)[-1]).T).T
    torch.testing.assert_close(states.delta[-1], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("variant", "alpha"), FEEDBACK_FREE)
def test_it_is_a_fixed_point_of_the_equations(variant: str, alpha: float) -> None:
    """Every compartment equals its equation, written out layer by layer, with feedback of its own."""
    weights, x, y = problem()
    b = [w.T + 0.1 for w in weights[1:]]
    beta, nudge = 0.25, alpha if variant == "dp" else 1 - alpha
    states = settle(weights, x, y, beta=beta, alpha=alpha, variant=variant, feedback=b)
    mean, delta = states.mean, states.delta
    assert states.residual.max() < 1e-13
    for layer, w in enumerate(weights, 1):
        a = mean[layer - 1] @ w.T
        last = layer == len(weights)
        error = beta * (y - a) if last else delta[layer + 1] @ b[layer - 1].T
        plus, minus = a + nudge * error, a - (1 - nudge) * error
        torch.testing.assert_close(states.plus[layer], plus if last else plus.relu(), rtol=0, atol=1e-12)
        torch.testing.assert_close(states.minus[layer], minus if last else minus.relu(), rtol=0, atol=1e-12)


def test_dp_transpose_at_the_ends_of_alpha_has_the_forward_pass_for_its_mean() -> None:
    weights, x, y = problem()
    for alpha in (0.0, 1.0):
        states = settle(weights, x, y, beta=1.0, alpha=alpha, variant="dp-transpose")
        for mean, s in zip(states.mean[1:], forward(weights, x), strict=True):
            torch.testing.assert_close(mean, s, rtol=0, atol=1e-13)


def test_dp_transpose_reaches_its_fixed_point_once_signals_have_gone_up_and_down() -> None:
    """At alpha 0 and 1 nothing loops: L updates up, L down, and no more changes (but for the last bit)."""
    weights, x, y = problem()
    for alpha in (0.0, 1.0):
        states = settle(weights, x, y, beta=1.0, alpha=alpha, variant="dp-transpose", updates=2 * len(weights))
        assert states.residual.max() < 1e-15


def test_undamped_dual_propagation_diverges_at_alpha_0_with_large_weights() -> None:
    weights, x, y = problem()

    def residual(updates: int) -> float:
        return settle([3 * w for w in weights], x, y, beta=0.5, alpha=0.0, variant="dp", updates=updates).residual.max()

    assert residual(60) > 1e3 * residual(30) > 1e6


def test_without_an_error_compartments_agree_and_nothing_is_learned() -> None:
    weights, x, _ = problem()
    y = forward(weights, x)[-1]
    states = settle(weights, x, y, beta=0.5)
    assert max(float(d.abs().max()) for d in states.delta[1:]) < 1e-14
    assert max(float(dw.abs().max()) for dw in plasticity(weights, states, 0.5)) < 1e-14


def test_a_batch_is_its_samples_one_by_one() -> None:
    weights, x, y = problem()
    together = settle(weights, x, y, beta=0.5)
    alone = [settle(weights, x[k : k + 1], y[k : k + 1], beta=0.5) for k in range(len(x))]
    for layer in range(1, len(weights) + 1):
        stacked = torch.cat([one.plus[layer] for one in alone])
        torch.testing.assert_close(together.plus[layer], stacked, rtol=0, atol=1e-13)
    mean_of_plasticity = [
        sum(plasticity(weights, one, 0.5)[layer] for k, one in enumerate(alone)) / len(x) for layer in range(len(weights))
    ]
    for dw, expected in zip(plasticity(weights, together, 0.5), mean_of_plasticity, strict=True):
        torch.testing.assert_close(dw, expected, rtol=0, atol=1e-13)


def test_the_mean_weighs_s_plus_with_alpha() -> None:
    plus, minus = torch.tensor([8.0]), torch.tensor([4.0])
    assert mean_of(minus, plus - minus, 256 * 0.25).item() == 5.0


def test_a_nudged_input_at_alpha_0_is_backpropagation_on_samples_moved_up_their_loss() -> None:
    """Extended DP: mean_0 = x - W_1^T delta_1 = x + beta grad_x loss + O(beta^2), and the weights see that input.

    So does the fast-gradient baseline with a step of beta; their updates of W_1 differ by O(beta^2), of which a first-order difference
    without the input term would show O(beta).
    """

    def distance(beta: float, input_layer: bool) -> float:
        weights, x, y = problem()
        network, batch = network_of(weights), Batch(x, y, torch.arange(len(x)))
        rule = make_rule("dp", alpha=0.0, beta=beta, input_layer=input_layer)
        with torch.no_grad():
            pre = rule.infer(network, batch)[0].mean[0]
        moved = make_rule("backprop", adversary="gradient", attack=beta).attacked(network, batch)
        return float((pre - moved).norm())

    assert distance(1e-4, False) > 0.9e-1 * distance(1e-3, False) > 1e-5
    assert distance(1e-4, True) < 1e-6 * distance(1e-4, False) + 1e-12


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_a_damped_update_goes_by_the_formula(alpha: float) -> None:
    """Two passes, written out; with weights so large that every h is above 0."""
    weights, x, y = problem()
    weights, beta, top = [2 * w for w in weights], 0.5, len(weights)
    network = network_of(weights)
    h = {k: (network.norm(k + 1) ** 2 - 1) / 2 * abs(1 - 2 * alpha) for k in range(1, top)}
    assert min(h.values()) > 0.5
    plus, minus = ([x, *forward(weights, x)] for _ in range(2))

    def update(k: int) -> None:
        a = (alpha * plus[k - 1] + (1 - alpha) * minus[k - 1]) @ weights[k - 1].T
        if k == top:
            plus[k], minus[k] = a - alpha * beta * (a - y), a + (1 - alpha) * beta * (a - y)
            return
        error = (plus[k + 1] - minus[k + 1]) @ weights[k]
        plus[k] = ((a + h[k] * plus[k] + alpha * error) / (1 + h[k])).clamp(min=0)
        minus[k] = ((a + h[k] * minus[k] - (1 - alpha) * error) / (1 + h[k])).clamp(min=0)

    for k in (3, 2, 1, 1, 2, 3, 2, 1):
        update(k)
    rule = make_rule("dp", alpha=alpha, beta=beta, damped=True, iterations=2)
    dyads, _ = rule.infer(network, Batch(x, y, torch.arange(len(x))))
    for k in range(1, top + 1):
        torch.testing.assert_close(dyads.plus[k], plus[k], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(dyads.minus[k], minus[k], rtol=1e-12, atol=1e-12)


def test_damping_does_not_help_at_alpha_0_against_large_weights() -> None:
    """equations.md section 3: states grow without bound, damped or not; at alpha = 1 the same network settles."""
    weights, x, y = problem()
    batch, network = Batch(x, y, torch.arange(len(x))), network_of([2 * w for w in weights])
    options = {"nudging": "exact", "damped": True, "iterations": 60}
    grown, settled = (
        float(make_rule("dp", alpha=alpha, **options).infer(network, batch)[0].residual.max()) for alpha in (0.0, 1.0)
    )
    assert grown > 1e3
    assert settled < 1e-2


def test_in_parallel_plasticity_goes_by_the_maxima_of_the_mean_that_was_nudged() -> None:
    """Not by those of the forward pass, from which strong nudging moves them."""
    network = small_vgg(seed=0).double()
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(2, 3, 32, 32, generator=generator, dtype=torch.float64), torch.eye(10, dtype=torch.float64)[:2]
    rule = make_rule("dp", alpha=1.0, beta=5.0, order="parallel", iterations=15)
    dyads, _ = rule.infer(network, Batch(x, y, torch.arange(2)))
    found = rule.plasticity(network, dyads)["connections.1.weight"].clone()
    by_mean, by_forward = [], []
    for kept, states in ((by_mean, dyads.mean), (by_forward, None)):
        network(x) if states is None else [network.up(k, states) for k in range(1, network.depth + 1)]
        kept.append(rule.plasticity(network, dyads)["connections.1.weight"].clone())
    assert torch.equal(found, by_mean[0])
    assert not torch.allclose(found, by_forward[0])


def test_the_random_order_draws_every_layer_alike_and_whatever_came_before() -> None:
    weights, x, y = problem()
    rule, drawn = make_rule("dp", order="random", iterations=3000), []
    update = rule._update
    rule._update = lambda network, k, *more: (drawn.append(k), update(network, k, *more))  # type: ignore[method-assign]
    rule.infer(network_of(weights), Batch(x[:1], y[:1], torch.arange(1)))
    pairs = torch.zeros(3, 3, dtype=torch.float64)
    for before, after in pairwise(drawn):
        pairs[before - 1, after - 1] += 1
    expected = len(drawn) / 9
    assert len(drawn) == 9000
    assert float(((pairs - expected) ** 2 / expected).sum()) < 27  # chi-squared of 8 degrees of freedom: one in a thousand


def test_damping_covers_a_nudged_input() -> None:
    """At alpha = 1 damped iterations settle under weights as large as these, also those that lead back to the input."""
    weights, x, y = problem()
    rule = make_rule("dp", alpha=1.0, nudging="exact", damped=True, input_layer=True, iterations=600)
    with torch.no_grad():
        network = network_of([3 * weights[0], *weights[1:]])
        dyads, _ = rule.infer(network, Batch(x, y, torch.arange(len(x))))
        back = network.connection(1).down(dyads.delta[1])
    assert float(dyads.residual.max()) < 1e-8
    torch.testing.assert_close(dyads.mean[0], x + back)


@pytest.mark.parametrize(("name", "sign"), [("lpom", 1), ("lpom-inverted", -1)])
def test_lifted_rules_descend_their_lifted_objective(name: str, sign: int) -> None:
    """At its extremum over states, differentiated by moving a weight: Two Tales eq. 45 with the loss itself at the output.

    lpom: the minimum over s_plus of loss(s_plus) + (E(s_plus) - min E) / beta, E = sum of s^2 / 2 - s a; inverted: the maximum over
    s_minus of loss(s_minus) - (E(s_minus) - min E) / beta.
    """
    weights, x, y = problem(sizes=(5, 6, 4), batch=3)
    weights = [0.5 * w for w in weights]
    batch, rule = Batch(x, y, torch.arange(3)), make_rule(name, beta=0.3, iterations=400)

    def lifted(weights: list[Tensor]) -> float:
        dyads, _ = rule.infer(network_of(weights), batch)
        s = [x, *(dyads.plus if sign > 0 else dyads.minus)[1:]]
        total = ((s[-1] - y) ** 2).sum() / 2
        for k, w in enumerate(weights, 1):
            a = s[k - 1] @ w.T
            free = a if k == len(weights) else a.clamp(min=0)
            total = total + sign * ((s[k] ** 2 - free**2) / 2 - (s[k] - free) * a).sum() / 0.3
        return float(total) / len(x)

    with torch.no_grad():
        updates = rule.step(network_of(weights), batch).updates
        for k in range(2):
            up, down = ([w.clone() for w in weights] for _ in range(2))
            up[k][0, 1] += 1e-5
            down[k][0, 1] -= 1e-5
            slope = (lifted(up) - lifted(down)) / 2e-5
            assert float(updates[f"connections.{k}.weight"][0, 1]) == pytest.approx(-slope, abs=1e-7)


@pytest.mark.parametrize("order", ["parallel", "random"])
def test_too_few_iterations_for_an_error_to_come_down_are_refused(order: str) -> None:
    """Exactly so in parallel: with one more the lowest layer learns."""
    network, batch = network_of(problem()[0]), Batch(*problem()[1:], torch.arange(16))
    with pytest.raises(RangeError, match="iterations >= 5"):
        make_rule("dp", order=order, iterations=4).fits(network)
    rule = make_rule("dp", order="parallel", iterations=4)
    with torch.no_grad():
        assert float(rule.step(network, batch).updates["connections.0.weight"].abs().max()) == 0
        enough = make_rule("dp", order="parallel", iterations=5)
        enough.fits(network)
        assert float(enough.step(network, batch).updates["connections.0.weight"].abs().max()) > 0


@pytest.mark.parametrize("adversary", ["gradient", "sign"])
def test_a_step_against_an_adversary_is_a_step_on_the_samples_it_moved(adversary: str) -> None:
    weights, x, y = problem()
    network, batch = network_of(weights), Batch(x, y, torch.arange(len(x)))
    rule = make_rule("backprop", adversary=adversary, attack=0.25)
    with torch.no_grad():  # as the trainer calls it
        found = rule.step(network, batch).updates
        expected = make_rule("backprop").step(network, batch._replace(x=rule.attacked(network, batch))).updates
    assert all(torch.equal(found[name], update) for name, update in expected.items())


def test_the_sign_adversary_moves_every_pixel_by_its_step() -> None:
    weights, x, y = problem()
    attacked = make_rule("backprop", adversary="sign", attack=0.25).attacked(
        network_of(weights), Batch(x, y, torch.arange(len(x)))
    )
    torch.testing.assert_close((attacked - x).abs(), torch.full_like(x, 0.25))


def test_updates_of_vgg16_under_weak_nudging_are_the_gradient_in_all_sixteen_layers() -> None:
    network = vgg16(seed=0).double()
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.eye(10, dtype=torch.float64)[[3, 8]]
    layers = check_gradient(
        network, make_rule("dp-transpose", beta=1e-4, loss="cross-entropy"), Batch(x, y, torch.arange(2))
    )
    assert [layer.layer for layer in layers] == list(range(1, 17))
    assert min(layer.cosine for layer in layers) > 0.999


@pytest.mark.parametrize("order", ["parallel", "random"])
def test_every_order_ends_at_the_same_states_with_pooling_too(order: str) -> None:
    """At alpha = 1/2 the mean is the forward pass, so the fixed point is one sweep away; other orders take more steps to it."""
    network, other = (small_vgg(seed=0).double() for _ in range(2))
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 3, 32, 32, generator=generator, dtype=torch.float64)
    batch = Batch(x, torch.eye(10, dtype=torch.float64)[:3], torch.arange(3))
    sweeps = 3 * network.depth if order == "parallel" else 12 * network.depth
    with torch.no_grad():
        expected = make_rule("dp", beta=1e-3).step(network, batch).updates
        found = make_rule("dp", beta=1e-3, order=order, iterations=sweeps).step(other, batch).updates
    for name, update in found.items():
        torch.testing.assert_close(update, expected[name], rtol=1e-6, atol=1e-9)


def test_repeated_sweeps_compute_each_drive_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The input is clamped, and on the way down nothing below a layer has changed."""
    rule, drives = make_rule("dp", iterations=5), []
    network, up = rule.build((6, 9, 8, 4), seed=0), Network.up
    monkeypatch.setattr(Network, "up", lambda self, k, s: (drives.append(k), up(self, k, s))[1])
    with torch.no_grad():
        rule.step(network, Batch(torch.rand(2, 6), torch.eye(4)[:2], torch.arange(2)))
    assert [drives.count(k) for k in (1, 2, 3)] == [1, 5, 5]
