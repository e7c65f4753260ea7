"""Pictures that several experiments share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def bars(figure: Any, result: Mapping[str, Any]) -> None:
    """Test accuracy of every row with its spread; rows without a figure stay empty."""
    axes = figure.subplots()
    rows = [row for row in result["rows"] if isinstance(row["test %"], float)]
    places = range(len(rows))
    axes.barh(places, [row["test %"] for row in rows], xerr=[row["+-"] or 0 for row in rows], color="C0", alpha=0.7)
    axes.set_yticks(places, [row["cell"] for row in rows], fontsize=7)
    if rows:
        low = min(row["test %"] for row in rows)
        axes.set_xlim(max(0.0, low - 2.0 - (100 - low) * 0.2), 100)
    axes.invert_yaxis()
    axes.set(xlabel="test accuracy (%)", title=result["title"])
