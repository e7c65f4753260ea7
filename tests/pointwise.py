"""Lava's pointwise neurons beside LIF, each made with every Var anywhere in the range of its law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.proc.atrlif.process import ATRLIF
from lava.proc.graded.process import GradedReluVec, GradedVec, InvSqrt, NormVecDelay
from lava.proc.prodneuron.process import ProdNeuron
from lava.proc.resfire.process import RFZero
from lava.proc.rf.process import RF
from lava.proc.rf_iz.process import RF_IZ
from lava.proc.sdn.process import ActivationMode, Delta, Sigma, SigmaDelta

from neuromorph import laws
from neuromorph.laws.law import Law

Shape = tuple[int, ...]
Spread = Callable[..., Any]
"""(low, high, shape) -> whole numbers within."""

POINTWISE: dict[type[AbstractProcess], Law] = {
    Sigma: laws.SIGMA,
    Delta: laws.DELTA,
    SigmaDelta: laws.SIGMA_DELTA,
    GradedVec: laws.GRADED,
    GradedReluVec: laws.GRADED_RELU,
    NormVecDelay: laws.NORM_DELAY,
    InvSqrt: laws.INVERSE_ROOT,
    ProdNeuron: laws.PRODUCT,
    RF: laws.RESONATE,
    RF_IZ: laws.RESONATE_RESET,
    RFZero: laws.RESONATE_ZERO,
    ATRLIF: laws.ATRLIF,
}
TOP_OF_SCALED = 2**25 - 1
"""What is within 32 bits once it is scaled by 2^6."""


def made(kind: type[AbstractProcess], shape: Shape, spread: Spread) -> AbstractProcess:
    process = _plain(kind, shape, spread)
    for v in (*POINTWISE[kind].states, *POINTWISE[kind].parameters):
        if v.name in process.vars.member_names:
            var = getattr(process, v.name)
            scaled = kind is ATRLIF and v.name.startswith("theta")
            low, high = (-TOP_OF_SCALED, TOP_OF_SCALED) if scaled else (v.low, v.high)
            var.init = np.asarray(spread(low, high, var.shape))
    return process


def _plain(kind: Any, shape: Shape, spread: Spread) -> Any:
    if kind in (RF, RF_IZ):
        return kind(shape=shape, period=10, alpha=0.1)
    if kind is RFZero:
        return kind(shape=shape, freqs=np.ones(shape), decay_tau=np.ones(shape))
    if kind is Delta:
        return kind(shape=shape, vth=0)
    if kind is SigmaDelta:
        return kind(shape=shape, vth=0, act_mode=ActivationMode(int(spread(0, 1))))
    if kind is ATRLIF:
        deltas = {f"delta_{name}": delta(spread) for name in ("i", "v", "theta", "r")}
        return kind(shape=shape, **deltas)
    return kind(shape=(1,) if kind is InvSqrt else shape)


def delta(spread: Spread) -> int | float:
    """0 or 1 as an integer, or a fraction."""
    return int(spread(0, 1)) if spread(0, 1) else float(spread(0, 4096)) / 4096


def takes(kind: type[AbstractProcess], port: str) -> tuple[int, int]:
    """What a port takes, of what a source sends (24 bits)."""
    low, high = next((v.low, v.high) for v in POINTWISE[kind].inputs if v.name == port)
    return max(low, -(2**23)), min(high, 2**23 - 1)
