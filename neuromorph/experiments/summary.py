"""The tables of all claims and the pictures, made from the JSON results that the repository holds.

python -m neuromorph.experiments.summary      writes docs/claims.md and results/reproduce/*.png
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from neuromorph.experiments.catalogue import EXPERIMENTS, experiment
from neuromorph.experiments.pictures import save
from neuromorph.experiments.report import NOT_RUN, verdict

RESULTS, PAGE = Path("results") / "reproduce", Path("docs") / "claims.md"
HEAD = """# What held and what did not

Made from results/reproduce/*.json by `python -m neuromorph.experiments.summary`. "quick": the small version only was
run; "not run": nothing yet. Every row is one command: `neuromorph reproduce EXPERIMENT`.

"""
Result = Mapping[str, Any]


def results(folder: Path = RESULTS) -> dict[str, Result | None]:
    """The full result of every experiment, else its quick one, else None."""
    found: dict[str, Result | None] = {}
    for name in EXPERIMENTS:
        files = [file for file in (folder / f"{name}.json", folder / f"{name}-quick.json") if file.exists()]
        found[name] = json.loads(files[0].read_text()) if files else None
    return found


def page(folder: Path = RESULTS) -> str:
    """docs/claims.md: how many claims of each experiment held, every claim, then every row."""
    lines, found = [], results(folder)
    for name, result in found.items():
        claims = [_not_run()] if result is None else result["claims"]
        lines += [
            [_label(name, result), c["name"], c["paper"], c["ours"], _text(c["spread"], ".3g"), _verdict(c, result)]
            for c in claims
        ]
    parts = [HEAD + _table(["experiment", "what", "claims that held", "which did not"], _counts(found)), "## Every claim\n"]
    parts += [_table(["experiment", "claim", "paper", "ours", "spread", "holds"], lines)]
    parts += [_section(name, result) for name, result in found.items() if result is not None]
    return "\n".join(parts)


def redraw(folder: Path = RESULTS) -> None:
    """The picture of every result again, beside it; nothing is trained."""
    for text in sorted(folder.glob("*.json")):
        result = json.loads(text.read_text())
        save(experiment(result["name"]).draw, result, text.with_suffix(".png"))


def _counts(found: Mapping[str, Result | None]) -> list[list[str]]:
    """How many claims of each experiment held, of those that were decided, and which did not."""
    lines = []
    for name, result in found.items():
        if result is None:
            lines.append([f"`{name}`", "", NOT_RUN, ""])
            continue
        verdicts = [c["holds"] for c in result["claims"]]
        failed = "; ".join(f"{c['name']}: {c['ours']}" for c in result["claims"] if c["holds"] is False)
        decided = len(verdicts) - verdicts.count(None)
        held = f"{verdicts.count(True)} of {decided}" if decided else "none decided"
        lines.append([f"`{name}`{' (quick)' if result['quick'] else ''}", result["title"], held, failed])
    return lines


def _not_run() -> dict[str, Any]:
    return {"name": "", "paper": "", "ours": NOT_RUN, "spread": None, "holds": None}


def _label(name: str, result: Result | None) -> str:
    return f"{name} (quick)" if result and result["quick"] else name


def _verdict(claim: dict[str, Any], result: Result | None) -> str:
    told = verdict(claim, result is not None and result["quick"])
    return f"**{told}**" if claim["holds"] is False else told


def _section(name: str, result: Result) -> str:
    """All rows of an experiment, and where it was measured."""
    origin = f"Up to {result['seeds']} seeds, {result['machine']}, Python {result['python']}, torch {result['versions']['torch']}.\n"
    if not result["rows"]:
        return f"## {_label(name, result)}: {result['title']}\n\n{origin}"
    columns = [c for c in result["rows"][0] if any(row.get(c) is not None for row in result["rows"])]
    rows = [[_text(row.get(column), ".4g") for column in columns] for row in result["rows"]]
    return f"## {_label(name, result)}: {result['title']}\n\n{_table(columns, rows)}\n{origin}"


def _text(value: Any, form: str) -> str:
    if value is None:
        return ""
    return format(value, form) if isinstance(value, float) else str(value)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(str(entry).replace("|", "\\|") for entry in line) + " |" for line in (columns, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(columns), *lines[1:]]) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
    redraw()
