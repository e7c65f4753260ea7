"""A Lava process graph as plain data: leaf processes, their models, and which element goes where."""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs
from lava.magma.core.model.model import AbstractProcessModel
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import (
    AbstractPort,
    AbstractVirtualPort,
    ConcatPort,
    InPort,
    OutPort,
    RefPort,
    VarPort,
)
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.run_configs import RunConfig
from lava.proc.monitor.process import Monitor

from neuromorph.errors import LoweringError
from neuromorph.processes.lowering.discovery import describe, run_config, select_model

Index = npt.NDArray[np.intp]
Models = dict[AbstractProcess, type[AbstractProcessModel]]


@dataclass(frozen=True, eq=False)
class Edge:
    """A connection of two leaf processes, all virtual ports on its way resolved.

    `received.ravel()[i] += sent.ravel()[index[i]]` for every i with index[i] >= 0; -1 says that nothing
    arrives at i from this edge. None is the identity. An InPort receives the sum of all its edges.
    """

    source: OutPort
    target: InPort
    index: Index | None


@dataclass(frozen=True, eq=False)
class Probe:
    """A process looks at a Var of another one (`port` is a RefPort), or a Monitor at an OutPort (an InPort).

    `data` is the Var that a Monitor fills, shape (steps, *target.shape); None if `process` is not a Monitor:
    what it does with its RefPort is its own affair, writing included. A Monitor's edge from an OutPort is
    among the graph's edges too.
    """

    process: AbstractProcess
    port: RefPort | InPort
    target: Var | OutPort
    data: Var | None
    through: tuple[AbstractVirtualPort, ...] = ()
    """The virtual ports between a RefPort and the Var, in this order."""


@dataclass(frozen=True, eq=False)
class Inside:
    """A hierarchical process taken apart: the processes in it, and what joins it to them while they stand for it: attributes of ports
    and Vars, with what they hold then (of a port's connections: those that are added)."""

    children: tuple[AbstractProcess, ...]
    joints: list[tuple[Any, str, Any]] = field(default_factory=list)


Parts = dict[AbstractProcess, Inside]
"""By hierarchical process, an outer one before those in it."""


@dataclass(frozen=True, eq=False)
class ProcessGraph:
    """Leaf processes in the order of their ids (creation), the model and the name of each, edges by target, and probes.

    A name leads through the hierarchical processes around a leaf; where two would be the same, the later has its place among them
    behind it. `aliases` leads from a hierarchical process's Var to the leaf's Var it stands for, `parts` from such a process to
    what is in it.
    """

    processes: tuple[AbstractProcess, ...]
    models: Mapping[AbstractProcess, type[AbstractProcessModel]]
    edges: tuple[Edge, ...]
    probes: tuple[Probe, ...]
    aliases: Mapping[Var, Var]
    parts: Parts

    @cached_property
    def names(self) -> dict[AbstractProcess, str]:
        # what a hierarchical process makes itself is no child in Lava's eyes, and is named like one
        outer = {child: p for p, inside in self.parts.items() for child in (*p.procs.members, *inside.children)}
        names: dict[AbstractProcess, str] = {}
        for process in self.processes:
            path, around = [process.name], outer.get(process)
            while around is not None:
                path.insert(0, around.name)
                around = outer.get(around)
            name = "/".join(path)
            taken = set(names.values())
            names[process] = next(n for n in chain([name], (f"{name}#{k}" for k in count(2))) if n not in taken)
        return names

    @property
    def all_processes(self) -> tuple[AbstractProcess, ...]:
        """Leaf processes and hierarchical ones."""
        return (*self.processes, *self.parts)


def flatten_graph(
    process: AbstractProcess, config: RunConfig | str = "fixed_pt", known: Parts | None = None
) -> ProcessGraph:
    """The graph that Lava's compiler builds for `process` and everything connected to it.

    Models are selected by the run configuration, or by `Loihi2SimCfg(select_tag=...)` of a tag. A hierarchical process is
    replaced by the processes of its SubProcessModel, and afterwards the graph is left as it was: they are fresh ones at each call,
    but for those in `known`, of an earlier call. Where Lava has compiled the graph already, they are the ones it made. ConcatPort is
    resolved, although Lava 0.10 itself cannot run it.

    Raises LoweringError: a process without a model of this tag, a port or Var that its model does not have, a
    pair of ports connected twice, a concatenation between RefPort and Var, a port of a hierarchical
    process that leads nowhere.
    """
    expansion = _Expansion(run_config(config), known or {})
    try:
        for top in connected(process):
            expansion.expand(top)
        models = expansion.models
        processes = tuple(sorted(models, key=lambda p: p.id))
        for leaf in processes:
            _check_members(leaf, models[leaf])
        edges = tuple(edge for leaf in processes for edge in _edges_into(leaf, models))
        probes = tuple(probe for leaf in processes for probe in _probes_of(leaf, models))
        probes += tuple(_monitored(edge) for edge in edges if isinstance(edge.target.process, Monitor))
        aliases = {var: _leaf_var(var) for p in expansion.parts for var in p.vars.members if var.aliased_var}
    finally:
        expansion.undo()
    return ProcessGraph(processes, models, edges, probes, aliases, expansion.parts)


