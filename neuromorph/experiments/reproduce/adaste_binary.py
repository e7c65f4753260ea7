"""AdaSTE (paper B of the thesis): binary weights with DP, beside the straight-through estimator and real weights.

784-512-512-10 on MNIST, 10 epochs, every weight +-1 times a fixed scale of its layer. The paper trains VGG16 and ResNet18 on CIFAR with
backpropagation; here the question is whether its update serves a local rule. Claims: AdaSTE is at least as good as the straight-through
estimator; binary weights cost little against real ones. Here mu ends at 0.016: latent weights start within +-1, and AdaSTE's steps
to the boundary are larger than those away from it, so that with a faster growth of mu they all end at it (validation accuracy fell from
96.8 to 31 % as mu grew threefold an epoch); the authors start at +-10 and train for 700 epochs. All rows but the first are trained from one seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuromorph.console import Talk
from neuromorph.experiments.reproduce.cells import Cell, accuracy_of, row, run_cells
from neuromorph.experiments.reproduce.pictures import bars
from neuromorph.experiments.reproduce.report import Claim, claim

NAME = "adaste-binary"
TITLE = "Binary weights on MNIST"
LAYERS = (784, 512, 512, 10)
RULES = ("adaste+dp", "ste+dp", "adaste+backprop", "ste+backprop", "dp")
ENOUGH = 96.5
SETTINGS = {"optimizer": "adam", "rate": 1e-3, "batch": 100, "schedule": "cosine"}


def run(*, quick: bool, seeds: int, talk: Talk, data_dir: Path | None) -> dict[str, Any]:
    shorter = {"epochs": 2} if quick else {"epochs": 10}
    cells = [
        Cell(
            rule,
            rule,
            LAYERS,
            settings=SETTINGS | shorter,
            samples=10_000 if quick else None,
            most=None if rule == RULES[0] else 1,
        )
        for rule in RULES
    ]
    found = run_cells(NAME, cells, seeds, talk, data_dir)
    reached = {rule: accuracy_of(found[rule]) for rule in RULES}
    dp = reached["adaste+dp"]
    claims = [
        claim(
            "AdaSTE with DP learns",
            f"at least {ENOUGH} %",
            dp and round(dp[0], 2),
            dp is not None and dp[0] >= ENOUGH,
            dp and dp[1],
        ),
        _above("adaste+dp", "ste+dp", reached),
        _above("adaste+backprop", "ste+backprop", reached),
    ]
    return {"rows": [row(name, results) for name, results in found.items()], "claims": claims}


def _above(first: str, second: str, reached: Mapping[str, tuple[float, float] | None]) -> Claim:
    a, b = reached[first], reached[second]
    if a is None or b is None:
        return claim(f"{first} against {second}", "at least as good", "diverged", False)
    return claim(
        f"{first} against {second}", "at least as good", f"{a[0] - b[0]:+.2f} points", a[0] >= b[0] - max(a[1], b[1]), a[1]
    )


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    bars(figure, result)
