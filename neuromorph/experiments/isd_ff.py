"""Flexible Phase Dynamics, figure 2 (left): Forward-Forward on MNIST, 784-500-500, with both terms at each update and with one (ISD).

The paper trains on one image at a time with Adam and shows the training error against gradient steps; its figures are not in the text
we hold. Here: batches of 100, for ff-isd a phase of its own for each image, the rule's own settings (forward_forward.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuromorph.experiments.grid import Cell, Results, accuracy_of, mean_accuracy, open_claim, row, run_cells
from neuromorph.experiments.report import claim
from neuromorph.experiments.request import Order
from neuromorph.runs.seeds import mean_and_spread

NAME = "isd-ff"
TITLE = "Forward-Forward: both phases, or one drawn at random"
LAYERS = (784, 500, 500)
RULES = ("ff", "ff-isd")
QUICK = {"epochs": 3}


def run(asked: Order) -> dict[str, Any]:
    cells = [
        Cell(name, name, LAYERS, settings=QUICK if asked.quick else {}, samples=5_000 if asked.quick else None)
        for name in RULES
    ]
    found = run_cells(NAME, cells, asked)
    rows = [row(name, found[name]) for name in RULES]
    curves = {name: _errors(found[name]) for name in RULES if accuracy_of(found[name])}
    return {"rows": rows, "claims": _claims(found, asked.quick), "curves": curves}


def _errors(results: Results) -> list[float]:
    """Training error of every epoch in per cent, the mean over seeds."""
    accuracies = zip(*([entry["train_accuracy"] for entry in r["history"]] for r in results), strict=True)
    return [100 * (1 - mean_and_spread(epoch)[0]) for epoch in accuracies]


def _claims(found: Mapping[str, Results], quick: bool) -> list[dict[str, Any]]:
    undecided = open_claim("Forward-Forward, both ways", "learns", *found.values())
    if undecided:
        return [undecided]
    both = mean_accuracy(found["ff"])
    errors = {name: _errors(results)[-1] for name, results in found.items()}
    gap = errors["ff-isd"] - errors["ff"]
    return [
        claim("ff: test accuracy", "learns (here: >= 96 %)", round(both[0], 2), None if quick else both[0] >= 96, both[1]),
        claim(
            "ff-isd beside ff: training error",
            "slightly worse (here: < 3 points)",
            f"{gap:+.2f} points",
            None if quick else 0 < gap < 3,
        ),
    ]


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    axes = figure.subplots()
    reached = {row["cell"]: f"{row['cell']}: test accuracy {row['test %']} ± {row['+-'] or 0} %" for row in result["rows"]}
    for name, errors in result["curves"].items():
        axes.semilogy(range(1, len(errors) + 1), errors, "o-", label=reached[name])
    axes.set(xlabel="epoch", ylabel="training error (%), logarithmic")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.tick_params(axis="y", which="both", labelsize=8)
    if result["curves"]:
        axes.legend()
