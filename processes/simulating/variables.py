"""The Vars of processes that the engine runs: which of its variables each is, to read and to write."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from scipy.sparse import csr_matrix, spmatrix

from neuromorph.engine.engine import Engine
from neuromorph.errors import NeuromorphError
from neuromorph.processes.lowering.lower import Lowered, shaped, variable_of
from neuromorph.program import Array, Population, Read, Sink, Synapse


class EngineVars:
    """The Vars of a lowered graph, in its engine."""

    def __init__(self, lowered: Lowered, engine: Engine) -> None:
        self.engine, self._lowered = engine, lowered
        self._recorded = {var: name for name, var in lowered.monitors.items()}

    def __contains__(self, var: Var) -> bool:
        return self._place(var) is not None

    def _place(self, var: Var) -> tuple[str, str] | None:
        """(node or probe, variable), None for a Var that the engine does not have."""
        if var in self._recorded:
            return self._recorded[var], "data"
        name = self._lowered.names.get(var.process)
        if name is None:
            return None
        node = self._lowered.program[name]
        if isinstance(node, Synapse):
            variable = variable_of(var, node)
            known = variable in node.states or variable == "weights"
            return (node.tied_to or name if variable == "weights" else name, variable) if known else None
        if isinstance(node, Population):
            return (name, var.name) if var.name in node.states or var.name in node.parameters else None
        return (name, "data") if isinstance(node, Sink | Read) and var.name == "data" else None

    def get(self, var: Var) -> Array | csr_matrix:
        """What it holds, in integers, sparse where the Var is."""
        name, variable = self._place(var) or ("", "")
        values = self.engine.get(name, variable)
        return values.reshape(var.shape) if var in self._recorded else shaped(var, values, self.engine.program[name])

    def set(self, var: Var, value: Any) -> bool:
        """Whether the engine takes the value: an integer within the chip's range."""
        name, variable = self._place(var) or ("", "")
        node = None if var in self._recorded else self.engine.program[name]
        full = value.toarray() if isinstance(value, spmatrix) else np.broadcast_to(np.asarray(value), var.shape)
        if isinstance(node, Synapse) and node.index is not None and full.shape == node.shape:
            full = full[tuple(node.index)]
        try:
            self.engine.set(name, variable, full.reshape(self.engine.get(name, variable).shape))
        except (NeuromorphError, ValueError):
            return False
        return True

    def unseen_of(self, process: AbstractProcess) -> dict[str, Array]:
        """The states of a population that are no Vars of its process. Of a synapse: its weights are cut, as Lava does once;
        of a Read: how often it has read."""
        name = self._lowered.names.get(process)
        node = self.engine.program[name] if name else None
        if isinstance(node, Synapse) and not node.tied_to:
            return {"weights_set": np.array(True)}
        if isinstance(node, Read):
            return {"counter": self.engine.get(node.name, "counter")}
        if name is None or not isinstance(node, Population):
            return {}
        return {state: self.engine.get(name, state) for state in node.states if state not in process.vars.member_names}
