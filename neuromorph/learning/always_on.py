"""Always-on learning: plasticity at every iteration of a relaxation, in phases drawn at random, with no end to wait for.

A batch is one phase, positive with probability p, which goes on from the states of the one before (isd.py). With gain = 1/p or 1/(1 - p)
and g the term of the phase, an iteration is, in this order::

    s <- one step of the relaxation by theta;   theta <- theta + rate / length * gain * g(s, theta)

A phase has `length` iterations, or, with `random`, ends after each with probability 1 / length: no neuron counts. Nothing is stored,
neither products nor a mark of where the phase began. Against ISD, which learns at the end of a phase, the sum of all changes is off by
O(rate * tau / length) for a transient of tau iterations, and by O(rate^2) for weights that move meanwhile.

The rate is that of the optimiser at the batch (`rates_now`, which the trainer sets; elsewhere 0). `step` puts the weights back and
names the sum of their changes, so that plain gradient descent (sgd, no momentum, no decay) leaves them where the phase has led them.
Since weights move, the drive of the input is another at every iteration.

Source: Flexible Phase Dynamics eq. 5, theorem 3.5. Machines of single samples: boltzmann.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch

from neuromorph.errors import RangeError
from neuromorph.learning.isd import Carried, Sampled, variant
from neuromorph.learning.network import Network, Updates
from neuromorph.learning.relaxation import RelaxationRule
from neuromorph.learning.rule import Batch, Outcome
from neuromorph.learning.two_term import added


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
        phase = self.phases.draw()
        plus, minus = self.strengths()
        sign, strength = (1, plus) if phase.positive else (-1, minus)
        scale = sign / ((plus - minus) * len(batch.x) * self.length)
        total: Updates = {}
        clamp = self.clamp(network, batch)
        states = self.begun(network, clamp, strength, self.rest(network, clamp, strength))
        relaxation = self.relaxation(network, clamp, strength, states)
        with _moving(network) as parameters:
            for _ in range(self._iterations()):
                residual = replace(relaxation, below=network.up(1, states)).run(network, states, 1)
                changes = self.products(network, states, scale)
                for name, g in changes.items():
                    parameters[name].add_(g, alpha=phase.weight * self.rates_now.get(name, 0.0))
                total = added(total, changes)
        self.last = states[1:]
        return Outcome(self.weighed(phase, total), self.predict(network, batch.x), residual)

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


def always_on(base: type[RelaxationRule]) -> type[Sampled]:
    """The rule NAME-always-on of a relaxation of two terms."""
    return variant((AlwaysOn, base), base, "always-on", "eq. 5", "learning at every iteration")
