"""Schema 3: how nodes, links and probes lie in an artifact. Every writer stands beside its reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import h5py
import numpy as np

from neuromorph.deploy.artifact.hdf5 import Reader, first_line, put_array, put_number, put_text, put_texts
from neuromorph.deploy.artifact.laws import read_law, write_law
from neuromorph.errors import ProgramError
from neuromorph.laws.law import Law
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.products.rule import GradedSpike, Rule, read_rule
from neuromorph.program import (
    TRACES,
    Array,
    Kernel,
    Link,
    Node,
    Plasticity,
    Population,
    Probe,
    Read,
    Reset,
    Sink,
    Source,
    Synapse,
)

RULES = ("dw", "dd", "dt")


@contextmanager
def valid(reader: Reader, name: str = "") -> Iterator[None]:
    """Only around building things of values that were read: what they complain about is the file's fault."""
    try:
        yield
    except ValueError as error:  # NumPy's, and the base of all that a Program complains with
        raise reader.wrong(name, first_line(error)) from None


def write_node(group: h5py.Group, node: Node) -> None:
    kind = type(node).__name__.lower()
    if kind not in KINDS:
        raise ProgramError(f"node '{node.name}' takes part from outside of the Program, and no file holds it; leave it out")
    put_text(group, "kind", kind)
    put_text(group, "name", node.name)
    KINDS[kind][0](group, node)


def read_node(reader: Reader, laws: tuple[Law, ...] | None) -> Node:
    """`laws`: those of users that populations may obey; None in schema 1."""
    kind, name = reader.text("kind"), reader.text("name")
    if kind not in KINDS:
        raise reader.wrong("kind", f"unknown kind of node {kind!r}; known: {', '.join(KINDS)}")
    node = _read_population(reader, name, laws) if kind == "population" else KINDS[kind][1](reader, name)
    reader.finish()
    return node


def _write_population(group: h5py.Group, node: Population) -> None:
    write_law(group, node.law)
    put_number(group, "size", node.size)
    for kind, values in (("parameters", node.parameters), ("states", node.states)):
        holder = group.create_group(kind)
        for name, array in values.items():
            put_array(holder, name, array, "int32")


def _read_population(reader: Reader, name: str, laws: tuple[Law, ...] | None = None) -> Population:
    law, size = read_law(reader, laws), reader.number("size")
    parameters = _read_arrays(reader.group("parameters"), None)
    states = _read_arrays(reader.group("states"), size)
    with valid(reader):
        return Population(name, law, size, parameters, states)


def _read_arrays(reader: Reader, *shape: int | None) -> dict[str, Array]:
    return {name: reader.array(name, shape) for name in reader.names()}


def _write_source(group: h5py.Group, node: Source) -> None:
    put_texts(group, "ports", tuple(node.frames))
    put_texts(group, "pulses", node.pulses)
    put_number(group, "hold", node.hold)
    put_array(group, "order", node.order, "int32")
    holder = group.create_group("frames")
    for k, frames in enumerate(node.frames.values()):
        put_array(holder, str(k), frames, "int8", "int16", "int32")


def _read_source(reader: Reader, name: str) -> Source:
    ports, pulses, hold = reader.texts("ports"), reader.texts("pulses"), reader.number("hold")
    order = reader.array("order", (None,))
    holder = reader.group("frames")
    frames = {port: holder.array(str(k), (None, None)).astype(np.int32) for k, port in enumerate(ports)}
    holder.finish()
    with valid(reader):
        return Source(name, frames, hold, order, pulses)


def _write_sink(group: h5py.Group, node: Sink) -> None:
    put_array(group, "data", node.data, "int32")


def _read_sink(reader: Reader, name: str) -> Sink:
    return Sink(name, reader.array("data", (None, None)))


def _write_looker(group: h5py.Group, node: Read | Reset) -> None:
    put_text(group, "node", node.node)
    put_text(group, "variable", node.variable)
    put_number(group, "every", node.every)
    put_number(group, "offset", node.offset)


