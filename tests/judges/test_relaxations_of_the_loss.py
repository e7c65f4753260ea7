"""Propositions 4.1 and 4.2 of Two Tales: what dyads and phases minimise, J^A (AROVR) and J^S (SPROVR), against the loss.

With s* = argmin E, abar = 1 - alpha, and m(b) = min_s E(s) + b loss(s), taken by the phase of strength b of equilibrium propagation::

    J^A = min_(s+) max_(s-) alpha loss(s+) + abar loss(s-) + (E(s+) - E(s-)) / beta = (m(alpha beta) - m(-abar beta)) / beta
    J^S = min_(s+) max_(s-) loss(alpha s+ + abar s-) + (E(s+) - E(s-)) / beta

m' = phi(b) = loss(s_b) never grows with b, and J^A is its mean over -abar beta..alpha beta: all propositions follow. They need global
minima, of a network whose energy is convex, or of a rugged function on a grid.

Dual propagation solves AROVR at its output (exact nudging) and SPROVR in every hidden layer.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from relaxing import energy, problem, relaxing
from settling import descent, draw
from torch import Tensor, nn

from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network, mlp
from neuromorph.learning.registry import make_rule
from neuromorph.learning.relaxing.relaxation import RelaxationRule
from neuromorph.learning.rule import Batch
from neuromorph.learning.rules.dual_propagation import Compartments, DualPropagation

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=25)
PHASES = {"eps": 1.0, "order": "odd-even", "free_steps": 60, "nudged_steps": 60}
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
ROUNDING = 1e-11

loss = make_loss("squared").value


class Program(NamedTuple):
    """`least`: m(b) and phi(b), one number a sample. `most`: the largest beta for which minima are global."""

    least: Callable[[float], tuple[Tensor, Tensor]]
    most: float

    def arovr(self, alpha: float, beta: float) -> Tensor:
        """J^A."""
        return (self.least(alpha * beta)[0] - self.least((alpha - 1) * beta)[0]) / beta


def phases(rule: RelaxationRule, network: Network, batch: Batch, most: float) -> Program:
    """Minima by the relaxation of a rule, from zero."""

    def least(strength: float) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            clamp = rule.clamp(network, batch)
            states = rule.phase(network, clamp, strength, rule.rest(network, clamp, 0.0), rule.free_steps).states
            at_output = loss(states[-1], batch.y)
            return energy(network, states) + strength * at_output, at_output

    return Program(least, most)


def convex(seed: int) -> Program:
    """Hard sigmoids, some of them at their ends. |W_2| = |W_3| = 0.3: the curvature of E - beta loss is at least 1 - 0.6 - beta."""
    rule = relaxing("ep", **PHASES)
    network, batch = problem(rule)
    for k in range(1, network.depth + 1):
        weight, bias = (
            draw(*network.connection(k).weight.shape, seed=seed + k),
            draw(network.connection(k).post[0], seed=seed),
        )
        network.connection(k).weight = nn.Parameter(weight if k == 1 else 0.3 * weight / torch.linalg.matrix_norm(weight, 2))
        network.connection(k).bias = nn.Parameter(0.5 + 0.3 * bias)
    return phases(rule, network, batch, most=0.35)


def rugged() -> Program:
    """loss = 1 + sin 1.3 s, E = (s - 0.7)^2 / 2, whose sum has many minima: the least on a grid."""
    s = torch.linspace(-20, 20, 40_001, dtype=torch.float64)
    value, e = 1 + torch.sin(1.3 * s), (s - 0.7).square() / 2

    def least(strength: float) -> tuple[Tensor, Tensor]:
        found = (e + strength * value).argmin()
        return (e + strength * value)[found], value[found]

    return Program(least, most=5.0)


programs = st.one_of(st.integers(0, 10_000).map(convex), st.just(rugged()))
shares = st.floats(0, 1)
sizes = st.floats(0.02, 1)


@REPEATABLE
@given(programs, shares, shares, sizes)
def test_the_more_weight_on_s_plus_the_smaller_the_objective(
    program: Program, alpha: float, other: float, size: float
) -> None:
    """Proposition 4.1 (a): alpha <= alpha' => J^A at alpha >= J^A at alpha'."""
    low, high = sorted((alpha, other))
    beta = size * program.most
    assert (program.arovr(low, beta) >= program.arovr(high, beta) - ROUNDING).all()


@REPEATABLE
@given(programs, shares, sizes, sizes)
def test_stronger_nudging_makes_beta_times_the_objective_larger(
    program: Program, alpha: float, size: float, other: float
) -> None:
    """Proposition 4.1 (b), for a loss >= 0: beta J^A grows with beta; J^A falls at alpha = 1 and grows at alpha = 0."""
    low, high = (program.most * part for part in sorted((size, other)))
    assert (high * program.arovr(alpha, high) >= low * program.arovr(alpha, low) - ROUNDING).all()
    assert (program.arovr(1, high) <= program.arovr(1, low) + ROUNDING).all()
    assert (program.arovr(0, high) >= program.arovr(0, low) - ROUNDING).all()


@REPEATABLE
@given(programs, shares, sizes, sizes)
def test_with_the_same_attack_stronger_nudging_makes_the_objective_smaller(
    program: Program, share: float, size: float, other: float
) -> None:
    """Proposition 4.2: abar beta = abar' beta' and beta <= beta' => J^A at alpha, beta >= J^A at alpha', beta'."""
    low, high = (program.most * part for part in sorted((size, other)))
    attack = share * low
    assert (program.arovr(1 - attack / low, low) >= program.arovr(1 - attack / high, high) - ROUNDING).all()


