"""Calibration: a function of sums over samples and neurons, with which tables of features are learned as well as in batches."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.datasets import make_classification

from neuromorph.arithmetic.fixed import FIXED
from neuromorph.data import Dataset, load
from neuromorph.engine.online import predict
from neuromorph.errors import DataError, RangeError
from neuromorph.laws.products.plasticity import make_product_term
from neuromorph.laws.products.rule import rate_of, read_rule
from neuromorph.networks.dyadic_mlp.calibration import DEVIATION, DRIVE, WEIGHT, HealthWarning, calibrated
from neuromorph.networks.dyadic_mlp.network import DyadicMLP
from neuromorph.networks.dyadic_mlp.recipe import DIGITS, DIGITS_DEEP, GENERAL, MNIST, MNIST_DEEP, Recipe, recipe_for
from neuromorph.networks.dyadic_mlp.wiring import learning_rule
from neuromorph.program import Array, Population

X, Y = make_classification(2000, 16, n_informative=10, n_classes=4, random_state=0)
LOW, HIGH = X[:1600].min(0), X[:1600].max(0)
BYTES = np.clip(255 * (X - LOW) / (HIGH - LOW), 0, 255).astype(np.uint8)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Array], Array, np.random.Generator]:
    """First weights of a network and payloads of 0..126, so that they can be doubled; and draws for the test."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.integers(1, 9), min_size=3, max_size=4))
    weights = [2 * rng.integers(-127, 128, (post, pre)) for pre, post in pairwise(sizes)]
    payloads = 2 * rng.integers(0, draw(st.integers(2, 64)), (draw(st.integers(2, 30)), sizes[0]))
    first = payloads @ weights[0].T
    assume((first != first[0]).any())
    return weights, payloads, rng


def found(weights: list[Array], payloads: Array) -> Recipe:
    try:
        return calibrated(weights, payloads, GENERAL)
    except RangeError:  # of a layer above that happens to be silent
        assume(False)
        raise


@given(cases())
def test_the_order_of_samples_and_inputs_does_not_matter(case: tuple[list[Array], Array, np.random.Generator]) -> None:
    weights, payloads, rng = case
    recipe = found(weights, payloads)
    assert calibrated(weights, payloads[rng.permutation(len(payloads))], GENERAL) == recipe
    inputs = rng.permutation(payloads.shape[1])
    assert calibrated([weights[0][:, inputs], *weights[1:]], payloads[:, inputs], GENERAL) == recipe


@given(cases())
def test_neurons_in_another_order_have_their_biases_in_that_order(
    case: tuple[list[Array], Array, np.random.Generator],
) -> None:
    weights, payloads, rng = case
    recipe = found(weights, payloads)
    order = rng.permutation(len(weights[0]))
    moved = calibrated([weights[0][order], weights[1][:, order], *weights[2:]], payloads, GENERAL)
    bias = (tuple(np.array(recipe.bias[0])[order].tolist()), *recipe.bias[1:])
    assert moved == replace(recipe, bias=bias)


@given(cases())
def test_payloads_twice_as_large_raise_the_first_shift_by_one_and_nothing_else(
    case: tuple[list[Array], Array, np.random.Generator],
) -> None:
    weights, payloads, _ = case
    recipe = found(weights, payloads)
    assume(recipe.shift[0] > 0)
    assert calibrated(weights, 2 * payloads, GENERAL) == replace(recipe, shift=(recipe.shift[0] + 1, *recipe.shift[1:]))


@pytest.mark.parametrize("layers", [(64, 40, 10), (64, 40, 24, 10)])
def test_drives_are_centred_and_as_wide_as_the_definitions_say(layers: tuple[int, ...]) -> None:
    images = load("digits").train_images[:500]
    network = DyadicMLP(layers, seed=3).calibrate(images)
    recipe, payloads = network.known_recipe, network.samples(images).astype(float)
    for weights, shift, bias in zip(network.forward_weights, recipe.shift, recipe.bias, strict=False):
        drive = payloads @ weights.T / 2**shift + bias
        assert np.abs(drive.mean(0)).max() <= 0.5
        assert DEVIATION / 2 < np.abs(drive - drive.mean(0)).mean() <= DEVIATION
        payloads = 2 * np.clip(np.floor(payloads @ weights.T / 2**shift + 0.5) + bias, 0, 127)
    size = WEIGHT * np.sqrt((payloads**2).sum(1).mean()) / 2**recipe.shift_out
    assert DRIVE / 2 < size <= DRIVE


