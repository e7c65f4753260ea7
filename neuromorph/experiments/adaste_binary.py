"""AdaSTE (paper B of the thesis): binary weights with DP, beside the straight-through estimator and real weights.

784-512-512-10 on MNIST, 10 epochs, every weight +-1 times a fixed scale of its layer. The paper trains VGG16 and ResNet18 on CIFAR with
backpropagation; here the question is whether its update serves a local rule. Claims: AdaSTE is at least as good as the straight-through
estimator; binary weights cost little against real ones. Here mu ends at 0.016: latent weights start within +-1, and AdaSTE's steps
to the boundary are larger than those away from it, so that with a faster growth of mu they all end at it (validation accuracy fell from
96.8 to 31 % as mu grew threefold an epoch); the authors start at +-10 and train for 700 epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuromorph.experiments.grid import Cell, Results, mean_accuracy, open_claim, row, run_cells
from neuromorph.experiments.pictures import bars
from neuromorph.experiments.report import Claim, claim
from neuromorph.experiments.request import Order

NAME = "adaste-binary"
TITLE = "Binary weights on MNIST"
LAYERS = (784, 512, 512, 10)
RULES = ("adaste+dp", "ste+dp", "adaste+backprop", "ste+backprop", "dp")
ENOUGH = 96.5
SETTINGS = {"optimizer": "adam", "rate": 1e-3, "batch": 100, "schedule": "cosine"}


def run(asked: Order) -> dict[str, Any]:
    shorter = {"epochs": 2} if asked.quick else {"epochs": 10}
    cells = [
        Cell(
            rule,
            rule,
            LAYERS,
            settings=SETTINGS | shorter,
            samples=10_000 if asked.quick else None,
        )
        for rule in RULES
    ]
    found = run_cells(NAME, cells, asked)
    claims = [
        _learns("adaste+dp", found),
        _above("adaste+dp", "ste+dp", found),
        _above("adaste+backprop", "ste+backprop", found),
    ]
    return {"rows": [row(name, results) for name, results in found.items()], "claims": claims}


def _learns(rule: str, found: Mapping[str, Results]) -> Claim:
    name, least = f"{rule} learns", f"costs little (here: >= {ENOUGH} %)"
    undecided = open_claim(name, least, found[rule])
    if undecided:
        return undecided
    mean, spread = mean_accuracy(found[rule])
    return claim(name, least, round(mean, 2), mean >= ENOUGH, spread)


def _above(first: str, second: str, found: Mapping[str, Results]) -> Claim:
    name, expected = f"{first} against {second}", "at least as good"
    undecided = open_claim(name, expected, found[first], found[second])
    if undecided:
        return undecided
    a, b = mean_accuracy(found[first]), mean_accuracy(found[second])
    return claim(name, expected, f"{a[0] - b[0]:+.2f} points", a[0] >= b[0] - max(a[1], b[1]), a[1])


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    bars(figure, result, {f"enough, here: {ENOUGH} %": (ENOUGH, ENOUGH)})
