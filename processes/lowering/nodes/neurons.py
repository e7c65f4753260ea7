"""Populations: processes whose neurons obey a law."""

from __future__ import annotations

import numpy as np
from lava.magma.core.process.process import AbstractProcess

from neuromorph.laws.law import Law, Variable
from neuromorph.processes.lowering.values import Names, unseen, value, whole
from neuromorph.program import Array, Population


def population(law: Law, process: AbstractProcess, names: Names, fresh: bool) -> Population:
    """Vars by the names of the law. What is no Var: a parameter (LIFReset's interval) is looked up in the process's parameters, a state
    that Lava's model keeps to itself (how long a NoveltyDetector has waited) is what the process has come to."""

    def of(variable: Variable) -> Array:
        name = variable.name
        if name in process.vars.member_names:
            return whole(process, name, value(process, name)).ravel()
        if variable in law.parameters:
            return whole(process, name, [process.proc_params[name]])
        return unseen(process, name, variable.default)

    size = int(np.prod(process.out_ports.members[0].shape))
    return Population(
        name=names[process],
        law=law,
        size=size,
        parameters={v.name: of(v) for v in law.parameters},
        states={v.name: of(v) for v in law.states},
    )
