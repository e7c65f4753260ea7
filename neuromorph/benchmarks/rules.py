"""`neuromorph bench rules`: what a step of each learning rule costs, against backpropagation through autograd in the same run.

A step is everything from the batch to the updates of all parameters; the optimiser, the same for all, is left out. Backpropagation is
plain PyTorch at its quickest: forward with torch.relu (with clamp, whose gradient takes three operations, a step lasts a tenth
longer), loss.backward(). Beside the measured ratio stand the ratio of the matrix products that either asks for (multiplications,
counted while the rule runs) and the share of the rule's time that passes in products: the rest is spent on states, one element
at a time, and on calls: the reason of a ratio above that of the products. A chain on Bars-and-Stripes, which no batch can hold,
is timed by itself.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from neuromorph.console import Talk
from neuromorph.errors import RangeError
from neuromorph.judges.gradients import check_gradient, worst_angle
from neuromorph.learning.boltzmann.machine import BoltzmannMachine, Sampler
from neuromorph.learning.boltzmann.patterns import UNITS, patterns
from neuromorph.learning.faults import blamed, updates_of
from neuromorph.learning.network.connections import Dense, Start
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.rule import Batch, Rule
from neuromorph.learning.rules.backpropagation import Backpropagation
from neuromorph.learning.rules.dyadic import ArbitraryDyadic

if TYPE_CHECKING:
    from torch import Tensor

LAYERS, BATCH = (784, 512, 512, 10), 100
EP_LAYERS, EP_BATCH = (784, 1024, 10), 16
WITHOUT_LAYERS = (784, 1024, 10)
EVERY = (*(name for name in RULES if name != Backpropagation.name), "ste+dp", "adaste+dp")
"""What is timed when nobody names a rule."""
EP_OPTIONS = {"nudge": "centred", "free_steps": 15, "nudged_steps": 15}
WEAK, ALIKE = 1e-3, 5.0
"""Nudging and degrees: how far DP, DP-transpose and EP may lie from the gradient of what they predict, before they are timed."""
TURN = 5
"""Steps of one rule before the other's turn."""
CHAIN_PHASES, CHAIN_LENGTH = 80_000, 100


def bench_rules(runs: int, talk: Talk, names: Sequence[str] = ()) -> dict[str, Any]:
    """Ratios by rule name, of these rules or of all and the chain; medians of at least `runs` steps, either rule taking its turn with
    backpropagation. Raises RangeError for an unknown rule."""
    rules = {name: make_rule(name) for name in names or EVERY}
    _check_results()
    costs: dict[str, Cost] = {}
    for name, rule in rules.items():
        layers: tuple[int, ...] = LAYERS
        batch = BATCH
        if name == "ep":
            rule, layers, batch = make_rule(name, **EP_OPTIONS), EP_LAYERS, EP_BATCH
        elif isinstance(rule, ArbitraryDyadic):
            layers = WITHOUT_LAYERS
        with talk.bar(name, runs) as bar:
            costs[name] = found = _compare(rule, layers, batch, runs, bar.advance)
        talk.say(
            f"{name:20s} {found.ratio:7.2f} of backpropagation's time, {found.products:7.2f} of its products; {found.reason}"
        )
    chain = {} if names else {"bas_seconds": _chain_seconds(talk)}
    return {
        **chain,
        "ratio": {name: cost.ratio for name, cost in costs.items()},
        "products": {name: cost.products for name, cost in costs.items()},
        "share_of_products": {name: cost.share for name, cost in costs.items()},
        "reason": {name: cost.reason for name, cost in costs.items() if cost.ratio > cost.products},
        "layers": LAYERS,
        "batch": BATCH,
        "ep_layers": EP_LAYERS,
        "ep_batch": EP_BATCH,
    }


class Cost(NamedTuple):
    """Time and products of a step, both over backpropagation's, and the share of its time that its products take."""

    ratio: float
    products: float
    share: float

    @property
    def reason(self) -> str:
        """Where the ratio goes, in backpropagation's time: to products (and what one costs beside backpropagation's), to all else."""
        products, rest = self.share * self.ratio, (1 - self.share) * self.ratio
        return f"{products:.2f} in products, each at {products / self.products:.2f}, {rest:.2f} in states and calls"


def problem(rule: Rule, layers: tuple[int, ...], size: int, first: Start | None = None) -> tuple[Network, Batch]:
    """A network that the rule builds, and random samples, on which it is timed."""
    import torch

    generator = torch.Generator().manual_seed(0)
    x = torch.rand(size, layers[0], generator=generator) * (torch.rand(size, layers[0], generator=generator) < 0.2)
    y = torch.eye(layers[-1])[torch.randint(layers[-1], (size,), generator=generator)]
    return rule.build(layers, seed=0, first=first), Batch(x, y, torch.arange(size))


