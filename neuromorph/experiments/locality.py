"""Table 2.1 of the thesis: which rules are local in space and in time, and which do without the slope of their activations.

Nothing is typed in: every rule takes some steps while the judge of judges/locality.py watches what its states and updates are made
of. The thesis counts backpropagation as local in space if it runs in one circuit, with errors as states of their own; autograd is
no such circuit, so the table's row is a rule written here that is one, and the optimised baseline has a row to itself.
MAC and PC take a step size that is given (by default they read it off the norms of the weights, which are broadcast).
All other rules, and whether they need weight transport or a signal to every unit, extend the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from neuromorph.experiments.report import Claim, claim
from neuromorph.experiments.request import Order

if TYPE_CHECKING:
    from neuromorph.judges.locality import LocalityReport
    from neuromorph.learning.rule import Rule

NAME = "locality"
TITLE = "Thesis table 2.1: locality in space and time"
CIRCUIT = "backprop in a circuit"
PAPER = {
    "BP": (CIRCUIT, "yes, no, no"),
    "CHL": ("chl", "yes, no, yes"),
    "EP": ("ep", "yes, no, yes"),
    "DP": ("dp", "yes, yes, yes"),
    "MAC": ("mac", "yes, yes, no"),
    "PC": ("pc", "yes, yes, no"),
}
"""Local in space, local in time, avoids f'; and our name of the algorithm."""
TOLD = {True: "yes", False: "no", None: "cannot be told"}
ASPECTS = ("space", "time", "no f'")
GIVEN: dict[str, dict[str, Any]] = {"mac": {"eps": 0.2}, "pc": {"eps": 0.2}}
"""Options."""
SAMPLED = ("chl-isd", "ep-isd")


def run(asked: Order) -> dict[str, Any]:
    """The same in quick and full, and without chance."""
    from neuromorph.judges.verdict import judged
    from neuromorph.learning.registry import RULES, make_rule

    reports = {CIRCUIT: judged(_circuit())}
    with asked.talk.bar(NAME, len(RULES)) as bar:
        for name in RULES:
            rule = make_rule(name, **GIVEN.get(name, {}))
            asked.note(name, {"rule": name, "options": asdict(rule), "differs": "nothing is trained"})
            reports[name] = judged(rule)
            bar.advance(1)
    in_table = [name for name, _ in PAPER.values()]
    order = [*in_table, *sorted(set(reports) - set(in_table))]
    return {"rows": [_row(name, reports[name]) for name in order], "claims": _claims(reports)}


def _circuit() -> Rule:
    """Backpropagation with errors for states: a sweep up, a sweep down, plasticity."""
    from neuromorph.learning.network.losses import make_loss
    from neuromorph.learning.network.network import Network, Updates
    from neuromorph.learning.rule import Batch, Outcome, Rule

    class Circuit(Rule):
        name, source = CIRCUIT, "thesis section 3.1"

        def step(self, network: Network, batch: Batch) -> Outcome:
            s, error = network.states("s", batch.x), network.states("error", batch.x)
            for k in range(1, network.depth + 1):
                s[k] = network.activate(k, network.up(k, s))
            error[network.depth] = -make_loss(self.loss).gradient(s[-1], batch.y)
            for k in range(network.depth - 1, 0, -1):
                error[k] = network.slope(k, s[k]) * network.down(k, error)
            updates: Updates = {}
            for k in range(1, network.depth + 1):
                updates |= network.pair(k, error, s, 1 / len(batch.x))
            return Outcome(updates, s[-1])

    return Circuit()


def _aspects(report: LocalityReport) -> tuple[str, ...]:
    return tuple(TOLD[value] for value in (report.local_in_space, report.local_in_time, report.avoids_slope))


def _row(name: str, report: LocalityReport) -> dict[str, Any]:
    return {
        "rule": name, **dict(zip(ASPECTS, _aspects(report), strict=True)), "transport": TOLD[report.transport],
        "broadcasts": ", ".join(report.broadcasts) or "-",
    }  # fmt: skip


def _claims(reports: Mapping[str, LocalityReport]) -> list[Claim]:
    found = {algorithm: ", ".join(_aspects(reports[name])) for algorithm, (name, _) in PAPER.items()}
    carried = [algorithm for algorithm, (name, _) in PAPER.items() if reports[name].transport]
    drawn = [name for name in SAMPLED if reports[name].local_in_space and reports[name].local_in_time]
    return [
        *(
            claim(f"{algorithm}: local in space, in time, avoids f'", paper, found[algorithm], found[algorithm] == paper)
            for algorithm, (_, paper) in PAPER.items()
        ),
        claim("all of the table need weight transport", "all", ", ".join(carried) or "none", len(carried) == len(PAPER)),
        claim("one phase at a time (ISD) makes CHL and EP local in time", "yes", ", ".join(drawn) or "none",
              len(drawn) == len(SAMPLED)),
    ]  # fmt: skip


def draw(figure: Any, result: Mapping[str, Any]) -> None:
    """A field for every rule and aspect, dark where it holds; the table's own rows also say what the thesis has."""
    rows = result["rows"]
    figure.set_figheight(1.2 + 0.2 * len(rows))
    axes = figure.subplots()
    thesis = {name: dict(zip(ASPECTS, paper.split(", "), strict=True)) for name, paper in PAPER.values()}
    axes.imshow(
        [[row[aspect] == "yes" for aspect in ASPECTS] for row in rows], cmap="Greens", vmin=-0.2, vmax=1.6, aspect="auto"
    )
    for place, row in enumerate(rows):
        for column, aspect in enumerate(ASPECTS):
            said = f" (thesis: {thesis[row['rule']][aspect]})" if row["rule"] in thesis else ""
            axes.text(column, place, row[aspect] + said, ha="center", va="center", fontsize=8)
    axes.axhline(len(PAPER) - 0.5, color="k")
    axes.set_xticks(range(len(ASPECTS)), ["local in space", "local in time", "avoids f'"])
    axes.set_yticks(range(len(rows)), [row["rule"] for row in rows], fontsize=8)
    axes.set_title("above the line: the thesis's table; below: other rules. Dark: yes", fontsize=9)
