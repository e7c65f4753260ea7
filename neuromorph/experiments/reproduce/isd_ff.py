"""Flexible Phase Dynamics, figure 2 (left): Forward-Forward on MNIST, 784-500-500, with both terms at each update and with one (ISD).

The paper trains on one image at a time with Adam and shows the training error against gradient steps; its figures are not in the text
we hold. Here: batches of 100, for ff-isd one phase a batch, the rule's own settings (forward_forward.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuromorph.console import Talk
from neuromorph.experiments.reproduce.cells import Cell, accuracy_of, row, run_cells
from neuromorph.experiments.reproduce.report import claim, mean_and_spread

NAME = "isd-ff"
TITLE = "Forward-Forward: both phases, or one drawn at random"
LAYERS = (784, 500, 500)
RULES = ("ff", "ff-isd")
QUICK = {"epochs": 3}


def run(*, quick: bool, seeds: int, talk: Talk, data_dir: Path | None) -> dict[str, Any]:
    cells = [Cell(name, name, LAYERS, settings=QUICK if quick else {}, samples=5_000 if quick else None) for name in RULES]
    found = run_cells(NAME, cells, seeds, talk, data_dir)
    rows = [row(name, found[name]) for name in RULES]
    curves = {name: _errors(found[name]) for name in RULES}
    return {"rows": rows, "claims": _claims(found, quick), "curves": curves}


def _errors(results: list[dict[str, Any]]) -> list[float]:
    """Training error of every epoch in per cent, the mean over seeds."""
    accuracies = zip(*([entry["train_accuracy"] for entry in r["history"]] for r in results), strict=True)
    return [100 * (1 - mean_and_spread(epoch)[0]) for epoch in accuracies]


def _claims(found: Mapping[str, list[dict[str, Any]]], quick: bool) -> list[dict[str, Any]]:
    both, one = accuracy_of(found["ff"]), accuracy_of(found["ff-isd"])
    if both is None or one is None:
        return [claim("Forward-Forward learns", "learns", "diverged", False)]
    errors = {name: _errors(results)[-1] for name, results in found.items()}
    gap = errors["ff-isd"] - errors["ff"]
    return [
        claim("ff: test accuracy", "learns (here: >= 96 %)", round(both[0], 2), None if quick else both[0] >= 96, both[1]),
        claim("ff-isd beside ff: training error", "slightly worse", f"{gap:+.2f} points", None if quick else 0 < gap < 3),
    ]


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    axes = figure.subplots()
    for name, errors in result["curves"].items():
        axes.semilogy(range(1, len(errors) + 1), errors, "o-", label=name)
    axes.set(xlabel="epoch", ylabel="training error (%)", title=result["title"])
    axes.legend()
