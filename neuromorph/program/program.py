"""The Program: a network as frozen data, between the process graph and everything downstream of it.

The engine runs a Program, the artifact stores it, placement and exports read it; none of them sees Lava. A Program is
checked when it is born: whoever holds one may rely on it.

Within a step: synapses send what they accumulated in the step before; then sources and populations run in the order of
their links (a link without a synapse carries its value within the step); then synapses take their spikes, accumulate the
next drive and learn; then nodes that look at states act, and probes read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter

import numpy as np

from neuromorph.errors import ProgramError
from neuromorph.program.equality import ByValue
from neuromorph.program.lookers import Looker, Read, Reset
from neuromorph.program.neurons import Outside, Population, Sink, Source
from neuromorph.program.synapse import Synapse
from neuromorph.program.values import Array

Node = Population | Source | Sink | Synapse | Read | Reset | Outside
OUT_OF_ORDER = (Synapse, Outside, Looker)


def variables(node: Node) -> list[str]:
    """What of a node can be read while it runs: states, parameters, weights, ports."""
    ports = [*node.inputs, *node.outputs]
    if isinstance(node, Population):
        return [*node.states, *node.parameters, *ports]
    if isinstance(node, Synapse):
        return [*node.states, *([] if node.tied_to else ["weights"]), *ports]
    if isinstance(node, Outside | Reset):
        return ports
    if isinstance(node, Read):
        return ["data", "counter"]
    return ["data" if isinstance(node, Sink) else "order", *ports]


@dataclass(frozen=True, eq=False)
class Link(ByValue):
    """target.port += what source.port sends; `index[i]` says which sent element target element i gets (-1: none)."""

    source: tuple[str, str]
    target: tuple[str, str]
    index: Array | None = None


@dataclass(frozen=True)
class Probe:
    """Reads node.variable at the end of every step t with (t-1) mod every == offset, into row count mod length."""

    name: str
    node: str
    variable: str
    length: int
    every: int = 1
    offset: int = 0


@dataclass(frozen=True)
class Turn:
    """Nodes that wait for the same messages from outside: (node, port) of each."""

    waits: frozenset[tuple[str, str]]
    nodes: tuple[Node, ...]


def _by_target(links: tuple[Link, ...]) -> dict[tuple[str, str], tuple[Link, ...]]:
    into: dict[tuple[str, str], list[Link]] = {}
    for link in links:
        into.setdefault(link.target, []).append(link)
    return {target: tuple(found) for target, found in into.items()}


@dataclass(frozen=True, eq=False, repr=False)
class Program(ByValue):
    """Nodes, links and probes at a moment in time: `step` steps have been made."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    probes: tuple[Probe, ...] = ()
    step: int = 0
    _by_name: Mapping[str, Node] = field(init=False, repr=False, compare=False)
    _into: Mapping[tuple[str, str], tuple[Link, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {node.name: node for node in self.nodes}
        object.__setattr__(self, "_by_name", by_name)
        object.__setattr__(self, "_into", _by_target(self.links))
        if "" in by_name:
            raise ProgramError(f"a {type(by_name['']).__name__.lower()} has no name; give every node a name of its own")
        if len(by_name) < len(self.nodes):
            twice = next(name for name, count in Counter(n.name for n in self.nodes).items() if count > 1)
            raise ProgramError(f"two nodes are called '{twice}'; give every node a name of its own")
        for link in self.links:
            self._check_link(link)
        for synapse in self.synapses:
            if synapse.tied_to is not None:
                self._check_tie(synapse)
        for looker in self.lookers:
            looker.check(self[looker.node])
        names = Counter([*by_name, *(probe.name for probe in self.probes)])
        for probe in self.probes:
            if names[probe.name] > 1:
                raise ProgramError(f"probe '{probe.name}': a node or another probe has this name; give it one of its own")
            known = variables(self[probe.node])
            if probe.variable not in known:
                raise ProgramError(
                    f"probe '{probe.name}': '{probe.node}' has no variable '{probe.variable}'; it has {', '.join(known)}"
                )
            if probe.length < 1 or not 0 <= probe.offset < probe.every:
                raise ProgramError(
                    f"probe '{probe.name}': length {probe.length}, every {probe.every}, offset {probe.offset}; it needs room for a "
                    "row, and an offset below every"
                )
        self.order()

    def __repr__(self) -> str:
        return f"<Program of {len(self.populations)} populations, {len(self.synapses)} synapses, step {self.step}>"

    def _check_tie(self, synapse: Synapse) -> None:
        other = self[synapse.tied_to or ""]
        if not isinstance(other, Synapse) or not other.weights.shape == other.shape == synapse.shape[::-1]:
            raise ProgramError(
                f"synapse '{synapse.name}' is tied to '{synapse.tied_to}', which must be a dense synapse of shape "
                f"{synapse.shape[::-1]}"
            )

    def _check_link(self, link: Link) -> None:
        (a, out), (b, into) = link.source, link.target
        sent, taken = self[a].outputs.get(out), self[b].inputs.get(into)
        if sent is None or taken is None:
            raise ProgramError(f"link {a}.{out} -> {b}.{into}: there is no such port")
        if link.index is None and sent != taken:
            raise ProgramError(f"link {a}.{out} -> {b}.{into}: {sent} values sent to a port of {taken}")
        if link.index is not None and (
            np.shape(link.index) != (taken,) or np.max(link.index, initial=-1) >= sent or np.min(link.index, initial=0) < -1
        ):
            raise ProgramError(f"link {a}.{out} -> {b}.{into}: its index does not fit {sent} values sent, {taken} taken")

    def __getitem__(self, name: str) -> Node:
        if name in self._by_name:
            return self._by_name[name]
        raise ProgramError(f"no node is called '{name}'; there are {', '.join(self._by_name)}")

    def links_to(self, name: str, port: str) -> tuple[Link, ...]:
        """The links into an input port, in their order."""
        return self._into.get((name, port), ())

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Synapse))

    @property
    def lookers(self) -> tuple[Read | Reset, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Read | Reset))

    @property
    def populations(self) -> tuple[Population, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Population))

    def order(self) -> list[Node]:
        """Sources, populations and sinks in the order in which they run within a step, links first, then names' order."""
        by_name = {n.name: n for n in self.nodes if not isinstance(n, OUT_OF_ORDER)}
        waits: dict[str, set[str]] = {name: set() for name in by_name}
        for link in self.links:
            if link.source[0] in by_name and link.target[0] in by_name:
                waits[link.target[0]].add(link.source[0])
        try:
            return [by_name[name] for name in TopologicalSorter(waits).static_order()]
        except CycleError as error:
            raise ProgramError(
                f"{' -> '.join(error.args[1])} wait for each other within one step (Lava would hang); "
                "put a connection with weights somewhere into the loop: it delays by one step"
            ) from None

    def turns(self) -> list[Turn]:
        """The parts of a step, each of which runs as soon as what it waits for has come from outside: what waits for the same messages,
        directly or through links, runs together. What waits for less comes first, synapses and probes last. (Synapses send before all.)"""
        waits: dict[str, frozenset[tuple[str, str]]] = {}
        turns: dict[frozenset[tuple[str, str]], list[Node]] = {frozenset(): []}
        for node in self.order():
            sources = [link.source for port in node.inputs for link in self.links_to(node.name, port)]
            waits[node.name] = frozenset[tuple[str, str]]().union(
                *(waits.get(name, frozenset()) for name, _ in sources), (s for s in sources if self._is_outside(s[0]))
            )
            turns.setdefault(waits[node.name], []).append(node)
        found = sorted(turns.items(), key=lambda turn: len(turn[0]))
        last = {link.source for link in self.links if self._is_outside(link.source[0])}
        return [*(Turn(waited, tuple(nodes)) for waited, nodes in found), Turn(frozenset(last), self.synapses)]

    def _is_outside(self, name: str) -> bool:
        """Whether its messages come within the step."""
        node = self._by_name[name]
        return isinstance(node, Outside) and not node.ahead

    @property
    def ahead(self) -> tuple[Outside, ...]:
        """What of outside is there before a step, and asked for after it."""
        return tuple(n for n in self.nodes if isinstance(n, Outside) and n.ahead)

    def with_nodes(self, *nodes: Node) -> Program:
        """The same Program with these nodes in place of those of the same names."""
        new = {n.name: n for n in nodes}
        return replace(self, nodes=tuple(new.get(n.name, n) for n in self.nodes))
