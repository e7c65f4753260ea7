"""Two Tales table 3: VGG16 on CIFAR-10 with DP-transpose over alpha and beta.

VGG16 (13 convolutions, dense 4096, 4096, 10), softmax cross-entropy, SGD with momentum 0.9, weight decay 5e-4, batch 100, 130 epochs, crop
and mirror, a rate that grows to 0.025 and falls like a cosine (from 5e-3 in 13 epochs, down to 0; the paper's: from 1e-3 in 10, down
to 2e-6); alpha in {0, 1/2, 1} x beta in {0.01, 0.1, 1}, and alpha = 0, beta = 10. The paper: three cells fail, (alpha, beta) =
(1, 1), (1, 0.1) and (1/2, 1); at beta = 0.01 alpha makes no difference.

Full size wants a GPU (days of CPU). --quick trains a convolutional network of six layers on 2,000 images for 3 epochs: its figures
stand beside the paper's claims, and decide none. Ours: 1 pass of inference where the paper makes 17 over layers that start from a forward
pass; at its fixed point DP-transpose needs no more at alpha 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuromorph.experiments.grid import Cell, Results, accuracy_of, mean_accuracy, open_claim, row, run_cells
from neuromorph.experiments.pictures import bars
from neuromorph.experiments.report import Claim, claim
from neuromorph.experiments.request import Order

NAME = "two-tales-3"
TITLE = "Two Tales, table 3: VGG16 on CIFAR-10 (quick: six layers, 2,000 images)"
GRID = [(alpha, beta) for alpha in (0.0, 0.5, 1.0) for beta in (0.01, 0.1, 1.0)] + [(0.0, 10.0)]
FAILING = {(1.0, 1.0), (1.0, 0.1), (0.5, 1.0)}
FULL = {
    "optimizer": "sgd",
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "batch": 100,
    "rate": 0.025,
    "epochs": 130,
    "schedule": "warmup-cosine",
}
QUICK = FULL | {"epochs": 3, "schedule": "constant"}
CHANCE = 15.0
"""Per cent: a network of ten classes below it has learned nothing."""


def run(asked: Order) -> dict[str, Any]:
    names = {(alpha, beta): f"alpha={alpha:g}, beta={beta:g}" for alpha, beta in GRID}
    cells = [
        Cell(
            names[alpha, beta], "dp-transpose", (), data="cifar10", options={"alpha": alpha, "beta": beta, "loss": "cross-entropy"},
            settings=QUICK if asked.quick else FULL, network="small-vgg" if asked.quick else "vgg16", samples=2_000 if asked.quick else None,
        )
        for alpha, beta in GRID
    ]  # fmt: skip
    cells.append(Cell("backpropagation", "backprop", (), data="cifar10", options={"loss": "cross-entropy"},
                      settings=cells[0].settings, network=cells[0].network, samples=cells[0].samples))  # fmt: skip
    found = run_cells(NAME, cells, asked)
    of = {key: found[name] for key, name in names.items()}
    rows = [row(name, results) for name, results in found.items()]
    return {"rows": rows, "claims": _claims(of, asked.quick)}


def _claims(found: Mapping[tuple[float, float], Results], quick: bool) -> list[Claim]:
    """What six layers and a few batches do decides nothing about VGG16."""
    claims = [*(_cell(key, found[key]) for key in GRID), _alike(found)]
    return [entry | {"holds": None} for entry in claims] if quick else claims


def _cell(key: tuple[float, float], results: Results) -> Claim:
    reached = accuracy_of(results)
    fails = reached is None or reached[0] < CHANCE
    ours = "fails" if reached is None else f"{reached[0]:.2f} %"
    expected = "fails" if key in FAILING else "trains"
    if not results:
        return claim(f"alpha={key[0]:g}, beta={key[1]:g}", expected, None, None)
    return claim(
        f"alpha={key[0]:g}, beta={key[1]:g}", expected, ours, fails == (key in FAILING), reached[1] if reached else None
    )


def _alike(found: Mapping[tuple[float, float], Results]) -> Claim:
    name, weak = "at beta = 0.01 alpha makes no difference", [found[key] for key in GRID if key[1] == 0.01]
    undecided = open_claim(name, "none", *weak)
    if undecided:
        return undecided
    means, spreads = zip(*map(mean_accuracy, weak), strict=True)
    apart = max(means) - min(means)
    return claim(name, "none", f"{apart:.2f} points apart", apart <= max(1.0, 3 * max(spreads)), max(spreads))


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    bars(figure, result, {f"fails, here: below {CHANCE:g} %": (0.0, CHANCE)})
