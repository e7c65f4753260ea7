"""Always-on learning: plasticity at every iteration of a relaxation, in phases drawn at random, with no end to wait for.

In a batch each sample is in one phase, positive with probability p, which goes on from the states of the one before (isd.py). With
gain = 1/p or 1/(1 - p) and g the term of the phase, an iteration is, in this order, with the mean over the batch::

    s <- one step of the relaxation by theta;   theta <- theta + rate / length * gain * g(s, theta)

A phase has `length` iterations, or, with `random`, ends after each with probability 1 / length: no neuron counts. Nothing is stored,
neither products nor a mark of where the phase began. Against ISD, which learns at the end of a phase, the sum of all changes is off by
O(rate * tau / length) for a transient of tau iterations, and by O(rate^2) for weights that move meanwhile.

The rate is that of the optimiser at the batch (`rates_now`, which the trainer sets; elsewhere 0). `step` puts the weights back and
names the sum of their changes, so that plain gradient descent (sgd, no momentum, no decay) leaves them where the phase has led them.
Since weights move, the drive of the input is another at every iteration.

Source: Flexible Phase Dynamics eq. 5, theorem 3.5. Machines of single samples: boltzmann/machine.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.derived import derived
from neuromorph.learning.network.network import Network, States, Updates
from neuromorph.learning.phases.isd import Carried, Part, Sampled
from neuromorph.learning.phases.terms import added
from neuromorph.learning.relaxing.relaxation import Clamp, Relaxation, RelaxationRule
from neuromorph.learning.rule import Batch, Outcome


@dataclass
class Flow:
    """A part of a batch in its phase: what plasticity makes of it in an iteration, and in all of them."""

    part: Part
    clamp: Clamp
    states: States
    relaxation: Relaxation
    scale: float
    total: Updates = field(default_factory=dict)

    def move(self, network: Network) -> Tensor:
        """One iteration by the weights of now; the largest changes."""
        return replace(self.relaxation, below=network.up(1, self.states)).run(network, self.states, 1)


@dataclass(kw_only=True)
class AlwaysOn(Sampled, Carried):
    """A relaxation whose weights never rest."""

    length: int = field(default=20, metadata={"help": "iterations of a phase, or their mean"})
    random: bool = field(default=False, metadata={"help": "a phase ends after each iteration with probability 1 / length"})

    learns_within: ClassVar[bool] = True

    @property
    def indivisible(self) -> str:
        return "within a step weights move by what a process sees of the batch"

    def check(self) -> None:
        super().check()
        if self.length < 1:
            raise RangeError(f"length = {self.length}: a phase has at least one iteration")
        if getattr(self, "persistent", False):
            raise RangeError(
                f"{self.name} goes on from the states of the last phase, not from those of a sample: leave out persistent"
            )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ends = torch.Generator().manual_seed(self.phase_seed)

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        strengths = self.strengths()
        flows = [self._flow(network, part, strengths) for part in self.parts(batch)]
        with _moving(network) as parameters:
            for _ in range(self._iterations()):
                residuals = [flow.move(network) for flow in flows]
                changes = [self.products(network, flow.states, flow.scale) for flow in flows]
                for flow, found in zip(flows, changes, strict=True):
                    for name, g in found.items():
                        parameters[name].add_(g, alpha=flow.part.weight * self.rates_now.get(name, 0.0))
                    flow.total = added(flow.total, found)
        total: Updates = {}
        for flow in flows:
            self.ended(flow.clamp, flow.states)
            total = added(total, self.weighed(flow.part, flow.total))
        return Outcome(total, self.predict(network, batch.x), torch.stack(residuals).amax(0))

    def _flow(self, network: Network, part: Part, strengths: tuple[float, float]) -> Flow:
        """A part of the batch at the beginning of its phase."""
        plus, minus = strengths
        sign, strength = (1, plus) if part.phase.positive else (-1, minus)
        clamp = self.clamp(network, part.batch)
        states = self.begun(network, clamp, strength, self.rest(network, clamp, strength))
        scale = sign / ((plus - minus) * len(part.batch.x) * self.length)
        return Flow(part, clamp, states, self.relaxation(network, clamp, strength, states), scale)

    def _iterations(self) -> int:
        if not self.random or self.length == 1:
            return self.length
        return int(torch.empty(()).geometric_(1 / self.length, generator=self._ends))

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"ends": self._ends.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        rest = dict(state)
        self._ends.set_state(rest.pop("ends"))
        super().load_state_dict(rest)


@contextmanager
def _moving(network: Network) -> Iterator[dict[str, torch.nn.Parameter]]:
    """Parameters that may change within, and are as before afterwards."""
    parameters = dict(network.named_parameters())
    kept = {name: p.detach().clone() for name, p in parameters.items()}
    try:
        yield parameters
    finally:
        for name, p in parameters.items():
            p.data.copy_(kept[name])


@cache
def always_on(base: type[RelaxationRule]) -> type[Sampled]:
    """The rule NAME-always-on of a relaxation of two terms: by plain descent, at a tenth of its rate for the noise."""
    own = base.settings
    rate = tuple(r / 10 for r in own.rate) if isinstance(own.rate, tuple) else own.rate / 10
    named = {
        "name": f"{base.name}-always-on",
        "source": f"Flexible Phase Dynamics eq. 5; {base.source}",
        "settings": replace(own, rate=rate),
        "__doc__": f"{base.name}, learning at every iteration.",
    }
    return derived((always_on, (base,)), (AlwaysOn, base), base, named)
