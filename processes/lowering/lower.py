"""Lava process graph -> Program; and what a Var holds of a node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from scipy.sparse import csr_matrix

from neuromorph.errors import LoweringError
from neuromorph.processes.lowering.dividing import Reasons, divide
from neuromorph.processes.lowering.graph import Edge, ProcessGraph
from neuromorph.program import Array, Link, Node, Outside, Population, Probe, Program, Read, Sink, Synapse

CONVOLUTION = {"weight": "weights", "a_buf": "a_buff"}


@dataclass(frozen=True)
class Lowered:
    """A Program and the leaf processes its nodes came from.

    `stepped`: processes that have no node, each with the reason; those of them that send to nodes are Outside in the Program.
    """

    graph: ProcessGraph
    names: dict[AbstractProcess, str]
    program: Program
    stepped: Reasons

    @classmethod
    def of(cls, graph: ProcessGraph, step: int) -> Lowered:
        """Of the whole graph. Raises the reason why a process has no native form, or a LoweringError with all of them."""
        lowered = cls.parted(graph, step, lambda process: step == 0)
        lowered.check_whole()
        return lowered

    @classmethod
    def parted(cls, graph: ProcessGraph, step: int, fresh: Callable[[AbstractProcess], bool]) -> Lowered:
        """Of all processes that have a native form. `fresh`: whether a process has made no step yet."""
        nodes, stepped = divide(graph, fresh)
        names = {process: node.name for process, node in nodes.items()}
        outside: dict[AbstractProcess, dict[str, int]] = {}
        for edge in graph.edges:
            if edge.source.process in stepped and edge.target.process in nodes:
                outside.setdefault(edge.source.process, {})[edge.source.name] = edge.source.size
        links = [
            _link(edge, graph.names, nodes[edge.target.process]) for edge in graph.edges if edge.target.process in nodes
        ]
        every = (*nodes.values(), *(Outside(graph.names[p], sent) for p, sent in outside.items()))
        return cls(graph, names, Program(every, tuple(links), _probes(graph, nodes), step), stepped)

    def check_whole(self) -> None:
        """Raise for processes that have no native form."""
        if len(self.stepped) == 1:
            raise next(iter(self.stepped.values()))
        if self.stepped:
            raise LoweringError(
                f"{len(self.stepped)} processes have no native form:\n" + "\n".join(map(str, self.stepped.values()))
            )

    @property
    def monitors(self) -> dict[str, Var]:
        """By the names of the Program's probes, the Vars of Monitors that hold their data: (steps, *shape)."""
        probes = {probe.name for probe in self.program.probes}
        found = {self.graph.names[look.process]: look.data for look in self.graph.probes if look.data is not None}
        return {name: data for name, data in found.items() if name in probes}


def _link(edge: Edge, names: Mapping[AbstractProcess, str], target: Node) -> Link:
    """Where all neurons share one input, the first element of their port is it (PrototypeLIF looks at no other)."""
    index, taken = edge.index, target.inputs[edge.target.name]
    if taken < edge.target.size:
        index = (np.arange(edge.target.size) if index is None else index)[:taken]
    return Link((names[edge.source.process], edge.source.name), (names[edge.target.process], edge.target.name), index)


def _probes(graph: ProcessGraph, nodes: Mapping[AbstractProcess, Node]) -> tuple[Probe, ...]:
    return tuple(
        Probe(graph.names[look.process], node.name, _seen(look.target, node), length=look.data.shape[0])
        for look in graph.probes
        if look.data is not None and (node := nodes.get(look.target.process))
    )


def _seen(target: Var | OutPort, node: Node) -> str:
    return variable_of(target, node) if isinstance(target, Var) else str(target.name)


def variable_of(var: Var, node: Node) -> str:
    """What a Var is called in a Program. Lava's Conv has names of its own for what every Synapse has."""
    name = str(var.name)
    return CONVOLUTION.get(name, name) if isinstance(node, Synapse) and node.kernel else name


def write(process: AbstractProcess, node: Node) -> None:
    """Store a node's values in the Vars of its process."""
    values = _values(node)
    for var in process.vars.members:
        if (variable := variable_of(var, node)) in values:
            var.init = shaped(var, values[variable], node)


def _values(node: Node) -> dict[str, Array]:
    if isinstance(node, Population):
        return {**node.states, **node.parameters}
    if isinstance(node, Synapse):
        return {**node.states, **({} if node.tied_to else {"weights": node.weights})}
    return {"data": node.data} if isinstance(node, Sink | Read) else {}


def shaped(var: Var, values: Array, node: Node) -> Array | csr_matrix:
    """A variable of a node as the Var holds it."""
    if isinstance(var.init, csr_matrix) and isinstance(node, Synapse) and node.index is not None:
        return csr_matrix((values.astype(np.int64), tuple(node.index)), shape=var.shape)
    if np.size(values) == 1:
        return np.broadcast_to(np.asarray(values).ravel(), var.shape).copy() if var.shape else values
    return np.asarray(values).reshape(var.shape)