@pytest.mark.parametrize("outputs", [2, 3, 10, 60])
def test_the_same_answer_for_all_has_errors_outside_the_margin(outputs: int) -> None:
    recipe = DyadicMLP((16, 8, outputs)).calibrate(X).known_recipe
    mean = recipe.target_off + (recipe.target_on - recipe.target_off) / outputs
    assert recipe.beta * (mean - recipe.target_off) >= recipe.margin


def test_recipes_that_were_found_stay_as_they_are() -> None:
    assert recipe_for("mnist", 1) == MNIST == Recipe()
    assert MNIST.as_dict() == {
        "shift": [12], "bias": [], "shift_out": 12, "shift_error": [7], "offset": 14, "target_on": 114, "target_off": 14,
        "alpha": 0.5, "beta": 0.5, "margin": 14, "limit": 63, "spread": 40.0, "spread_out": 2.0, "spread_random": 60.0,
        "exponent": -7, "exponent_feedback": -6, "decay": -7, "rate": 127, "rate_end": 12.0, "rate_shift": 4, "steps": None,
        "epochs": 24,
    }  # fmt: skip
    assert recipe_for("digits", 1) == DIGITS == Recipe(shift_out=11, decay=-6, rate_end=10.0, epochs=60)
    assert recipe_for("mnist", 2) == MNIST_DEEP
    assert recipe_for("digits", 2) == DIGITS_DEEP
    assert recipe_for("fashion-mnist", 1) is None


def test_a_recipe_with_biases_is_the_same_after_json() -> None:
    recipe = DyadicMLP((16, 8, 4)).calibrate(X).known_recipe
    assert len(recipe.bias[0]) == 8
    assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


def test_without_a_recipe_a_network_is_nothing_until_it_has_seen_data() -> None:
    network = DyadicMLP((16, 8, 4))
    for asked in (network.program, network.build, lambda: network.predict(BYTES), lambda: network.targets(Y)):
        with pytest.raises(RangeError, match=r"no recipe yet.*fit it, calibrate it"):
            asked()
    with pytest.raises(RangeError, match="15 values, the network 16 inputs"):
        network.fit(X[:, :15], Y)
    with pytest.raises(RangeError, match="the same drive from each of 5 samples"):
        network.calibrate(BYTES[[0] * 5])
    with pytest.raises(RangeError, match="no samples"):
        network.calibrate(BYTES[:0])
    assert network.recipe is None
    assert network.scaling is None


def test_the_first_fit_calibrates_and_the_next_goes_on() -> None:
    network = DyadicMLP((16, 8, 4), seed=1).fit(X[:200], Y[:200], 1)
    asked = DyadicMLP((16, 8, 4), seed=1).calibrate(X[:200])
    assert network.recipe == asked.recipe
    assert network.scaling == asked.scaling
    first = [w.copy() for w in network.forward_weights]
    network.fit(3 * X[:400], Y[:400], 1)
    assert network.recipe == asked.recipe
    assert not np.array_equal(network.forward_weights[0], first[0])


def test_a_recipe_that_is_given_stays_unless_its_owner_asks() -> None:
    own = replace(DIGITS, rate=90, margin=1)
    network = DyadicMLP((16, 8, 4), recipe=own).fit(BYTES[:50], Y[:50], 1)
    assert network.recipe == own
    recipe = network.calibrate(BYTES).known_recipe
    assert recipe.shift != own.shift
    assert (recipe.rate, recipe.margin, recipe.decay) == (90, 1, own.decay)


