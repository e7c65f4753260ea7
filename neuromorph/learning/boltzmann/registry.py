"""Boltzmann machines by name, rbm-METHOD: what `neuromorph train --rule rbm-isd` trains, and with which options.

A machine learns binary samples without labels, one at a time (machine.py); its options are the fields of `Machine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from neuromorph.errors import RangeError, check_count, did_you_mean
from neuromorph.learning.boltzmann.machine import ENUMERABLE, METHODS, BoltzmannMachine, Sampler
from neuromorph.learning.training.options import parse_fields


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine and its training. Defaults are those that learn bars and stripes of 4 x 4.

    Raises RangeError for numbers that make no sense, and for so many hidden units that no likelihood could be told.
    """

    hidden: int = field(
        default=16, metadata={"help": f"units, 1 to {ENUMERABLE}: likelihoods are exact sums over their states"}
    )
    coupled: bool = field(default=False, metadata={"help": "hidden units drive each other too: semi-restricted"})
    changes: int = field(default=80_000, metadata={"help": "of the weights (cd, pcd), or phases"})
    length: int = field(default=100, metadata={"help": "Gibbs steps of a phase, or their mean"})
    p: float | None = field(default=0.5, metadata={"help": "share of positive phases; none: the optimum (rbm-isd)"})
    rate: float = field(default=5e-3, metadata={"help": "learning rate (--rate)"})
    scale: float = field(default=0.01, metadata={"help": "standard deviation of first weights"})

    source: ClassVar[str] = "Flexible Phase Dynamics section 3, appendix E"

    def __post_init__(self) -> None:
        for name in ("hidden", "changes", "length"):
            check_count(name, getattr(self, name), 1)
        if self.hidden > ENUMERABLE:
            raise RangeError(
                f"hidden = {self.hidden} is outside 1..{ENUMERABLE}, up to which likelihoods are exact; larger machines: Sampler of "
                "neuromorph.learning.boltzmann.machine"
            )
        for name in ("rate", "scale"):
            if not 0 < getattr(self, name) < float("inf"):
                raise RangeError(f"{name} = {getattr(self, name)}: give a positive number")
        if self.p is not None and not 0 < self.p < 1:
            raise RangeError(f"p = {self.p} is outside 0..1 (both excluded): the share of positive phases")

    @classmethod
    def options(cls) -> dict[str, Any]:
        """Names and defaults."""
        return {f.name: f.default for f in fields(cls)}

    def sampler(self, name: str, data: npt.NDArray[np.float64], seed: int) -> Sampler:
        """In training, by the method of this name (rbm-isd: isd)."""
        if self.p != 0.5 and METHODS[MACHINES[name]].get("periodic"):
            raise RangeError(f"p = {self.p} would not be used: phases of {name} alternate; leave it out")
        drawn = BoltzmannMachine.drawn(data.shape[1], self.hidden, coupled=self.coupled, scale=self.scale, seed=seed)
        return Sampler(drawn, data, MACHINES[name], rate=self.rate, length=self.length, p=self.p, seed=seed)


MACHINES: Mapping[str, str] = {f"rbm-{method}": method for method in METHODS}
"""Methods by name."""


def make_machine(name: str, texts: tuple[str, ...] = ()) -> Machine:
    """The machine of options as typed, name=value. Raises RangeError for an unknown name, too."""
    if name not in MACHINES:
        raise RangeError(f"unknown rule {name!r}; {did_you_mean(name, MACHINES)}")
    return Machine(**parse_fields(name, Machine, texts))
