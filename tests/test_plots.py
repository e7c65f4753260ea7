"""Pictures show what they are given, whole, and refuse what they cannot show."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pictures import faults, is_cut

from neuromorph.commands.demo import panels
from neuromorph.errors import RangeError
from neuromorph.plots import confusion, curves, cut, quantities, raster, receptive_fields

History = list[dict[str, Any]]

CHIP: History = [
    {"epoch": k, "training": 0.6 + 0.1 * k, "cosine": [0.5, 0.1 * k], "rate": 127.0 / k, "seconds": 1.0 * k}
    for k in (1, 2, 3)
]
BATCHED: History = [
    {"epoch": 1, "train_accuracy": 0.5, "validation_accuracy": None, "rate": 0.1, "residual": [], "seconds": 1.0},
    {"epoch": 2, "train_accuracy": 0.7, "validation_accuracy": None, "rate": 0.05, "residual": [], "seconds": 1.0,
     "angle": [12.0, 3.0], "norm_ratio": [1.0, 0.9], "saturation": [0.1, 0.0], "norm": [2.0, 3.0], "lipschitz": 6.0},
]  # fmt: skip
MACHINE: History = [{"changes": 50 * k, "steps": 500 * k, "nll": 200.0 - k, "seconds": 0.1} for k in (1, 2, 3, 4)]


def axes() -> Any:
    return Figure().subplots()


def shown(history: History, quantity: str | None = None) -> dict[str, tuple[list[float], list[float]]]:
    drawn = curves(axes(), history, quantity)
    lines = [line for line in drawn.get_lines() if line.get_gid() != "cut"]
    return {str(line.get_label()): (list(line.get_xdata()), list(line.get_ydata())) for line in lines}


def test_every_kind_of_run_has_its_quantities() -> None:
    assert quantities(CHIP) == ("accuracy", "cosine", "rate")
    assert quantities(BATCHED) == ("accuracy", "rate", "angle", "norm_ratio", "saturation", "norm", "lipschitz")
    assert quantities(MACHINE) == ("nll",)


def test_curves_are_the_history() -> None:
    assert shown(CHIP) == {"training": ([1, 2, 3], [100 * entry["training"] for entry in CHIP])}
    assert shown(CHIP, "cosine") == {"B1 and W2": ([1, 2, 3], [0.5] * 3), "B2 and W3": ([1, 2, 3], [0.1, 0.2, 0.1 * 3])}
    assert shown(BATCHED) == {"training": ([1, 2], [50.0, 70.0])}
    assert shown(BATCHED, "angle") == {"W1": ([2], [12.0]), "W2": ([2], [3.0])}
    assert shown(MACHINE) == {"test samples": ([50, 100, 150, 200], [199.0, 198.0, 197.0, 196.0])}


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(0, 1), st.none() | st.floats(0, 1)), min_size=1, max_size=8))
def test_no_epoch_is_lost_and_none_is_invented(accuracies: list[tuple[float, float | None]]) -> None:
    history = [{"epoch": k, "train_accuracy": t, "validation_accuracy": v} for k, (t, v) in enumerate(accuracies)]
    found = shown(history)
    assert found["training"] == (list(range(len(history))), [100 * t for t, _ in accuracies])
    held = [(k, 100 * v) for k, (_, v) in enumerate(accuracies) if v is not None]
    assert list(zip(*found.get("validation", ((), ())), strict=True)) == held


def test_curves_that_begin_above_zero_are_marked() -> None:
    assert is_cut(curves(axes(), MACHINE))
    from_zero = axes()
    from_zero.set_ylim(0, 100)
    assert not is_cut(curves(from_zero, CHIP))


def test_a_mark_leaves_the_limits_as_they_are() -> None:
    given_axes = axes()
    given_axes.set(xlim=(5, 6), ylim=(7, 9))
    assert cut(cut(given_axes, "x"), "y") is given_axes
    assert (given_axes.get_xlim(), given_axes.get_ylim()) == ((5, 6), (7, 9))


@pytest.mark.parametrize(
    ("history", "quantity", "said"),
    [
        ([], None, "is empty"),
        ([{"seconds": 1.0}], None, "an 'epoch'"),
        ([{"epoch": 1}, {"changes": 2}], None, "an 'epoch'"),
        (["epoch"], None, "an 'epoch'"),
        ([{"epoch": 1}], None, "none that is known"),
        (MACHINE, "accuracy", "holds no accuracy; it holds nll"),
        (CHIP, "colour", "holds no colour; it holds accuracy, cosine, rate"),
        ([{"epoch": 1, "cosine": [1.0]}, {"epoch": 2, "cosine": [1.0, 0.5]}], "cosine", "as many in every epoch"),
        ([{"epoch": 1, "training": "good"}], None, "'training'.*number"),
    ],
)
def test_what_is_no_history_of_that_is_refused(history: Any, quantity: str | None, said: str) -> None:
    with pytest.raises(RangeError, match=said):
        curves(axes(), history, quantity)


@settings(max_examples=20)
@given(st.data())
def test_confusion_counts_every_sample_once(data: st.DataObject) -> None:
    classes = data.draw(st.integers(1, 6))
    pairs = data.draw(st.lists(st.tuples(*[st.integers(0, classes - 1)] * 2), max_size=30))
    labels, predicted = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    drawn = confusion(axes(), labels, predicted, classes)
    counts = np.asarray(drawn.images[0].get_array())
    assert counts.sum() == len(pairs)
    assert counts.trace() == sum(a == b for a, b in pairs)
    assert all(counts[a, b] == pairs.count((a, b)) for a in range(classes) for b in range(classes))
    assert [int(text.get_text()) for text in drawn.texts] == counts.ravel().tolist()


@pytest.mark.parametrize(
    ("labels", "predicted", "classes", "said"),
    [
        ([0, 1], [0], 2, "2 labels and 1 predicted"),
        ([0, 2], [0, 1], 2, "labels lie in 0..2"),
        ([0, 1], [0, -1], 2, "predicted lie in -1..0"),
        ([0.0, 1.0], [0, 1], 2, "labels are float64"),
        ([[0], [1]], [0, 1], 2, r"shape \(2, 1\)"),
        ([0, 0], [0, 0], 0, "classes = 0"),
    ],
)
def test_what_are_no_classes_is_refused(labels: Any, predicted: Any, classes: int, said: str) -> None:
    with pytest.raises(RangeError, match=said):
        confusion(axes(), np.array(labels), np.array(predicted), classes)


def recorded(**neurons: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {f"{name}.s_out": rng.integers(0, 128, (6, n)) for name, n in neurons.items()}


def test_a_raster_shows_silence_white_and_every_payload_of_its_steps() -> None:
    payloads = {"a.s_out": np.array([[0, 1], [127, 0], [7, 7]]), "b.s_out": np.zeros((3, 4), int)}
    drawn = raster(axes(), payloads, 2)
    first, second = (np.asarray(image.get_array()) for image in drawn.images)
    assert ((first < 1).any(-1) == (payloads["a.s_out"][:2].T > 0)).all()
    assert first[0, 1].min() < first[1, 0].min()  # darker: 127 above 1
    assert (second == 1).all()
    assert drawn.get_title() == ""


@pytest.mark.parametrize(
    ("payloads", "steps", "said"),
    [({}, 1, "nothing was recorded"), ({"a": np.zeros(3)}, 1, "'a' has shape"), ({"a": np.zeros((3, 2))}, 4, "at least 4 steps"),
     ({"a": np.zeros((3, 2))}, 0, "give a whole number, at least 1"), ({"a": np.zeros((3, 0))}, 1, "'a' has shape")],
)  # fmt: skip
def test_what_is_no_record_is_refused(payloads: Any, steps: int, said: str) -> None:
    with pytest.raises(RangeError, match=said):
        raster(axes(), payloads, steps)


def test_receptive_fields_are_those_of_the_strongest_neurons() -> None:
    weights = np.arange(12).reshape(3, 4) - 2
    drawn = receptive_fields(axes(), weights, side=2, count=2)
    tiled = np.asarray(drawn.images[0].get_array())
    assert (tiled[:, :2] == [[6, 7], [8, 9]]).all()
    assert (tiled[:, 3:] == [[2, 3], [4, 5]]).all()
    assert drawn.images[0].get_clim() == (-9, 9)
    for wrong, side, count in ((weights, 3, 2), (weights[0], 2, 2), (weights[:0], 2, 2), (weights, 2, 0)):
        with pytest.raises(RangeError, match="they must be"):
            receptive_fields(axes(), wrong, side, count)


def test_no_text_of_the_demo_lies_over_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor leaves the picture; all axes are named."""
    figure = Figure(figsize=(10, 9), layout="constrained")
    panels(figure, CHIP, 0.98, recorded(presenter=64, hidden1=128, readout=10), 6, np.eye(64, dtype=int)[:30] * 255)
    assert faults(figure, monkeypatch) == []
    assert all(one.get_ylabel() or one.images for one in figure.axes)


@pytest.mark.parametrize("history", [CHIP, BATCHED, MACHINE], ids=["chip", "batched", "machine"])
def test_no_text_of_all_curves_lies_over_another(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = Figure(figsize=(6, 3 * len(quantities(history))), layout="constrained")
    for one, quantity in zip(np.atleast_1d(figure.subplots(len(quantities(history)))), quantities(history), strict=True):
        assert curves(one, json.loads(json.dumps(history)), quantity) is one
    assert faults(figure, monkeypatch) == []


def test_plots_import_without_matplotlib(tmp_path: Path) -> None:
    code = "import sys; sys.modules['matplotlib'] = None; import neuromorph.plots"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