def _looker(reader: Reader) -> dict[str, Any]:
    return {n: reader.text(n) for n in ("node", "variable")} | {n: reader.number(n) for n in ("every", "offset")}


def _write_read(group: h5py.Group, node: Read) -> None:
    _write_looker(group, node)
    put_array(group, "data", node.data, "int32")
    put_array(group, "counter", node.counter, "int32")


def _read_read(reader: Reader, name: str) -> Read:
    data, counter = reader.array("data", (None, None)), reader.array("counter", (1,))
    found = _looker(reader)
    with valid(reader):
        return Read(name, **found, data=data, counter=counter)


def _write_reset(group: h5py.Group, node: Reset) -> None:
    _write_looker(group, node)
    put_number(group, "value", node.value)
    put_number(group, "late", int(node.late))


def _read_reset(reader: Reader, name: str) -> Reset:
    value, late = reader.number("value"), bool(reader.number("late"))
    found = _looker(reader)
    with valid(reader):
        return Reset(name, **found, value=value, late=late)


def _write_synapse(group: h5py.Group, node: Synapse) -> None:
    post, pre = node.shape
    put_number(group, "post", post)
    put_number(group, "pre", pre)
    put_number(group, "exponent", node.exponent)
    put_number(group, "graded", int(node.graded))
    put_array(group, "weights", node.weights, "int8", "int16")
    if node.index is not None:
        put_array(group, "index", node.index, "int32")
    if node.delays is not None:
        put_array(group, "delays", node.delays, "int8")
    if node.tied_to is not None:
        put_text(group, "tied_to", node.tied_to)
    if node.kernel is not None:
        put_array(group, "kernel", _numbers(node.kernel), "int32")
    if node.plasticity is not None:
        _write_plasticity(group.create_group("plasticity"), node.plasticity)
    states = group.create_group("states")
    for name, values in node.states.items():
        put_array(states, name, values, "int32")


def _read_synapse(reader: Reader, name: str) -> Synapse:
    post, _ = shape = (reader.number("post"), reader.number("pre"))
    index = reader.array("index", (2, None)) if reader.has("index") else None
    tied_to = reader.text("tied_to") if reader.has("tied_to") else None
    size: tuple[int | None, ...] = (0,) if tied_to is not None else shape if index is None else (index.shape[1],)
    kernel = _read_kernel(reader) if reader.has("kernel") else None
    size = size if kernel is None else (None,) * 4
    weights = reader.array("weights", size, "int8 int16")
    delays = reader.array("delays", size, "int8") if reader.has("delays") else None
    plasticity = _read_plasticity(reader.group("plasticity")) if reader.has("plasticity") else None
    states = reader.group("states")
    shapes = {"tag_1": size, "tag_2": size, "a_buff": (post, None)}
    values = {one: states.array(one, shapes.get(one, (None,))) for one in states.names()}
    exponent, graded = reader.number("exponent"), bool(reader.number("graded"))
    with valid(reader):
        return Synapse(name, shape, weights, index, exponent, graded, delays, plasticity, tied_to, values, kernel)


def _numbers(kernel: Kernel) -> list[int]:
    return [*kernel.taken, *kernel.stride, *kernel.padding, *kernel.dilation, kernel.groups]


def _read_kernel(reader: Reader) -> Kernel:
    x, y, channels, *reach, groups = reader.array("kernel", (10,)).tolist()
    stride, padding, dilation = zip(reach[::2], reach[1::2], strict=True)
    return Kernel((x, y, channels), stride, padding, dilation, groups)