@REPEATABLE
@given(programs, sizes)
def test_the_loss_lies_between_the_objectives_at_the_ends_of_alpha(program: Program, size: float) -> None:
    """J^A at alpha = 1 <= loss(s*) <= J^A at alpha = 0."""
    beta, free = size * program.most, program.least(0)[1]
    assert (program.arovr(1, beta) <= free + ROUNDING).all()
    assert (program.arovr(0, beta) >= free - ROUNDING).all()


@settings(REPEATABLE, max_examples=6)
@given(programs, shares, sizes)
def test_the_objective_is_the_mean_of_losses_that_never_grow_with_the_nudge(
    program: Program, alpha: float, size: float
) -> None:
    """J^A = mean of phi over -abar beta..alpha beta: between the sums of its least and of its greatest values on 20 intervals."""
    beta = size * program.most
    nudges = torch.linspace((alpha - 1) * beta, alpha * beta, 21, dtype=torch.float64).tolist()
    phi = torch.stack([program.least(nudge)[1] for nudge in nudges])
    assert (phi.diff(dim=0) <= ROUNDING).all()
    objective = program.arovr(alpha, beta)
    assert (phi[1:].mean(0) <= objective + ROUNDING).all()
    assert (objective <= phi[:-1].mean(0) + ROUNDING).all()


@pytest.mark.parametrize("alpha", ALPHAS)
def test_between_the_bends_of_its_units_a_network_has_the_integral_to_all_digits(alpha: float) -> None:
    """J^A is the mean of phi, by Gauss's quadrature; and its ends lie apart from the loss."""
    rule = relaxing("ep", **PHASES)
    program, beta = phases(rule, *problem(rule), most=0.05), 0.05
    places, weights = np.polynomial.legendre.leggauss(4)
    mean = sum(
        weight / 2 * program.least(beta * (alpha - 0.5 + at / 2))[1] for at, weight in zip(places, weights, strict=True)
    )
    torch.testing.assert_close(program.arovr(alpha, beta), mean, rtol=0, atol=1e-11)
    assert (program.arovr(0, beta) > program.least(0)[1] + 1e-4).all()
    assert (program.arovr(1, beta) < program.least(0)[1] - 1e-4).all()


