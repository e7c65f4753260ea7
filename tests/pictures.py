"""Figures as they are drawn: which texts they show, and where."""

from __future__ import annotations

from itertools import combinations

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text


def faults(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that overlap another one by more than a pixel, or leave the figure."""
    shown = _drawn(figure, monkeypatch)
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in shown]
    over = [f"{one!r} over {other!r}" for (one, a), (other, b) in combinations(boxes, 2) if a.overlaps(b)]
    width, height = figure.bbox.size
    out = [f"{text!r} leaves the figure" for text, b in boxes if min(b.x0, b.y0) < 0 or b.x1 > width or b.y1 > height]
    return over + out


def _drawn(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> list[Text]:
    """Those that the canvas asks for: ticks beyond the limits of an axis have labels too."""
    shown, draw = list[Text](), Text.draw

    def noting(self: Text, *given: object, **named: object) -> None:
        if self.get_visible() and self.get_text():
            shown.append(self)
        draw(self, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Text, "draw", noting)
        figure.draw_without_rendering()
    return shown


def is_cut(axes: Axes) -> bool:
    """Whether it says that an axis of it does not begin at zero."""
    return any(line.get_gid() == "cut" for line in axes.get_lines())
