"""Two Tales table 1: what asymmetric nudging does to the smoothness of the network that is learned.

784-512-512-10, ReLU, squared error, beta = 1/2, batch 50, Adam 1e-3, W ~ N(0, 1 / in), 20 epochs, the first 50,000 images of MNIST in 0..1.
Smoothness: spectral norm of W_3 W_2 W_1. Expected (our copy of the paper lost its numbers; the ordering stands in the text): for DP
the norm falls as alpha goes 1, 1/2, 0; for DP-transpose the same way, much weaker; extended DP (nudged input) lower still.

DP at alpha other than 1/2 is solved by damped iterations with exact nudging, as the authors do (15 rounds). Ours: the fast-gradient
baseline takes beta for its step, the authors chose it to match DP's accuracy; both the raw gradient and its sign are run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from neuromorph.experiments.grid import Cell, accuracy_of, row, run_cells
from neuromorph.experiments.pictures import ROW, horizontal
from neuromorph.experiments.report import Claim, claim
from neuromorph.experiments.request import Order
from neuromorph.runs.seeds import mean_and_spread

NAME = "two-tales-1"
TITLE = "Two Tales, table 1: accuracy and spectral norm on MNIST"
LAYERS = (784, 512, 512, 10)
SETTINGS = {"optimizer": "adam", "rate": 1e-3, "batch": 50, "epochs": 20, "first": "lecun"}
ROUNDS = 15
DAMPED = {"damped": True, "iterations": ROUNDS}
RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "DP alpha=1": ("dp", {"alpha": 1.0, "nudging": "exact", **DAMPED}),
    "DP alpha=1/2": ("dp", {"alpha": 0.5, "nudging": "exact"}),
    "DP alpha=0": ("dp", {"alpha": 0.0, "nudging": "exact", **DAMPED}),
    "DP-transpose alpha=1": ("dp-transpose", {"alpha": 1.0}),
    "DP-transpose alpha=1/2": ("dp-transpose", {"alpha": 0.5}),
    "DP-transpose alpha=0": ("dp-transpose", {"alpha": 0.0}),
    "extended DP alpha=0": ("dp", {"alpha": 0.0, "nudging": "exact", "input_layer": True, **DAMPED}),
    "backpropagation": ("backprop", {}),
    "gradient adversary": ("backprop", {"adversary": "gradient", "attack": 0.5}),
    "sign adversary": ("backprop", {"adversary": "sign", "attack": 0.1}),
}


def cells(quick: bool) -> list[Cell]:
    shorter: dict[str, Any] = {"epochs": 3} if quick else {}
    return [
        Cell(
            name, rule, LAYERS, options=({"beta": 0.5} if rule != "backprop" else {}) | options, settings=SETTINGS | shorter,
            samples=10_000 if quick else 50_000, metrics=True,
        )
        for name, (rule, options) in RULES.items()
    ]  # fmt: skip


def run(asked: Order) -> dict[str, Any]:
    found = run_cells(NAME, cells(asked.quick), asked)
    norms = {
        name: mean_and_spread([r["lipschitz"] for r in results]) for name, results in found.items() if accuracy_of(results)
    }
    rows = [row(name, results) | {"|W3 W2 W1|": norms.get(name, (None,))[0]} for name, results in found.items()]
    return {"rows": rows, "claims": claims(norms)}


def claims(norms: Mapping[str, tuple[float, float]]) -> list[Claim]:
    """Orderings of the spectral norm; one that needs a row not run, or diverged, is not decided."""
    return [
        _falls("DP: the norm falls as alpha goes 1, 1/2, 0", [f"DP alpha={a}" for a in ("1", "1/2", "0")], norms),
        _falls("DP-transpose: it falls too", [f"DP-transpose alpha={a}" for a in ("1", "1/2", "0")], norms),
        _weaker(norms),
        _falls("extended DP is smoother still", ["DP alpha=0", "extended DP alpha=0"], norms),
    ]


def _falls(name: str, order: Sequence[str], norms: Mapping[str, tuple[float, float]]) -> Claim:
    if any(row not in norms for row in order):
        return claim(name, "falls", "a row lacks its figure", None)
    values = [norms[row][0] for row in order]
    holds = all(later < earlier for earlier, later in pairwise(values))
    return claim(name, "falls", ", ".join(f"{v:.2f}" for v in values), holds, max(norms[row][1] for row in order))


def _weaker(norms: Mapping[str, tuple[float, float]]) -> Claim:
    name, ends = "the effect is much weaker in DP-transpose", ("alpha=1", "alpha=0")
    if any(f"{rule} {end}" not in norms for rule in ("DP", "DP-transpose") for end in ends):
        return claim(name, "ratio of norms nearer to 1", "a row lacks its figure", None)
    ratio = {rule: norms[f"{rule} {ends[0]}"][0] / norms[f"{rule} {ends[1]}"][0] for rule in ("DP", "DP-transpose")}
    ours = f"alpha 1 over alpha 0: DP {ratio['DP']:.2f}, DP-transpose {ratio['DP-transpose']:.2f}"
    return claim(name, "ratio of norms nearer to 1", ours, abs(ratio["DP-transpose"] - 1) < abs(ratio["DP"] - 1) / 2)


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    """Accuracy and norm of every row."""
    rows = result["rows"]
    figure.set_figheight(1.5 + ROW * len(rows))
    left, right = figure.subplots(1, 2, sharey=True)
    horizontal(left, [row["cell"] for row in rows], {"ours": [(row["test %"], row["+-"]) for row in rows]})
    left.set_xlabel("test accuracy (%)")
    horizontal(right, [row["cell"] for row in rows], {"ours": [(row["|W3 W2 W1|"] or "-", None) for row in rows]})
    right.set_xlabel("spectral norm of W3 W2 W1")