@pytest.mark.parametrize(("nudge", "strength", "alpha"), [("positive", 0.2, 1), ("negative", 0.2, 0), ("centred", 0.1, 0.5)])
def test_updates_of_equilibrium_propagation_are_minus_the_gradient_of_the_objective(
    nudge: str, strength: float, alpha: float
) -> None:
    """At finite beta, for all three nudges: their phases are those of J^A at alpha = 1, 0 and 1/2."""
    beta, rule = 0.2, relaxing("ep", nudge=nudge, beta=strength, **PHASES)
    assert rule.strengths() == (alpha * beta, (alpha - 1) * beta)
    network, batch = problem(rule)
    program = phases(rule, network, batch, most=beta)
    with torch.no_grad():
        updates = rule.step(network, batch).updates
    for name, parameter in network.named_parameters():
        place = (1, 2)[: parameter.dim()]
        slope = descent(parameter, lambda: float(program.arovr(alpha, beta).mean()), place, 1e-4)
        assert updates[name][place].item() == pytest.approx(slope, abs=1e-8)
        assert abs(slope) > 1e-6


def inferred(network: Network, batch: Batch, alpha: float, beta: float) -> Compartments:
    """The dyads of dual propagation with exact nudging, at rest."""
    rule = make_rule("dp", alpha=alpha, beta=beta, nudging="exact", iterations=80)
    assert isinstance(rule, DualPropagation)
    with torch.no_grad():
        return rule.infer(network, batch)[0]


def saddle(network: Network, batch: Batch, alpha: float, beta: float) -> Tensor:
    """At rest: alpha loss(s_plus_L) + abar loss(s_minus_L) + sum_k (E_k(s_plus_k) - E_k(s_minus_k)) / beta, of each sample.

    E_k(s) = |s|^2 / 2 - s^T (W_k mean_(k-1) + b_k).
    """
    dyads = inferred(network, batch, alpha, beta)
    total = alpha * loss(dyads.plus[-1], batch.y) + (1 - alpha) * loss(dyads.minus[-1], batch.y)
    for k in range(1, network.depth + 1):
        drive = network.up(k, dyads.mean)
        for s, sign in ((dyads.plus[k], 1), (dyads.minus[k], -1)):
            total = total + sign / beta * (s * (s / 2 - drive)).sum(1)
    return total.detach()


def linear(weights: list[Tensor]) -> Network:
    """Without biases."""
    network = mlp([weights[0].shape[1], *map(len, weights)], hidden="linear").double()
    for k, weight in enumerate(weights, 1):
        network.connection(k).weight = nn.Parameter(weight)
    return network


class Square(NamedTuple):
    """loss = c/2 |s - y|^2, E = 1/2 |s - a|^2 with a = W x; as many outputs as inputs."""

    weight: Tensor
    x: Tensor
    y: Tensor
    c: float

    @classmethod
    def drawn(cls, seed: int, c: float) -> "Square":
        return cls(draw(3, 3, seed=seed), draw(2, 3, seed=seed + 1), draw(2, 3, seed=seed + 2), c)

    @property
    def free(self) -> Tensor:
        """The loss without nudging."""
        return self.c * loss(self.x @ self.weight.T, self.y)

    def arovr(self, alpha: float, beta: float) -> Tensor:
        """J^A, by one layer of dyads. Their loss has c = 1, so the problem is c times that at c beta."""
        batch = Batch(self.x, self.y, torch.arange(len(self.x)))
        return self.c * saddle(linear([self.weight]), batch, alpha, self.c * beta)

    def sprovr(self, alpha: float, beta: float) -> Tensor:
        """J^S, by a hidden layer of dyads: of a linear output layer above it remains, once its own saddle is taken,

        |w Q (s - y)|^2 / (2 (1 + alpha beta) (1 - abar beta)),  which is the loss for a rotation Q and w as here.
        """
        w = (self.c * (1 + alpha * beta) * (1 - (1 - alpha) * beta)) ** 0.5
        above = w * torch.linalg.qr(draw(len(self.weight), len(self.weight), seed=7))[0]
        batch = Batch(self.x, self.y @ above.T, torch.arange(len(self.x)))
        return saddle(linear([self.weight, above]), batch, alpha, beta)


