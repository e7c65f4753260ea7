"""`neuromorph bench lava`: the same graph in Lava's runtime and natively; the bits first, then the clock.

The 784-256-10 network with learned feedback, plastic at every step (y3 > 0 from age 0 on), on MNIST pixels (scikit-learn's
digits, laid into 28 x 28, where MNIST is absent).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.console import Talk
from neuromorph.data import load
from neuromorph.errors import DataError
from neuromorph.program import Array, Program

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


def plastic_program(data_dir: Path | None = None) -> tuple[Program, str]:
    """The network to measure, its rates up from age 0 on, and what it is shown."""
    from neuromorph.networks import DyadicMLP, recipe_for

    network = DyadicMLP(LAYERS, feedback="learned", seed=0, recipe=recipe_for("mnist", 1))
    images, labels, name = _pixels(data_dir, 100)
    program = network.program(images, labels)
    always = [replace(p, parameters={**p.parameters, "learn_from": np.zeros(1)}) for p in program.populations]
    return program.with_nodes(*always), name


def bench_lava(steps: int, runs: int, talk: Talk, data_dir: Path | None = None, time_limit: float = 900.0) -> LavaBench:
    """Check `BITS` steps bit for bit, then time `steps` steps after a warm-up: medians of `runs` runs on each side."""
    from neuromorph.processes import check_bits, rebuild

    program, name = plastic_program(data_dir)
    talk.say(f"784-256-10, learned feedback, plastic at every step, {name}")
    began = time.perf_counter()
    native = _time_native(program, steps, runs)
    compiling = time.perf_counter() - began - native * steps * runs
    with talk.bar("checking bits", BITS) as bar:
        check = check_bits(rebuild(program)["readout"], BITS, progress=bar.advance)
    talk.say(
        f"{BITS} steps of Lava's models and of the engine: {'every bit equal' if check.equal else check.first_difference}"
    )
    with talk.bar("Lava's runtime", runs) as bar:
        lava = _time_lava(program, steps, runs, bar.advance, time_limit)
    return LavaBench(steps, lava, native, compiling, check.equal, name)


def _time_native(program: Program, steps: int, runs: int) -> float:
    from neuromorph.benchmarks.timing import median_seconds
    from neuromorph.engine.engine import Engine

    engine = Engine(program)
    engine.run(WARM_UP)
    return median_seconds(lambda: engine.run(steps), runs) / steps


def _time_lava(program: Program, steps: int, runs: int, progress: Any, time_limit: float) -> float:
    """Seconds per step of one RunSteps(steps), no reads, after WARM_UP steps in the same runtime; median of `runs`."""
    from lava.magma.core.run_conditions import RunSteps

    from neuromorph.processes import lava_run, rebuild

    times = []
    for _ in range(runs):
        readout = rebuild(program)["readout"]

        def timed(process: Any = readout) -> float:
            began = time.perf_counter()
            process.run(condition=RunSteps(num_steps=steps))
            return time.perf_counter() - began

        times.append(lava_run(readout, WARM_UP, time_limit=time_limit, after=timed))
        progress(1)
    return float(np.median(times)) / steps
