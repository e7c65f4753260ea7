"""Norse as a judge: Lava's LIF and our dyads step for step, spike rates against activities, surrogate gradients."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from batched import settle
from lava.proc.lif.process import LIF as LavaLIF
from torch import Tensor
from wiring import drive

from neuromorph.data import load
from neuromorph.errors import RangeError
from neuromorph.judges.norse_models import LIF, IntegrateAndFire, LeakyDyads
from neuromorph.judges.norse_network import RateCoded, SurrogateGradient
from neuromorph.learning.network.connections import Convolution, Dense
from neuromorph.learning.network.network import Network, mlp
from neuromorph.learning.rule import Batch, Settings
from neuromorph.learning.rules.dual_propagation import DualPropagation
from neuromorph.learning.training.trainer import Trainer
from neuromorph.processes.dyads.process import Dyads

NEURONS, STEPS = 20, 150


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---- LIF and dyads, step for step


@pytest.mark.parametrize(("du", "dv"), [(0.2, 0.1), (0.9, 0.03), (0.0, 0.7), (1.0, 1.0), (0.015, 1e-3)])
def test_norse_spikes_with_lavas_lif_at_every_step(du: float, dv: float) -> None:
    """Decays, first states and biases of any size; states agree to rounding."""
    told = {"du": du, "dv": dv, "vth": 1.7}
    bias, u, v, a_in = 0.2 * draw(NEURONS), draw(NEURONS, seed=1), draw(NEURONS, seed=2), draw(STEPS, NEURONS, seed=3)
    process = LavaLIF(shape=(NEURONS,), bias_mant=bias.numpy(), u=u.numpy(), v=v.numpy(), **told)
    seen = drive(process, "floating_pt", a_in=a_in.numpy())
    norse = LIF(bias_mant=bias, u=u, v=v, **told)
    for t in range(STEPS):
        np.testing.assert_array_equal(norse.step(a_in[t]), seen["s_out"][t])
        np.testing.assert_allclose(norse.u, seen["u"][t], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(norse.v, seen["v"][t], rtol=1e-12, atol=1e-12)
    assert 0 < seen["s_out"].mean() < 1


@pytest.mark.parametrize(("du", "dv"), [(1.0, 1.0), (1.0, 0.5), (0.5, 0.25)])
def test_where_nothing_is_rounded_norse_is_lava_to_the_bit_and_on_the_threshold_too(du: float, dv: float) -> None:
    """Whole drives, decays that are powers of two, few steps; voltages meet the threshold exactly, and neither spikes there."""
    steps, neurons = 20, 200
    a_in = draw(steps, neurons).mul(6).round()
    seen = drive(LavaLIF(shape=(neurons,), du=du, dv=dv, vth=8), "floating_pt", a_in=a_in.numpy())
    norse = LIF(du=du, dv=dv, vth=8.0)
    for t in range(steps):
        np.testing.assert_array_equal(norse.step(a_in[t]), seen["s_out"][t])
        np.testing.assert_array_equal(norse.u, seen["u"][t])
        np.testing.assert_array_equal(norse.v, seen["v"][t])
    assert (seen["v"] == 8).any()


@pytest.mark.parametrize("variant", ["dp", "dp-transpose"])
@pytest.mark.parametrize("leak", [0, 1, 3])
@pytest.mark.parametrize("top", [127.0, math.inf])
def test_norse_leaks_as_our_dyads_do_at_every_step(variant: str, leak: int, top: float) -> None:
    alpha, a_in, arriving = 0.25, 100 * draw(STEPS, NEURONS), 40 * draw(STEPS, NEURONS, seed=1)
    dyads = Dyads(
        shape=(NEURONS,), leak=leak, top=top, alpha=alpha, variant=variant, limit=np.inf, bias=5, shift=1, shift_error=2
    )
    seen = drive(dyads, "floating_pt", a_in=a_in.numpy(), a_in_error=arriving.numpy())
    norse = LeakyDyads(eps=2.0**-leak, alpha=alpha, nudge=alpha if variant == "dp" else 1 - alpha, top=top)
    held = [torch.zeros(NEURONS, dtype=torch.float64)] * 2  # what came at the last even age and at the last odd one
    for t in range(STEPS):  # age counts from 0
        held[t % 2] = arriving[t]
        mean, delta = norse.step(a_in[t] / 2 + 5, (held[1] - held[0]) / 4)
        np.testing.assert_array_equal(norse.s_plus, seen["s_plus"][t])
        np.testing.assert_array_equal(norse.s_minus, seen["s_minus"][t])
        np.testing.assert_allclose(2 * mean, seen["s_out"][t], rtol=1e-12, atol=1e-12)
        even = t % 2 == 0
        np.testing.assert_allclose(2 * (delta if even else -delta).clamp(min=0), seen["s_error"][t], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("variant", "alpha"), [("dp", 0.5), ("dp-transpose", 0.0), ("dp-transpose", 0.75)])
def test_a_network_of_norse_dyads_settles_where_dual_propagation_does(variant: str, alpha: float) -> None:
    """All layers at once, each from what its neighbours sent one step before."""
    sizes, beta = (5, 7, 6, 3), 0.5
    weights = [draw(post, pre, seed=k) / math.sqrt(pre) for k, (pre, post) in enumerate(pairwise(sizes))]
    x, y = draw(4, 5, seed=7).abs(), draw(4, 3, seed=8)
    nudge = alpha if variant == "dp" else 1 - alpha
    layers = [LeakyDyads(eps=0.25, alpha=alpha, nudge=nudge) for _ in sizes[1:-1]]
    layers.append(LeakyDyads(eps=0.25, alpha=alpha, nudge=nudge, low=-math.inf))
    means, deltas = [x, *(x.new_zeros(4, n) for n in sizes[1:])], [x.new_zeros(4, n) for n in sizes]
    for _ in range(500):
        drives = [mean @ w.T for mean, w in zip(means, weights, strict=False)]
        errors = [delta @ w for delta, w in zip(deltas[2:], weights[1:], strict=True)] + [beta * (y - drives[-1])]
        for k, (dyads, a, error) in enumerate(zip(layers, drives, errors, strict=True), 1):
            means[k], deltas[k] = dyads.step(a, error)
    expected = settle(weights, x, y, beta=beta, alpha=alpha, variant=variant)
    for k, dyads in enumerate(layers, 1):
        torch.testing.assert_close(dyads.s_plus, expected.plus[k], rtol=0, atol=1e-12)
        torch.testing.assert_close(dyads.s_minus, expected.minus[k], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (lambda: LIF(du=0.1, dv=0.0, vth=1), "dv = 0.0 .* comes in through the leak"),
        (lambda: LIF(du=0.1, dv=1.5, vth=1), "dv = 1.5"),
        (lambda: LIF(du=-0.1, dv=0.5, vth=1), "du = -0.1 is outside"),
        (lambda: LeakyDyads(eps=0.0), "eps = 0.0"),
        (lambda: LeakyDyads(eps=0.5, alpha=2.0), "alpha = 2.0"),
        (lambda: LeakyDyads(eps=0.5, nudge=-1.0), "nudge = -1.0"),
        (lambda: IntegrateAndFire(0.0), "vth = 0.0"),
        (lambda: IntegrateAndFire(1.0, "soft"), "unknown reset 'soft'; known are subtract, value"),
        (lambda: SurrogateGradient(dv=0.0), "dv = 0.0"),
        (lambda: SurrogateGradient(du=2.0), "du = 2.0"),
        (lambda: SurrogateGradient(steps=0), "steps = 0"),
        (lambda: RateCoded(mlp((2, 3, 1), hidden="hard-sigmoid"), [1.0]), "hidden layers are others"),
        (lambda: RateCoded(mlp((2, 3, 1)), []), "one above 0 for each of 1"),
        (lambda: RateCoded(mlp((2, 3, 1)), [0.0]), "one above 0 for each of 1"),
        (lambda: RateCoded(pooling(), [1.0]), "connection 1 pools"),
        (lambda: SurrogateGradient().fits(mlp((2, 3, 1), output="relu")), "a linear output"),
    ],
)
def test_what_norse_has_no_unit_for_is_refused_in_one_line(made, complaint: str) -> None:
    with pytest.raises(RangeError, match=complaint) as caught:
        made()
    assert "\n" not in str(caught.value)


def pooling() -> Network:
    generator = torch.Generator().manual_seed(0)
    return Network([Convolution((1, 4, 4), 2, True, "lecun", generator), Dense((2, 2, 2), 3, "lecun", generator)])


# ---- rates


def test_a_count_of_spikes_is_the_rounded_integral_of_its_current() -> None:
    """At every step of any drive between 0 and the threshold."""
    vth, current = 0.7, 0.7 * draw(400, NEURONS).sigmoid()
    neuron, count, integral = IntegrateAndFire(vth), torch.zeros(NEURONS), torch.zeros(NEURONS, dtype=torch.float64)
    for x in current:
        count, integral = count + neuron.step(x), integral + x
        assert (vth * count - integral).abs().max() <= vth / 2 + 1e-12


def test_a_reset_to_a_value_forgets_what_lay_above_the_threshold() -> None:
    """Its rate is 1 / (floor(vth / x) + 1), however long it is counted: the closed form, 30 % below x at the worst here."""
    vth, x, steps = 1.0, torch.linspace(0.07, 0.97, NEURONS, dtype=torch.float64), 4000
    neuron, count = IntegrateAndFire(vth, "value"), torch.zeros(NEURONS)
    for _ in range(steps):
        count += neuron.step(x)
    expected = 1 / ((vth / x).floor() + 1)
    torch.testing.assert_close(count.double() / steps, expected, rtol=0, atol=1 / steps)
    assert (x - expected).max() > 0.3


def rate_problem(seed: int) -> tuple[RateCoded, Tensor, list[Tensor]]:
    """A network in spikes, samples, and its activities s_1..s_L."""
    network = mlp((6, 12, 10, 4), seed=seed).double()
    for k in range(1, 4):
        network.connection(k).bias.data = 0.3 * draw(len(network.connection(k).bias), seed=seed + k)
    x, states = draw(8, 6, seed=seed), []
    s = x
    with torch.no_grad():
        for k in range(1, 4):
            s = network.activate(k, network.connection(k).up(s))
            states.append(s)
    return RateCoded.calibrated(network, x), x, states


@pytest.mark.parametrize("seed", range(5))
def test_spike_rates_stay_within_the_bound_of_the_activities(seed: int) -> None:
    """|theta N / T - s_k| <= D_k / T in every layer, after every number of steps."""
    coded, x, states = rate_problem(seed)
    lengths = [*range(1, 40), 100, 400, 1600]
    rows = [float(coded.network.connection(k).weight.detach().abs().sum(1).max()) for k in range(1, 4)]
    first = coded.thresholds[0] / 2
    second = 2 * rows[1] * first + coded.thresholds[1] / 2
    bounds = [first, second, rows[2] * second]
    for steps, found in zip(lengths, coded.present(x, lengths), strict=True):
        for estimate, state, bound in zip(found, states, bounds, strict=True):
            assert (estimate - state).abs().max() <= bound / steps + 1e-12


def test_spike_rates_approach_the_activities_like_1_over_t_and_with_the_wrong_reset_do_not() -> None:
    coded, x, states = rate_problem(0)
    hard = RateCoded(coded.network, coded.thresholds, "value")
    lengths = [2**k for k in range(3, 13)]

    def errors(body: RateCoded) -> list[float]:
        return [math.log2(float((found[-1] - states[-1]).abs().mean())) for found in body.present(x, lengths)]

    slope = np.polyfit(range(3, 13), errors(coded), 1)[0]
    assert slope == pytest.approx(-1, abs=0.15)
    assert np.polyfit(range(3, 13), errors(hard), 1)[0] > -0.3


def test_on_digits_the_spikes_of_a_network_trained_by_dual_propagation_say_what_it_says() -> None:
    data, rule = load("digits"), DualPropagation()
    trainer = Trainer(rule.build((64, 64, 64, 10)), rule, data, Settings(batch=32, epochs=12), validation=0)
    trainer.fit()
    train, x = (torch.from_numpy(images).flatten(1) / 255 for images in (data.train_images, data.test_images))
    labels, lengths = torch.from_numpy(data.test_labels), [1, 4, 16, 64, 256]
    found = [states[-1] for states in RateCoded.calibrated(trainer.network, train).present(x, lengths)]
    right = [float((scores.argmax(1) == labels).double().mean()) for scores in found]
    assert trainer.test_accuracy() > 0.95
    assert right[0] < right[1] < right[2]
    assert abs(right[-1] - trainer.test_accuracy()) <= 0.01
    with torch.no_grad():
        said = trainer.network(x)
    distances = [float((scores - said).abs().mean()) for scores in found]
    assert all(later < 0.5 * earlier for earlier, later in pairwise(distances[1:]))


# ---- surrogate gradients


def batch_of(network: Network, seed: int = 0) -> Batch:
    pre, classes = network.connection(1).pre[0], network.connection(network.depth).post[0]
    y = torch.eye(classes, dtype=torch.float64)[torch.arange(6) % classes]
    return Batch(draw(6, pre, seed=seed), y, torch.arange(6))


def test_the_readout_learns_by_the_true_gradient() -> None:
    """Spikes do not depend on the last weights, so no surrogate enters: finite differences of the loss, through all steps."""
    network, rule = mlp((5, 8, 3)).double(), SurrogateGradient(steps=9, du=0.3, dv=0.2)
    batch = batch_of(network)
    update = rule.step(network, batch).updates["connections.1.weight"]
    weight = network.connection(2).weight.data

    def loss() -> float:
        with torch.no_grad():
            return float(-(batch.y * rule.predict(network, batch.x).log_softmax(1)).sum(1).mean())

    step = 1e-6
    for place in [(0, 0), (1, 3), (2, 7)]:
        values = []
        for sign in (1, -1):
            weight[place] += sign * step
            values.append(loss())
            weight[place] -= sign * step
        assert -float(update[place]) == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-8)
    assert update.abs().max() > 1e-3


def test_hidden_weights_learn_through_superspike() -> None:
    """One step in closed form: dW_1 = dv (W_2^T g) / (1 + |v - vth|)^2 x^T, with minus the loss's gradient g."""
    network, rule = mlp((5, 8, 3)).double(), SurrogateGradient(steps=1, du=1.0, dv=0.4, vth=0.3)
    batch = batch_of(network)
    x, y = batch.x, batch.y
    with torch.no_grad():
        voltage = network.connection(1).up(x)
        spikes = (voltage > 0.3).double()
        scores = 0.4 * network.connection(2).up(spikes)
        error = y - scores.softmax(1)
        hidden = 0.4 * (error @ network.connection(2).weight) / (1 + (voltage - 0.3).abs()) ** 2
    outcome = rule.step(network, batch)
    torch.testing.assert_close(outcome.output, scores)
    torch.testing.assert_close(outcome.updates["connections.0.weight"], hidden.T @ x / 6)
    torch.testing.assert_close(outcome.updates["connections.1.weight"], 0.4 * error.T @ spikes / 6)


def test_a_score_is_the_largest_voltage_so_far() -> None:
    """More steps never lower it; and somewhere the voltage has fallen since, so that it stays."""
    network = mlp((5, 8, 3)).double()
    x = batch_of(network).x
    with torch.no_grad():
        scores = torch.stack([SurrogateGradient(steps=t).predict(network, x) for t in range(1, 12)])
    assert (scores.diff(dim=0) >= 0).all()
    assert (scores.diff(dim=0) == 0).any()
    assert (scores.diff(dim=0) > 0).any()


def test_a_spiking_network_trained_with_surrogate_gradients_reads_digits() -> None:
    rule = SurrogateGradient()
    trainer = Trainer(rule.build((64, 128, 10)), rule, load("digits"), Settings(rate=5e-3, batch=32, epochs=6), validation=0)
    trainer.fit()
    assert trainer.test_accuracy() > 0.93
