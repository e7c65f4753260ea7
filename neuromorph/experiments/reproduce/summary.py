"""The table of all claims, made from the JSON results that the repository holds.

python -m neuromorph.experiments.reproduce.summary      writes docs/claims.md
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neuromorph.experiments.reproduce.catalogue import EXPERIMENTS

RESULTS, PAGE = Path("results") / "reproduce", Path("docs") / "claims.md"
HEAD = """# What held and what did not

Made from results/reproduce/*.json by `python -m neuromorph.experiments.reproduce.summary`. "quick": the small version only was
run; "not run": nothing yet. Every row is one command: `neuromorph reproduce EXPERIMENT`.

"""


def results(folder: Path = RESULTS) -> dict[str, dict[str, Any] | None]:
    """The full result of every experiment, else its quick one, else None."""
    found: dict[str, dict[str, Any] | None] = {}
    for name in EXPERIMENTS:
        files = [file for file in (folder / f"{name}.json", folder / f"{name}-quick.json") if file.exists()]
        found[name] = json.loads(files[0].read_text()) if files else None
    return found


def page(folder: Path = RESULTS) -> str:
    """docs/claims.md: every claim of every experiment."""
    lines = ["| experiment | claim | paper | ours | spread | holds |", "|---|---|---|---|---|---|"]
    for name, result in results(folder).items():
        if result is None:
            lines.append(f"| {name} | | | not run | | |")
            continue
        label = f"{name} (quick)" if result["quick"] else name
        for entry in result["claims"]:
            held = {True: "yes", False: "**no**", None: "not decided"}[entry["holds"]]
            spread = "" if entry["spread"] is None else f"{entry['spread']:.3g}"
            lines.append(f"| {label} | {entry['name']} | {entry['paper']} | {entry['ours']} | {spread} | {held} |")
    return HEAD + "\n".join(lines) + "\n\n" + "\n".join(_origins(folder)) + "\n"


def _origins(folder: Path) -> list[str]:
    """Where each result was measured."""
    return [
        f"- {name}: {result['seeds']} seeds, {result['seconds']:.0f} s, {result['machine']}, torch {result['versions']['torch']}"
        for name, result in results(folder).items()
        if result is not None
    ]


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
