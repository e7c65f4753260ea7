"""Flexible Phase Dynamics, figure 3: how ISD depends on p, the probability of a positive phase.

Left: learning bars and stripes as in isd-bas, at one rate for every p. Right: the variance of one phase's weighted term, tr Cov, of a
trained machine that stands still, against the formula A / p + C / (1 - p) - |mean|^2, whose A, C and mean come from a run of
their own at p = 1/2. Beside the paper's figure: learning with p* from running moments (equation 11 at every phase).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuromorph.experiments.isd_bas import CHANGES, OPTIMUM, QUICK_CHANGES, note
from neuromorph.experiments.measured import Kept
from neuromorph.experiments.report import claim, plus_minus
from neuromorph.experiments.request import Order
from neuromorph.learning.boltzmann.patterns import UNITS, patterns
from neuromorph.phases import optimal_p, trace_of_covariance
from neuromorph.plots import cut
from neuromorph.runs.seeds import mean_and_spread

if TYPE_CHECKING:
    from neuromorph.learning.boltzmann.machine import Array, BoltzmannMachine

NAME = "isd-p"
TITLE = "ISD: the share of positive phases"
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
RATE, LENGTH = 0.003, 100
PHASES, QUICK_PHASES = 8_000, 1_000
"""Of which a variance is estimated."""
STILL = 1e-9
"""A rate at which a machine stands still, and a change divided by it is the term."""


def run(asked: Order) -> dict[str, Any]:
    rows = []
    phases = QUICK_PHASES if asked.quick else PHASES
    trained = _trained(0.5, 0, asked.quick)
    plus, minus, mean = _moments(trained, phases)
    with asked.talk.bar(NAME, len(SHARES)) as bar:
        for p in SHARES:
            changes = QUICK_CHANGES if asked.quick else CHANGES
            note(f"p = {p}", "isd", asked, changes=changes, length=LENGTH, rate=RATE, p=p)
            nll, spread = _mean_reached(p, asked)
            terms = _terms(trained, p, phases, seed=1)
            rows.append(
                {"p": p, "NLL": round(nll, 1), "+-": plus_minus(spread, 1), "tr Cov": round(float(terms.var(0).sum()), 2),
                 "formula": round(trace_of_covariance(p, plus, minus, mean), 2)}
            )  # fmt: skip
            asked.talk.say(str(rows[-1]))
            bar.advance(1)
    best, running = optimal_p(plus, minus), _mean_reached(None, asked)
    return {"rows": rows, "claims": _claims(rows, best, running, asked.quick), "p*": best, "A": plus, "C": minus}


def _mean_reached(p: float | None, asked: Order) -> tuple[float, float]:
    return mean_and_spread([_reached(p, seed, asked.quick) for seed in range(asked.seeds)])


def _reached(p: float | None, seed: int, quick: bool) -> float:
    """Negative log-likelihood of the patterns."""
    kept = Kept.of(
        NAME, "running" if p is None else f"p{p}", [p, RATE, LENGTH, UNITS, QUICK_CHANGES if quick else CHANGES], seed
    )
    found: float = kept.get(lambda: _trained(p, seed, quick).negative_log_likelihood(patterns()))
    return found


def _trained(p: float | None, seed: int, quick: bool) -> BoltzmannMachine:
    from neuromorph.learning.boltzmann.machine import BoltzmannMachine, Sampler

    machine = BoltzmannMachine.drawn(UNITS, UNITS, seed=seed)
    changes = QUICK_CHANGES if quick else CHANGES
    Sampler(machine, patterns(), "isd", rate=RATE, length=LENGTH, p=p, seed=seed).run(changes)
    return machine


def _terms(machine: BoltzmannMachine, p: float, phases: int, seed: int) -> Array:
    """The weighted term of each of so many phases, one a row."""
    import numpy as np

    from neuromorph.learning.boltzmann.machine import Sampler

    machine = machine.copy()
    sampler = Sampler(machine, patterns(), "isd", rate=STILL, length=LENGTH, p=p, seed=seed)
    rows = np.empty((phases, machine.weights.size + machine.bias.size))
    for row in rows:
        before = machine.weights.copy(), machine.bias.copy()
        sampler.run(1)
        row[:] = np.concatenate([(machine.weights - before[0]).ravel(), machine.bias - before[1]]) / STILL
    return rows


def _moments(machine: BoltzmannMachine, phases: int) -> tuple[float, float, float]:
    """A, C and |mean|^2: the terms of a run at p = 1/2 are twice g_plus or twice g_minus, and never of both signs."""
    terms = _terms(machine, 0.5, 2 * phases, seed=2)
    is_plus, is_minus = (terms > 0).any(1), (terms < 0).any(1)
    squares = (terms / 2) ** 2
    silent = int((~is_plus & ~is_minus).sum()) / 2  # terms of zero, of either kind
    plus = float(squares[is_plus].sum() / (is_plus.sum() + silent))
    minus = float(squares[is_minus].sum() / (is_minus.sum() + silent))
    mean = terms.mean(0)
    return plus, minus, float(mean @ mean)


def _claims(rows: list[dict[str, Any]], best: float, running: tuple[float, float], quick: bool) -> list[dict[str, Any]]:
    off = max(abs(row["tr Cov"] / row["formula"] - 1) for row in rows)
    least = min(rows, key=lambda row: row["tr Cov"])["p"]
    learned = min(rows, key=lambda row: row["NLL"])
    middle = [row["NLL"] for row in rows if 0.3 <= row["p"] <= 0.7]
    return [
        claim("variance against the formula (eq. 10)", "equal", f"within {100 * off:.1f} %", None if quick else off < 0.1),
        claim("least variance", "at p* (eq. 11)", f"p = {least}, p* = {best:.3f}", abs(least - best) <= 0.1),
        claim("best p on bars and stripes", "below 1/2", learned["p"], None if quick else learned["p"] < 0.5, learned["+-"]),
        claim("learning is robust to p", "a wide plateau", f"NLL {min(middle):.0f} to {max(middle):.0f} for p in 0.3..0.7",
              None if quick else max(middle) < 1.25 * min(middle)),
        claim("p* from running moments (ours)", "as good as the best p", f"NLL {running[0]:.1f}, {learned['NLL']} at p = {learned['p']}",
              None if quick else running[0] < 1.1 * learned["NLL"], running[1]),
    ]  # fmt: skip


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    """What was learned at every p, and the variance of a term there."""
    left, right = figure.subplots(1, 2)
    shares = [row["p"] for row in result["rows"]]
    left.errorbar(
        shares,
        [row["NLL"] for row in result["rows"]],
        [row["+-"] or 0 for row in result["rows"]],
        marker="o",
        capsize=2,
        label="ours",
    )
    left.axvspan(0, 0.5, color="C3", alpha=0.1, label="paper: the best p lies here")
    left.axhline(OPTIMUM, color="0.4", linestyle=":", label=f"perfect model, {OPTIMUM:.1f}")
    left.set(xlabel="p", xlim=(0, 1), ylabel="negative log-likelihood (nats)", title="Bars and stripes, learned by ISD")
    left.set_ylim(bottom=100)
    cut(left, "y")
    fine = [0.02 * k for k in range(4, 47)]
    a, c = result["A"], result["C"]
    mean = trace_of_covariance(0.5, a, c, 0.0) - next(row["formula"] for row in result["rows"] if row["p"] == 0.5)
    right.plot(fine, [trace_of_covariance(p, a, c, mean) for p in fine], color="C3", label="paper: equation 10")
    right.plot(shares, [row["tr Cov"] for row in result["rows"]], "o", color="C0", label="ours, measured")
    right.axvline(result["p*"], color="C3", linestyle=":", label=f"paper: p* = {result['p*']:.3f}, equation 11")
    right.set(xlabel="p", xlim=(0, 1), ylabel="tr Cov of one phase's term", title="Variance of a term")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.legend(fontsize=8)
