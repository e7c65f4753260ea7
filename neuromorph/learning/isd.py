"""ISD: any rule of two terms, one term at a time, drawn at random. What a synapse sees is local in time.

For each batch one phase, positive with probability p (phases.py)::

    dtheta = g_plus / p  in a positive phase,   g_minus / (1 - p)  in a negative one;   E dtheta = g_plus + g_minus for every p

A relaxation goes on from where its last phase ended, under whatever sample comes; with persistent particles from those of the
samples. A free phase lasts free_steps iterations, another one as many as a free one and itself take together. The unit of a batch is
the phase: in as many batches ISD makes as many changes as its rule, each from half the phases and with a larger variance; it wants a
smaller rate, and since at an optimum the means of both terms are opposite but not zero, its noise does not vanish there.

p is fixed, or with `adaptive` follows p* = sqrt(A) / (sqrt(A) + sqrt(C)) from running means A, C of |g_plus|^2 and |g_minus|^2.

Order: draw the phase, infer, observe |g|^2 (it acts on later draws only), weigh. `Outcome.output` is a prediction made beside the
learning, for a positive phase knows the target.

Source: Flexible Phase Dynamics eq. 3 and 9-11. Always-on learning (eq. 5): always_on.py, and the machines of boltzmann.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network import Network, States, Updates
from neuromorph.learning.relaxation import Clamp, RelaxationRule
from neuromorph.learning.rule import Batch, Outcome, Settings
from neuromorph.learning.two_term import Term, TwoTermRule
from neuromorph.phases import Bernoulli, Phase


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
        return "p would follow what each process sees of a batch" if self.adaptive else super().indivisible

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        phase = self.phases.draw()
        found = self.term(network, batch, +1 if phase.positive else -1)
        return Outcome(self.weighed(phase, found.updates), self.predict(network, batch.x), found.residual)

    def weighed(self, phase: Phase, updates: Updates) -> Updates:
        """The term of a phase by the inverse of its probability, in its place; the running moments see it before."""
        if self.adaptive:
            self.phases.observe(phase, float(torch.stack([g.square().sum() for g in updates.values()]).sum()))
        return {name: g.mul_(phase.weight) for name, g in updates.items()}

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
            return ""  # the samples' own states are put over these
        return "a phase begins at the states of the batch before, which are of other samples in a share of it"

    def rest(self, network: Network, clamp: Clamp, strength: float) -> States:
        found = super().rest(network, clamp, strength)
        if self.last and len(self.last[0]) == len(clamp.x):
            for k, last in enumerate(self.last, 1):
                found[k] = last.to(found[k])
        return found

    def phase(self, network: Network, clamp: Clamp, strength: float, start: States, steps: int, scale: float = 0.0) -> Term:
        found = super().phase(network, clamp, strength, start, steps, scale)
        self.last = found.states[1:]
        return found


def slower(settings: Settings) -> Settings:
    """A tenth of the rate, for an optimiser that does not divide by the noise itself."""
    if settings.optimizer != "sgd":
        return settings
    rate = settings.rate
    return replace(settings, rate=tuple(0.1 * r for r in rate) if isinstance(rate, tuple) else 0.1 * rate)


def sampled(base: type[TwoTermRule]) -> type[Sampled]:
    """The rule NAME-isd of a rule of two terms."""
    bases = (Sampled, base, Carried) if issubclass(base, RelaxationRule) else (Sampled, base)
    return variant(bases, base, "isd", "eq. 3", "one term at a time")


def variant(
    bases: tuple[type[TwoTermRule], ...], base: type[TwoTermRule], suffix: str, equation: str, what: str
) -> type[Sampled]:
    """The rule NAME-suffix of these bases."""
    named = {
        "name": f"{base.name}-{suffix}",
        "source": f"Flexible Phase Dynamics {equation}; {base.source}",
        "base": base,
        "settings": slower(base.settings),
        "__module__": __name__,
        "__doc__": f"{base.name}, {what}.",
    }
    return dataclass(kw_only=True)(type(f"{bases[0].__name__}{base.__name__}", bases, named))
