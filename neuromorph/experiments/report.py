"""What an experiment says in the end: the paper's claims beside our figures, rows, and where and how they were measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuromorph.console import Talk
from neuromorph.errors import OutputError
from neuromorph.experiments.pictures import Draw, save

Claim = dict[str, Any]
NOT_RUN = "not run"


def claim(name: str, paper: str, ours: float | str | None, holds: bool | None, spread: float | None = None) -> Claim:
    """One claim: what the paper says (in words or figures; "here: ..." is our reading of it), what we found, over how large a spread.

    `holds` None: not decided, because what it needs was not run; `ours` then says so.
    """
    return {
        "name": name,
        "paper": paper,
        "ours": NOT_RUN if ours is None else ours,
        "spread": spread or None,
        "holds": holds,
    }


def plus_minus(spread: float, digits: int) -> float | None:
    """A spread as a table shows it: blank for one value."""
    return round(spread, digits) if spread else None


def show(result: Mapping[str, Any], talk: Talk) -> None:
    """Rows and claims as tables."""
    if result["rows"]:
        talk.table(result["title"], list(result["rows"][0]), [[_text(v) for v in row.values()] for row in result["rows"]])
    columns = ("name", "paper", "ours", "spread")
    lines = [[*(_text(entry[c]) for c in columns), verdict(entry, result["quick"])] for entry in result["claims"]]
    talk.table("claims", ["claim", *columns[1:], "holds"], lines)


def verdict(entry: Claim, quick: bool) -> str:
    """Whether a claim holds, in words that say when the small version alone was run."""
    if entry["holds"] is None and entry["ours"] == NOT_RUN:
        return ""
    return {True: "yes", False: "no", None: "not decided"}[entry["holds"]] + (", of the quick version" if quick else "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def check_place(text: Path, seeds: int) -> None:
    """Raise OutputError, before anything is measured, where a result cannot be written or holds more seeds than this one will."""
    try:
        text.parent.mkdir(parents=True, exist_ok=True)
        held = _held(text)["seeds"]
    except OSError as error:
        raise OutputError(f"'{text}' cannot be written: {error.strerror}; give another folder with -o") from None
    if held > seeds:
        raise OutputError(f"'{text}' holds means over {held} seeds; ask for --seeds {held}, or give another folder with -o")


def _held(text: Path) -> dict[str, Any]:
    """Seeds and rows of the result that is there: none, where it is no result of ours."""
    try:
        found = json.loads(text.read_text()) if text.exists() else {}
        return {"seeds": int(found["seeds"]), "rows": list(found["rows"])}
    except (ValueError, LookupError, TypeError):
        return {"seeds": 0, "rows": []}


def _check_not_less(text: Path, result: Mapping[str, Any]) -> None:
    run = {row.get("cell") for row in result["rows"] if row.get("seeds") != 0}
    lost = [row["cell"] for row in _held(text)["rows"] if row.get("seeds", 0) > 0 and row["cell"] not in run]
    if lost:
        raise OutputError(
            f"'{text}' holds rows that were not run here: {', '.join(lost)}; give another folder with -o (what was trained is kept)"
        )


def write(result: Mapping[str, Any], draw: Draw, text: Path) -> Path:
    """The result in `text`, its picture beside it. Raises OutputError, also rather than replace rows by `not run`."""
    _check_not_less(text, result)
    picture = text.with_suffix(".png")
    try:
        text.write_text(json.dumps(result, indent=1) + "\n")
        save(draw, result, picture)
    except OSError as error:
        raise OutputError(f"'{text}' cannot be written: {error.strerror}; give another folder with -o") from None
    return picture