def _check_results() -> None:
    """On the very problems that are timed; EP from weights so small that its free phase settles in so few iterations."""
    options: dict[str, dict[str, Any]] = {"dp": {}, "dp-transpose": {}, "ep": EP_OPTIONS}
    for name, more in options.items():
        rule = make_rule(name, **more, beta=WEAK)
        network, batch = problem(rule, *((EP_LAYERS, EP_BATCH, "uniform") if name == "ep" else (LAYERS, BATCH)))
        off = worst_angle(check_gradient(network, rule, batch))
        if off > ALIKE:
            raise RangeError(
                f"{name} is {off:.1f} degrees off backpropagation's gradient; a time for a wrong result says nothing"
            )


def check_moves(rule: Rule, network: Network, batch: Batch) -> None:
    """Of every rule that is timed: each of its updates is finite, and none is zero throughout."""
    import torch

    with torch.no_grad(), blamed(rule):
        outcome = rule.step(network, batch)
    updates = updates_of(rule, outcome, dict(network.named_parameters()), batch)
    for name, update in updates.items():
        if not update.isfinite().all() or not update.any():
            raise RangeError(
                f"rule {rule.name} changes {name} by nothing, or not finitely; a time for a wrong result says nothing"
            )


def _compare(rule: Rule, layers: tuple[int, ...], size: int, runs: int, advance: Callable[[int], None]) -> Cost:
    """A step of the rule beside backpropagation's on a network of the same layers."""
    import torch

    network, batch = problem(rule, layers, size)
    plain, _ = problem(Backpropagation(), layers, size)
    loss = make_loss(rule.loss)
    check_moves(rule, network, batch)

    def local() -> None:
        with torch.no_grad():
            network.recycle(rule.step(network, batch).updates)

    def backpropagation() -> None:
        plain.zero_grad()
        loss.value(plain(batch.x), batch.y).mean().backward()

    times: dict[Callable[[], None], list[float]] = {local: [], backpropagation: []}
    for _ in range(math.ceil(runs / TURN)):
        for step, found in times.items():
            step()  # warms up what the other's turn has left cold, as in a training, where a step follows its like
            for _ in range(TURN):
                began = time.perf_counter()
                step()
                found.append(time.perf_counter() - began)
        advance(TURN)
    middle = {step: statistics.median(found) for step, found in times.items()}
    began = time.perf_counter()
    with _counting() as calls:
        local()
    seconds = time.perf_counter() - began
    products = sum(call.products for call in calls) / _products_of_backpropagation(layers, size)
    return Cost(middle[local] / middle[backpropagation], products, sum(call.seconds for call in calls) / seconds)


def _products_of_backpropagation(layers: tuple[int, ...], size: int) -> float:
    """Forward, down but for the input, and for the weights."""
    each = [size * pre * post for pre, post in pairwise(layers)]
    return float(3 * sum(each) - each[0])


class _Call(NamedTuple):
    products: int
    seconds: float


@contextmanager
def _counting() -> Iterator[list[_Call]]:
    """Multiplications and time of every matrix product of a dense connection."""
    calls: list[_Call] = []
    plain = {name: getattr(Dense, name) for name in ("up", "down", "pair")}

    def counts(name: str) -> Callable[..., Any]:
        def method(self: Dense, s: Tensor, *more: Any, **named: Any) -> Any:
            began = time.perf_counter()
            found = plain[name](self, s, *more, **named)
            calls.append(_Call(len(s) * self.weight.numel(), time.perf_counter() - began))
            return found

        return method

    for name in plain:
        setattr(Dense, name, counts(name))
    try:
        yield calls
    finally:
        for name, method in plain.items():
            setattr(Dense, name, method)


def _chain_seconds(talk: Talk) -> float:
    """Always-on learning of a restricted Boltzmann machine: its law compiled, one sample at a time."""
    data = patterns()
    for phases in (10, CHAIN_PHASES):  # the first run compiles
        sampler = Sampler(BoltzmannMachine.drawn(UNITS, UNITS), data, "always-on", rate=1e-3, length=CHAIN_LENGTH)
        began = time.perf_counter()
        sampler.run(phases)
    seconds = time.perf_counter() - began
    talk.say(
        f"{CHAIN_PHASES} phases of {CHAIN_LENGTH} steps of a Boltzmann machine, 16-16, bars and stripes: {seconds:.1f} s"
    )
    return seconds
