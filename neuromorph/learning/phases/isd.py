"""ISD: any rule of two terms, one term at a time, drawn at random. What a synapse sees is local in time.

For each sample one phase, positive with probability p (phases.py)::

    dtheta = g_plus / p  in a positive phase,   g_minus / (1 - p)  in a negative one;   E dtheta = g_plus + g_minus for every p

A batch takes the mean over its samples, as if each passed through a network of its own with the same weights: those in a positive
phase are inferred together, and those in a negative one. A relaxation goes on from where its last phase ended, under whatever sample
comes: the one at the same place in the next batch; with persistent particles from those of the samples. (Not so the phases of
dyadic-two-phase, from zero, and of prox and lrrn, from the forward pass.) A free phase lasts free_steps iterations, another one as
many as a free one and itself take together. In as many batches ISD makes as many changes as its rule, each from half the phases and
with a larger variance; since at an optimum the means of both terms are opposite but not zero, its noise does not vanish there. What
decides is how far both terms differ, beside either one: strong nudges help; a circuit at many volts (resistive-isd learns at gain =
10, not at 100) or feedback discounted by a small gamma leaves nothing to see.

p is fixed, or with `adaptive` follows p* = sqrt(A) / (sqrt(A) + sqrt(C)) from running means A, C of |g_plus|^2 and |g_minus|^2: of
one sample in either phase, which is inferred by itself.

Order: draw the phases, infer, observe |g|^2 (it acts on later draws only), weigh. `Outcome.output` is a prediction made beside the
learning, for a positive phase knows the target.

Source: Flexible Phase Dynamics eq. 3 and 9-11, for batches of one, as the paper takes them. Always-on learning (eq. 5): always_on.py,
and the machines of boltzmann/machine.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.derived import derived
from neuromorph.learning.network.network import Network, States, Updates
from neuromorph.learning.phases.terms import Term, TwoTermRule, added
from neuromorph.learning.relaxing.relaxation import Clamp, RelaxationRule
from neuromorph.learning.rule import Batch, Outcome
from neuromorph.phases import Bernoulli, Phase


class Part(NamedTuple):
    """Samples of a batch that are in a phase of one kind, and their share of the batch."""

    batch: Batch
    phase: Phase
    share: float

    @property
    def weight(self) -> float:
        """Of their mean in the update."""
        return self.phase.weight * self.share


@dataclass(kw_only=True)
class Sampled(TwoTermRule):
    """One term at each update."""

    p: float = field(default=0.5, metadata={"help": "probability of a positive phase, between 0 and 1"})
    adaptive: bool = field(default=False, metadata={"help": "p follows the optimum, from running second moments"})
    phase_seed: int = field(default=0, metadata={"help": "of the draws of phases"})

    base: ClassVar[type[TwoTermRule]]

    def check(self) -> None:
        super().check()
        if self.adaptive and self.p != 0.5:
            raise RangeError(f"p = {self.p} would not be used: with adaptive, p follows the running moments, from 1/2 on")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.phases = Bernoulli(None if self.adaptive else self.p, self.phase_seed)
        self.last: list[Tensor] = []
        """States of layers 1..L at the end of the last phase, of a rule that carries them on."""

    @property
    def indivisible(self) -> str:
        if self.adaptive:
            return "p would follow what each process sees of a batch"
        reason = super().indivisible
        if not reason and "seed" in self.options():
            return "what a phase draws for its samples (signs, labels) would depend on whether a process has any"
        return reason

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        total: Updates = {}
        residuals = []
        for part in self.parts(batch):
            found = self.term(network, part.batch, +1 if part.phase.positive else -1)
            total = added(total, self.weighed(part, found.updates))
            residuals.append(found.residual)
        return Outcome(total, self.predict(network, batch.x), torch.stack(residuals).amax(0))

    def parts(self, batch: Batch) -> list[Part]:
        """The samples in a positive phase and those in a negative one; with `adaptive` the first of each by itself."""
        phases = self.phases.draws(batch.size)
        own = [phases[place] for place in torch.arange(batch.size)[batch.own].tolist()]
        found = []
        for is_positive in (True, False):
            some = [place for place, phase in enumerate(own) if phase.positive == is_positive]
            for places in (some[:1], some[1:]) if self.adaptive else (some,):
                if places:
                    found.append(Part(batch.only(places), own[places[0]], len(places) / len(own)))
        return found

    def weighed(self, part: Part, updates: Updates) -> Updates:
        """The term of a part, weighed in its place; the running moments see that of one sample before."""
        if self.adaptive and len(part.batch.x) == 1:
            self.phases.observe(part.phase, float(torch.stack([g.square().sum() for g in updates.values()]).sum()))
        return {name: g.mul_(part.weight) for name, g in updates.items()}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"phases": self.phases.state_dict(), "last": list(self.last)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        rest = dict(state)
        self.phases.load_state_dict(rest.pop("phases"))
        self.last = list(rest.pop("last"))
        super().load_state_dict(rest)


class Carried(RelaxationRule):
    """A relaxation that begins where its last phase ended; at rest if the batch has another size."""

    last: list[Tensor]

    @property
    def indivisible(self) -> str:
        if getattr(self, "persistent", False):
            return super().indivisible  # the samples' own states are put over these
        return "a phase begins at the states of the batch before, which are of other samples in a share of it"

    def rest(self, network: Network, clamp: Clamp, strength: float) -> States:
        found = super().rest(network, clamp, strength)
        if self.last and len(self.last[0]) == clamp.batch.size:
            for k, last in enumerate(self.last, 1):
                found[k] = last[clamp.batch.own].to(found[k])
        return found

    def phase(self, network: Network, clamp: Clamp, strength: float, start: States, steps: int, scale: float = 0.0) -> Term:
        found = super().phase(network, clamp, strength, start, steps, scale)
        self.ended(clamp, found.states)
        return found

    def ended(self, clamp: Clamp, states: States) -> None:
        """The next phase goes on from here."""
        if not self.last or len(self.last[0]) != clamp.batch.size:
            self.last = [end.new_zeros(clamp.batch.size, *end.shape[1:]) for end in states[1:]]
        for last, end in zip(self.last, states[1:], strict=True):
            last[clamp.batch.own] = end


@cache
def sampled(base: type[TwoTermRule]) -> type[Sampled]:
    """The rule NAME-isd of a rule of two terms. Where that one takes plain descent, Adam, which divides by the noise."""
    bases: tuple[type[TwoTermRule], ...] = (Sampled, base, Carried) if issubclass(base, RelaxationRule) else (Sampled, base)
    own = base.settings
    settings = replace(own, optimizer="adam", rate=1e-3) if own.optimizer == "sgd" else own
    named = {
        "name": f"{base.name}-isd",
        "source": f"Flexible Phase Dynamics eq. 3; {base.source}",
        "settings": settings,
        "__doc__": f"{base.name}, one term at a time.",
    }
    return derived((sampled, (base,)), bases, base, named)
