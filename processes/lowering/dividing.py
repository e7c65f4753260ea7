"""Which processes of a graph become nodes of a Program, and which are stepped by Lava's own models, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.proc.monitor.process import Monitor
from scipy.sparse import csr_matrix

from neuromorph.errors import LoweringError, NeuromorphError
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.graph import Edge, ProcessGraph
from neuromorph.processes.lowering.nodes.lookers import aimed, turn
from neuromorph.processes.lowering.nodes.table import SUPPORTED, support_of
from neuromorph.program import Node, Outside, Read, Reset

Reasons = dict[AbstractProcess, NeuromorphError]


def divide(graph: ProcessGraph, fresh: Callable[[AbstractProcess], bool]) -> tuple[dict[AbstractProcess, Node], Reasons]:
    """The nodes by process, and of every other process the reason why it has none.

    A process has none where its model has no native form, or takes values that the chip does not; where it takes messages in
    floating point; and where a process that is stepped looks at it through a RefPort, or the other way round.
    """
    nodes: dict[AbstractProcess, Node] = {}
    stepped: Reasons = {}
    for process in graph.processes:
        if isinstance(process, Monitor):
            continue
        try:
            nodes[process] = _node(process, graph, fresh(process))
        except NeuromorphError as error:
            stepped[process] = error
    while found := dict(_others(graph, nodes, stepped)):
        stepped |= found
        for process in found:
            nodes.pop(process, None)
    looks = sorted((look for look in graph.probes if isinstance(nodes.get(look.process), Read | Reset)), key=turn)
    return nodes | {look.process: nodes.pop(look.process) for look in looks}, stepped


def _node(process: AbstractProcess, graph: ProcessGraph, fresh: bool) -> Node:
    model = graph.models[process]
    support = support_of(model)
    if support is None:
        known = ", ".join(dict.fromkeys(s.process for s in SUPPORTED.values()))
        raise LoweringError(
            f"{describe(process)}: its model {model.__name__} has no native form (it is in {model.__module__}); use one of {known}"
        )
    return aimed(support.lowering(process, graph.names, fresh), process, graph)


def _others(
    graph: ProcessGraph, nodes: dict[AbstractProcess, Node], stepped: Reasons
) -> Iterator[tuple[AbstractProcess, NeuromorphError]]:
    """Processes that have to be stepped since others are."""
    for edge in graph.edges:
        if isinstance(edge.target.process, Monitor):
            if edge.source.process in stepped and edge.target.process not in stepped:
                yield edge.target.process, _because(edge.target.process, "it records", edge.source.process)
            continue
        yield from _by_edge(edge, graph, nodes)
    for look in graph.probes:
        seen = look.target
        if not isinstance(seen, Var):
            continue
        if isinstance(look.process, Monitor):
            if isinstance(seen.init, csr_matrix):
                raise LoweringError(
                    f"{describe(look.process)} looks at {seen.name} of {describe(seen.process)}, a sparse matrix, which Lava's "
                    "Monitor cannot hold; look at something else"
                )
            if seen.process in stepped and look.process not in stepped:
                yield look.process, _because(look.process, "it records", seen.process)
        elif look.process in nodes and look.through:
            yield (
                look.process,
                LoweringError(f"{describe(look.process)} has no native form here: it looks at a Var through virtual ports"),
            )
        elif look.process in stepped and seen.process in nodes:
            yield seen.process, _because(seen.process, "its Var is read or written by", look.process)
        elif look.process in nodes and seen.process in stepped:
            yield look.process, _because(look.process, "it looks at a Var of", seen.process)
        elif isinstance(node := nodes.get(look.process), Read | Reset):
            yield from _by_look(look.process, node, nodes.get(seen.process))


def _by_edge(
    edge: Edge, graph: ProcessGraph, nodes: dict[AbstractProcess, Node]
) -> Iterator[tuple[AbstractProcess, NeuromorphError]]:
    source, target = edge.source.process, edge.target.process
    if target in nodes and edge.target.name not in nodes[target].inputs:
        yield target, LoweringError(f"{describe(target)}: what comes to its port {edge.target.name} has no native form")
    elif source in nodes and target in nodes and edge.source.name not in nodes[source].outputs:
        yield source, LoweringError(f"{describe(source)}: what its port {edge.source.name} sends has no native form")
    elif target in nodes and _widens(edge, graph):
        yield target, _because(target, "Lava computes it in 64 bits, for it takes messages of 64 bits of", source)
    elif source in nodes and isinstance(nodes[source], Outside) and target not in nodes:
        yield source, _because(source, "its messages, which may be in floating point, go to", target)
    elif source not in nodes and target in nodes:
        sent = getattr(graph.models[source], edge.source.name).d_type
        if not (isinstance(sent, type) and issubclass(np.dtype(sent).type, np.integer | np.bool_)):
            yield target, _because(target, "it takes messages in floating point of", source)


def _widens(edge: Edge, graph: ProcessGraph) -> bool:
    """Whether a model that computes modulo 2^32 takes integers of 64 bits, which NumPy then computes in."""
    support = support_of(graph.models[edge.target.process])
    sent = getattr(graph.models[edge.source.process], edge.source.name).d_type
    return support is not None and support.word and isinstance(sent, type) and np.dtype(sent) == np.int64


def _by_look(
    looking: AbstractProcess, node: Read | Reset, seen: Node | None
) -> Iterator[tuple[AbstractProcess, NeuromorphError]]:
    try:
        node.check(seen)
    except NeuromorphError as error:
        yield looking, LoweringError(f"{describe(looking)} has no native form here: {error}")


def _because(process: AbstractProcess, why: str, other: AbstractProcess) -> LoweringError:
    return LoweringError(f"{describe(process)} has no native form here: {why} {describe(other)}")
