"""Flexible Phase Dynamics, figure 2 (right): a restricted Boltzmann machine learns bars and stripes of 4 x 4, 16 hidden units.

CD with chains of 1 and of 100 steps, ISD, always-on learning with phases of fixed and of random length; all parameters N(0, 0.01^2), plain
gradient descent, one sample at a time, p = 1/2, 80000 changes (CD, ISD) or phases. The learning rate of each method comes from a line
search over ten values from 10^-3 to 10^-1.5, equal steps of the logarithm (the paper's range is not in the text we hold, nor are its
lengths of ISD's phases and of CD's chains), by the mean over the last quarter of a run whose seed is used for nothing else.

Measured: the exact negative log-likelihood of all 32 patterns (a perfect model: 108.13; a uniform one: 354.9) and total variation.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from neuromorph.console import Bar
from neuromorph.experiments.measured import Kept
from neuromorph.experiments.report import Claim, claim, plus_minus
from neuromorph.experiments.request import Order
from neuromorph.learning.boltzmann.patterns import UNITS, patterns
from neuromorph.plots import cut
from neuromorph.runs.seeds import mean_and_spread

NAME = "isd-bas"
TITLE = "ISD and always-on learning: bars and stripes"
METHODS = {
    "CD-1": ("cd", 1), "CD-100": ("cd", 100), "ISD": ("isd", 100), "always-on": ("always-on", 100),
    "always-on, random length": ("random-length", 150),
}  # fmt: skip
RATES = tuple(10 ** (-3 + k / 6) for k in range(10))
CHANGES, QUICK_CHANGES, LOOKS = 80_000, 4_000, 20
SEARCH_SEED = 1000
OPTIMUM, UNIFORM = 32 * math.log(32) - 4 * math.log(2), 32 * 16 * math.log(2)
"""Of a perfect model, and of one that holds all images for equally likely."""
BOUNDS = {"ISD": 130, "always-on": 140, "always-on, random length": 150}
"""Negative log-likelihoods that count as learned; the paper's are only in its figure."""


def run(asked: Order) -> dict[str, Any]:
    rows, curves = [], {}
    changes = QUICK_CHANGES if asked.quick else CHANGES
    with asked.talk.bar(NAME, len(METHODS) * (len(RATES) + asked.seeds)) as bar:
        for name in METHODS:
            bar.note(name)
            searched = {rate: _learned(name, rate, SEARCH_SEED, changes, bar)["settled"] for rate in RATES}
            rate = min(searched, key=lambda r: searched[r])
            runs = [_learned(name, rate, seed, changes, bar) for seed in range(asked.seeds)]
            note(name, METHODS[name][0], asked, changes=changes, length=METHODS[name][1], rate=rate)
            rows.append(_row(name, rate, runs))
            asked.talk.say(str(rows[-1]))
            curves[name] = {
                "steps": runs[0]["steps"],
                "nll": [mean_and_spread(v)[0] for v in zip(*(r["nll"] for r in runs), strict=True)],
            }
            curves[name]["search"] = list(searched.values())
    return {"rows": rows, "claims": _claims(rows, asked.quick), "changes": changes, "rates": RATES, "curves": curves}


def _learned(name: str, rate: float, seed: int, changes: int, bar: Bar) -> dict[str, Any]:
    kept = Kept.of(NAME, METHODS[name][0], [METHODS[name], rate, changes, LOOKS, UNITS], seed)
    found: dict[str, Any] = kept.get(partial(_learn, name, rate, seed, changes))
    bar.advance(1)
    return found


