"""Angles between a rule's updates and backpropagation's."""

import copy
import math

import pytest
import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.judges.gradients import check_gradient, worst_angle
from neuromorph.learning.network.network import Network, mlp
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Batch, Outcome, Rule
from neuromorph.learning.rules.backpropagation import Backpropagation
from neuromorph.learning.rules.dual_propagation import DualPropagation
from neuromorph.learning.training.metrics import measure


def problem(feedback: str = "tied") -> tuple[Network, Batch]:
    generator = torch.Generator().manual_seed(0)
    network = mlp((6, 9, 8, 4), feedback=feedback).double()
    x, y = (torch.rand(12, n, generator=generator, dtype=torch.float64) for n in (6, 4))
    return network, Batch(x, y, torch.arange(12))


class Altered(Rule):
    """Backpropagation with every update passed through a function."""

    name, source = "altered", "here"

    def __init__(self, change) -> None:
        super().__init__()
        self.change = change

    def step(self, network: Network, batch: Batch) -> Outcome:
        outcome = Backpropagation(loss=self.loss).step(network, batch)
        return Outcome({n: self.change(u) for n, u in outcome.updates.items()}, outcome.output)


def turned(degrees: float):
    """Turns a tensor by an angle, toward a direction at right angles to it."""

    def turn(update: Tensor) -> Tensor:
        other = torch.randn(update.shape, generator=torch.Generator().manual_seed(1), dtype=update.dtype)
        other -= update * (other * update).sum() / update.square().sum()
        angle = math.radians(degrees)
        return math.cos(angle) * update + math.sin(angle) * update.norm() * other / other.norm()

    return turn


@pytest.mark.parametrize("degrees", [0.0, 1e-6, 0.5, 60.0, 135.0, 180.0])
def test_an_update_turned_by_an_angle_is_found_turned_by_it(degrees: float) -> None:
    """Down to a millionth of a degree, where the cosine is 1 to all digits."""
    network, batch = problem()
    for layer in check_gradient(network, Altered(turned(degrees)), batch):
        assert layer.angle == pytest.approx(degrees, rel=1e-6, abs=1e-10)
        assert layer.cosine == pytest.approx(math.cos(math.radians(degrees)), abs=1e-12)
        assert layer.ratio == pytest.approx(1.0)


def test_the_ratio_is_the_factor_by_which_an_update_is_longer() -> None:
    network, batch = problem()
    for layer in check_gradient(network, Altered(lambda update: 3 * update), batch):
        assert (layer.ratio, layer.cosine) == pytest.approx((3.0, 1.0))
        assert layer.angle < 1e-6


@pytest.mark.parametrize("rule", [DualPropagation(beta=1e-6), *(make_rule(n, beta=1e-7, steps=300) for n in ("mac", "pc"))])
def test_weakly_nudged_rules_point_where_backpropagation_does(rule: Rule) -> None:
    network, batch = problem()
    layers = check_gradient(network, rule, batch)
    assert [layer.layer for layer in layers] == [1, 2, 3]
    assert worst_angle(layers) < 1e-4
    assert all(layer.ratio == pytest.approx(1.0, abs=1e-6) for layer in layers)