def connected(process: AbstractProcess) -> list[AbstractProcess]:
    """Every process on the level of the user's graph that `process` is connected to, itself included. Raises LoweringError for what is
    no process."""
    if not isinstance(process, AbstractProcess):
        given = f"the class {process.__name__}" if isinstance(process, type) else f"a {type(process).__name__}"
        raise LoweringError(
            f"{given} is no process of Lava; give one process of the graph (of a port or Var its `process`), and all that is connected "
            "to it is taken with it"
        )
    found = dict.fromkeys([_top(process)])
    queue = list(found)
    for current in queue:  # grows while it is walked
        for port in ports_of(current):
            for other in (*port.get_src_ports(), *port.get_dst_ports()):
                top = _top(other.process)
                if top not in found:
                    found[top] = None
                    queue.append(top)
    return queue


def _top(process: AbstractProcess) -> AbstractProcess:
    while process.parent_proc is not None:
        process = process.parent_proc
    return process


def ports_of(process: AbstractProcess) -> list[AbstractPort]:
    """Its ports of every kind."""
    return [
        *process.in_ports.members,
        *process.out_ports.members,
        *process.ref_ports.members,
        *process.var_ports.members,
    ]


class _Expansion:
    """Takes hierarchical processes apart, and puts them together again."""

    def __init__(self, config: RunConfig, known: Parts) -> None:
        self.config, self.known = config, known
        self.models: Models = {}
        self.parts: Parts = {}
        self._before: list[tuple[Any, str, Any]] = []

    def expand(self, process: AbstractProcess) -> None:
        """Adds the leaf processes it stands for to `models`."""
        model = select_model(process, self.config)
        if not issubclass(model, AbstractSubProcessModel):
            self.models[process] = model
            return
        self.parts[process] = inside = self._inside(process, model)
        for child in inside.children:
            self.expand(child)

    def _inside(self, process: AbstractProcess, model: type[AbstractSubProcessModel]) -> Inside:
        if process.model_class not in (None, model):
            raise LoweringError(
                f"{describe(process)} was compiled by Lava with {process.model_class.__name__}, and {model.__name__} is asked for "
                "now. Build the graph anew"
            )
        if process.model_class is model:
            return Inside(tuple(process.procs.members))
        for owner, attribute in _joints(process):
            self._before.append((owner, attribute, copy(getattr(owner, attribute))))
        if process in self.known:
            for owner, attribute, value in self.known[process].joints:
                now = getattr(owner, attribute)
                setattr(owner, attribute, [*now, *value] if isinstance(now, list) else value)
            return self.known[process]
        children = tuple(model(process).find_sub_procs().values())
        ProcGroupDiGraphs._propagate_var_ports(process)
        for child in children:
            child.parent_proc = process
        process.validate_var_aliases()
        return Inside(children)

    def undo(self) -> None:
        """Leaves every hierarchical process as it was, and keeps what joined it to its parts."""
        fresh = {process for process, inside in self.parts.items() if not inside.joints}
        for owner, attribute, value in reversed(self._before):
            now = getattr(owner, attribute)
            process = owner.process
            if process in fresh and now != value:
                joint = now[len(value) :] if isinstance(value, list) else now
                self.parts[process].joints.append((owner, attribute, joint))
            setattr(owner, attribute, value)


def _joints(process: AbstractProcess) -> Iterator[tuple[Any, str]]:
    """What changes of a process when it is taken apart."""
    for port in ports_of(process):
        yield from ((port, "in_connections"), (port, "out_connections"))
    yield from ((var, "aliased_var") for var in process.vars.members)


def _leaf_var(var: Var) -> Var:
    while var.aliased_var is not None:
        var = var.aliased_var
    return var


