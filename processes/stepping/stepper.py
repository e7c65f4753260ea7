"""Runs Lava's own ProcessModels step by step in this process, without Lava's runtime."""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from lava.magma.compiler.builders.py_builder import PyProcessBuilder
from lava.magma.compiler.utils import PortInitializer, VarInitializer, VarPortInitializer
from lava.magma.core.model.model import AbstractProcessModel
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyVarPort, RefVarTypeMapping
from lava.magma.core.process.ports.ports import AbstractPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from scipy.sparse import csr_matrix

from neuromorph.errors import LavaRunError
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.graph import Probe, ProcessGraph, flatten_graph
from neuromorph.processes.stepping.channels import CAPACITY, AnswerPort, Channel, RecvPort, SendPort, serve
from neuromorph.processes.stepping.scheduler import Deadlock, Scheduler

_PHASES = {
    "_spike": "spiking",
    "_pre_mgmt": "pre-management",
    "_lrn": "learning",
    "_post_mgmt": "post-management",
}
_SERVING = ("_pre_mgmt", "_post_mgmt")  # the phases in which a process that is done answers RefPorts

_Response = PyLoihiProcessModel.Response
_ON_REQUEST = (
    ("_pre_mgmt", int(_Response.REQ_PRE_LRN_MGMT[0])),
    ("_lrn", int(_Response.REQ_LEARNING[0])),
    ("_post_mgmt", int(_Response.REQ_POST_LRN_MGMT[0])),
)
_LEAVING = {int(_Response.REQ_PAUSE[0]), int(_Response.REQ_STOP[0])}
_Member: TypeAlias = AbstractPort | Var


class _Replies(set[int]):
    """What the models reply to their runtime service in one phase."""

    def send(self, reply: npt.NDArray[Any]) -> None:
        self.add(int(reply[0]))


class LavaStepper:
    """The graph around `process` on Lava's model classes, one of its processes after the other.

    Each model is built by Lava's own builder from a copy of the process's Vars and parameters, exchanges
    messages through channels with Lava's types, copies and capacity, and sees the calls that Lava's runtime
    makes: `_spike` of all models, then, if any model asks for it, `_pre_mgmt`, `_lrn`, `_post_mgmt` of all.
    The process objects stay as they are.

    Raises LoweringError if the graph has no such models (see flatten_graph), LavaRunError if a model cannot
    be built or talks to something outside of the graph. Models must draw random numbers from generators of
    their own: in Lava's runtime each has its own copy of `np.random`, here they share one.
    """

    def __init__(self, process: AbstractProcess, tag: str = "fixed_pt") -> None:
        self.graph: ProcessGraph = flatten_graph(process, tag)
        self._scheduler = Scheduler()
        self._time_step = 0
        self._failed = False
        self._replies = _Replies()
        self._idle: set[AbstractProcess] = set()  # done with the running phase, if it is one of _SERVING
        self._models = self._build()
        self._var_ports = [self._connect_var(probe) for probe in self.graph.probes if isinstance(probe.target, Var)]
        self._calls = {handler: self._calls_of(handler) for handler in _PHASES}

    @property
    def time_step(self) -> int:
        """Steps begun so far; the `time_step` that the models saw last."""
        return self._time_step

    @property
    def models(self) -> Mapping[AbstractProcess, PyLoihiProcessModel]:
        """The model of each leaf process."""
        return self._models

    def get(self, process: AbstractProcess, name: str) -> npt.NDArray[Any]:
        """A copy of a Var's value, in the model's type, a sparse one as a dense array. Follows aliases."""
        if name not in process.vars.member_names:
            raise LavaRunError(f"{describe(process)} has no Var '{name}', only {process.vars.member_names}")
        var = getattr(process.vars, name)
        var = self.graph.aliases.get(var, var)
        if var.process not in self._models:
            raise LavaRunError(f"{describe(process)}: no leaf process of this stepper's graph has the Var '{name}'")
        value = getattr(self._models[var.process], var.name)
        if isinstance(value, csr_matrix):
            return np.asarray(value.toarray())
        return np.full(var.shape, value) if isinstance(value, int | float) else np.array(value)

    def step(self, n: int = 1) -> None:
        """Runs n steps.

        Raises LavaRunError: from the exception of a model, with its process, the step and the phase; or as a
        deadlock, with what each process waits for. After that only `get` is of use.
        """
        if self._failed:
            raise LavaRunError(f"this stepper failed in step {self._time_step}. Make a new one")
        self._failed = True
        for _ in range(n):
            self._time_step += 1
            replies = self._phase("_spike")
            for handler, request in _ON_REQUEST:
                if request in replies:
                    replies |= self._phase(handler)
        self._failed = False

    def _phase(self, handler: str) -> set[int]:
        """Calls this handler of every model, as Lava's runtime service does; returns what they reply."""
        self._replies.clear()
        self._idle.clear()
        try:
            self._scheduler.run(self._calls[handler])
        except Deadlock as deadlock:
            raise LavaRunError(
                f"deadlock in step {self._time_step}, {_PHASES[handler]} phase: nobody can go on. {deadlock}"
            ) from None
        if handler in _SERVING:
            for var_port in self._var_ports:
                serve(var_port)
        if not self._replies.isdisjoint(_LEAVING):
            raise LavaRunError(f"a model asked in step {self._time_step} for the run to pause or stop. Use Lava's runtime")
        return set(self._replies)

    def _calls_of(self, handler: str) -> list[Callable[[], None]]:
        return [partial(self._call, process, getattr(m, handler), handler) for process, m in self._models.items()]

    def _call(self, process: AbstractProcess, function: Callable[[], None], handler: str) -> None:
        try:
            function()
        except Exception as error:
            raise LavaRunError(
                f"{describe(process)} raised {type(error).__name__} in step {self._time_step}, "
                f"{_PHASES[handler]} phase: {error}"
            ) from error
        if handler in _SERVING:
            self._idle.add(process)

    def _build(self) -> dict[AbstractProcess, PyLoihiProcessModel]:
        ports: dict[AbstractProcess, list[SendPort | RecvPort]] = {process: [] for process in self.graph.processes}
        for edge in self.graph.edges:
            source, target = edge.source, edge.target
            channel = self._channel(source, self._type_of(source), source, target)
            ports[source.process].append(SendPort(source.name, channel))
            ports[target.process].append(RecvPort(target.name, channel, target.shape, edge.index))
        models = {}
        for process in self.graph.processes:
            models[process] = _build_model(process, self.graph.models[process], ports[process])
            models[process].process_to_service = self._replies
        return models

    def _connect_var(self, probe: Probe) -> PyVarPort:
        """Gives the model behind a RefPort one that reaches the Var; returns the port at the Var's end."""
        port, var = probe.port, probe.target
        reader, owner = self._models[probe.process], self._models[var.process]
        port_class = getattr(type(reader), port.name).cls
        asks = self._channel(port, self._type_of(port), port, var)
        answers = self._channel(var, self._type_of(var), var, port)
        var_port = RefVarTypeMapping.get(port_class)(
            var.name,
            SendPort(var.name, answers),
            RecvPort(var.name, asks, asks.shape),
            owner,
            var.shape,
            self._type_of(var),
        )
        answer = AnswerPort(port.name, answers, var_port, lambda: var.process in self._idle)
        ref_port = port_class(SendPort(port.name, asks), answer, reader, port.shape, self._type_of(port))
        setattr(reader, port.name, ref_port)
        return var_port

    def _channel(self, shaped: _Member, dtype: Any, source: _Member, target: _Member) -> Channel:
        ends = [f"{describe(end.process)} '{end.name}'" for end in (source, target)]
        return Channel(shaped.shape, dtype, self._scheduler, f"{ends[0]} -> {ends[1]}")

    def _type_of(self, member: _Member) -> Any:
        return getattr(self.graph.models[member.process], member.name).d_type


