"""`neuromorph bench lava`: the same graphs in Lava's runtime and in `simulate`; the bits first, then the clock.

Both sides build each graph of `workloads` anew, make a warm-up, and then the same calls `runs` times. What Lava's runtime and ours hold
in every Var afterwards is compared before a figure counts. Processor time is that of all processes that work on it, beside the wall
clock, which a loaded machine slows for Lava's many processes more than for our one.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import RunSteps
from scipy.sparse import spmatrix

from neuromorph.benchmarks.timing import processor_seconds
from neuromorph.benchmarks.workloads import WORKLOADS, Run, Workload
from neuromorph.console import Talk
from neuromorph.errors import RangeError, did_you_mean
from neuromorph.processes import lava_run, simulate
from neuromorph.processes.lowering.graph import connected
from neuromorph.processes.simulating.simulation import SteppedWarning
from neuromorph.program import Array

WARM_UP = 20
TIME_LIMIT = 900.0


@dataclass(frozen=True)
class Cost:
    """Seconds of a step: median by the wall clock, and of all processors together."""

    wall: float
    processor: float


@dataclass(frozen=True)
class Row:
    """One workload on both sides. `stepped`: whether parts of it are stepped by Lava's own models in `simulate`, too."""

    name: str
    steps: int
    lava: Cost
    native: Cost
    compile: float
    bits_equal: bool
    stepped: bool

    @property
    def speedup(self) -> float:
        return self.lava.wall / self.native.wall

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "speedup": self.speedup,
            "bits_equal": self.bits_equal,
            "lava_ms_per_step": 1e3 * self.lava.wall,
            "native_us_per_step": 1e6 * self.native.wall,
            "lava_processor_ms_per_step": 1e3 * self.lava.processor,
            "native_processor_us_per_step": 1e6 * self.native.processor,
            "compile_seconds": self.compile,
            "steps": self.steps,
            "stepped": self.stepped,
        }


def bench_lava(
    names: Sequence[str], runs: int, talk: Talk, data_dir: Path | None = None, steps: int | None = None
) -> list[Row]:
    """Rows of the workloads whose names begin with one of `names` (all, where there are none); `steps`: of a run, instead of their own."""
    return [_measure(kind, steps or kind.steps, runs, talk, data_dir) for kind in _chosen(names)]


def _chosen(names: Sequence[str]) -> list[type[Workload]]:
    for name in names:
        if not any(kind.name.startswith(name) for kind in WORKLOADS):
            raise RangeError(f"no workload begins with '{name}'; {did_you_mean(name, [kind.name for kind in WORKLOADS])}")
    return [kind for kind in WORKLOADS if not names or any(kind.name.startswith(name) for name in names)]


def _measure(kind: type[Workload], steps: int, runs: int, talk: Talk, data_dir: Path | None) -> Row:
    ours, theirs = kind(data_dir), kind(data_dir)
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", SteppedWarning)
        simulate(ours.process, WARM_UP)
    compiling = time.perf_counter() - began
    native = _cost(ours, lambda n: simulate(ours.process, n), steps, runs, lambda made: None)

    def in_lava() -> tuple[Cost, dict[str, Array]]:
        cost = _cost(theirs, lambda n: theirs.process.run(condition=RunSteps(num_steps=n)), steps, runs, bar.advance)
        return cost, _held(theirs.process)

    with talk.bar(kind.name, runs) as bar:
        lava, wanted = lava_run(theirs.process, WARM_UP, time_limit=TIME_LIMIT, after=in_lava)
    stepped = any(issubclass(each.category, SteppedWarning) for each in told)
    return Row(kind.name, steps, lava, native, compiling, _equal(_held(ours.process), wanted), stepped)


def _cost(workload: Workload, run: Run, steps: int, runs: int, progress: Callable[[int], None]) -> Cost:
    """Of `runs` times what the workload does."""
    wall, processor = [], []
    for _ in range(runs):
        before, began = processor_seconds(), time.perf_counter()
        made = workload.drive(run, steps)
        wall.append((time.perf_counter() - began) / made)
        processor.append((processor_seconds() - before) / made)
        progress(1)
    return Cost(float(np.median(wall)), float(np.median(processor)))


def _held(process: AbstractProcess) -> dict[str, Array]:
    """What every Var of the graph holds, by places in it that two builds share."""
    found = {}
    for place, each in enumerate(connected(process)):
        for var in each.vars.members:
            if var.init is not None and not isinstance(var.init, str):
                value = var.get()
                found[f"{place}.{var.name}"] = value.toarray() if isinstance(value, spmatrix) else np.asarray(value)
    return found


def _equal(ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> bool:
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)


def as_table(rows: Sequence[Row]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows of text."""
    heads = ("workload", "Lava, ms", "(processor)", "here, us", "(processor)", "times", "bits")
    return heads, [
        (
            row.name,
            f"{1e3 * row.lava.wall:.2f}",
            f"{1e3 * row.lava.processor:.2f}",
            f"{1e6 * row.native.wall:.1f}",
            f"{1e6 * row.native.processor:.1f}",
            f"{row.speedup:.0f}",
            "equal" if row.bits_equal else "DIFFERENT",
        )
        for row in rows
    ]


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """What `--json` says: the first workload's figures (the plastic MLP's, where it is among them), and `rows`."""
    return {**rows[0].as_dict(), "rows": [row.as_dict() for row in rows]}
