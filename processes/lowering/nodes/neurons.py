"""Populations: processes whose neurons obey a law."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from lava.magma.core.process.process import AbstractProcess

from neuromorph.errors import LoweringError, RangeError
from neuromorph.laws.atrlif import ATRLIF, UNIT
from neuromorph.laws.graded import INVERSE_ROOT
from neuromorph.laws.law import Law, Variable
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.values import Names, unseen, value, whole
from neuromorph.program import Array, Population

THRESHOLD_UNIT = 64


def population(
    law: Law, process: AbstractProcess, names: Names, fresh: bool, given: Mapping[str, Array] | None = None
) -> Population:
    """Vars by the names of the law. What is no Var: a parameter (LIFReset's interval) is looked up in the process's parameters, a state
    that Lava's model keeps to itself (how long a NoveltyDetector has waited) is what the process has come to. `given`: what counts
    before all of these."""
    size = int(np.prod(getattr(process, law.outputs[0].name).shape))

    def of(variable: Variable) -> Array:
        name = variable.name
        if given and name in given:
            return given[name]
        if name in process.vars.member_names:
            return whole(process, name, value(process, name)).ravel()
        if variable.index:
            return np.asarray(variable.initial(size))
        if variable in law.parameters:
            return whole(process, name, [process.proc_params[name]])
        return unseen(process, name, variable.default)

    return Population(
        name=names[process],
        law=law,
        size=size,
        parameters={v.name: of(v) for v in law.parameters},
        states={v.name: of(v) for v in law.states},
    )


def in_a_row(law: Law, process: AbstractProcess, names: Names, fresh: bool) -> Population:
    """Neurons that Lava's model numbers along one axis."""
    if len(process.proc_params["shape"]) != 1:
        raise LoweringError(
            f"{describe(process)} has the shape {process.proc_params['shape']}, and its model numbers neurons along one axis; give one"
        )
    return population(law, process, names, fresh)


def inverse_root(process: AbstractProcess, names: Names, fresh: bool) -> Population:
    if process.s_out.shape != (1,):
        raise LoweringError(
            f"{describe(process)}: Lava computes one inverse root only, and it has the shape {process.s_out.shape}"
        )
    return population(INVERSE_ROOT, process, names, fresh)


def adaptive(process: AbstractProcess, names: Names, fresh: bool) -> Population:
    """ATRLIF: its decays are fractions, and its first step scales thresholds, which then stay so."""
    shares = {name: _share(process, f"delta_{name}") for name in ("i", "v", "theta", "r")}
    if (shares["i"] * UNIT) % 1:
        raise RangeError(
            f"{describe(process)}: delta_i = {shares['i']} is no multiple of 1/{UNIT}; Lava computes with fractions of it: round it yourself"
        )
    kept = {f"keep_{name}": np.array([np.trunc(UNIT - share * UNIT)]) for name, share in shares.items()}
    kept["keep_i"] -= 1
    product = np.zeros(1, np.int32) * (UNIT - (np.asarray(process.delta_i.init) * UNIT + 1))
    given = {**kept, "short_i": np.array([product.dtype == np.int32])}
    if not np.ravel(unseen(process, "isthrscaled", int(not fresh)))[0]:
        given |= {name: np.trunc(value(process, name) * float(THRESHOLD_UNIT)).ravel() for name in ("theta_0", "theta_step")}
        given["theta"] = given["theta_0"]
    given["isthrscaled"] = np.array([1])
    return population(ATRLIF, process, names, fresh, given)


def _share(process: AbstractProcess, name: str) -> float:
    """A decay: what was given as an integer stays one, whatever it is set to."""
    share = value(process, name).ravel()[0]
    whole_number = np.issubdtype(np.asarray(getattr(process, name).init).dtype, np.integer)
    return float(np.trunc(share) if whole_number else share)