def test_asymmetric_dual_propagation_is_too_long_at_alpha_0_and_as_much_too_short_at_1() -> None:
    """|dW| / |gradient| = 1 +- k beta, in every layer; without a bias at alpha = 1/2."""
    network, batch = problem()
    for beta in (1e-4, 5e-5):
        long, even, short = (
            [
                (layer.ratio - 1) / beta
                for layer in check_gradient(network, make_rule("dp", alpha=alpha, beta=beta, iterations=30), batch)
            ]
            for alpha in (0.0, 0.5, 1.0)
        )
        assert min(long) > 1
        assert short == pytest.approx([-k for k in long], rel=2e-3)
        assert even == pytest.approx([0.0] * 3, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_thirty_sweeps_of_dp_transpose_are_one_at_the_ends_of_alpha(alpha: float) -> None:
    """One compartment is the forward pass and the mean, so nothing loops."""
    network, batch = problem()
    with torch.no_grad():
        once, often = (make_rule("dp-transpose", alpha=alpha, iterations=n).infer(network, batch)[0] for n in (1, 30))
    for found, expected in zip([*often.plus, *often.minus], [*once.plus, *once.minus], strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)


WEAK = {"beta": 1e-6}
RELAXED = {
    "ep": {"nudge": "centred", "free_steps": 500, "nudged_steps": 500},
    "resistive": {"nudge": "centred", "free_steps": 500, "nudged_steps": 500},
    "dyadic": {"lam": 0.8, "steps": 500},
    "dyadic-skew": {"steps": 500},
    "dyadic-two-phase": {"steps": 500},
    "dyadic-arbitrary": {"steps": 2000},
    "prox": {"steps": 2000},
    "lrrn": {"steps": 4000},
}


@pytest.mark.parametrize("name", RELAXED)
def test_weakly_nudged_rules_descend_the_loss_of_what_they_predict(name: str) -> None:
    """Where prediction is a relaxation, backpropagation goes through it, step by step."""
    rule = make_rule(name, **WEAK, **RELAXED[name])
    network = rule.build((6, 7, 4) if name == "dyadic-arbitrary" else (6, 9, 8, 4), seed=1).double()
    layers = check_gradient(network, rule, problem()[1])
    assert worst_angle(layers) < 2e-3
    assert all(layer.ratio == pytest.approx(1.0, abs=1e-4) for layer in layers)


def test_a_rule_with_few_valued_weights_is_judged_by_these() -> None:
    """The straight-through estimator hands the gradient at the levels on as it is."""
    rule = make_rule("ste+backprop")
    network, batch = mlp((6, 9, 8, 4), start="uniform").double(), problem()[1]
    assert worst_angle(check_gradient(network, rule, batch)) == 0
    at_levels = copy.deepcopy(network)
    with torch.no_grad(), rule.inferring(network):
        for k in (1, 2, 3):
            at_levels.connection(k).weight.copy_(network.connection(k).weight)
    found, expected = measure(network, rule, batch), measure(at_levels, make_rule("backprop"), batch)
    assert (found["lipschitz"], found["saturation"]) == (expected["lipschitz"], expected["saturation"])
    assert found["lipschitz"] != measure(network, make_rule("backprop"), batch)["lipschitz"]


def test_random_feedback_is_worst_at_the_bottom_and_exact_at_the_top() -> None:
    network, batch = problem("random")
    layers = check_gradient(network, DualPropagation(beta=1e-6), batch)
    assert worst_angle(layers) == max(layer.angle for layer in layers) > 20
    assert layers[-1].angle < 1e-4


def test_weights_that_a_rule_leaves_alone_are_at_right_angles_with_ratio_0() -> None:
    network, batch = problem()
    for layer in check_gradient(network, Altered(torch.zeros_like), batch):
        assert (layer.angle, layer.cosine, layer.ratio) == (90.0, 0.0, 0.0)


def test_a_gradient_of_zero_has_no_direction() -> None:
    network, batch = problem()
    with pytest.raises(RangeError, match="into layer 1 is zero"):
        check_gradient(network, DualPropagation(), batch._replace(y=network(batch.x).detach()))


def test_a_rule_without_a_loss_cannot_be_compared() -> None:
    network, batch = problem()
    with pytest.raises(RangeError, match="ff trains no output"):
        check_gradient(network, make_rule("ff"), batch)


def test_comparing_changes_neither_network_nor_rule() -> None:
    network, batch = problem()
    rule = make_rule("dp", order="random", iterations=5)
    before = {name: p.clone() for name, p in network.named_parameters()}
    first = check_gradient(network, rule, batch)
    assert check_gradient(network, rule, batch) == first
    assert all(torch.equal(before[name], p) for name, p in network.named_parameters())
