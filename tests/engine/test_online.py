"""Training and prediction one sample at a time: what is shown when, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.data import load
from neuromorph.engine.engine import Engine
from neuromorph.engine.online import OnlineTraining, accuracy, predict, present
from neuromorph.errors import DataError, NeuromorphError, ProgramError, RangeError, SimulationError
from neuromorph.networks.dyadic_mlp.network import DyadicMLP
from neuromorph.networks.dyadic_mlp.recipe import Recipe
from neuromorph.program import Probe, Program

DIGITS = load("digits")
COUNT = 7


@pytest.fixture(scope="module")
def network() -> DyadicMLP:
    return DyadicMLP((64, 16, 10), seed=3).fit(DIGITS.train_images, DIGITS.train_labels, 1)


@pytest.fixture(scope="module")
def program(network: DyadicMLP) -> Program:
    return network.program(learning=False)


@pytest.fixture(scope="module")
def samples(network: DyadicMLP) -> np.ndarray:
    return network.samples(DIGITS.test_images)


def watched(program: Program, steps: int) -> Program:
    """With probes of everything that the presenter and the readout send."""
    ports = [("presenter", p) for p in ("s_out", "s_target", "s_phase")] + [("readout", "s_out"), ("readout", "s_error")]
    return replace(program, probes=tuple(Probe(f"{node} {port}", node, port, length=steps) for node, port in ports))


def recorded(engine: Engine) -> list[np.ndarray]:
    return [engine.get(probe.name, "data") for probe in engine.program.probes]


@pytest.mark.parametrize("steps", [1, 6, 6 * COUNT - 1, 6 * COUNT, 6 * COUNT + 5, 18 * COUNT])
def test_the_beginning_of_a_training_is_what_the_training_begins_with(steps: int) -> None:
    """So the first bits that are compared with Lava are those of this very training, also beyond its first epoch."""
    network = DyadicMLP((64, 16, 10), seed=5, recipe=Recipe(shift=(9,), spread=60.0, spread_out=30.0, margin=2))
    assert network.steps == 6
    whole = network.training(DIGITS.train_images[:COUNT], DIGITS.train_labels[:COUNT], 3)
    beginning = whole.beginning(steps)
    training = OnlineTraining(watched(whole.program, 18 * COUNT), whole.samples, whole.targets, whole.seed)
    for _ in range(3):
        training.run_epoch()
    alone = Engine(watched(beginning, steps))
    alone.run(steps)
    for found, wanted in zip(recorded(alone), recorded(training.engine), strict=True):
        assert wanted.any()
        np.testing.assert_array_equal(found, wanted[:steps])


def test_every_epoch_shows_all_samples_in_an_order_of_its_own(network: DyadicMLP) -> None:
    training = network.training(DIGITS.train_images[:COUNT], DIGITS.train_labels[:COUNT], 3)
    orders = [training.order(epoch) for epoch in range(3)]
    assert all(sorted(order) == list(range(COUNT)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def fit(network: DyadicMLP, labels: object) -> object:
    return DyadicMLP((64, 4, 10)).fit(DIGITS.test_images, labels, 1)  # type: ignore[arg-type]


def measured(network: DyadicMLP, labels: object) -> object:
    return accuracy(network.program(learning=False), network.samples(DIGITS.test_images), labels)  # type: ignore[arg-type]


def evaluated(network: DyadicMLP, labels: object) -> object:
    return network.evaluate(DIGITS.test_images, labels)  # type: ignore[arg-type]


LABELS = DIGITS.test_labels


@pytest.mark.parametrize("use", [fit, measured, evaluated])
@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (LABELS[:, None], "labels have shape|labels"),
        (LABELS.astype(str), "labels are of type <U"),
        (LABELS + 0.5, "labels"),
        (np.where(LABELS == 3, np.nan, LABELS), "labels"),
        (LABELS + 1, "labels go from 1 to 10, and 10 classes are 0..9"),
        (LABELS - 1, "labels go from -1 to 8"),
    ],
    ids=["column", "texts", "fractions", "nan", "too many", "negative"],
)
def test_labels_that_are_no_classes_are_refused(network: DyadicMLP, use: object, labels: np.ndarray, says: str) -> None:
    with pytest.raises(DataError, match=says):
        use(network, labels)  # type: ignore[operator]


@pytest.mark.parametrize("use", [fit, measured, evaluated])
@pytest.mark.parametrize("labels", [LABELS[:1], LABELS[:-1]], ids=["one for all", "one too few"])
def test_another_number_of_labels_is_refused(network: DyadicMLP, use: object, labels: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"360 samples and (1|359) labels"):
        use(network, labels)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda s: s + 0.9, RangeError, "s_out holds 0.9; fixed point takes whole numbers only"),
        (lambda s: np.where(s > 200, np.nan, s), RangeError, "s_out = nan"),
        (lambda s: s + 2**24, RangeError, "s_out = 16777216 is outside"),
        (lambda s: s.astype(str), RangeError, "s_out is of type <U"),
        (lambda s: s.astype(object), RangeError, "s_out is of type object"),
        (lambda s: s[0], ProgramError, r"samples have shape \(64,\)"),
        (lambda s: s[:, 1:], ProgramError, r"samples have shape \(\d+, 63\)"),
    ],
)
def test_samples_that_a_presenter_cannot_send_are_refused(
    program: Program, samples: np.ndarray, change: object, error: type[NeuromorphError], says: str
) -> None:
    with pytest.raises(error, match=says):
        predict(program, change(samples))  # type: ignore[operator]


def test_large_payloads_are_shown_as_they_are_and_stop_at_a_learning_synapse(program: Program, samples: np.ndarray) -> None:
    shown = present(program, samples + 2**16)["presenter"]
    np.testing.assert_array_equal(shown.frames["s_out"], samples + 2**16)  # type: ignore[union-attr]
    with pytest.raises(SimulationError, match="payload 65536 into a learning synapse"):
        predict(program, samples + 2**16)


def test_whole_numbers_of_any_type_are_shown(program: Program, samples: np.ndarray) -> None:
    wanted = predict(program, samples)
    for kind in (float, np.int64, np.uint8):
        np.testing.assert_array_equal(predict(program, samples.astype(kind)), wanted)
    assert accuracy(program, samples, LABELS.astype(np.uint8)) == accuracy(program, samples, LABELS.astype(float))
