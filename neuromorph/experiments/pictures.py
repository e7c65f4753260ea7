"""What the pictures of all experiments share: a heading, the claims of the paper beside ours, bars with their figures written out."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuromorph.plots import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Result = Mapping[str, Any]
Draw = Callable[[Any, Result], None]
Level = tuple[float, float]
"""Where a picture shows what the paper says: from, to; a line where they are equal."""

Pairs = Sequence[tuple[Any, float | None]]
"""Values with their spreads; a text where there is no value: "diverged", "not run"."""

WIDTH, HEIGHT = 10.0, 4.5
ROW, LINE = 0.3, 0.15
"""Inches: of a bar, and of a line of the table of claims."""
COLUMNS, CHARACTERS = ("claim", "paper", "ours", "holds"), 142
"""Of that table, and as many as fit into WIDTH."""
HOLDS = {True: "yes", False: "NO", None: "open"}


def save(draw: Draw, result: Result, path: Path) -> None:
    """The picture of a result as a PNG file. Raises OSError where it cannot be written."""
    picture(draw, result).savefig(path, dpi=110)


def picture(draw: Draw, result: Result) -> Figure:
    """What an experiment draws, under its heading, above the table of its claims: what the paper says, what came out here."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    draw(figure, result)
    figure.suptitle(heading(result))
    table = claims(result["claims"])
    figure.set_figheight(figure.get_figheight() + LINE * (table.count("\n") + 1))
    figure.supxlabel(table, x=0.01, ha="left", family="monospace", fontsize=8)
    return figure


def heading(result: Result) -> str:
    """Title, and in a second line what the figures are: whether of the quick version, and of how many seeds where these matter."""
    said = ["QUICK VERSION, smaller and shorter than the paper's"] if result["quick"] else []
    if any("+-" in row for row in result["rows"]):
        several = f"means over up to {result['seeds']} seeds; ± and error bars: standard deviation"
        said.append("one seed" if result["seeds"] == 1 else several)
    return "\n".join(textwrap.fill(line, 95) for line in (result["title"], ", ".join(said)) if line)


def claims(found: Sequence[Mapping[str, Any]]) -> str:
    """A table for a font of one width; the widest columns are wrapped."""
    rows: list[tuple[str, ...]] = [
        COLUMNS,
        *((c["name"], c["paper"], _figure(c["ours"], c["spread"]), HOLDS[c["holds"]]) for c in found),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + 2 * len(widths) > CHARACTERS:
        widths[widths.index(max(widths))] -= 1
    rows.insert(1, tuple("-" * width for width in widths))
    lines = []
    for row in rows:
        wrapped = (textwrap.wrap(cell, width, break_on_hyphens=False) for cell, width in zip(row, widths, strict=True))
        for parts in zip_longest(*wrapped, fillvalue=""):
            lines.append("  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip())
    return "\n".join(lines)


def _figure(value: Any, spread: float | None) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.2f}" + (f" ± {spread:.2f}" if spread else "")


def bars(figure: Any, result: Result, levels: Mapping[str, Level] | None = None) -> None:
    """Test accuracy of every row with its spread, and what the paper says of that row; `levels`: name -> place on the axis."""
    rows = result["rows"]
    figure.set_figheight(1.3 + ROW * len(rows))
    said = {entry["name"]: entry["paper"].partition(" (here")[0] for entry in result["claims"]}
    notes = [f"   paper: {said[row['cell']]}" if row["cell"] in said else "" for row in rows]
    accuracies = [(row["test %"], row["+-"]) for row in rows]
    axes = horizontal(figure.subplots(), [row["cell"] for row in rows], {"ours": accuracies}, levels or {}, notes)
    axes.set_xlabel("test accuracy (%)")


def horizontal(
    axes: Axes,
    names: Sequence[str],
    groups: Mapping[str, Pairs],
    levels: Mapping[str, Level] | None = None,
    notes: Sequence[str] = (),
) -> Axes:
    """Bars from the top down, for every name one of each group; a text for a value is no bar.

    To the right of every bar stands its figure, and the note on its name; lines and bands show `levels`, what the paper says. The axis
    begins at zero unless all bars have four fifths of the longest at least: then it is cut, and the cut is marked on it and on the bars.
    """
    height = 0.8 / len(groups)
    places, texts = list[float](), list[str]()
    for k, (label, pairs) in enumerate(groups.items()):
        at = [name + height * (k + 0.5) - 0.4 for name in range(len(names))]
        lengths, spreads = (
            [math.nan if isinstance(v, str) else v for v, _ in pairs],
            [spread or math.nan for _, spread in pairs],
        )
        axes.barh(at, lengths, 0.9 * height, xerr=spreads, label=label, color=f"C{k}", alpha=0.7, error_kw={"capsize": 2})
        places += at
        texts += [_figure(*pair) + note for pair, note in zip_longest(pairs, notes, fillvalue="")]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.45, -0.55)
    right = axes.secondary_yaxis("right")
    right.set_yticks(places, texts, fontsize=8)
    right.tick_params(length=0)
    _limits(axes, groups, levels or {}, places)
    _mark(axes, levels or {})
    return axes


def _limits(axes: Axes, groups: Mapping[str, Pairs], levels: Mapping[str, Level], places: Sequence[float]) -> None:
    """Of the axis of values: from zero, or cut."""
    ends = [end for level in levels.values() for end in level]
    for value, spread in (pair for pairs in groups.values() for pair in pairs):
        if not isinstance(value, str):
            ends += [value - (spread or 0), value + (spread or 0)]
    low, high = min(ends, default=0.0), max([*ends, 1e-9])
    if low < 0.8 * high:
        axes.set_xlim(0, 1.05 * high)
        return
    axes.set_xlim(low - max(high - low, 0.01 * high) / 2, high + (high - low) / 10)
    cut(axes, "x")
    axes.plot(
        [0.022] * len(places), places, transform=axes.get_yaxis_transform(), label="_broken", marker=[(-1, -2), (1, 2)],
        markersize=12, markeredgewidth=3, linestyle="none", color="white",
    )  # fmt: skip


def _mark(axes: Axes, levels: Mapping[str, Level]) -> None:
    """Lines and bands of the paper, and above the axes what is what."""
    for k, (label, (low, high)) in enumerate(levels.items()):
        if low == high:
            axes.axvline(low, color=f"C{k + 3}", linestyle="--", label=label)
        else:
            axes.axvspan(low, high, color=f"C{k + 3}", alpha=0.2, label=label)
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > 1:
        axes.legend(handles, labels, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
