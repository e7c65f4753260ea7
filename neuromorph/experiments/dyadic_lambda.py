"""Dyadic learning (paper E): symmetric, feed-forward and skew-symmetric networks side by side.

784-256-10, ReLU, squared error, the same rule at lambda = 1, 1/2, 0. The claims (from the abstract; figures are not in the texts we
hold): the skew model is on a par in accuracy, more robust to changes of the input and to strong feedback, and its states saturate
less; its hidden dynamics are 1-Lipschitz whatever the weights.

Measured on networks as trained: accuracy on test images with Gaussian noise; accuracy after training with beta = 1.5; and the largest
|ds| / |theta_0 dx| over test images and random directions dx, of free states that have settled (their residual is reported: a network that
has not settled looks less smooth than it is). At lambda = 1 a saddle exists only while the weights stay small; hard sigmoids keep its
states finite, so all rows use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from neuromorph.experiments.grid import Cell
from neuromorph.experiments.measured import Kept, told_of
from neuromorph.experiments.pictures import ROW, horizontal
from neuromorph.experiments.report import claim, plus_minus
from neuromorph.experiments.request import Order
from neuromorph.runs.seeds import mean_and_spread

if TYPE_CHECKING:
    from neuromorph.learning.network.network import Network
    from neuromorph.learning.rule import Settings
    from neuromorph.learning.rules.dyadic import Dyadic
    from neuromorph.learning.training.trainer import Trainer

NAME = "dyadic-lambda"
TITLE = "Dyadic learning: symmetric, feed-forward, skew-symmetric"
LAMBDAS = {"symmetric": 1.0, "feed-forward": 0.5, "skew-symmetric": 0.0}
LAYERS = (784, 256, 10)
WEAK, STRONG = 0.5, 1.5
NOISE = 0.3
"""Standard deviation of the noise on pixels in 0..1."""
BOUND = {"paper: skew-symmetric at most 1": (1.0, 1.0)}
"""On a ratio of changes, in the picture."""
PROBED, SETTLED, DIRECTIONS = 1000, 300, 5


def run(asked: Order) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    measured = {}
    with asked.talk.bar(NAME, 2 * len(LAMBDAS) * asked.seeds) as bar:
        for name, lam in LAMBDAS.items():
            for beta in (WEAK, STRONG):
                _cell(name, lam, beta, asked).note(asked, asked.seeds)
                found = []
                for seed in range(asked.seeds):
                    bar.note(f"{name}, beta={beta:g}, seed {seed}")
                    rule, settings = _training(lam, beta, asked)
                    told = [
                        told_of(rule, settings),
                        asked.fingerprint("mnist"),
                        asked.quick,
                        LAYERS,
                        NOISE,
                        PROBED,
                        SETTLED,
                        DIRECTIONS,
                    ]
                    kept = Kept.of(NAME, name, told, seed)
                    found.append(kept.get(partial(_train_and_probe, rule, settings, seed, asked, kept)))
                    bar.advance(1)
                measured[name, beta] = {k: mean_and_spread([f[k] for f in found]) for k in found[0]}
                line = {k: round(mean, 3) for k, (mean, _) in measured[name, beta].items()}
                rows.append(
                    {"cell": _row_name(name, beta)} | line | {"+-": plus_minus(measured[name, beta]["test %"][1], 3)}
                )
                asked.talk.say(str(rows[-1]))
    return {"rows": rows, "claims": _claims(measured)}


def _row_name(name: str, beta: float) -> str:
    return f"{name}, beta={beta:g}"


def _cell(name: str, lam: float, beta: float, asked: Order) -> Cell:
    """What a row trains, as a row of a grid would say it."""
    _, settings = _training(lam, beta, asked)
    options = {"lam": lam, "beta": beta}
    return Cell(_row_name(name, beta), "dyadic", LAYERS, options=options, settings=asdict(settings), samples=_samples(asked))


def _samples(asked: Order) -> int | None:
    return 5000 if asked.quick else None


def _training(lam: float, beta: float, asked: Order) -> tuple[Dyadic, Settings]:
    from neuromorph.learning.rules.dyadic import Dyadic

    rule = Dyadic(lam=lam, beta=beta)
    return rule, replace(rule.settings, epochs=2 if asked.quick else 10, schedule="cosine")


def _train_and_probe(rule: Dyadic, settings: Settings, seed: int, asked: Order, kept: Kept) -> dict[str, float]:
    from neuromorph.learning.network.network import mlp
    from neuromorph.learning.training.trainer import Trainer

    data = asked.data("mnist").first(_samples(asked))
    network = mlp(LAYERS, hidden="hard-sigmoid", start="uniform", seed=seed)
    trainer = Trainer(network, rule, data, settings, seed=seed, device="cpu")
    kept.train(trainer)
    return _probe(network, rule, trainer, data.test_images, data.test_labels)


def _probe(network: Network, rule: Dyadic, trainer: Trainer, images: Any, labels: Any) -> dict[str, float]:
    import torch

    generator = torch.Generator().manual_seed(0)
    x = torch.from_numpy(images).float().div(255).flatten(1)
    y = torch.from_numpy(labels)
    noisy = x + NOISE * torch.randn(x.shape, generator=generator)

    def right(shown: torch.Tensor) -> float:
        with torch.no_grad():
            return 100 * float((rule.predict(network, shown).argmax(1) == y).float().mean())

    ratio, residual, saturated = _smoothness(network, rule, x[:PROBED], generator)
    return {
        "test %": 100 * trainer.test_accuracy(), "noisy test %": right(noisy), "largest |ds|/|theta dx|": ratio,
        "residual": residual, "saturated": saturated,
    }  # fmt: skip


def _smoothness(network: Network, rule: Dyadic, x: Any, generator: Any) -> tuple[float, float, float]:
    """Largest ratio of state to drive changes, largest residual, share of hidden units at their upper bound."""
    import torch

    slow = replace(rule, steps=SETTLED)
    with torch.no_grad():
        states, residual = slow.phase(network, "free", x)
        largest, theta = 0.0, network.connection(1).weight
        for _ in range(DIRECTIONS):
            dx = 0.05 * torch.randn(x.shape, generator=generator)
            moved, more = slow.phase(network, "moved", x + dx)
            ds = torch.cat([(a - b).flatten(1) for a, b in zip(moved[1:], states[1:], strict=True)], 1)
            largest = max(largest, float((ds.norm(dim=1) / (dx @ theta.t()).norm(dim=1)).max()))
            residual = torch.maximum(residual, more)
    high = torch.cat([s.flatten(1) for s in states[1:-1]], 1) >= 1.0
    return largest, float(residual.max()), float(high.float().mean())


def _claims(measured: Mapping[tuple[str, float], Mapping[str, tuple[float, float]]]) -> list[dict[str, Any]]:
    def of(name: str, beta: float, what: str) -> tuple[float, float]:
        return measured[name, beta][what]

    skew, forward, symmetric = "skew-symmetric", "feed-forward", "symmetric"
    kept = {n: of(n, WEAK, "noisy test %")[0] - of(n, WEAK, "test %")[0] for n in LAMBDAS}
    hurt = {n: of(n, STRONG, "test %")[0] - of(n, WEAK, "test %")[0] for n in LAMBDAS}
    best = max(of(forward, WEAK, "test %")[0], of(symmetric, WEAK, "test %")[0])
    ratio = max(of(skew, beta, "largest |ds|/|theta dx|")[0] for beta in (WEAK, STRONG))
    full = {n: of(n, WEAK, "saturated")[0] for n in LAMBDAS}

    def words(values: Mapping[str, float]) -> str:
        return ", ".join(f"{n} {v:+.2f}" for n, v in values.items())

    return [
        claim("skew: accuracy on a par", "equal", f"{of(skew, WEAK, 'test %')[0] - best:+.2f} points from the best of the others",
              of(skew, WEAK, "test %")[0] > best - 0.5, of(skew, WEAK, "test %")[1]),
        claim("skew loses least to noisy input", "most robust", words(kept), kept[skew] >= max(kept.values())),
        claim("skew loses least to strong feedback", "most robust", words(hurt), hurt[skew] >= max(hurt.values()) - 0.1),
        claim("skew saturates least", "less", words(full), full[skew] <= min(full.values())),
        claim("skew is 1-Lipschitz", "|ds| <= |theta dx|", round(ratio, 3), ratio <= 1.0),
    ]  # fmt: skip


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    """Clean and noisy accuracy, and smoothness, of every row."""
    rows = result["rows"]
    figure.set_figheight(1.5 + 2 * ROW * len(rows))
    left, right = figure.subplots(1, 2, sharey=True)
    names, noisy = [row["cell"] for row in rows], f"with noise of {NOISE} on every pixel"
    accuracies = {
        "test images": [(row["test %"], row["+-"]) for row in rows],
        noisy: [(row["noisy test %"], None) for row in rows],
    }
    horizontal(left, names, accuracies)
    left.set_xlabel("accuracy (%)")
    horizontal(right, names, {"ours": [(row["largest |ds|/|theta dx|"], None) for row in rows]}, BOUND)
    right.set_xlabel("largest |ds| / |theta dx|")
