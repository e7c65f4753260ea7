"""DyadicMLP: what it wires, what it learns, and that it does so bit for bit as Lava does."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from neuromorph.data import load
from neuromorph.engine.online import OnlineTraining, predict
from neuromorph.errors import DataError, RangeError
from neuromorph.networks.dyadic_mlp.network import DyadicMLP
from neuromorph.networks.dyadic_mlp.recipe import Recipe, recipe_for
from neuromorph.processes.equivalence.check import check_bits
from neuromorph.program import Synapse

DIGITS = load("digits")
LIVELY = Recipe(shift=(9,), spread=60.0, spread_out=30.0, margin=2)
"""Many errors from the first sample on, so that every path is busy."""


def trained(epochs: int, **arguments: object) -> DyadicMLP:
    network = DyadicMLP([64, 32, 10], recipe=recipe_for("digits", 1), **arguments)  # type: ignore[arg-type]
    return network.fit(DIGITS.train_images[:300], DIGITS.train_labels[:300], epochs)


@pytest.mark.parametrize("layers", [(64, 16, 10), (64, 16, 12, 10)])
@pytest.mark.parametrize("feedback", ["learned", "random", "tied"])
def test_the_graph_has_the_bits_of_lava_while_it_learns(layers: tuple[int, ...], feedback: str) -> None:
    network = DyadicMLP(layers, feedback=feedback, seed=1, recipe=LIVELY)
    graph = network.build(DIGITS.train_images[:9], DIGITS.train_labels[:9], rate_interval=3)
    check = check_bits(graph.readout, 60)
    assert check.first_difference is None
    assert check.variables > 30


@pytest.mark.lava
def test_the_graph_has_the_bits_of_lavas_runtime() -> None:
    network = DyadicMLP([64, 16, 10], seed=2, recipe=LIVELY)
    graph = network.build(DIGITS.train_images[:9], DIGITS.train_labels[:9])
    assert check_bits(graph.readout, 50, runtime=True, time_limit=60.0).first_difference is None


def test_learned_feedback_starts_elsewhere_and_aligns() -> None:
    network = DyadicMLP([64, 128, 10], recipe=recipe_for("digits", 1))
    assert abs(network.alignment()[0]) < 0.1
    network.fit(DIGITS.train_images, DIGITS.train_labels, 3)
    assert network.alignment()[0] > 0.8


@pytest.mark.parametrize(
    ("layers", "feedback"), [((64, 64, 10), "learned"), ((64, 64, 10), "random"), ((64, 64, 32, 10), "learned")]
)
def test_it_learns_digits(layers: tuple[int, ...], feedback: str) -> None:
    network = DyadicMLP(layers, feedback=feedback, recipe=recipe_for("digits", len(layers) - 2))
    network.fit(DIGITS.train_images, DIGITS.train_labels, 15)
    assert network.evaluate(DIGITS.test_images, DIGITS.test_labels) > 0.93
    assert all(np.abs(w).max() <= 256 for w in network.forward_weights + network.feedback_weights)


def test_a_seed_repeats_bit_for_bit_and_another_does_not() -> None:
    first, again, other = trained(2), trained(2), trained(2, seed=1)
    for a, b in zip(first.forward_weights, again.forward_weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.forward_weights[0], other.forward_weights[0])


@pytest.mark.parametrize("stop", [1, 777, 1800, 4001])
def test_a_resumed_training_makes_the_bits_of_one_that_never_stopped(stop: int) -> None:
    network = DyadicMLP([64, 24, 10], recipe=LIVELY)

    def training(start: object = None) -> OnlineTraining:
        return network.training(DIGITS.train_images[:300], DIGITS.train_labels[:300], 3, start)  # type: ignore[arg-type]

    whole, part = training(), training()
    for _ in range(3):
        whole.run_epoch()
    while part.engine.step < stop:  # stop in the middle of an epoch, as Ctrl-C does
        part.engine.set("presenter", "order", part.order(part.epoch))
        part.engine.run(min(stop - part.engine.step, (part.epoch + 1) * 1800 - part.engine.step))
    resumed = training(part.snapshot())
    while resumed.epoch < 3:
        resumed.run_epoch()
    ours, theirs = resumed.snapshot(), whole.snapshot()
    for synapse in ours.synapses:
        other = theirs[synapse.name]
        assert isinstance(other, Synapse)
        np.testing.assert_array_equal(synapse.weights, other.weights)


def test_ctrl_c_keeps_the_weights_of_the_last_finished_epoch() -> None:
    images, labels = DIGITS.train_images[:300], DIGITS.train_labels[:300]
    network, shown = DyadicMLP([64, 32, 10], recipe=recipe_for("digits", 1)), list[int]()
    training = network.training(images, labels, 2)
    training.run_epoch()
    finished = training.snapshot()

    def stop_in_the_second_epoch(samples: int) -> None:
        shown.append(samples)
        if sum(shown) > 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        network.fit(images, labels, 2, progress=stop_in_the_second_epoch)
    for ours, name in ((network.forward_weights[0], "forward1"), (network.feedback_weights[0], "feedback1")):
        synapse = finished[name]
        assert isinstance(synapse, Synapse)
        np.testing.assert_array_equal(ours, synapse.weights)


def test_networks_are_equal_by_what_they_hold() -> None:
    one, same, other = (DyadicMLP([4, 3, 2], seed=seed, recipe=LIVELY) for seed in (1, 1, 2))
    assert one == same != other
    same.forward_weights[0][0, 0] += 2
    assert one != same


@pytest.mark.parametrize("layers", [64, "64-64-10", [64, True, 10], [64, 10.0, 10], None])
def test_layers_are_a_list_of_whole_numbers(layers: object) -> None:
    with pytest.raises(RangeError, match=re.escape(f"layers = {layers!r}: give at least three positive sizes")):
        DyadicMLP(layers, 64, 10)  # type: ignore[arg-type]


def test_it_is_told_in_a_line() -> None:
    assert repr(DyadicMLP([64, 32, 10])) == "<DyadicMLP 64-32-10, learned feedback, seed 0, no recipe yet>"
    assert (
        repr(DyadicMLP([64, 32, 10], recipe=Recipe(), feedback="tied", seed=3))
        == "<DyadicMLP 64-32-10, tied feedback, seed 3>"
    )


def test_the_program_keeps_the_low_bit_of_trained_weights() -> None:
    network = trained(1)
    assert any((w & 1).any() for w in network.forward_weights)
    program = network.program()
    for k, weights in enumerate(network.forward_weights):
        synapse = program[f"forward{k + 1}"]
        assert isinstance(synapse, Synapse)
        np.testing.assert_array_equal(synapse.weights, weights)


def test_prediction_is_the_forward_pass_and_moves_no_weight() -> None:
    network = trained(2)
    samples = network.samples(DIGITS.test_images[:50])
    drive = samples @ network.forward_weights[0].T
    mean = np.clip((drive + (1 << 11)) >> 12, 0, 127)
    expected = np.argmax(2 * mean @ network.forward_weights[1].T, axis=1)
    before = [w.copy() for w in network.forward_weights]
    np.testing.assert_array_equal(predict(network.program(), samples), expected)
    np.testing.assert_array_equal(network.predict(DIGITS.test_images[:50]), expected)
    for a, b in zip(before, network.forward_weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_errors_flow_only_where_there_are_targets() -> None:
    network = DyadicMLP([64, 16, 10], recipe=LIVELY)
    free = network.run(DIGITS.test_images[:3])
    nudged = network.run(DIGITS.test_images[:3], DIGITS.test_labels[:3])
    assert not any(free[port].any() for port in free if port.endswith("s_error"))
    assert all(nudged[port].any() for port in nudged if port.endswith("s_error"))
    assert free["hidden1.s_out"].shape == (3 * network.steps, 16)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"layers": [64, 10]}, "at least three positive sizes"),
        ({"layers": [64, 0, 10]}, "at least three positive sizes"),
        ({"layers": [64, 8, 10], "feedback": "mirror"}, "none of learned, random, tied"),
    ],
)
def test_impossible_networks_are_refused(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(RangeError, match=says):
        DyadicMLP(**arguments)  # type: ignore[arg-type]


def test_data_that_does_not_fit_is_refused() -> None:
    network = DyadicMLP([60, 8, 10], recipe=Recipe())
    with pytest.raises(RangeError, match="64 values, the network 60 inputs"):
        network.predict(DIGITS.test_images)
    with pytest.raises(DataError, match="a network of 10 outputs: labels go from 11 to 11"):
        network.targets(np.array([11]))


def test_labels_that_are_not_of_the_samples_are_refused_before_anything_is_done() -> None:
    network = DyadicMLP([64, 8, 10])
    images, labels = DIGITS.train_images[:9], DIGITS.train_labels[:8]
    with pytest.raises(DataError, match=r"^a network of 10 outputs: 9 samples and 8 labels; give as many of each"):
        network.fit(images, labels)
    assert network.recipe is None
    ready = DyadicMLP([64, 8, 10], recipe=Recipe())
    for use in (ready.fit, ready.program, ready.run, lambda *given: ready.training(*given, 1)):
        with pytest.raises(DataError, match=r"^a network of 10 outputs: 9 samples and 8 labels"):
            use(images, labels)


@pytest.mark.parametrize("epochs", [0, -3, 1.5, True])
def test_a_network_is_fitted_for_whole_epochs_and_one_at_least(epochs: Any) -> None:
    network = DyadicMLP([64, 8, 10])
    for use in (network.fit, DyadicMLP([64, 8, 10], recipe=Recipe()).training):
        with pytest.raises(RangeError, match=f"epochs = {epochs}: give a whole number, at least 1"):
            use(DIGITS.train_images[:9], DIGITS.train_labels[:9], epochs=epochs)
    assert network.recipe is None


def test_the_rate_falls_to_its_end() -> None:
    recipe = Recipe(rate=100, rate_end=10.0, rate_shift=4)
    falls = 9000 / recipe.rate_interval(9000)
    assert 100 * (1 - 2**-4) ** falls == pytest.approx(10, rel=0.05)
    assert Recipe(rate=10, rate_end=10.0).rate_interval(100) == 0
    assert Recipe.from_dict(recipe.as_dict()) == recipe
    with pytest.raises(RangeError, match="has no"):
        Recipe.from_dict({"speed": 3})
