"""io.sink.Read and io.Reset: processes that read or set a Var of another one through a RefPort, after learning."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.proc.monitor.process import Monitor

from neuromorph.errors import LoweringError
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.graph import Probe, ProcessGraph
from neuromorph.processes.lowering.values import Names, number, unseen, value, whole, within
from neuromorph.program import Node, Read, Reset
from neuromorph.program.values import INT32


def read(process: AbstractProcess, names: Names, fresh: bool) -> Read:
    data = whole(process, "data", value(process, "data"))
    return Read(**_looks(process, names), data=data.reshape(-1, data.shape[-1]), counter=unseen(process, "counter", 0))


def reset(process: AbstractProcess, names: Names, fresh: bool) -> Reset:
    return Reset(**_looks(process, names), value=within(process, "reset_value", value(process, "reset_value")[0], INT32))


def _looks(process: AbstractProcess, names: Names) -> dict[str, Any]:
    """What both have; at which node is known once the graph is (`aimed`)."""
    every, offset = number(process, "interval"), number(process, "offset")
    return {"name": names[process], "node": "", "variable": "", "every": every, "offset": offset}


def aimed(node: Node, process: AbstractProcess, graph: ProcessGraph) -> Node:
    """A node that looks at a Var, with the node that this belongs to. Raises LoweringError where it looks at none, or at several."""
    if not isinstance(node, Read | Reset):
        return node
    seen = [look for look in graph.probes if look.process is process]
    if (
        len(seen) != 1
        or not isinstance(seen[0].target, Var)
        or seen[0].through
        or seen[0].port.shape != seen[0].target.shape
    ):
        raise LoweringError(
            f"{describe(process)} has no native form: it looks at {len(seen)} Vars, or through virtual ports; use connect_var"
        )
    (look,) = seen
    node = replace(node, node=graph.names[look.target.process], variable=str(look.target.name))
    before = [turn(other) < turn(look) for other in graph.probes if other.target is look.target and _monitors(other)]
    if isinstance(node, Read) or not any(before):
        return node
    if not all(before):
        raise LoweringError(
            f"{describe(process)} has no native form here: some Monitors look at the Var before it, some after it"
        )
    return replace(node, late=True)


def turn(look: Probe) -> tuple[bool, int]:
    """The order in which processes get at a Var: as they were made, but first those that were made after the Var's own, which can
    answer them at once. (In Lava's runtime chance decides.)"""
    return look.process.id < look.target.process.id, look.process.id


def _monitors(look: Probe) -> bool:
    return isinstance(look.process, Monitor)