@pytest.mark.parametrize(
    ("alpha", "arovr", "sprovr"),
    [
        (0.0, 1.5562, 1.5562), (0.25, 1.2612, 1.2261), (0.5, 1.0435, 1.0115), (0.75, 0.8780, 0.8609), (1.0, 0.7493, 0.7493)
    ],
)  # fmt: skip
def test_dyads_take_the_values_of_the_scalar_problem(alpha: float, arovr: float, sprovr: float) -> None:
    """c = 0.7, beta = 0.5, a - y = 1.7; figures of equations.md section 4."""
    one = torch.ones(1, 1, dtype=torch.float64)
    scalar = Square(2.1 * one, one, 0.4 * one, c=0.7)
    assert scalar.arovr(alpha, 0.5).item() == pytest.approx(arovr, abs=5e-5)
    assert scalar.sprovr(alpha, 0.5).item() == pytest.approx(sprovr, abs=5e-5)


squares = st.builds(Square.drawn, st.integers(0, 10_000), st.floats(0.1, 0.8))


@REPEATABLE
@given(squares, shares, st.floats(0.05, 0.8))
def test_dyads_take_the_values_of_the_closed_forms(square: Square, alpha: float, beta: float) -> None:
    """J^A = loss(s*) (alpha / (1 + c alpha beta) + abar / (1 - c abar beta)),  J^S = loss(s*) / (1 - c beta (1 - 2 alpha))."""
    strength = square.c * beta
    arovr = alpha / (1 + alpha * strength) + (1 - alpha) / (1 - (1 - alpha) * strength)
    torch.testing.assert_close(square.arovr(alpha, beta), square.free * arovr, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        square.sprovr(alpha, beta), square.free / (1 - strength * (1 - 2 * alpha)), rtol=1e-9, atol=1e-9
    )


@REPEATABLE
@given(squares, shares, st.floats(0.05, 0.8))
def test_for_a_convex_loss_the_saddle_of_the_mean_is_no_larger(square: Square, alpha: float, beta: float) -> None:
    """J^S <= J^A, equal at alpha = 0 and 1."""
    assert (square.sprovr(alpha, beta) <= square.arovr(alpha, beta) + 1e-9).all()
    for end in (0.0, 1.0):
        torch.testing.assert_close(square.sprovr(end, beta), square.arovr(end, beta), rtol=1e-9, atol=1e-9)


@REPEATABLE
@given(squares, st.floats(0.05, 0.8))
def test_a_hidden_dyad_with_equal_weights_has_no_bias(square: Square, beta: float) -> None:
    """J^S = loss(s*) at alpha = 1/2, whatever beta is; J^A is larger."""
    torch.testing.assert_close(square.sprovr(0.5, beta), square.free, rtol=1e-9, atol=1e-9)
    assert (square.arovr(0.5, beta) > square.free).all()


@REPEATABLE
@given(squares, shares, st.floats(0.05, 0.6))
def test_dyads_and_phases_take_the_same_value(square: Square, alpha: float, beta: float) -> None:
    """J^A of one linear layer, both at once or one after the other; phases know E but for |a|^2 / 2, which cancels."""
    rule, network = relaxing("ep", **PHASES), linear([square.weight])
    program = phases(rule, network, Batch(square.x, square.y, torch.arange(2)), most=beta)
    torch.testing.assert_close(program.arovr(alpha, beta), square._replace(c=1.0).arovr(alpha, beta), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_updates_of_dual_propagation_are_minus_the_gradient_of_its_saddle(alpha: float) -> None:
    """At finite beta and any alpha, through two hidden layers of ReLUs."""
    beta, network = 0.3, mlp((4, 6, 5, 3), seed=1).double()
    for k in range(2, network.depth + 1):
        network.connection(k).weight.data.mul_(0.6)
    batch = Batch(draw(5, 4, seed=1), draw(5, 3, seed=2), torch.arange(5))
    with torch.no_grad():
        updates = DualPropagation(beta=beta).plasticity(network, inferred(network, batch, alpha, beta))
    for name, parameter in network.named_parameters():
        place = (1, 2)[: parameter.dim()]
        slope = descent(parameter, lambda: float(saddle(network, batch, alpha, beta).mean()), place, 1e-5)
        assert updates[name][place].item() == pytest.approx(slope, abs=1e-7)
