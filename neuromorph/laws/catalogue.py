"""Laws by name and by key: what a file may say that a population obeys, and what a compiled kernel is called by."""

from __future__ import annotations

from neuromorph.errors import LawError
from neuromorph.laws.atrlif import ATRLIF
from neuromorph.laws.dyad import DYAD
from neuromorph.laws.graded import GRADED, GRADED_RELU, INVERSE_ROOT, NORM_DELAY, PRODUCT
from neuromorph.laws.law import Law
from neuromorph.laws.lif import LIF, LIF_RESET, TERNARY_LIF
from neuromorph.laws.prototypes import ALLOCATOR, NOVELTY_DETECTOR, PROTOTYPE_LIF
from neuromorph.laws.readout import READOUT
from neuromorph.laws.resonate import RESONATE, RESONATE_RESET, RESONATE_ZERO
from neuromorph.laws.sigma_delta import DELTA, SIGMA, SIGMA_DELTA

POINTWISE = (
    *(SIGMA, DELTA, SIGMA_DELTA, GRADED, GRADED_RELU, NORM_DELAY, INVERSE_ROOT, PRODUCT),
    *(RESONATE, RESONATE_RESET, RESONATE_ZERO, ATRLIF),
)
"""Lava's neurons beside LIF."""
LAWS: dict[str, Law] = {
    law.name: law
    for law in (LIF, LIF_RESET, TERNARY_LIF, *POINTWISE, PROTOTYPE_LIF, NOVELTY_DETECTOR, ALLOCATOR, DYAD, READOUT)
}
"""Our own, by name."""
_BY_KEY: dict[str, Law] = {law.key: law for law in LAWS.values()}


def is_ours(law: Law) -> bool:
    """Whether it is one of LAWS: tests hold those to their ranges, a user's law is watched while it runs."""
    return law.name in LAWS


def register(law: Law) -> str:
    """The key by which `named` finds this law from now on.

    A file that is read twice makes the same law twice. Raises LawError for a law that is another one under the same key (one text,
    two ranges), or under the name of one of ours.
    """
    known = _BY_KEY.setdefault(law.key, LAWS.get(law.name, law))
    if known is not law and (known.signature != law.signature or known.make.__code__ != law.make.__code__):
        ours = "one of neuromorph's own" if is_ours(law) else f"another law of the same source ({law.key})"
        raise LawError(f"law '{law.name}': {ours} has this name already; give it a name of its own")
    return law.key


def named(key: str) -> Law:
    """The law that was registered under this key."""
    return _BY_KEY[key]