def _learn(name: str, rate: float, seed: int, changes: int) -> dict[str, Any]:
    """One run: likelihood along the way, and what it ended with."""
    from neuromorph.learning.boltzmann.machine import BoltzmannMachine, Sampler

    method, length = METHODS[name]
    data, machine = patterns(), BoltzmannMachine.drawn(UNITS, UNITS, seed=seed)
    sampler = Sampler(machine, data, method, rate=rate, length=length, seed=seed)
    steps, nll, began = [], [], time.perf_counter()
    for _ in range(LOOKS):
        sampler.run(changes // LOOKS)
        steps.append(sampler.steps)
        nll.append(machine.negative_log_likelihood(data))
    last = nll[-LOOKS // 4 :]
    return {
        "steps": steps, "nll": nll, "settled": sum(last) / len(last), "tv": machine.total_variation(data),
        "seconds": time.perf_counter() - began,
    }  # fmt: skip


def note(row: str, method: str, asked: Order, **options: Any) -> None:
    """A row that a machine of UNITS hidden units was trained for; `options`: of learning.boltzmann.registry.Machine."""
    from neuromorph.learning.boltzmann.registry import Machine
    from neuromorph.runs.boltzmann import BoltzmannTask
    from neuromorph.runs.typed import command_of

    task = BoltzmannTask(0, f"rbm-{method}", asdict(Machine(hidden=UNITS, **options)))
    told = {
        "task": task.as_dict(),
        "differs": "here samples come bars first, so that the command draws them in another order",
    }
    asked.note(row, told, command_of(task, asked.data("bars-and-stripes"), seeds=asked.seeds))


def _row(name: str, rate: float, runs: list[dict[str, Any]]) -> dict[str, Any]:
    nll, spread = mean_and_spread([r["nll"][-1] for r in runs])
    means = {key: mean_and_spread([r[key] for r in runs])[0] for key in ("settled", "tv", "seconds")}
    return {
        "method": name, "length": METHODS[name][1], "rate": round(rate, 5), "NLL": round(nll, 1), "+-": plus_minus(spread, 1),
        "NLL, last quarter": round(means["settled"], 1), "total variation": round(means["tv"], 3),
        "Gibbs steps": runs[0]["steps"][-1], "s/run": round(means["seconds"], 1),
    }  # fmt: skip


def _claims(rows: list[dict[str, Any]], quick: bool) -> list[Claim]:
    of = {row["method"]: (row["NLL"], row["+-"]) for row in rows}

    def decided(holds: bool) -> bool | None:
        return None if quick else holds

    found = [
        claim(f"{name}: negative log-likelihood", f"learns (here: <= {bound}; optimum {OPTIMUM:.2f})", of[name][0],
              decided(of[name][0] <= bound), of[name][1])
        for name, bound in BOUNDS.items()
    ]  # fmt: skip
    worst = max(of[name][0] for name in BOUNDS)
    found.append(claim("CD-1", "fails to converge", *_beside(of["CD-1"], decided(of["CD-1"][0] > 1.5 * worst))))
    gap = of["ISD"][0] - of["CD-100"][0]
    found.append(claim("ISD beside CD", "slightly worse", f"{gap:+.1f} nats from CD-100", decided(0 < gap < 20)))
    return found


def _beside(value: tuple[float, float], holds: bool | None) -> tuple[float, bool | None, float]:
    return value[0], holds, value[1]


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    """Negative log-likelihood against changes (phases) and against Gibbs steps, and of the line search."""
    changes, steps, search = figure.subplots(1, 3, sharey=True)
    count, ends = result["changes"], {row["method"]: row for row in result["rows"]}
    for k, (name, curve) in enumerate(result["curves"].items()):
        looks = len(curve["nll"])
        changes.plot([count * (look + 1) / looks for look in range(looks)], curve["nll"], color=f"C{k}")
        changes.errorbar([count * (1 + 0.02 * k)], [ends[name]["NLL"]], [ends[name]["+-"] or 0], color=f"C{k}", capsize=2)
        steps.semilogx(curve["steps"], curve["nll"], color=f"C{k}", label=name)
        search.semilogx(result["rates"], curve["search"], ".-", color=f"C{k}")
    for axes, label, title in (
        (changes, "changes (CD, ISD), phases (always on)", "learning"),
        (steps, "Gibbs steps", "what it costs"),
        (search, "learning rate", "line search, last quarter (above 400 not shown)"),
    ):
        axes.axhline(OPTIMUM, color="0.4", linestyle=":", label=f"perfect model, {OPTIMUM:.1f}")
        axes.axhline(UNIFORM, color="0.4", linestyle="--", label=f"uniform model, {UNIFORM:.1f}")
        axes.set_xlabel(label, fontsize=9)
        axes.set_title(title, fontsize=9)
        axes.set_ylim(100, 400)
        cut(axes, "y")
    changes.set_ylabel("negative log-likelihood of 32 patterns (nats)")
    changes.locator_params(axis="x", nbins=4)
    steps.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0.0, 0.05))
