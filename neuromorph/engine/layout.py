"""Lays a Program out in memory: arenas of numbers, one descriptor row per operation, where each variable lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from neuromorph.engine import drive, learn, transport
from neuromorph.engine import fields as f
from neuromorph.engine.convolve import convolve, geometry
from neuromorph.engine.populations import kernel_of
from neuromorph.laws.products.plasticity import WEIGHT_RANGE, decay_factor, split_impulse
from neuromorph.laws.products.rule import Product
from neuromorph.program import (
    LEARNING_INPUTS,
    POST_STATES,
    PRE_STATES,
    TRACES,
    Array,
    Node,
    Outside,
    Plasticity,
    Population,
    Probe,
    Program,
    Read,
    Reset,
    Sink,
    Source,
    Synapse,
    Turn,
)

BLOCK = 4096
"""Steps for which random numbers are drawn at once."""


@dataclass(frozen=True)
class Place:
    """Where a variable lies: arena ('mem', 'syn'), offset, shape as stored; its owner shows it with axis `turned` (counted from behind)
    and the last one exchanged."""

    arena: str
    offset: int
    shape: tuple[int, ...]
    turned: int = -1

    @cached_property
    def size(self) -> int:
        return int(np.prod(self.shape))


@dataclass
class Arena:
    """A growing array of numbers of one type."""

    dtype: type
    parts: list[Array] = field(default_factory=list)
    size: int = 0

    def add(self, values: Any) -> int:
        part: Array = np.ascontiguousarray(values, dtype=self.dtype).ravel()
        self.parts.append(part)
        self.size += part.size
        return self.size - part.size

    def room(self, size: int) -> int:
        return self.add(np.zeros(max(size, 1), dtype=self.dtype))

    def joined(self) -> Array:
        return np.concatenate(self.parts) if self.parts else np.zeros(1, dtype=self.dtype)


@dataclass(frozen=True)
class Stream:
    """A random stream of a plastic synapse: filled into `real` from `offset` for every block."""

    seed: int
    offset: int
    kind: str
    epoch: int


class Layout:
    """Arenas, operations and places of a Program. Built once; the engine then only runs."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.mem, self.syn, self.real = Arena(np.int32), Arena(np.int16), Arena(np.float64)
        self.mem.room(1)
        self.real.room(1)
        self.places: dict[tuple[str, str], Place] = {}
        self.ports: dict[tuple[str, str], int] = {}
        self.streams: list[Stream] = []
        self.dirty: dict[str, int] = {}
        self.leniences: dict[str, int] = {}
        self.operations: list[tuple[Any, list[int], str]] = []
        self.turns: list[tuple[Turn, int, int]] = []
        self._place_ports()
        for synapse in program.synapses:
            self._store_weights(synapse)
        self._plan()

    @cached_property
    def states(self) -> list[Place]:
        """Where all lies that changes while steps are made, but ports."""
        return [place for key, place in self.places.items() if self._changes(*key)]

    @cached_property
    def constants(self) -> list[Place]:
        """Where what may be set between steps lies, and stays as it is while they are made."""
        return [place for key, place in self.places.items() if not self._changes(*key) and not key[1].endswith(".frames")]

    @cached_property
    def _nodes(self) -> dict[str, Node]:
        return {node.name: node for node in self.program.nodes}

    def _changes(self, name: str, variable: str) -> bool:
        node = self._nodes.get(name)  # None: a probe's
        if isinstance(node, Population):
            return variable in node.states
        if isinstance(node, Synapse):
            return variable != "weights" or node.plasticity is not None
        return not isinstance(node, Source | Outside)

    # ---- where messages lie ----------------------------------------------------------------------------------------

    def _place_ports(self) -> None:
        for node in self.program.nodes:
            for port, size in node.outputs.items():
                self.ports[node.name, port] = self.mem.room(size)
        for node in self.program.nodes:
            for port, size in node.inputs.items():
                links = self.program.links_to(node.name, port)
                alone = len(links) == 1 and links[0].index is None
                self.ports[node.name, port] = self.ports[links[0].source] if alone else self.mem.room(size)

    def _gather(self, name: str, inputs: Mapping[str, int]) -> None:
        for port, size in inputs.items():
            links = self.program.links_to(name, port)
            if not links or self.ports[name, port] == self.ports[links[0].source]:
                continue
            row = [size, self.ports[name, port], len(links)]
            for link in links:
                row += [self.ports[link.source], -1 if link.index is None else self.mem.add(link.index)]
            self._operate(transport.gather, row, name)

    def _operate(self, kernel: Callable[..., int], row: list[int], name: str) -> None:
        self.operations.append((kernel, row, name))

    # ---- the step ----------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        for synapse in self.program.synapses:
            post, depth = synapse.states["a_buff"].shape
            place = self._state(synapse.name, "a_buff", synapse.states["a_buff"])
            self._operate(transport.publish, [post, depth, place, self.ports[synapse.name, "a_out"]], synapse.name)
        for outside in self.program.ahead:
            self._fed(outside)
        *turns, last = self.program.turns()
        for turn in turns:
            for node in turn.nodes:
                self._gather(node.name, node.inputs)
                self._node(node)
            self._end_turn(turn)
        self._connections()
        late = [looker for looker in self.program.lookers if isinstance(looker, Reset) and looker.late]
        for looker in self.program.lookers:
            if looker not in late:
                self._looker(looker)
        for probe in self.program.probes:
            self._probe(probe)
        for outside in self.program.ahead:
            self._came(outside)
        for looker in late:
            self._looker(looker)
        self._end_turn(last)

    def _node(self, node: Node) -> None:
        if isinstance(node, Population):
            self._population(node)
        elif isinstance(node, Source):
            self._source(node)
        elif isinstance(node, Sink):
            self._sink(node)

    def _connections(self) -> None:
        for synapse in self.program.synapses:
            self._gather(synapse.name, synapse.inputs)
        rows = [self._drive(synapse) for synapse in self.program.synapses]
        for synapse, row in zip(self.program.synapses, rows, strict=True):  # all drives see the weights from before
            if synapse.plasticity:
                self._plastic(synapse, synapse.plasticity, row)
                self._operate(learn.learn, row, synapse.name)

    def _end_turn(self, turn: Turn) -> None:
        """`turns`: with each the operations it is made of, first and one behind the last."""
        first = self.turns[-1][2] if self.turns else 0
        self.turns.append((turn, first, len(self.operations)))

    def _state(self, name: str, variable: str, values: Array, shape: tuple[int, ...] | None = None) -> int:
        offset = self.mem.add(values)
        self.places[name, variable] = Place("mem", offset, shape or np.shape(values))
        return offset

    def _population(self, node: Population) -> None:
        law, n = node.law, node.size
        at = {v.name: self.ports[node.name, v.name] for v in law.inputs + law.outputs}
        for v in law.states:
            at[v.name] = self._state(node.name, v.name, node.states[v.name])
        for v in law.parameters:
            values = node.parameters[v.name]
            at[v.name] = self._state(node.name, v.name, values if v.shared else np.broadcast_to(values, n))
        row = [n, *(at[v.name] for v in (*law.arguments, *law.results))]
        self._operate(kernel_of(law), row, node.name)

    def _source(self, node: Source) -> None:
        order = np.asarray(node.order)
        row = [len(node.frames), node.hold, order.size, self._state(node.name, "order", order)]
        for port, frames in node.frames.items():
            narrow = frames.size > 0 and int(frames.min()) >= -(2**15) and int(frames.max()) < 2**15
            offset = self.syn.add(frames) if narrow else self.mem.add(frames)
            self.places[node.name, f"{port}.frames"] = Place("syn" if narrow else "mem", offset, np.shape(frames))
            row += [
                np.shape(frames)[1],
                offset,
                int(narrow),
                int(port in node.pulses),
                self.ports[node.name, port],
            ]
        self._operate(transport.play, row, node.name)

    def _sink(self, node: Sink) -> None:
        size, length = node.data.shape
        row = [size, length, self.ports[node.name, "a_in"], self._state(node.name, "data", node.data)]
        self._operate(transport.keep, row, node.name)

    def _frames(self, node: Outside, port: str, size: int) -> int:
        """Room for the messages of a port: of step t in row (t-1) mod ahead."""
        offset = self.mem.room(node.ahead * size)
        self.places[node.name, f"{port}.frames"] = Place("mem", offset, (node.ahead, size))
        return offset

    def _fed(self, node: Outside) -> None:
        for port, size in node.outputs.items():
            frames, order = self._frames(node, port, size), self.mem.add(np.arange(node.ahead))
            self._operate(
                transport.play, [1, 1, node.ahead, order, size, frames, 0, 0, self.ports[node.name, port]], node.name
            )

    def _came(self, node: Outside) -> None:
        self._gather(node.name, node.inputs)
        for port, size in node.inputs.items():
            row = [size, self.ports[node.name, port], 0, 1, 0, node.ahead, self._frames(node, port, size), 1]
            self._operate(transport.probe, row, node.name)

    def _looker(self, node: Read | Reset) -> None:
        seen = self.places[node.node, node.variable]
        row = [seen.size, node.every, node.offset, seen.offset]
        if isinstance(node, Read):
            row += [
                node.data.shape[1],
                self._state(node.name, "data", node.data),
                self._state(node.name, "counter", node.counter),
            ]
        else:
            row.append(node.value)
        self._operate(transport.read if isinstance(node, Read) else transport.reset, row, node.name)

    def _probe(self, probe: Probe) -> None:
        place = self.place(probe.node, probe.variable)
        offset = self.mem.room(probe.length * place.size)
        self.places[probe.name, "data"] = Place("mem", offset, (probe.length, *place.shape), place.turned)
        in_syn = int(place.arena == "syn")
        row = [place.size, place.offset, in_syn, probe.every, probe.offset, probe.length, offset, 1]
        self._operate(transport.probe, row, probe.name)

    def place(self, name: str, variable: str) -> Place:
        """Where a variable or an output port lies. Raises KeyError when there is none."""
        if (name, variable) in self.ports and (name, variable) not in self.places:
            size = {**self.program[name].outputs, **self.program[name].inputs}[variable]
            return Place("mem", self.ports[name, variable], (size,))
        return self.places[name, variable]

    # ---- synapses ----------------------------------------------------------------------------------------------------

    def _store_weights(self, synapse: Synapse) -> None:
        if synapse.tied_to is not None:
            return
        turned = -1 if synapse.index is not None else -synapse.weights.ndim
        names = ["weights", *(["tag_1", "tag_2"] if synapse.plasticity else [])]
        for name in names:
            values = synapse.weights if name == "weights" else synapse.states[name]
            stored = values.swapaxes(turned, -1)
            self.places[synapse.name, name] = Place("syn", self.syn.add(stored), stored.shape, turned)

    def _drive(self, synapse: Synapse) -> list[int]:
        post, pre = synapse.shape
        row = [0] * f.N_SYNAPSE_FIELDS
        row[f.N_PRE], row[f.N_POST], row[f.DEPTH] = pre, post, synapse.states["a_buff"].shape[1]
        row[f.S_IN], row[f.A_BUFF] = (
            self.ports[synapse.name, "s_in"],
            self.places[synapse.name, "a_buff"].offset,
        )
        row[f.W] = self.places[synapse.tied_to or synapse.name, "weights"].offset
        row[f.EXPONENT], row[f.GRADED] = synapse.exponent, int(synapse.graded)
        row[f.SPIKES] = self.mem.room(1)
        row[f.LAST], row[f.ACTIVE], row[f.DIRTY] = self.mem.room(pre), self.mem.room(pre), self.mem.add([1])
        self.dirty[synapse.name] = row[f.DIRTY]
        row[f.SUMS] = self.mem.room(post * row[f.DEPTH])
        row[f.INDPTR] = row[f.POST] = row[f.DELAYS] = -1
        kernel = drive.dense if synapse.tied_to is None else drive.tied
        if synapse.index is not None or synapse.delays is not None:
            kernel = drive.sparse
            self._sparse(synapse, row)
        if synapse.kernel is not None:
            kernel = convolve
            row += geometry(synapse, synapse.kernel)
        self._operate(kernel, row, synapse.name)
        return row

    def _sparse(self, synapse: Synapse, row: list[int]) -> None:
        post, pre = synapse.shape
        index = np.indices((pre, post)).reshape(2, -1)[::-1] if synapse.index is None else synapse.index
        row[f.INDPTR] = self.mem.add(np.searchsorted(index[1], np.arange(pre + 1)))
        row[f.POST] = self.mem.add(index[0])
        if synapse.delays is not None:
            row[f.DELAYS] = self.mem.add(synapse.delays.T if synapse.index is None else synapse.delays)

    def _plastic(self, synapse: Synapse, rule: Plasticity, row: list[int]) -> None:
        post, pre = synapse.shape
        # the y ports lie one behind the other: _place_ports makes them so
        row[f.BAP : f.Y_IN + 3] = (self.ports[synapse.name, port] for port in LEARNING_INPUTS)
        for column, name in ((f.X0, "x0"), (f.TX, "tx"), (f.Y0, "y0"), (f.TY, "ty")):
            row[column] = self._state(synapse.name, name, synapse.states[name])
        row[f.X], _ = (self._state(synapse.name, name, synapse.states[name]) for name in PRE_STATES[2:])
        row[f.Y], *_ = (self._state(synapse.name, name, synapse.states[name]) for name in POST_STATES[2:])
        for column, name in ((f.TAG_1, "tag_1"), (f.TAG_2, "tag_2")):
            row[column] = self.places[synapse.name, name].offset
        row[f.T_EPOCH], row[f.THREE_FACTOR], row[f.GRADED_SPIKE] = (
            rule.t_epoch,
            int(rule.three_factor),
            rule.graded_spike,
        )
        row[f.IMPULSES] = self.mem.add([part for trace in TRACES for part in split_impulse(rule.impulses[trace])])
        row[f.FACTORS] = self.real.add([decay_factor(rule.taus[trace]) for trace in TRACES])
        row[f.LOW], row[f.HIGH] = WEIGHT_RANGE[rule.sign_mode]
        self._streams(rule, row)
        self._rules(synapse, rule, row)
        row[f.X_HISTORY] = self.mem.room((rule.t_epoch + 1) * 2 * pre)
        row[f.Y_HISTORY] = self.mem.room((rule.t_epoch + 1) * 3 * post)
        products = (row[f.COUNT_W] + row[f.COUNT_D] + row[f.COUNT_T]) * (rule.t_epoch if row[f.PATH] == f.BY_EVENT else 1)
        row[f.PRE_FACTOR], row[f.POST_FACTOR] = (
            self.mem.room(products * pre),
            self.mem.room(2 * products * post),
        )
        row[f.PRE_ACTIVE], row[f.POST_ACTIVE] = self.mem.room(pre), self.mem.room(post)
        row[f.LENIENT] = self.leniences[synapse.name] = self.mem.add([0, 0])
        row[f.ACC], row[f.GATHERED] = self.mem.room(max(pre, post)), self.mem.room(max(pre, post))

    def _streams(self, rule: Plasticity, row: list[int]) -> None:
        row[f.RANDOM_X], row[f.RANDOM_Y] = self.real.room(4 * BLOCK), self.real.room(4 * BLOCK)
        row[f.RANDOM_W] = self.real.room(BLOCK + 1)
        for offset, seed in ((row[f.RANDOM_X], rule.rng_seed), (row[f.RANDOM_Y], rule.rng_seed + 2)):
            self.streams.append(Stream(seed, offset, "decay", 1))
            self.streams.append(Stream(seed + 1, offset + 1, "impulse", 1))
        self.streams.append(Stream(2, row[f.RANDOM_W], "round", rule.t_epoch))

    def _rules(self, synapse: Synapse, rule: Plasticity, row: list[int]) -> None:
        rules = (rule.dw, rule.dd, rule.dt)
        products = [p for one in rules if one for p in one.products]
        row[f.COUNT_W], row[f.COUNT_D], row[f.COUNT_T] = (len(one.products) if one else 0 for one in rules)
        row[f.RULES] = self.mem.add([number for p in products for number in _table_entry(p)])
        exponents = {one.decimate_exponent for one in rules if one and one.decimate_exponent is not None}
        row[f.DECIMATE] = exponents.pop() if exponents else -1
        separable = all(map(_splits, products)) and row[f.COUNT_D] == row[f.COUNT_T] == 0 and synapse.index is None
        plain = rule.t_epoch == 1 and all(p.dependency != "y0" for p in products)
        row[f.PATH] = (f.BY_OUTER if plain else f.BY_EVENT) if separable else f.BY_PAIR


def _splits(product: Product) -> bool:
    """Whether it is a pre factor times a post factor times at most one factor of the weight."""
    variables = [factor.variable for factor in product.factors]
    return variables.count("w") <= 1 and not {"d", "t"} & set(variables)


def _table_entry(product: Product) -> list[int]:
    variables = [factor.variable for factor in product.factors]
    weight_factor = f.PRODUCT_HEADER + variables.index("w") * f.FACTOR_SIZE if "w" in variables else 0
    entry = [("x0", "y0", "u").index(product.dependency), product.mantissa, product.exponent, product.shift]
    entry += [weight_factor, len(product.factors)]
    for factor in product.factors:
        entry += [f.VARIABLES.index(factor.variable), factor.constant, *factor.bounds]
    return entry + [0] * (f.PRODUCT_SIZE - len(entry))
