"""Writes down what Lava's models make of a Program, for the Pythons that Lava does not run on."""

from __future__ import annotations

import numpy as np

from neuromorph.processes.equivalence.check import compared, graphs_of, stepped
from neuromorph.processes.equivalence.recorded import Record
from neuromorph.processes.lowering.graph import flatten_graph
from neuromorph.processes.lowering.lower import Lowered
from neuromorph.program import Program
from neuromorph.program.fingerprint import fingerprint, value_hash


def record(program: Program, steps: int) -> Record:
    """The hash of every variable after each of `steps` steps of Lava's fixed-point models. The Program has made no step.

    Raises what `rebuild` and `lower` raise, and LavaRunError where a model fails.
    """
    variables: list[tuple[str, str]] = []
    hashes: list[list[list[int]]] = []
    for process in graphs_of(program):
        lowered = Lowered.of(flatten_graph(process), step=0)
        seen = list(compared(lowered))
        variables += [(node, name) for _, node, name in seen]
        hashes.append(
            [[value_hash(np.asarray(read(var))) for var, _, _ in seen] for _, read in stepped(process, lowered, steps)]
        )
    return Record(fingerprint(program), tuple(variables), np.hstack([np.array(part, np.uint64) for part in hashes]))
