"""Norse beside us on the same data: dual propagation, its weights in spike rates, and a spiking network of surrogate gradients.

Three bodies of one architecture, 784-256-256-10 on MNIST (--quick: 64-64-64-10 on digits), from the same first weights:

    dp                   trained by dual propagation in batches, ReLU
    rates, T steps       the same weights in Norse's integrate-and-fire neurons (judges/norse_network.py), with the reset that takes
                         the threshold off ("subtract") and with the one of Norse's own iaf cell, to a value ("value")
    surrogate gradients  Norse's LIF neurons, trained through time by autograd

"scores off by": mean distance of a body's scores from those of the network it carries. All three see a sample as a constant current.
Loss and rate are those that each rule prefers (squared error and 1e-3; cross-entropy and 5e-3): the third is a baseline of accuracy, no
comparison of rules under equal terms.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from neuromorph.data import Dataset
from neuromorph.experiments.grid import Cell
from neuromorph.experiments.measured import Kept, told_of
from neuromorph.experiments.report import claim, plus_minus
from neuromorph.experiments.request import Order
from neuromorph.runs.seeds import mean_and_spread

if TYPE_CHECKING:
    from neuromorph.learning.network.network import Network
    from neuromorph.learning.rule import Rule, Settings

NAME = "norse-baseline"
TITLE = "Dual propagation, its spike rates in Norse, and surrogate gradients"
LAYERS, QUICK_LAYERS = (784, 256, 256, 10), (64, 64, 64, 10)
LENGTHS, QUICK_LENGTHS = tuple(2**k for k in range(10)), tuple(2**k for k in range(9))
EPOCHS, QUICK_EPOCHS = 5, 15
BATCH, QUICK_BATCH = 100, 32
RESETS = ("subtract", "value")
CALIBRATION = 10_000
"""Training images whose largest activities set the thresholds."""
Run = dict[str, Any]


def run(asked: Order) -> dict[str, Any]:
    from neuromorph.judges.norse_network import SurrogateGradient
    from neuromorph.learning.rules.dual_propagation import DualPropagation

    kinds: dict[str, tuple[Rule, Callable[..., Run]]] = {
        "dp": (DualPropagation(), _dp_and_rates), "surrogate gradients": (SurrogateGradient(), _surrogate),
    }  # fmt: skip
    layers = QUICK_LAYERS if asked.quick else LAYERS
    trained = asdict(_settings(kinds["dp"][0], asked))
    Cell("dp", "dp", layers, _data(asked).name, settings=trained).note(asked, asked.seeds)
    runs: list[Run] = [{} for _ in range(asked.seeds)]
    with asked.talk.bar(NAME, asked.seeds * len(kinds)) as bar:
        for seed in range(asked.seeds):
            for kind, (rule, measure) in kinds.items():
                bar.note(f"{kind}, seed {seed}")
                told = [
                    told_of(rule, _settings(rule, asked)),
                    asked.fingerprint(_data(asked).name),
                    asked.quick,
                    LENGTHS,
                    CALIBRATION,
                ]
                kept = Kept.of(NAME, kind.replace(" ", "-"), [*told, layers], seed)
                runs[seed] |= kept.get(partial(measure, rule, seed, asked, kept))
                bar.advance(1)
    rows = [_row(body, None, [run[body] for run in runs]) for body in ("dp", "surrogate gradients")]
    for reset in RESETS:
        for place, length in enumerate(QUICK_LENGTHS if asked.quick else LENGTHS):
            rows.append(_row(f"rates, {reset}", length, [run[reset][place] for run in runs]))
    return {"rows": rows, "claims": _claims(rows)}


def _dp_and_rates(rule: Rule, seed: int, asked: Order, kept: Kept) -> Run:
    """Test accuracy (per cent) of dual propagation and of its weights in rates; of these also how far scores are off, after each length."""
    network, reached = _trained(rule, seed, asked, kept)
    return {"dp": reached} | {reset: _rates(network, asked, reset) for reset in RESETS}


def _surrogate(rule: Rule, seed: int, asked: Order, kept: Kept) -> Run:
    return {"surrogate gradients": _trained(rule, seed, asked, kept)[1]}


def _data(asked: Order) -> Dataset:
    return asked.data("digits" if asked.quick else "mnist")


def _settings(rule: Rule, asked: Order) -> Settings:
    epochs, batch = (QUICK_EPOCHS, QUICK_BATCH) if asked.quick else (EPOCHS, BATCH)
    return replace(rule.settings, epochs=epochs, batch=batch, schedule="cosine")


def _trained(rule: Rule, seed: int, asked: Order, kept: Kept) -> tuple[Network, tuple[float, None]]:
    from neuromorph.learning.training.trainer import Trainer

    network = rule.build(QUICK_LAYERS if asked.quick else LAYERS, seed=seed)
    trainer = Trainer(network, rule, _data(asked), _settings(rule, asked), seed=seed, device="cpu")
    kept.train(trainer)
    return network, (100 * trainer.test_accuracy(), None)


def _rates(network: Network, asked: Order, reset: Any) -> list[tuple[float, float]]:
    import torch

    from neuromorph.judges.norse_network import RateCoded
    from neuromorph.learning.training.batches import Samples

    data, lengths = _data(asked), QUICK_LENGTHS if asked.quick else LENGTHS
    train, test = (
        Samples(images, labels, data, network)
        for images, labels in ((data.train_images, data.train_labels), (data.test_images, data.test_labels))
    )
    body = RateCoded.calibrated(network, train.batch(torch.arange(min(CALIBRATION, len(train)))).x, reset)
    right, off = torch.zeros(len(lengths)), torch.zeros(len(lengths))
    for batch in test.chunks():
        with torch.no_grad():
            said = network(batch.x)
        for place, states in enumerate(body.present(batch.x, lengths)):
            right[place] += (states[-1].argmax(1) == batch.y.argmax(1)).sum()
            off[place] += (states[-1] - said).abs().mean(1).sum()
    return [(100 * float(r) / len(test), float(d) / len(test)) for r, d in zip(right, off, strict=True)]


def _row(body: str, steps: int | None, results: Sequence[tuple[float, float | None]]) -> Run:
    mean, spread = mean_and_spread([accuracy for accuracy, _ in results])
    distances = [distance for _, distance in results if distance is not None]
    return {
        "body": body, "T": steps, "test %": round(mean, 2), "+-": plus_minus(spread, 2),
        "scores off by": float(f"{statistics.mean(distances):.3g}") if distances else None,
    }  # fmt: skip


def order(rows: Sequence[Mapping[str, Any]]) -> float:
    """The exponent q in distance ~ T^q, by least squares over all T but the first three."""
    points = [(math.log(row["T"]), math.log(row["scores off by"])) for row in rows[3:]]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def _claims(rows: Sequence[Run]) -> list[dict[str, Any]]:
    dp = rows[0]
    soft, hard = ([row for row in rows if row["body"] == f"rates, {reset}"] for reset in RESETS)
    last, gap = soft[-1], dp["test %"] - soft[-1]["test %"]
    return [
        claim(f"accuracy of the rates, T = {last['T']}", "approaches dual propagation's", f"{last['test %']} of {dp['test %']} %",
              abs(gap) <= 0.5, last["+-"]),
        claim("scores of the rates, reset by subtraction", "off by 1/T (theorem)", f"T^{order(soft):.2f}", order(soft) < -0.8),
        claim("scores of the rates, reset to a value", "do not converge", f"T^{order(hard):.2f}", order(hard) > -0.5),
    ]  # fmt: skip


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    """Error, and how far scores are off, against the number of steps."""
    left, right = figure.subplots(1, 2)
    for color, reset in zip(("C0", "C1"), RESETS, strict=True):
        rows = [row for row in result["rows"] if row["body"] == f"rates, {reset}"]
        steps, label = [row["T"] for row in rows], f"rates, reset: {reset}"
        errors, spreads = [100 - row["test %"] for row in rows], [row["+-"] or 0 for row in rows]
        left.errorbar(steps, errors, spreads, marker="o", capsize=2, color=color, label=label)
        right.loglog(steps, [row["scores off by"] for row in rows], marker="o", color=color, label=label)
        if reset == RESETS[0]:
            ends = steps[0], steps[-1]
            right.loglog(
                ends, [rows[-1]["scores off by"] * steps[-1] / t for t in ends], "k:", label="theorem: falls as 1/T"
            )
    for row, (style, color) in zip(result["rows"][:2], (("--", "0.4"), (":", "C2")), strict=True):
        left.axhline(
            100 - row["test %"], color=color, linestyle=style, label=f"{row['body']}, {row['test %']} ± {row['+-'] or 0} %"
        )
    left.set(xscale="log", yscale="log", xlabel="steps T, logarithmic", ylabel="test error (%), logarithmic")
    left.set_yticks([2, 5, 10, 20, 50, 100], [2, 5, 10, 20, 50, 100])
    left.yaxis.set_minor_formatter("")
    right.set(xlabel="steps T, logarithmic", ylabel="mean distance of scores, logarithmic")
    for axes in (left, right):
        axes.legend(fontsize=8)
