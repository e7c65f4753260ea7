"""Lifted regression/reconstruction networks (paper A): hidden layers that never lengthen a change of the input.

784-128-64-10, ReLU, squared error, 10,000 images of MNIST, six epochs (--quick: 64-64-32-10 on the digits), the same settings for all: LRRN
(kappa = 1), the proximal form (LRRN without reconstruction, kappa = 0) and backpropagation, each with and without weight decay.
The claims, from the thesis and the paper's table of contents (its figures are not in the texts we hold): with reconstruction
weights tied to those of regression, hidden layers are 1-Lipschitz by construction, which helps against noise and adversarial changes. What
weight decay does to the estimates, the paper studies in its appendix B.3, which we do not hold: our figures stand there alone. The
read-out is not bounded, so a whole network may lengthen changes.

Measured on test images, with states inferred until they have settled (the residual is reported): accuracy clean, with Gaussian noise and
under a sign attack of the squared error; and the largest |ds| / |dx| of the last hidden layer, of the output, and of any
hidden layer over the one below. dx of fixed length is turned uphill on |ds| some times (autograd through inference, for
this measurement only): a lower bound that is near the true constant. Not repeated: the paper's unsupervised experiments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from neuromorph.experiments.grid import Cell
from neuromorph.experiments.measured import Kept, told_of
from neuromorph.experiments.pictures import ROW, horizontal
from neuromorph.experiments.report import Claim, claim, plus_minus
from neuromorph.experiments.request import Order
from neuromorph.runs.seeds import mean_and_spread

if TYPE_CHECKING:
    from torch import Tensor

    from neuromorph.learning.network.network import Network
    from neuromorph.learning.rule import Batch, Rule, Settings
    from neuromorph.learning.training.batches import Samples

NAME = "lrrn-lipschitz"
TITLE = "LRRN: Lipschitz constants and robustness"
DECAY = 1e-3
ROWS = {
    f"{name}{', decay' if decay else ''}": (name, decay) for decay in (0.0, DECAY) for name in ("lrrn", "prox", "backprop")
}
"""Rule and weight decay."""
NOISE, ATTACK = 0.3, 0.05
"""Standard deviation, and change of every pixel; pixels lie in 0..1."""
SHOWN, PROBED, SETTLED = 1000, 100, 100
"""Test images, those of them at which changes are measured, and steps of inference."""
BOUND = {"paper: hidden, LRRN at most 1": (1.0, 1.0)}
"""On a ratio of changes, in the picture."""
LENGTH, TURNS = 0.1, 8
"""Of dx, and how often it is turned."""


@dataclass(frozen=True)
class Size:
    """What is trained on what."""

    data: str
    layers: tuple[int, ...]
    samples: int
    epochs: int


FULL = Size("mnist", (784, 128, 64, 10), 10_000, 6)
QUICK = Size("digits", (64, 64, 32, 10), 2_000, 8)


def run(asked: Order) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    found: dict[str, list[dict[str, float]]] = {}
    size = QUICK if asked.quick else FULL
    with asked.talk.bar(NAME, len(ROWS) * asked.seeds) as bar:
        for row, (name, decay) in ROWS.items():
            found[row] = []
            _note(row, name, decay, size, asked)
            for seed in range(asked.seeds):
                bar.note(f"{row}, seed {seed}")
                rule, settings = _training(name, decay, size)
                how = [asdict(size), NOISE, ATTACK, SHOWN, PROBED, SETTLED, LENGTH, TURNS]
                kept = Kept.of(NAME, name, [told_of(rule, settings), asked.fingerprint(size.data), *how], seed)
                found[row].append(kept.get(partial(_train_and_probe, rule, settings, seed, size, asked, kept)))
                bar.advance(1)
            measured = {what: mean_and_spread([f[what] for f in found[row]]) for what in found[row][0]}
            line = {what: float(f"{mean:.4g}") for what, (mean, _) in measured.items()}
            rows.append({"cell": row, "test %": line.pop("test %"), "+-": plus_minus(measured["test %"][1], 2), **line})
            asked.talk.say(str(rows[-1]))
    return {"rows": rows, "claims": _claims(found)}


def _note(row: str, name: str, decay: float, size: Size, asked: Order) -> None:
    _, settings = _training(name, decay, size)
    cell = Cell(row, name, size.layers, size.data, settings=asdict(settings), samples=size.samples, validation=0)
    cell.note(asked, asked.seeds, f"here accuracy is that of the first {SHOWN} test images")


def _training(name: str, decay: float, size: Size) -> tuple[Rule, Settings]:
    from neuromorph.learning.registry import make_rule

    rule = make_rule(name)
    return rule, replace(rule.settings, batch=50, rate=2e-3, schedule="cosine", epochs=size.epochs, weight_decay=decay)


def _train_and_probe(rule: Rule, settings: Settings, seed: int, size: Size, asked: Order, kept: Kept) -> dict[str, float]:
    from neuromorph.learning.training.batches import Samples
    from neuromorph.learning.training.trainer import Trainer

    data = asked.data(size.data).first(size.samples)
    network = rule.build(size.layers, seed=seed)
    kept.train(Trainer(network, rule, data, settings, seed=seed, validation=0, device="cpu"))
    network.double().requires_grad_(False)
    shown = Samples(data.test_images[:SHOWN], data.test_labels[:SHOWN], data, network)
    return _probe(_Response(network, rule), next(shown.chunks(world=max(1, len(shown) // PROBED))), shown)


class _Response:
    """The settled states of a network under an input; of backpropagation those of a forward pass."""

    def __init__(self, network: Network, rule: Rule) -> None:
        from neuromorph.learning.rules.lrrn import Lrrn

        self.network, self.residual = network, 0.0
        self._settling = replace(rule, steps=SETTLED) if isinstance(rule, Lrrn) else None

    def __call__(self, x: Tensor) -> list[Tensor]:
        if self._settling is not None:
            states, residual = self._settling.infer(self.network, x)
            self.residual = max(self.residual, float(residual.detach().max()))
            return states
        found = [x]
        for k in range(1, self.network.depth + 1):
            found.append(self.network.activate(k, self.network.up(k, found)))
        return found


def _probe(respond: _Response, few: Batch, shown: Samples) -> dict[str, float]:
    import torch

    right = dict.fromkeys(("test %", "noisy %", "attacked %"), 0)
    generator = torch.Generator().manual_seed(0)
    for batch in shown.chunks():
        noise = torch.randn(batch.x.shape, generator=generator, dtype=batch.x.dtype)
        seen = (batch.x, batch.x + NOISE * noise, _attacked(respond, batch))
        for name, x in zip(right, seen, strict=True):
            right[name] += int((respond(x)[-1].argmax(1) == batch.y.argmax(1)).sum())
    hidden, layer = _gains(respond, few.x, -2)
    return {
        **{name: 100 * count / len(shown) for name, count in right.items()},
        "hidden gain": hidden, "layer gain": layer, "whole gain": _gains(respond, few.x, -1)[0], "residual": respond.residual,
    }  # fmt: skip


def _attacked(respond: _Response, batch: Batch) -> Tensor:
    """Every pixel moved up the loss, within 0..1."""
    import torch

    x = batch.x.clone().requires_grad_()
    (uphill,) = torch.autograd.grad((respond(x)[-1] - batch.y).square().sum(), x)
    return (batch.x + ATTACK * uphill.sign()).clamp(0, 1)


def _gains(respond: _Response, x: Tensor, k: int) -> tuple[float, float]:
    """Largest |ds_k| / |dx| that was met, and largest |ds_j| / |ds_(j-1)| of a hidden layer on the way."""
    import torch

    still = respond(x)
    dx = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    whole = layer = 0.0
    for _ in range(TURNS):
        moved = (x + LENGTH * dx / dx.norm(dim=1, keepdim=True)).requires_grad_()
        changes = [a - b for a, b in zip(respond(moved), still, strict=True)]
        sizes = [change.detach().norm(dim=1) for change in changes]
        whole = max(whole, float((sizes[k] / sizes[0]).max()))
        for below, above in pairwise(sizes[:-1]):
            layer = max(layer, float((above / below)[below > 1e-3 * LENGTH].amax()))
        (dx,) = torch.autograd.grad(changes[k].square().sum(), moved)
        dx = dx + 1e-12 * torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype)
    return whole, layer


def _claims(found: Mapping[str, Sequence[Mapping[str, float]]]) -> list[Claim]:
    def of(row: str, what: str) -> tuple[float, float]:
        return mean_and_spread([f[what] for f in found[row]])

    plain = ("lrrn", "prox", "backprop")
    highest = {
        w: max(f[w] for row in found if row.startswith("lrrn") for f in found[row]) for w in ("layer gain", "hidden gain")
    }
    others = {row: of(row, "hidden gain")[0] for row in plain[1:]}
    decayed = [f"{row} {of(row, 'whole gain')[0]:.2f} to {of(f'{row}, decay', 'whole gain')[0]:.2f}" for row in plain]
    return [
        claim("hidden layers of LRRN are 1-Lipschitz", "|ds| <= |dx|", f"each at most {highest['layer gain']:.3f}, together "
              f"{highest['hidden gain']:.3f}", max(highest.values()) <= 1 + 1e-6),
        claim("without reconstruction and decay they are not", "by construction", ", ".join(f"{r} {v:.2f}" for r, v in others.items()),
              min(others.values()) > 1),
        *(_least_lost(found, what, end) for what in ("noisy %", "attacked %") for end in ("", ", decay")),
        claim("gain of the whole network, without and with weight decay", "studied in app. B.3, not in our copy", ", ".join(decayed),
              None),
    ]  # fmt: skip


def _least_lost(found: Mapping[str, Sequence[Mapping[str, float]]], what: str, end: str) -> Claim:
    """Whether LRRN loses fewest points of accuracy, among the rows with or without decay."""
    lost = {
        name: mean_and_spread([f[what] - f["test %"] for f in found[name + end]]) for name in ("lrrn", "prox", "backprop")
    }
    cause, words = what.split()[0], ", ".join(f"{name} {mean:+.1f}" for name, (mean, _) in lost.items())
    least = max(mean for mean, _ in lost.values())
    name = f"LRRN loses least when {cause}{' (weight decay)' if end else ''}"
    return claim(name, "robust", f"points: {words}", lost["lrrn"][0] >= least, lost["lrrn"][1])


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    """Accuracies, and gains, of every row."""
    rows = result["rows"]
    figure.set_figheight(1.5 + 2 * ROW * len(rows))
    left, right = figure.subplots(1, 2, sharey=True)
    names = [row["cell"] for row in rows]
    disturbed = {f"noise of {NOISE}": "noisy %", f"attacked by {ATTACK}": "attacked %"}
    accuracies = {label: [(row[kind], None) for row in rows] for label, kind in disturbed.items()}
    horizontal(left, names, {"test images": [(row["test %"], row["+-"]) for row in rows], **accuracies})
    left.set_xlabel("accuracy (%)")
    gains = {"last hidden layer": "hidden gain", "output": "whole gain"}
    horizontal(right, names, {label: [(row[kind], None) for row in rows] for label, kind in gains.items()}, BOUND)
    right.set_xlabel("largest |ds| / |dx|, input to ...")
