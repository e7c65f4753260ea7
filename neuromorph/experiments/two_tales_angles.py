"""Two Tales figures 2 and 3: the angle between DP-transpose's updates and the gradient, layer by layer, during training.

The paper (VGG16, CIFAR-10): well aligned at alpha = 1/2; badly at alpha = 0 and beta = 1 in the first 200 batches or so; nearly no
angle at beta = 0.01. Here by default a convolutional network of six layers on 10,000 images of CIFAR-10 (--quick: 784-256-256-10 on
MNIST, 2,000 images), softmax cross-entropy, SGD; the angle is measured on the batch that is learned, before it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from neuromorph.experiments.measured import Kept, told_of
from neuromorph.experiments.report import claim, plus_minus
from neuromorph.experiments.request import Order
from neuromorph.runs.seeds import mean_and_spread

if TYPE_CHECKING:
    from neuromorph.learning.rule import Rule, Settings

NAME = "two-tales-angles"
TITLE = "Two Tales, figures 2 and 3: angle to the gradient (CIFAR-10, six layers for VGG16)"
GRID = ((0.0, 1.0), (0.5, 1.0), (0.0, 0.01), (0.5, 0.01))
EARLY = 200
"""Batches."""
EVERY = 10
LONG, SHORT = 400, 120
"""Batches, in full and quick."""


def run(asked: Order) -> dict[str, Any]:
    batches = SHORT if asked.quick else LONG
    curves: dict[str, list[list[list[float]]]] = {}
    with asked.talk.bar(NAME, len(GRID) * asked.seeds) as bar:
        for alpha, beta in GRID:
            rule, settings = _training(alpha, beta)
            told = {"rule": rule.name, "options": asdict(rule), "settings": asdict(settings), "batches": batches}
            asked.note(
                _name(alpha, beta),
                {**told, "data": _data(asked), "differs": "it is measured in the first epoch, which train ends"},
            )
            for seed in range(asked.seeds):
                decides = [told_of(rule, settings), asked.fingerprint(_data(asked)), asked.quick, batches, EVERY]
                kept = Kept.of(NAME, rule.name, decides, seed)
                curves.setdefault(_name(alpha, beta), []).append(
                    kept.get(partial(_angles, rule, settings, seed, asked, batches))
                )
                bar.advance(1)
    early = {name: mean_and_spread([_early(curve) for curve in runs]) for name, runs in curves.items()}
    rows = [
        {"cell": name, "early angle (degrees)": round(mean, 2), "+-": plus_minus(spread, 2)}
        for name, (mean, spread) in early.items()
    ]
    strong, half = early[_name(0.0, 1.0)], early[_name(0.5, 1.0)]
    weak = max(early[_name(a, 0.01)] for a in (0.0, 0.5))
    claims = [
        claim("alpha = 0, beta = 1 is badly aligned early", "larger than at alpha = 1/2", f"{strong[0]:.1f} and {half[0]:.1f} degrees",
              strong[0] > 2 * half[0], strong[1]),
        claim("at beta = 0.01 both alphas are aligned", "nearly no angle", f"at most {weak[0]:.2f} degrees", weak[0] < 5, weak[1]),
    ]  # fmt: skip
    return {"rows": rows, "claims": claims, "every": EVERY, "curves": {name: runs[0] for name, runs in curves.items()}}


def _name(alpha: float, beta: float) -> str:
    return f"alpha={alpha:g}, beta={beta:g}"


def _early(curve: list[list[float]]) -> float:
    """Mean over the first batches and all layers but the last, whose update is exact up to its mean."""
    angles = [angle for layers in curve[: EARLY // EVERY] for angle in layers[:-1] if angle == angle]
    return mean_and_spread(angles)[0]


def _data(asked: Order) -> str:
    return "mnist" if asked.quick else "cifar10"


def _training(alpha: float, beta: float) -> tuple[Rule, Settings]:
    from neuromorph.learning.registry import make_rule

    rule = make_rule("dp-transpose", alpha=alpha, beta=beta, loss="cross-entropy")
    return rule, replace(rule.settings, optimizer="sgd", rate=0.01, momentum=0.9, batch=100)


def _angles(rule: Rule, settings: Settings, seed: int, asked: Order, batches: int) -> list[list[float]]:
    """Degrees by layer, every EVERY batches."""
    import torch

    from neuromorph.learning.network.network import mlp, small_vgg
    from neuromorph.learning.training.metrics import measure
    from neuromorph.learning.training.trainer import Trainer

    data = asked.data(_data(asked)).first(100 * batches)
    network = mlp((784, 256, 256, 10), start="he", seed=seed) if asked.quick else small_vgg(seed=seed)
    trainer = Trainer(network, rule, data, settings, seed=seed, validation=0)
    curve = []
    with torch.no_grad():
        for number, share in enumerate(trainer.batches.epoch(0)):
            if number % EVERY == 0:
                curve.append(measure(network, rule, share.batch)["angle"])
            updates = rule.step(network, share.batch).updates
            for name, parameter in network.named_parameters():
                parameter.grad = updates.get(name)
            trainer.optimizer.step()
    return curve


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    """Angles of the lowest layer against the batch."""
    axes = figure.subplots()
    for row, curve in zip(result["rows"], result["curves"].values(), strict=True):
        early = f"{row['early angle (degrees)']} ± {row['+-'] or 0}"
        batches = [result["every"] * t for t in range(len(curve))]
        axes.plot(batches, [layers[0] for layers in curve], label=f"{row['cell']} (early, all layers and seeds: {early})")
    axes.axvspan(0, EARLY, color="0.5", alpha=0.1, label="early")
    axes.set(xlabel="batch", ylabel="angle to the gradient (degrees)")
    axes.set_title("lines: lowest layer, seed 0", fontsize=9)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
