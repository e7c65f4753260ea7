"""The experiments by name, and what `neuromorph reproduce NAME` does.

An experiment is a module of this folder with NAME, TITLE, run and draw::

    run(asked) -> {"claims": [...], "rows": [...], ...}
    draw(figure, result)              its picture, into an empty matplotlib Figure
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.experiments import report
from neuromorph.experiments.request import Order
from neuromorph.extras import need
from neuromorph.surroundings import surroundings

EXPERIMENTS = (
    "two-tales-1", "two-tales-2", "two-tales-3", "two-tales-angles", "dp-schedules", "ep-mnist", "isd-bas", "isd-ff", "isd-p",
    "dyadic-lambda", "lrrn-lipschitz", "adaste-binary", "feedback-paths", "locality", "norse-baseline",
)  # fmt: skip


def experiment(name: str) -> Any:
    """Its module. Raises RangeError for an unknown name."""
    if name not in EXPERIMENTS:
        raise RangeError(f"unknown experiment {name!r}; {did_you_mean(name, EXPERIMENTS)}")
    return import_module(f"neuromorph.experiments.{name.replace('-', '_')}")


def reproduce(name: str, asked: Order, out: Path) -> dict[str, Any]:
    """Run an experiment, print its table, write its JSON and its picture.

    Raises RangeError for an unknown name and for rows that it does not have, OutputError where a fuller result would be lost, MissingError
    without matplotlib: the last two before anything is measured.
    """
    module = experiment(name)
    for option, given in (("--rows", asked.rows), ("--set", asked.options)):
        if given and not hasattr(module, "run_cells"):
            raise RangeError(f"{name} is no grid of trainings: it runs as a whole, without {option}")
    need("matplotlib", "reproduce")
    text = out / f"{'-'.join([name, *['quick'] * asked.quick, *asked.options])}.json"
    report.check_place(text, asked.seeds)
    found = module.run(asked)
    told = {"name": name, "title": module.TITLE, "quick": asked.quick, "seeds": asked.seeds, "set": asked.options}
    result = {**told, **found, "trainings": asked.trainings, **surroundings()}
    report.show(result, asked.talk)
    picture = report.write(result, module.draw, text)
    asked.talk.say(f"wrote {text} and {picture}")
    return result
