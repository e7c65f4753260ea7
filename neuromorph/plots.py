"""Pictures. Every function draws into axes it is given and returns them; the caller gives titles and saves the figure.

figure, axes = pyplot.subplots(len(quantities(history)))
for one, quantity in zip(axes, quantities(history)):
    curves(one, history, quantity)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromorph.errors import RangeError, check_count
from neuromorph.program import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Sequence[Mapping[str, Any]]
"""Of a run.json: an entry for every epoch, or of a Boltzmann machine for every look at it."""


@dataclass(frozen=True)
class _Quantity:
    """`label`: of the axis, with unit. `series`: entry of the history -> name of its line, {0} and {1} numbers of neighbouring layers."""

    label: str
    series: Mapping[str, str]
    factor: float = 1.0


ACCURACIES = {
    "training": "training",
    "train_accuracy": "training",
    "validation": "validation",
    "validation_accuracy": "validation",
}
QUANTITIES = {
    "accuracy": _Quantity("accuracy (%)", ACCURACIES, 100.0),
    "nll": _Quantity("negative log-likelihood (nats)", {"nll": "test samples"}),
    "cosine": _Quantity("cosine of feedback and forward weights", {"cosine": "B{0} and W{1}"}),
    "rate": _Quantity("rate of learning", {"rate": "rate"}),
    "residual": _Quantity("residual: last change of a state", {"residual": "layer {0}"}),
    "angle": _Quantity("angle to the gradient (degrees)", {"angle": "W{0}"}),
    "norm_ratio": _Quantity("norm of update / norm of gradient", {"norm_ratio": "W{0}"}),
    "saturation": _Quantity("share of saturated units", {"saturation": "layer {0}"}),
    "norm": _Quantity("spectral norm", {"norm": "W{0}"}),
    "lipschitz": _Quantity("bound on the Lipschitz constant", {"lipschitz": "network"}),
}  # fmt: skip
"""What a history may hold. The rate of a run at chip precision is y3 of its first hidden layer, 0 to 127."""


def quantities(history: History) -> tuple[str, ...]:
    """Those of QUANTITIES that a history holds, in that order. Raises RangeError for one that is empty, or no history at all."""
    _check_history(history)
    return tuple(name for name in QUANTITIES if any(_lines(history, name)))


def curves(axes: Axes, history: History, quantity: str | None = None) -> Axes:
    """One quantity against the epoch (of a Boltzmann machine: against its changes), a line for each layer or set that it has.

    Without `quantity` the first that there is: accuracy, or nats. Epochs in which it was not measured are left out. An axis that begins
    above zero has a mark. Raises RangeError for a quantity that the history does not hold, or whose lists change their length.
    """
    held = quantities(history)
    chosen = quantity or (held[0] if held else None)
    if chosen is None or chosen not in held:
        raise RangeError(
            f"the history holds no {chosen or 'quantity to draw'}; it holds {', '.join(held) or 'none that is known'}"
        )
    for name, when, values in _lines(history, chosen):
        axes.plot(when, values, ".-", label=name)
    axes.set(xlabel=_clock(history)[1], ylabel=QUANTITIES[chosen].label)
    if axes.get_ylim()[0] > 0:
        cut(axes, "y")
    axes.legend(fontsize=8)
    return axes


def _clock(history: History) -> tuple[str, str]:
    """The entry that tells the time, and its name on an axis."""
    return ("epoch", "epoch") if "epoch" in history[0] else ("changes", "changes of the weights")


def _check_history(history: History) -> None:
    if not history:
        raise RangeError("the history is empty: nothing has been trained for an epoch yet")
    if not all(isinstance(entry, Mapping) and _clock(history)[0] in entry for entry in history):
        raise RangeError(
            "a history is a list of entries that each have an 'epoch' (or all of them 'changes'), as in a run.json"
        )


def _lines(history: History, quantity: str) -> Iterator[tuple[str, list[float], list[float]]]:
    """Name, times and values of every line."""
    known, clock = QUANTITIES[quantity], _clock(history)[0]
    for field, form in known.series.items():
        measured = [(entry[clock], _numbers(field, entry[field])) for entry in history if entry.get(field) is not None]
        widths = {len(values) for _, values in measured}
        if len(widths) > 1:
            raise RangeError(f"'{field}' of this history has {sorted(widths)} values: it must have as many in every epoch")
        for k in range(next(iter(widths), 0)):
            name = form.format(k + 1, k + 2)
            yield name, [when for when, _ in measured], [known.factor * values[k] for _, values in measured]


def _numbers(field: str, value: Any) -> list[float]:
    """Of one entry: a number, or one for each layer."""
    try:
        return [float(number) for number in (value if isinstance(value, list | tuple) else [value])]
    except (TypeError, ValueError):
        raise RangeError(
            f"'{field}' of this history is {value!r} in one epoch; it must be a number, or a list of numbers"
        ) from None


def confusion(axes: Axes, labels: Array, predicted: Array, classes: int) -> Axes:
    """How many samples of each class (row) were taken for which (column), as numbers and as shades; correct ones on the diagonal.

    labels, predicted: integers of 0..classes-1, one a sample. Raises RangeError for anything else.
    """
    true, said = (_classes(values, what, classes) for values, what in ((labels, "labels"), (predicted, "predicted")))
    if true.shape != said.shape:
        raise RangeError(f"{len(true)} labels and {len(said)} predicted classes: there must be one of each a sample")
    counts = np.bincount(true * classes + said, minlength=classes * classes).reshape(classes, classes)
    axes.imshow(counts, cmap="Blues", vmin=0)
    half = counts.max(initial=0) / 2
    for (row, column), count in np.ndenumerate(counts):
        axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color="white" if count > half else "black")
    axes.set(xlabel="predicted class", ylabel="class", xticks=range(classes), yticks=range(classes))
    return axes


def _classes(values: Array, what: str, classes: int) -> Array:
    found = np.asarray(values)
    if found.ndim != 1 or not np.issubdtype(found.dtype, np.integer):
        raise RangeError(f"{what} are {found.dtype} of shape {found.shape}; they must be one integer a sample")
    if classes < 1 or (found.size and (found.min() < 0 or found.max() >= classes)):
        raise RangeError(
            f"{what} lie in {found.min(initial=0)}..{found.max(initial=0)}; with classes = {classes} they must lie below it"
        )
    return found.astype(np.int64)


def raster(axes: Axes, recorded: Mapping[str, Array], steps: int) -> Axes:
    """Graded spikes: a column for each of the first `steps` steps, a band for each port from the bottom up, in it a row for each neuron.

    recorded: port -> payloads (steps, neurons), as a network's `run` returns them. White is silence; the darker, the larger the payload,
    up to the largest of its port. Bands are equally high, however many neurons they hold. Raises RangeError for other shapes.
    """
    if not isinstance(recorded, Mapping) or not recorded:
        raise RangeError(
            "nothing was recorded: give payloads of at least one port by its name, as a network's run() returns them"
        )
    check_count("steps", steps, 1)
    for k, (port, payloads) in enumerate(recorded.items()):
        values = np.asarray(payloads)
        if values.ndim != 2 or not 1 <= steps <= len(values) or values.shape[1] == 0:
            raise RangeError(
                f"'{port}' has shape {values.shape}; it must be (steps, neurons) of at least {max(1, steps)} steps"
            )
        share = np.abs(values[:steps]) / max(1, np.abs(values[:steps]).max())
        axes.imshow(
            _tinted(share.T, k),
            extent=(-0.5, steps - 0.5, k, k + 0.9),
            aspect="auto",
            origin="lower",
            interpolation="nearest",
        )
    axes.set(xlabel="step", xlim=(-0.5, steps - 0.5), ylim=(-0.1, len(recorded)))
    names = [f"{port}\n{np.shape(payloads)[1]} neurons" for port, payloads in recorded.items()]
    axes.set_yticks([k + 0.45 for k in range(len(recorded))], names, fontsize=8)
    axes.locator_params(axis="x", integer=True)
    return axes


def _tinted(share: Array, k: int) -> Array:
    """White for 0 to the k-th colour for 1; what is not silent stays visible."""
    import matplotlib

    colour = np.array(matplotlib.colormaps["tab10"](k % 10)[:3])
    strength = np.where(share > 0, 0.2 + 0.8 * share, 0.0)[..., None]
    tinted: Array = 1 - strength * (1 - colour)
    return tinted


def receptive_fields(axes: Axes, weights: Array, side: int, count: int = 25) -> Axes:
    """Weights (neurons, side * side) of the `count` neurons with the largest ones, as images; blue negative, red positive.

    The colour scale, beside the axes, is symmetric and ends at the largest weight shown. Raises RangeError for other shapes.
    """
    fields = np.asarray(weights)
    if fields.ndim != 2 or len(fields) == 0 or count < 1 or fields.shape[1] != side * side:
        raise RangeError(
            f"weights of shape {fields.shape}, count {count}: they must be (neurons, {side} * {side}), of one neuron at least"
        )
    shown = fields[np.argsort(-np.abs(fields).sum(axis=1), kind="stable")[:count]]
    columns = int(np.ceil(np.sqrt(len(shown))))
    tiled = np.full((-(-len(shown) // columns) * (side + 1) - 1, columns * (side + 1) - 1), np.nan)
    for place, field in enumerate(shown):
        y, x = (side + 1) * (place // columns), (side + 1) * (place % columns)
        tiled[y : y + side, x : x + side] = field.reshape(side, side)
    limit = max(1, np.abs(shown).max())
    image = axes.imshow(tiled, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.figure.colorbar(image, ax=axes, shrink=0.8, label="weight (blue negative, red positive)")
    return axes


def cut(axes: Axes, which: str) -> Axes:
    """The mark of an axis, "x" or "y", that does not begin at zero: two strokes through it, near its beginning. Its limits stay put."""
    near, on, stroke = (0.015, 0.03), (0.0, 0.0), [(-1, -2), (1, 2)]
    if which == "x":
        axes.set_xlim(axes.get_xlim())
        places = near, on
    else:
        axes.set_ylim(axes.get_ylim())
        places, stroke = (on, near), [(y, x) for x, y in stroke]
    axes.plot(
        *places, transform=axes.transAxes, gid="cut", label="_cut", marker=stroke, markersize=9, linestyle="none", color="black",
        clip_on=False,
    )  # fmt: skip
    return axes
