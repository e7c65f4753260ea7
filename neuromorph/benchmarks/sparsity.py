"""`neuromorph bench sparsity`: what a step of a plastic 784-512-10 stack costs when few neurons are active.

The drive of both connections and their learning, pre and post active at the same fraction, against a plain dense kernel of
the same arithmetic that visits every synapse: results compared first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, no_type_check

import numpy as np
from numba import njit

from neuromorph.benchmarks.timing import median_seconds
from neuromorph.console import Talk
from neuromorph.engine.engine import Engine
from neuromorph.laws.products.plasticity import SignMode, decay_factor
from neuromorph.laws.products.rule import GradedSpike, read_rule
from neuromorph.program import TRACES, Array, Link, Node, Plasticity, Program, Source, Synapse

LAYERS = (784, 512, 10)
LEVELS = (0.01, 0.05, 0.10, 0.50, 1.00)
RULE = "2^-3*x0*x1*y3*(y1-64)"
RIGHT, LEFT = 10, 4
FRAMES, SEED = 64, 1


@dataclass(frozen=True)
class Activity:
    """What two connections see: payloads of their pre neurons, error codes y1 and rates y3 of their post neurons."""

    payloads: list[Array]
    y1: list[Array]
    y3: list[Array]


def _active(rng: np.random.Generator, level: float, low: int, high: int, size: int) -> Array:
    """FRAMES rows with exactly a fraction `level` of entries drawn from low..high, zero elsewhere."""
    rows = np.zeros((FRAMES, size), np.int32)
    count = max(1, round(level * size))
    for row in rows:
        row[rng.permutation(size)[:count]] = rng.integers(low, high + 1, count)
    return rows


def activity(level: float, seed: int = 0) -> Activity:
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(LAYERS))
    return Activity(
        payloads=[2 * _active(rng, level, 1, 127, pre) for pre, _ in pairs],
        y1=[64 + _active(rng, level, 1, 63, post) for _, post in pairs],
        y3=[np.full((FRAMES, post), 100, np.int32) for _, post in pairs],
    )


def program(shown: Activity) -> Program:
    rng = np.random.default_rng(1)
    nodes: list[Node] = []
    links: list[Link] = []
    rule = Plasticity(
        dw=read_rule(RULE), dd=None, dt=None, three_factor=True,
        taus={t: 65535.0 for t in TRACES}, impulses=dict.fromkeys(TRACES, 0.0),
        t_epoch=1, rng_seed=SEED, graded_spike=GradedSpike.OVERWRITE, sign_mode=SignMode.MIXED,
    )  # fmt: skip
    for k, (pre, post) in enumerate(pairwise(LAYERS)):
        weights = 2 * rng.integers(-64, 64, (post, pre))
        frames = {"s": shown.payloads[k], "y1": shown.y1[k], "y3": shown.y3[k]}
        nodes += [Source(f"source{k}", frames), Synapse(f"synapse{k}", (post, pre), weights, plasticity=rule)]
        links += [Link((f"source{k}", "s"), (f"synapse{k}", "s_in"))]
        links += [Link((f"source{k}", y), (f"synapse{k}", f"s_in_{y}")) for y in ("y1", "y3")]
    return Program(tuple(nodes), tuple(links))


@njit(cache=True)
@no_type_check
def _plain_step(w, s, y1, y3, threshold, out):
    """Every synapse, every step: out = w^T s, then the rule. w[pre, post]."""
    pre, post = w.shape
    for i in range(post):
        out[i] = 0
    for j in range(pre):
        for i in range(post):
            out[i] += np.int32(s[j] * w[j, i])
    for j in range(pre):
        for i in range(post):
            term = np.int32(np.int32(np.int32((s[j] >> 1) * y3[i]) * (y1[i] - 64)) >> RIGHT) << LEFT
            term = min(max(term, -32769), 32767)
            acc = min(max((np.int32(w[j, i]) << 7) + term, -32769), 32767)
            w[j, i] = min(max((acc + 127 - threshold) >> 7, -256), 255)


@njit(cache=True)
def _plain_run(steps, start, w0, w1, s0, s1, y10, y11, y30, y31, thresholds, out0, out1):  # type: ignore[no-untyped-def]
    for t in range(start, start + steps):
        k = t % len(s0)
        _plain_step(w0, s0[k], y10[k], y30[k], thresholds[t], out0)
        _plain_step(w1, s1[k], y11[k], y31[k], thresholds[t], out1)


class PlainRun:
    """The dense kernel with its own weights; Lava's rounding stream for weights (seed 2, the first number unused)."""

    def __init__(self, shown: Activity, start: Program, steps: int) -> None:
        self._shown, self._at = shown, 0
        self.weights = [np.ascontiguousarray(s.weights.T).astype(np.int16) for s in start.synapses]
        self._thresholds = np.floor(128 * np.random.default_rng(2).random(steps + 1)[1:]).astype(np.int32)
        self._out = [np.zeros(w.shape[1], np.int32) for w in self.weights]

    def run(self, steps: int) -> None:
        a = self._shown
        _plain_run(steps, self._at, *self.weights, *a.payloads, *a.y1, *a.y3, self._thresholds, *self._out)
        self._at += steps


def _read(traces: Array, seed: int) -> Array:
    """Traces as Lava reads them in a learning step: one step decayed by exp(-1/65535), rounded by a shared random number."""
    random = np.random.default_rng(seed).random(2 * FRAMES + 1)[2::2, None]
    decayed = decay_factor(65535.0) * traces
    whole = np.floor(decayed)
    read: Array = (whole + (random < decayed - whole)).astype(np.int32)
    return read


def _as_read(shown: Activity) -> Activity:
    return Activity(
        payloads=[2 * _read(p // 2, SEED) for p in shown.payloads],
        y1=[_read(y, SEED + 2) for y in shown.y1],
        y3=[_read(y, SEED + 2) for y in shown.y3],
    )


def _same(shown: Activity) -> bool:
    """Whether engine and dense kernel end with the same weights after one pass over the frames."""
    start = program(shown)
    engine, plain = Engine(start), PlainRun(_as_read(shown), start, FRAMES)
    engine.run(FRAMES)
    plain.run(FRAMES)
    pairs = zip(start.synapses, plain.weights, strict=True)
    return all(np.array_equal(engine.get(s.name, "weights").T, w) for s, w in pairs)


def bench_sparsity(steps: int, runs: int, talk: Talk) -> dict[str, Any]:
    """Microseconds a step at each level; cost_ratio = 10 % over 100 %, dense_ratio = 100 % over the plain dense kernel."""
    native: dict[str, float] = {}
    results_agree = True
    with talk.bar("levels of activity", len(LEVELS) + 1) as bar:
        for level in LEVELS:
            shown = activity(level)
            results_agree &= _same(shown)
            engine = Engine(program(shown))
            engine.run(FRAMES)
            native[f"{level:g}"] = 1e6 * median_seconds(partial(engine.run, steps), runs) / steps
            bar.advance(1)
        plain = PlainRun(activity(1.0), program(activity(1.0)), steps * runs + FRAMES)
        plain.run(FRAMES)
        dense = 1e6 * median_seconds(lambda: plain.run(steps), runs) / steps
        bar.advance(1)
    return {
        "cost_ratio": native["0.1"] / native["1"],
        "dense_ratio": native["1"] / dense,
        "results_agree": results_agree,
        "native_us_per_step": native,
        "dense_us_per_step": dense,
    }
