"""Lava process graph -> Program, and back: the values after a run go into the Vars they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.proc.monitor.process import Monitor
from scipy.sparse import csr_matrix

from neuromorph.errors import LoweringError
from neuromorph.processes.lowering.discovery import describe, node_name
from neuromorph.processes.lowering.graph import Edge, ProcessGraph
from neuromorph.processes.lowering.nodes import SUPPORTED, support_of
from neuromorph.processes.tied.process import TiedDense
from neuromorph.program import Array, Link, Node, Population, Probe, Program, Sink, Synapse


@dataclass(frozen=True)
class Lowered:
    """A Program and the leaf processes its nodes came from."""

    graph: ProcessGraph
    names: dict[AbstractProcess, str]
    program: Program

    @classmethod
    def of(cls, graph: ProcessGraph, step: int) -> Lowered:
        names = {p: node_name(p) for p in graph.processes if not isinstance(p, Monitor)}
        nodes = tuple(_node(p, graph, name, step) for p, name in names.items())
        sizes = {n.name: n for n in nodes}
        links = tuple(_link(e, names, sizes) for e in graph.edges if not isinstance(e.target.process, Monitor))
        return cls(graph, names, Program(nodes, links, _probes(graph, names), step))

    @property
    def monitors(self) -> dict[str, Var]:
        """By the names of the Program's probes, the Vars of Monitors that hold their data: (steps, *shape)."""
        return {node_name(look.process): look.data for look in self.graph.probes if look.data is not None}

    def write_back(self, program: Program, recorded: dict[str, Array]) -> None:
        """Store the Program's values (and what probes recorded) in the Vars they belong to, and in their aliases."""
        for process, name in self.names.items():
            node = program[name]
            write(process, node)
            if isinstance(node, Synapse) and node.tied_to:
                process.weights.init = next(s.weights for s in program.synapses if s.name == node.tied_to)
        for name, data in self.monitors.items():
            data.init = recorded[name].reshape(data.shape).astype(float)
        for alias, var in self.graph.aliases.items():
            alias.init = var.init


def _node(process: AbstractProcess, graph: ProcessGraph, name: str, step: int) -> Node:
    model = graph.models[process]
    support = support_of(model)
    if support is None:
        known = ", ".join(dict.fromkeys(s.process for s in SUPPORTED.values()))
        raise LoweringError(
            f"{describe(process)}: its model {model.__name__} has no native form. Run the graph in Lava, or use one "
            f"of {known}"
        )
    return support.lowering(process, name, step)


def _link(edge: Edge, names: dict[AbstractProcess, str], nodes: dict[str, Node]) -> Link:
    source, target = names[edge.source.process], names[edge.target.process]
    if edge.target.name not in nodes[target].inputs or edge.source.name not in nodes[source].outputs:
        raise LoweringError(f"the connection {source}.{edge.source.name} -> {target}.{edge.target.name} has no native form")
    return Link((source, edge.source.name), (target, edge.target.name), edge.index)


def _probes(graph: ProcessGraph, names: dict[AbstractProcess, str]) -> tuple[Probe, ...]:
    made = []
    for look in graph.probes:
        if isinstance(look.process, TiedDense):
            continue
        seen = f"{describe(look.process)} looks at {look.target.name} of {describe(look.target.process)}"
        if look.data is None:
            raise LoweringError(f"{seen} through a RefPort, which has no native form; use a Monitor")
        if isinstance(look.target, Var) and isinstance(look.target.init, csr_matrix):
            raise LoweringError(f"{seen}, a sparse matrix, which Lava's Monitor cannot hold; look at something else")
        node = names[look.target.process]
        made.append(Probe(node_name(look.process), node, look.target.name, length=look.data.shape[0]))
    return tuple(made)


def write(process: AbstractProcess, node: Node) -> None:
    """Store a node's values in the Vars of its process."""
    for variable, values in _values(node).items():
        var = getattr(process, variable, None)
        if isinstance(var, Var):
            var.init = _shaped(var, values, node)


def _values(node: Node) -> dict[str, Array]:
    if isinstance(node, Population):
        return {**node.states, **node.parameters}
    if isinstance(node, Synapse):
        return {**node.states, **({} if node.tied_to else {"weights": node.weights})}
    return {"data": node.data} if isinstance(node, Sink) else {}


def _shaped(var: Var, values: Array, node: Node) -> Array | csr_matrix:
    if isinstance(var.init, csr_matrix) and isinstance(node, Synapse) and node.index is not None:
        return csr_matrix((values.astype(np.int64), tuple(node.index)), shape=var.shape)
    if np.size(values) == 1:
        return np.broadcast_to(np.asarray(values).ravel(), var.shape).copy() if var.shape else values
    return np.asarray(values).reshape(var.shape)