def _check_members(process: AbstractProcess, model: type[AbstractProcessModel]) -> None:
    implicit = set(process.var_ports.member_names)  # made by connecting a RefPort; no model declares them
    for member in (*process.vars.members, *ports_of(process)):
        if member.name in implicit or hasattr(model, member.name):
            continue
        todo = f"declare it there as {member.name} = LavaPyType(...)"
        if isinstance(process, Monitor):
            todo = "Lava's Monitor records one Var or OutPort: use a Monitor for each"
        what = f"{type(member).__name__} '{member.name}'"
        raise LoweringError(f"{describe(process)}: its model {model.__name__} has no {what}; {todo}")


def _edges_into(process: AbstractProcess, models: Models) -> Iterator[Edge]:
    for target in process.in_ports.members:
        seen = set()
        for source, index in _sources(target):
            route = f"port '{target.name}' of {describe(process)}: port '{source.name}' of {describe(source.process)}"
            if source.process not in models:
                raise LoweringError(
                    f"{route} is connected to it, but nothing inside sends. "
                    "Connect an OutPort of a sub process (an attribute of the SubProcessModel) to it"
                )
            if source in seen:
                raise LoweringError(
                    f"{route} is connected to it twice; Lava would deliver it once. "
                    "Connect the second one through another process"
                )
            seen.add(source)
            flat = index.ravel()
            identity = flat.size == source.size and np.array_equal(flat, np.arange(flat.size))
            yield Edge(source, target, None if identity else flat)


def _sources(port: AbstractPort) -> list[tuple[OutPort, Index]]:
    """The OutPorts that data comes from, and for each element of `port` which of theirs it is (-1: none)."""
    if not port.in_connections:
        return [(port, np.arange(port.size).reshape(port.shape))] if isinstance(port, OutPort) else []
    if isinstance(port, ConcatPort):
        return list(_concatenated(port))
    sources = [source for previous in port.in_connections for source in _sources(previous)]
    if isinstance(port, AbstractVirtualPort):
        return [(source, _moved(port, index)) for source, index in sources]
    return sources


def _moved(port: AbstractVirtualPort, index: Index) -> Index:
    """Where a virtual port puts each element. Raises LoweringError for one that does more than to put them elsewhere."""
    try:
        put = port.get_transform_func_fwd()
        moved = np.asarray(put(index))
        elsewhere = np.array_equal(np.asarray(put(7 - 3 * index)), 7 - 3 * moved)
    except NotImplementedError:
        elsewhere = False
    if not elsewhere:
        raise LoweringError(
            f"{describe(port.process)}: a connection goes through a {type(port).__name__}, which does not only put elements "
            "elsewhere, as reshape, flatten, transpose and concat_with do"
        )
    return moved


def _concatenated(port: ConcatPort) -> Iterator[tuple[OutPort, Index]]:
    start = 0
    for part in port.in_connections:
        stop = start + part.shape[port.concat_axis]
        for source, index in _sources(part):
            whole = np.full(port.shape, -1, np.intp)
            np.moveaxis(whole, port.concat_axis, 0)[start:stop] = np.moveaxis(index, port.concat_axis, 0)
            yield source, whole
        start = stop


def _probes_of(process: AbstractProcess, models: Models) -> Iterator[Probe]:
    for port in process.ref_ports.members:
        route = f"RefPort '{port.name}' of {describe(process)}"
        for end, through in _ways(port):
            if any(isinstance(virtual, ConcatPort) for virtual in through):
                raise LoweringError(
                    f"{route} goes through a ConcatPort, which Lava cannot run either; connect it without concat_with"
                )
            if not isinstance(end, VarPort) or end.process not in models:
                raise LoweringError(
                    f"{route} leads to '{end.name}' of {describe(end.process)}, which is no Var of a leaf "
                    "process. Alias the Var of a hierarchical process to one inside (Var.alias)"
                )
            yield Probe(process, port, end.var, _data(process, port, "RefPorts", "VarsData1"), through)


def _ways(port: AbstractPort) -> Iterator[tuple[AbstractPort, tuple[AbstractVirtualPort, ...]]]:
    """The ports that a port leads to in the end, each with the virtual ports on the way."""
    for following in port.out_connections:
        here = (following,) if isinstance(following, AbstractVirtualPort) else ()
        if not following.out_connections:
            yield following, here
        yield from ((end, here + after) for end, after in _ways(following))


def _monitored(edge: Edge) -> Probe:
    monitor = edge.target.process
    return Probe(monitor, edge.target, edge.source, _data(monitor, edge.target, "InPorts", "VarsData2"))


def _data(process: AbstractProcess, port: AbstractPort, ports: str, data: str) -> Var | None:
    if not isinstance(process, Monitor):
        return None
    names = dict(zip(process.proc_params[ports], process.proc_params[data], strict=True))
    return getattr(process, names[port.name])