def test_features_of_both_signs_have_two_inputs() -> None:
    network = DyadicMLP((16, 8, 4)).calibrate(X)
    assert network.inputs == 32
    assert network.forward_weights[0].shape == (8, 32)
    positive, negative = np.split(network.samples(X), 2, axis=1)
    assert (np.minimum(positive, negative) == 0).all()
    assert network.run(X[:2])["presenter.s_out"].shape == (2 * network.steps, 32)
    with pytest.raises(DataError, match=r"uint8.*floats"):
        network.predict(BYTES)


def test_biases_reach_the_neurons() -> None:
    network = DyadicMLP((16, 8, 4)).calibrate(BYTES)
    program, recipe = network.program(learning=False), network.known_recipe
    hidden = program["hidden1"]
    assert isinstance(hidden, Population)
    np.testing.assert_array_equal(hidden.parameters["bias"], recipe.bias[0])
    samples = network.samples(BYTES[:100])
    drive = (samples @ network.forward_weights[0].T + (1 << recipe.shift[0] >> 1)) >> recipe.shift[0]
    payloads = 2 * np.clip(drive + recipe.bias[0], 0, 127)
    expected = np.argmax(payloads @ network.forward_weights[1].T, axis=1)
    np.testing.assert_array_equal(predict(program, samples), expected)


@pytest.mark.needs("lava")
def test_a_calibrated_network_has_the_bits_of_lava_while_it_learns() -> None:
    from neuromorph.processes.equivalence.check import check_bits

    network = DyadicMLP((16, 9, 7, 4)).calibrate(X)
    assert check_bits(network.build(X[:9], Y[:9]).readout, 60).first_difference is None


@pytest.mark.parametrize("exponent", [GENERAL.exponent, GENERAL.exponent_feedback])
def test_without_decay_weights_do_not_drift_where_errors_of_both_signs_are_as_frequent(exponent: int) -> None:
    """A product is floored; without something against it, the mean change of a weight is half an accumulator's step, downward."""
    rng = np.random.default_rng(0)
    seen = {"x1": rng.integers(0, 128, 400_000), "y1": rng.integers(1, 128, 400_000), "y3": rng.integers(1, 128, 400_000)}
    seen["y2"] = np.arange(400_000) % 2
    term, wanted, change = make_product_term(FIXED), 0.0, 0.0
    for product in read_rule(learning_rule(exponent, None)).products:
        value = product.mantissa * np.prod([seen[f.variable] + f.constant for f in product.factors], axis=0)
        change += term(value, product.shift, product.exponent).mean() / 128
        wanted += rate_of(product) * value.mean() if product.shift else 0.0
    assert change == pytest.approx(wanted, abs=2.0**exponent / 16)


def test_neurons_that_tell_nothing_are_told() -> None:
    with pytest.warns(HealthWarning, match=r"hidden1: 4\d % of neurons silent, 0 % saturated"):
        DyadicMLP((16, 64, 4), recipe=MNIST).fit(BYTES, Y, 1)
    with pytest.warns(HealthWarning, match=r"hidden1: \d+ % of neurons silent, [3-9]\d % saturated"):
        DyadicMLP((16, 64, 4), recipe=replace(MNIST, shift=(3,))).fit(BYTES, Y, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not any(layer.is_ill for layer in DyadicMLP((16, 64, 4)).calibrate(BYTES).health(BYTES))


@pytest.mark.needs("torch")
@pytest.mark.parametrize("samples", [X, BYTES], ids=["floats", "bytes"])
def test_a_table_is_learned_within_five_points_of_dual_propagation_in_batches(samples: Array) -> None:
    from neuromorph.learning.registry import make_rule
    from neuromorph.learning.training.trainer import Trainer

    rule, layers = make_rule("dp"), (16, 64, 4)
    data = Dataset.from_arrays(samples[:1600], Y[:1600], x_test=samples[1600:], y_test=Y[1600:])
    trainer = Trainer(rule.build(layers), rule, data, validation=0, device="cpu")
    trainer.fit()
    ours = DyadicMLP(layers).fit(samples[:1600], Y[:1600], 30).evaluate(samples[1600:], Y[1600:])
    assert trainer.test_accuracy() > 0.6
    assert ours > trainer.test_accuracy() - 0.05
