"""Two Tales table 2: where iterated inference diverges.

784-1000x4-10, ReLU, squared error, beta = 1/2, alpha in {0, 1}, 1 or 30 rounds of inference. The paper: undamped DP fails at 30 rounds
for both alphas; DP-transpose trains in all cells. (Numbers are lost in our copy; the pattern is in the text.)

A cell fails when its states stop being finite or its training accuracy ends below one half. Differences: Adam at 1e-4, batch 100;
5 epochs of 10,000 images by default, which is enough to tell; --quick takes 1 epoch of 5,000.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuromorph.experiments.grid import Cell, Results, row, run_cells
from neuromorph.experiments.pictures import bars
from neuromorph.experiments.report import Claim, claim
from neuromorph.experiments.request import Order

NAME = "two-tales-2"
TITLE = "Two Tales, table 2: divergence of asymmetric nudging"
LAYERS = (784, 1000, 1000, 1000, 1000, 10)


def run(asked: Order) -> dict[str, Any]:
    settings = {"optimizer": "adam", "rate": 1e-4, "batch": 100, "epochs": 1 if asked.quick else 5}
    grid = [(rule, alpha, rounds) for rule in ("dp", "dp-transpose") for alpha in (0.0, 1.0) for rounds in (1, 30)]
    names = {key: f"{key[0]} alpha={key[1]:g}, {key[2]} round{'s' * (key[2] > 1)}" for key in grid}
    cells = [
        Cell(
            names[rule, alpha, rounds], rule, LAYERS, options={"alpha": alpha, "beta": 0.5, "iterations": rounds}, settings=settings,
            samples=5_000 if asked.quick else 10_000,
        )
        for rule, alpha, rounds in grid
    ]  # fmt: skip
    found = run_cells(NAME, cells, asked)
    claims = [_claim(names[key], key[0] == "dp" and key[2] == 30, found[names[key]]) for key in grid]
    return {"rows": [row(name, results) for name, results in found.items()], "claims": claims}


def _claim(name: str, should_fail: bool, results: Results) -> Claim:
    expected = f"{'fails' if should_fail else 'trains'} (here: training accuracy {'<' if should_fail else '>='} 50 %)"
    if not results:
        return claim(name, expected, None, None)
    fails = any(r["diverged"] or r["train_accuracy"] < 0.5 for r in results)
    diverged = any(r["diverged"] for r in results)
    ours = "diverged" if diverged else f"{100 * min(r['train_accuracy'] for r in results):.1f} %"
    return claim(name, expected, ours, fails == should_fail)


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    bars(figure, result)
