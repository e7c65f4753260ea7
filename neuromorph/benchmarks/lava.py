"""`neuromorph bench lava`: the same graph in Lava's runtime and natively; the bits first, then the clock.

The 784-256-10 network with learned feedback, plastic at every step (y3 > 0 from age 0 on), on MNIST pixels (scikit-learn's
digits, laid into 28 x 28, where MNIST is absent).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.console import Talk
from neuromorph.data import load
from neuromorph.errors import DataError
from neuromorph.program import Array

LAYERS = (784, 256, 10)
WARM_UP, BITS = 50, 60


@dataclass(frozen=True)
class LavaBench:
    """Medians per step in seconds; compile: seconds to get the native kernels ready, not counted elsewhere."""

    steps: int
    lava: float
    native: float
    compile: float
    bits_equal: bool
    data: str

    @property
    def speedup(self) -> float:
        return self.lava / self.native

    def as_dict(self) -> dict[str, Any]:
        return {
            "speedup": self.speedup,
            "bits_equal": self.bits_equal,
            "lava_ms_per_step": 1e3 * self.lava,
            "native_us_per_step": 1e6 * self.native,
            "compile_seconds": self.compile,
            "steps": self.steps,
            "data": self.data,
        }


def _pixels(data_dir: Path | None, count: int) -> tuple[Array, Array, str]:
    try:
        mnist = load("mnist", data_dir)
        return mnist.train_images[:count], mnist.train_labels[:count], "mnist"
    except DataError:
        digits = load("digits")
        images = digits.train_images[:count].reshape(-1, 8, 8).repeat(3, axis=1).repeat(3, axis=2)
        return np.pad(images, ((0, 0), (2, 2), (2, 2))), digits.train_labels[:count], "digits, enlarged to 28 x 28"


def build(data_dir: Path | None = None) -> tuple[Any, str]:
    """The graph to measure, and what it is shown."""
    from neuromorph.networks.dyadic_mlp.network import DyadicMLP
    from neuromorph.networks.dyadic_mlp.recipe import recipe_for

    network = DyadicMLP(LAYERS, feedback="learned", seed=0, recipe=recipe_for("mnist", 1))
    images, labels, name = _pixels(data_dir, 100)
    graph = network.build(images, labels)
    for dyads in (*graph.hidden, graph.readout):
        dyads.learn_from.init = np.zeros(1, int)
    return graph, name


def bench_lava(steps: int, runs: int, talk: Talk, data_dir: Path | None = None, time_limit: float = 900.0) -> LavaBench:
    """Check `BITS` steps bit for bit, then time `steps` steps after a warm-up: medians of `runs` runs on each side."""
    from neuromorph.processes.equivalence.check import check_bits

    graph, name = build(data_dir)
    talk.say(f"784-256-10, learned feedback, plastic at every step, {name}")
    began = time.perf_counter()
    native = _time_native(graph, steps, runs)
    compiling = time.perf_counter() - began - native * steps * runs
    with talk.bar("checking bits", BITS) as bar:
        check = check_bits(graph.readout, BITS, progress=bar.advance)
    talk.say(
        f"{BITS} steps of Lava's models and of the engine: {'every bit equal' if check.equal else check.first_difference}"
    )
    with talk.bar("Lava's runtime", runs) as bar:
        lava = _time_lava(steps, runs, bar.advance, data_dir, time_limit)
    return LavaBench(steps, lava, native, compiling, check.equal, name)


def _time_native(graph: Any, steps: int, runs: int) -> float:
    from neuromorph.benchmarks.timing import median_seconds
    from neuromorph.engine.engine import Engine
    from neuromorph.processes.lowering import lower

    engine = Engine(lower(graph.readout))
    engine.run(WARM_UP)
    return median_seconds(lambda: engine.run(steps), runs) / steps


def _time_lava(steps: int, runs: int, progress: Any, data_dir: Path | None, time_limit: float) -> float:
    """Seconds per step of one RunSteps(steps), no reads, after WARM_UP steps in the same runtime; median of `runs`."""
    from lava.magma.core.run_conditions import RunSteps

    from neuromorph.processes.equivalence.runtime import lava_run

    times = []
    for _ in range(runs):
        graph, _name = build(data_dir)

        def timed(process: Any = graph.readout) -> float:
            began = time.perf_counter()
            process.run(condition=RunSteps(num_steps=steps))
            return time.perf_counter() - began

        times.append(lava_run(graph.readout, WARM_UP, time_limit=time_limit, after=timed))
        progress(1)
    return float(np.median(times)) / steps
