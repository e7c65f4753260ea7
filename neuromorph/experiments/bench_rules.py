"""`neuromorph bench rules`: what a step of each learning rule costs, against backpropagation through autograd in the same run.

A step is everything from the batch to the updates of all parameters; the optimiser, the same for all, is left out. Backpropagation is
plain PyTorch: forward, loss.backward(). Beside the measured ratio stands the ratio of the matrix products that either asks for
(multiplications, counted while the rule runs): what is above it is spent on states, one element at a time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuromorph.console import Talk
from neuromorph.errors import RangeError
from neuromorph.learning.backpropagation import Backpropagation
from neuromorph.learning.connections import Dense
from neuromorph.learning.losses import make_loss
from neuromorph.learning.metrics import angle
from neuromorph.learning.network import Network
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.rule import Batch, Rule

LAYERS, BATCH = (784, 512, 512, 10), 100
EP_LAYERS, EP_BATCH = (784, 1024, 10), 16
EP_OPTIONS = {"nudge": "centred", "free_steps": 15, "nudged_steps": 15}
ALIKE = 5.0
"""Degrees: what DP and DP-transpose may differ from backpropagation before they are timed, at beta = 0.01."""


def bench_rules(runs: int, talk: Talk) -> dict[str, Any]:
    """Ratios by rule name; medians of `runs` steps, rules taking turns."""
    _check_results()
    rules = {name: make_rule(name) for name in RULES if name != Backpropagation.name}
    ratio: dict[str, float] = {}
    products: dict[str, float] = {}
    for name, rule in rules.items():
        layers, batch = (EP_LAYERS, EP_BATCH) if name == "ep" else (LAYERS, BATCH)
        if name == "ep":
            rule = make_rule(name, **EP_OPTIONS)
        with talk.bar(name, runs) as bar:
            ratio[name], products[name] = _compare(rule, layers, batch, runs, bar.advance)
        talk.say(f"{name:20s} {ratio[name]:7.2f} of backpropagation's time, {products[name]:7.2f} of its products")
    return {
        "ratio": ratio,
        "products": products,
        "layers": LAYERS,
        "batch": BATCH,
        "ep_layers": EP_LAYERS,
        "ep_batch": EP_BATCH,
    }


def _problem(rule: Rule, layers: tuple[int, ...], size: int) -> tuple[Network, Batch]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(size, layers[0], generator=generator) * (torch.rand(size, layers[0], generator=generator) < 0.2)
    y = torch.eye(layers[-1])[torch.randint(layers[-1], (size,), generator=generator)]
    return rule.build(layers, seed=0), Batch(x, y, torch.arange(size))


def _check_results() -> None:
    """DP and DP-transpose find backpropagation's gradient on the very problem that is timed."""
    for name in ("dp", "dp-transpose"):
        rule = make_rule(name, beta=0.01)
        network, batch = _problem(rule, LAYERS, BATCH)
        with torch.no_grad():
            updates = rule.step(network, batch).updates
        exact = Backpropagation().step(network, batch).updates
        off = max(angle(updates[n], exact[n]) for n in exact)
        if off > ALIKE:
            raise RangeError(
                f"{name} is {off:.1f} degrees off backpropagation's gradient; a time for a wrong result says nothing"
            )


def _compare(
    rule: Rule, layers: tuple[int, ...], size: int, runs: int, advance: Callable[[int], None]
) -> tuple[float, float]:
    """Time and products of a step of the rule, of backpropagation's on a network of the same layers."""
    network, batch = _problem(rule, layers, size)
    plain, _ = _problem(Backpropagation(), layers, size)
    loss = make_loss(rule.loss)

    def local() -> None:
        with torch.no_grad():
            network.recycle(rule.step(network, batch).updates)

    def backpropagation() -> None:
        plain.zero_grad()
        loss.value(plain(batch.x), batch.y).mean().backward()

    products = _products(local) / _products_of_backpropagation(layers, size)
    times: dict[Callable[[], None], list[float]] = {local: [], backpropagation: []}
    for turn in range(runs + 3):
        for step, found in times.items():
            began = time.perf_counter()
            step()
            if turn >= 3:
                found.append(time.perf_counter() - began)
        advance(turn >= 3)
    return statistics.median(times[local]) / statistics.median(times[backpropagation]), products


def _products_of_backpropagation(layers: tuple[int, ...], size: int) -> float:
    """Forward, down but for the input, and for the weights."""
    each = [size * pre * post for pre, post in pairwise(layers)]
    return float(3 * sum(each) - each[0])


def _products(step: Callable[[], None]) -> float:
    """Multiplications in matrix products of dense connections during a step."""
    with _counting() as counted:
        step()
    return float(np.sum(counted))


@contextmanager
def _counting() -> Iterator[list[int]]:
    counted: list[int] = []
    plain = {name: getattr(Dense, name) for name in ("up", "down", "pair")}

    def counts(name: str) -> Callable[..., Any]:
        def method(self: Dense, s: Tensor, *more: Any, **named: Any) -> Any:
            counted.append(len(s) * self.weight.numel())
            return plain[name](self, s, *more, **named)

        return method

    for name in plain:
        setattr(Dense, name, counts(name))
    try:
        yield counted
    finally:
        for name, method in plain.items():
            setattr(Dense, name, method)
