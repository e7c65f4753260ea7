"""Dual propagation: does the order of inference matter? (Dual Propagation, MNIST table.)

784-512-512-10, ReLU, squared error, Adam with a cosine, batch 100, 20 epochs: backpropagation, DP and DP-transpose at alpha = 1/2 with one
pass forward and back, and DP with repeated passes, with all layers in parallel, in random order, and with learned (Kolen-Pollack)
feedback. The paper: parity of all schedules with backpropagation (98.4 % at 784-1000x4-10, second-hand).

Differences: two hidden layers of 512 rather than four of 1000. Random order updates one layer at a time, 8 x 3 times a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuromorph.experiments.grid import Cell, Results, mean_accuracy, open_claim, row, run_cells
from neuromorph.experiments.pictures import bars
from neuromorph.experiments.report import Claim, claim
from neuromorph.experiments.request import Order

NAME = "dp-schedules"
TITLE = "Dual propagation: schedules of inference, MNIST"
LAYERS = (784, 512, 512, 10)
SETTINGS = {"optimizer": "adam", "rate": 1e-3, "batch": 100, "epochs": 20, "schedule": "cosine"}
BASE = "backpropagation"
NEAR = 0.2
"""Points from backpropagation within which a schedule counts as equal."""
ROWS: dict[str, tuple[str, dict[str, Any], str | None, dict[str, Any]]] = {
    BASE: ("backprop", {}, None, {}),
    "DP, forward-backward": ("dp", {}, None, {}),
    "DP-transpose, forward-backward": ("dp-transpose", {}, None, {}),
    "DP, 4 passes": ("dp", {"iterations": 4}, None, {}),
    "DP, parallel": ("dp", {"order": "parallel", "iterations": 8}, None, {}),
    "DP, random order": ("dp", {"order": "random", "iterations": 8}, None, {}),
    "DP, Kolen-Pollack feedback": (
        "dp",
        {},
        "kolen-pollack",
        {"optimizer": "sgd", "rate": 0.05, "momentum": 0.9, "weight_decay": 5e-4},
    ),
}


def run(asked: Order) -> dict[str, Any]:
    shorter = {"epochs": 2} if asked.quick else {}
    cells = [
        Cell(
            name,
            rule,
            LAYERS,
            options=options,
            feedback=feedback,
            settings=SETTINGS | own | shorter,
            samples=10_000 if asked.quick else None,
        )
        for name, (rule, options, feedback, own) in ROWS.items()
    ]
    found = run_cells(NAME, cells, asked)
    claims = [_claim(name, results, found[BASE]) for name, results in found.items() if name != BASE]
    return {"rows": [row(name, results) for name, results in found.items()], "claims": claims}


def _claim(name: str, results: Results, base: Results) -> Claim:
    undecided = open_claim(name, "as backpropagation", results, base)
    if undecided:
        return undecided
    reached, level = mean_accuracy(results), mean_accuracy(base)[0]
    return claim(name, "as backpropagation", f"{reached[0] - level:+.2f} points", reached[0] > level - NEAR, reached[1])


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    """The paper's mark for every schedule: what backpropagation reaches."""
    level = next(row["test %"] for row in result["rows"] if row["cell"] == BASE)
    bars(figure, result, {} if isinstance(level, str) else {"backpropagation, here": (level, level)})
