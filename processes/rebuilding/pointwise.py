"""Populations of Lava's pointwise neurons, back as its Processes."""

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
from neuromorph.errors import RebuildingError
from neuromorph.laws.atrlif import UNIT
from neuromorph.laws.law import Law
from neuromorph.processes.lowering.lower import write
from neuromorph.processes.lowering.nodes.neurons import THRESHOLD_UNIT
from neuromorph.program import Population

Made = Callable[[Population], Any]


def _shaped(process: type[AbstractProcess], **options: Any) -> Made:
    return lambda node: process(shape=(node.size,), **options)


def _resonating_zero(node: Population) -> Any:
    return RFZero(shape=(node.size,), freqs=np.ones(node.size), decay_tau=np.ones(node.size))


def _sigma_delta(node: Population) -> Any:
    return SigmaDelta(shape=(node.size,), vth=0, act_mode=ActivationMode(int(node.parameters["act_mode"][0])))


def _inverse_root(node: Population) -> Any:
    if node.size != 1:
        raise RebuildingError(
            f"population '{node.name}': Lava computes one inverse root only, not {node.size}; make it several of size 1"
        )
    return InvSqrt(shape=(1,))


def _adaptive(node: Population) -> Any:
    shares = {name: (UNIT - int(node.parameters[f"keep_{name}"][0])) / UNIT for name in ("v", "theta", "r")}
    current: float = (UNIT - 1 - int(node.parameters["keep_i"][0])) / UNIT
    if node.parameters["short_i"][0]:
        if current % 1:
            raise RebuildingError(
                f"population '{node.name}': Lava has short_i where delta_i is 0 or 1, and here it is {current}"
            )
        current = int(current)
    return ATRLIF(shape=(node.size,), delta_i=current, **{f"delta_{name}": share for name, share in shares.items()})


MADE: dict[Law, Made] = {
    laws.SIGMA: _shaped(Sigma),
    laws.DELTA: _shaped(Delta, vth=0),
    laws.SIGMA_DELTA: _sigma_delta,
    laws.GRADED: _shaped(GradedVec),
    laws.GRADED_RELU: _shaped(GradedReluVec),
    laws.NORM_DELAY: _shaped(NormVecDelay),
    laws.INVERSE_ROOT: _inverse_root,
    laws.PRODUCT: _shaped(ProdNeuron),
    laws.RESONATE: _shaped(RF, period=10, alpha=0),
    laws.RESONATE_RESET: _shaped(RF_IZ, period=10, alpha=0),
    laws.RESONATE_ZERO: _resonating_zero,
    laws.ATRLIF: _adaptive,
}


def pointwise(node: Population, step: int) -> AbstractProcess:
    """The process with the values of the node, of a Program that has made `step` steps."""
    made: AbstractProcess = MADE[node.law](node)
    made.name = node.name
    write(made, node)
    if node.law is laws.ATRLIF and step == 0:  # Lava's first step scales
        if (node.states["theta"] != node.parameters["theta_0"]).any():
            raise RebuildingError(f"population '{node.name}': Lava's first step makes every theta theta_0; begin with that")
        made.theta_0.init, made.theta_step.init = (
            node.parameters[name] / THRESHOLD_UNIT for name in ("theta_0", "theta_step")
        )
    return made
