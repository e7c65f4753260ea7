"""Several runs that differ in their seeds alone: mean and spread of what they reached."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from neuromorph.console import Talk


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (0 for one value)."""
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def summary(results: Sequence[dict[str, Any]], measures: Sequence[str]) -> dict[str, Any]:
    """Of the results of several runs, and `runs`, these themselves: `seed`, a list; of each measure the mean, and its spread as
    MEASURE_spread, over the runs that did not diverge (None where there is nothing); `diverged`, whether any did, and its `error`."""
    found: dict[str, Any] = {
        "rule": results[0].get("rule"),
        "seed": [one["seed"] for one in results],
        "diverged": any(one.get("diverged") for one in results),
        "error": next((one["error"] for one in results if one.get("diverged")), None),
    }
    for name in measures:
        values = [one[name] for one in results if not one.get("diverged") and one[name] is not None]
        found[name], found[f"{name}_spread"] = mean_and_spread(values) if values else (None, None)
    return found | {"runs": list(results)}


def tell(found: dict[str, Any], measures: Sequence[str], talk: Talk) -> None:
    """A summary in a line."""
    finite = sum(not one.get("diverged") for one in found["runs"])
    told = [_told(name, found[name], found[f"{name}_spread"]) for name in measures if found[name] is not None]
    talk.say(f"{finite} of {len(found['runs'])} seeds finite: {', '.join(told)}")


def _told(name: str, mean: float, spread: float) -> str:
    if "accuracy" in name:
        return f"{name.replace('_', ' ')} {100 * mean:.2f} +- {100 * spread:.2f} %"
    unit = {"nll": "nats", "seconds": "s"}[name]
    return f"{'negative log-likelihood' if name == 'nll' else 'time'} {mean:.2f} +- {spread:.2f} {unit}"