def _write_plasticity(group: h5py.Group, rule: Plasticity) -> None:
    for name in RULES:
        one: Rule | None = getattr(rule, name)
        if one is not None:
            if read_rule(one.text) != one:
                raise ProgramError(f"{name}: its text {one.text!r} says something else than its products")
            put_text(group, name, one.text)
    put_array(group, "taus", [rule.taus[trace] for trace in TRACES], "float64")
    put_array(group, "impulses", [rule.impulses[trace] for trace in TRACES], "float64")
    put_number(group, "three_factor", int(rule.three_factor))
    put_number(group, "t_epoch", rule.t_epoch)
    put_number(group, "rng_seed", rule.rng_seed)
    put_text(group, "graded_spike", rule.graded_spike.name)
    put_text(group, "sign_mode", rule.sign_mode.name)


def _read_plasticity(reader: Reader) -> Plasticity:
    texts = {name: reader.text(name) for name in RULES if reader.has(name)}
    values: dict[str, Any] = dict.fromkeys(RULES)
    for name in ("taus", "impulses"):
        values[name] = dict(zip(TRACES, reader.array(name, (len(TRACES),), "float64").tolist(), strict=True))
    for name, known in (("graded_spike", GradedSpike.__members__), ("sign_mode", SignMode.__members__)):
        mode = reader.text(name)
        if mode not in known:
            raise reader.wrong(name, f"unknown mode {mode!r}; known: {', '.join(known)}")
        values[name] = known[mode]
    values |= {name: reader.number(name) for name in ("t_epoch", "rng_seed")}
    values["three_factor"] = bool(reader.number("three_factor"))
    reader.finish()
    with valid(reader):
        values |= {name: read_rule(text) for name, text in texts.items()}
        return Plasticity(**values)


KINDS: dict[str, tuple[Callable[[h5py.Group, Any], None], Callable[[Reader, str], Node]]] = {
    "population": (_write_population, _read_population),
    "source": (_write_source, _read_source),
    "sink": (_write_sink, _read_sink),
    "synapse": (_write_synapse, _read_synapse),
    "read": (_write_read, _read_read),
    "reset": (_write_reset, _read_reset),
}


def write_link(group: h5py.Group, link: Link) -> None:
    put_texts(group, "source", link.source)
    put_texts(group, "target", link.target)
    if link.index is not None:
        put_array(group, "index", link.index, "int32")


def read_link(reader: Reader) -> Link:
    source, target = (_read_end(reader, name) for name in ("source", "target"))
    index = reader.array("index", (None,)) if reader.has("index") else None
    reader.finish()
    return Link(source, target, index)


def since_schema_1(reader: Reader, links: tuple[Link, ...], nodes: tuple[Node, ...]) -> tuple[Link, ...]:
    """Links of schema 1 as they are now: there a shared input had one element per neuron, all from the same sender."""
    shared = {(n.name, v.name) for n in nodes if isinstance(n, Population) for v in n.law.inputs if v.shared}
    alone = {(n.name, port) for n in nodes for port, size in n.outputs.items() if size == 1}
    return tuple(_to_one(reader, link, alone) if link.target in shared else link for link in links)


def _to_one(reader: Reader, link: Link, alone: set[tuple[str, str]]) -> Link:
    if link.source in alone:
        return replace(link, index=None)
    if link.index is None or len(senders := np.unique(link.index)) != 1:
        raise reader.wrong(
            "links", f"neurons of '{link.target[0]}' take {link.target[1]} from several senders, and all share one"
        )
    return replace(link, index=senders)


def _read_end(reader: Reader, name: str) -> tuple[str, str]:
    texts = reader.texts(name)
    if len(texts) != 2:
        raise reader.wrong(name, f"holds {len(texts)} texts, not node and port")
    return texts[0], texts[1]


def write_probe(group: h5py.Group, probe: Probe) -> None:
    for name in ("name", "node", "variable"):
        put_text(group, name, getattr(probe, name))
    for name in ("length", "every", "offset"):
        put_number(group, name, getattr(probe, name))


def read_probe(reader: Reader) -> Probe:
    texts = [reader.text(name) for name in ("name", "node", "variable")]
    numbers = [reader.number(name) for name in ("length", "every", "offset")]
    reader.finish()
    return Probe(*texts, *numbers)  # type: ignore[arg-type]