def _build_model(
    process: AbstractProcess, model: type[AbstractProcessModel], ports: list[SendPort | RecvPort]
) -> PyLoihiProcessModel:
    """What Lava's compiler and PyProcessBuilder make of the process in a worker of its own."""
    if not issubclass(model, PyLoihiProcessModel):
        raise LavaRunError(f"{describe(process)}: {model.__name__} is no PyLoihiProcessModel, so it has no steps")
    io_ports = [*process.in_ports.members, *process.out_ports.members]
    if any(port.external_pipe_flag for port in io_ports):
        raise LavaRunError(f"{describe(process)} exchanges data with the world outside. Use Lava's runtime for it")
    # A worker starts with its own copy of everything, and models do write into their parameters.
    inits, parameters = copy.deepcopy(([var.init for var in process.vars.members], process.proc_params))
    builder = PyProcessBuilder(model, process.id, parameters)
    try:
        builder.set_variables(
            [VarInitializer(v.name, v.shape, init, v.id) for v, init in zip(process.vars.members, inits, strict=True)]
        )
        builder.set_py_ports([_initializer(port, model) for port in io_ports])
        builder.set_ref_ports([_initializer(port, model) for port in process.ref_ports.members])
        builder.set_var_ports(
            [VarPortInitializer(p.name, p.shape, p.var.name, None, "", 0, None) for p in process.var_ports.members]
        )
        builder.check_all_vars_and_ports_set()
        builder.set_csp_ports(ports)
        return builder.build()
    except Exception as error:
        raise LavaRunError(
            f"{describe(process)}: cannot build its model {model.__name__}: {type(error).__name__}: {error}"
        ) from error


def _initializer(port: AbstractPort, model: type[AbstractProcessModel]) -> PortInitializer:
    return PortInitializer(port.name, port.shape, getattr(model, port.name).d_type, type(port).__name__, CAPACITY)
