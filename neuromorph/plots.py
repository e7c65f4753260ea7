"""Pictures. Every function draws into axes it is given and returns them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuromorph.program import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def learning_curve(axes: Axes, history: list[dict[str, Any]], test: float | None = None) -> Axes:
    """Accuracy (left) and cosine between feedback and forward weights (right) against the epoch."""
    epochs = [entry["epoch"] for entry in history]
    shown = "validation" if "validation" in history[0] else "training"
    axes.plot(epochs, [100 * entry[shown] for entry in history], "o-", color="C0", label=f"{shown} accuracy")
    if test is not None:
        axes.axhline(100 * test, color="C0", linestyle=":", label=f"test accuracy {100 * test:.2f} %")
    axes.set(xlabel="epoch", ylabel="accuracy (%)", title="Learning, integers only")
    right = axes.twinx()
    for k in range(len(history[0]["cosine"])):
        right.plot(
            epochs,
            [entry["cosine"][k] for entry in history],
            "s--",
            color=f"C{k + 1}",
            label=f"cosine of B{k + 1}, W{k + 2}",
        )
    right.set(ylabel="cosine", ylim=(-0.1, 1.05))
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines], loc="lower right", fontsize=7)
    return axes


def raster(axes: Axes, recorded: dict[str, Array], steps: int) -> Axes:
    """Graded spikes of all layers: one row a neuron, one column a step; darker means a larger payload. Ports from the bottom up."""
    ports = list(recorded)
    bottom, ticks = 0, []
    for k, port in enumerate(ports):
        payloads = recorded[port][:steps]
        when, who = np.nonzero(payloads)
        shade = payloads[when, who] / max(1, int(payloads.max()))
        axes.scatter(when, bottom + who, s=14, marker="s", c=[(*_colour(k), 0.25 + 0.75 * a) for a in shade], linewidths=1.2)
        ticks.append(bottom + payloads.shape[1] / 2)
        bottom += payloads.shape[1] + 4
    axes.set(
        xlabel="step",
        title="Graded spikes of one sample (one it gets wrong, so that errors flow)",
        xlim=(-0.5, steps - 0.5),
        ylim=(-2, bottom),
    )
    axes.set_yticks(ticks, ports, fontsize=7)
    return axes


def _colour(k: int) -> tuple[float, float, float]:
    import matplotlib

    red, green, blue, _ = matplotlib.colormaps["tab10"](k % 10)
    return red, green, blue


def receptive_fields(axes: Axes, weights: Array, side: int, count: int = 25) -> Axes:
    """First-layer weights as images, those of the `count` neurons with the largest weights; blue negative, red positive."""
    strongest = np.argsort(-np.abs(weights).sum(axis=1))[:count]
    columns = int(np.ceil(np.sqrt(len(strongest))))
    rows = -(-len(strongest) // columns)
    tiled = np.full((rows * (side + 1) - 1, columns * (side + 1) - 1), np.nan)
    for place, neuron in enumerate(strongest):
        y, x = divmod(place, columns)
        tiled[y * (side + 1) : y * (side + 1) + side, x * (side + 1) : x * (side + 1) + side] = weights[neuron].reshape(
            side, side
        )
    axes.imshow(tiled, cmap="RdBu_r", vmin=-256, vmax=256)
    axes.set(title="Weights of the strongest hidden neurons", xticks=[], yticks=[])
    return axes
