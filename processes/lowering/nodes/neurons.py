"""Populations: processes whose neurons obey a law."""

from __future__ import annotations

import numpy as np
from lava.magma.core.process.process import AbstractProcess

from neuromorph.errors import LoweringError
from neuromorph.laws.law import Law, Variable
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.values import Names, unseen, value, whole
from neuromorph.program import Array, Population


def population(law: Law, process: AbstractProcess, names: Names, fresh: bool) -> Population:
    """Vars by the names of the law. What is no Var: a parameter (LIFReset's interval) is looked up in the process's parameters, a state
    that Lava's model keeps to itself (how long a NoveltyDetector has waited) is what the process has come to."""
    size = int(np.prod(getattr(process, law.outputs[0].name).shape))

    def of(variable: Variable) -> Array:
        name = variable.name
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
