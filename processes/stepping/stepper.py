"""Runs Lava's own ProcessModels step by step in this process, without Lava's runtime."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from lava.magma.compiler.builders.py_builder import PyProcessBuilder
from lava.magma.compiler.channels.interfaces import AbstractCspPort
from lava.magma.compiler.utils import PortInitializer, VarInitializer, VarPortInitializer
from lava.magma.core.model.model import AbstractProcessModel
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import AbstractPyPort, PyVarPort, RefVarTypeMapping, VirtualPortTransformer
from lava.magma.core.process.ports.ports import AbstractPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.runtime.runtime import Runtime
from lava.proc.io.injector import PyLoihiInjectorModel
from scipy.sparse import csr_matrix

from neuromorph.engine.engine import Engine
from neuromorph.errors import LavaRunError, check_count
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.graph import Edge, Probe, ProcessGraph, flatten_graph
from neuromorph.processes.lowering.lower import Lowered
from neuromorph.processes.lowering.values import held
from neuromorph.processes.stepping.channels import CAPACITY, AnswerPort, Channel, RecvPort, SendPort, serve
from neuromorph.processes.stepping.late import pass_time
from neuromorph.processes.stepping.native import Key, NativePart, Sending
from neuromorph.processes.stepping.pipes import InletEnd, OutletEnd
from neuromorph.processes.stepping.random_state import RandomStates, draws
from neuromorph.processes.stepping.scheduler import Deadlock, Scheduler

_PHASES = {
    "_spike": "spiking",
    "_pre_mgmt": "pre-management",
    "_lrn": "learning",
    "_post_mgmt": "post-management",
}
_SERVING = ("_pre_mgmt", "_post_mgmt")  # the phases in which a process that is done answers RefPorts

_WIRING = {"py_ports", "var_ports", "process_to_service", "service_to_process"}
"""Attributes of a model that join it to its graph, beside its ports."""

_Response = PyLoihiProcessModel.Response
_ON_REQUEST = (
    ("_pre_mgmt", int(_Response.REQ_PRE_LRN_MGMT[0])),
    ("_lrn", int(_Response.REQ_LEARNING[0])),
    ("_post_mgmt", int(_Response.REQ_POST_LRN_MGMT[0])),
)
_LEAVING = {int(_Response.REQ_PAUSE[0]), int(_Response.REQ_STOP[0])}
_Member: TypeAlias = AbstractPort | Var
End: TypeAlias = SendPort | RecvPort | InletEnd | OutletEnd


def beginning(var: Var) -> Any:
    """What Lava would begin with; of a graph that was simulated, what it holds now."""
    runtime = var.process.runtime
    return var.init if runtime is None or isinstance(runtime, Runtime) else held(var)


class _Replies(set[int]):
    """What the models reply to their runtime service in one phase."""

    def send(self, reply: npt.NDArray[Any]) -> None:
        self.add(int(reply[0]))


class Stepper:
    """A graph on Lava's model classes, one of its processes after the other, beside what the engine runs of it (`lowered`).

    Each model is built by Lava's own builder from a copy of the process's Vars and parameters, exchanges
    messages through channels with Lava's types, copies and capacity, and sees the calls that Lava's runtime
    makes: `_spike` of all models, then, if any model asks for it, `_pre_mgmt`, `_lrn`, `_post_mgmt` of all.
    The process objects stay as they are.

    Raises LavaRunError if a model cannot be built or talks to something outside of the graph. Each model that draws from `np.random` or
    `random` has its own copy of them, as in Lava's workers; those of whoever runs the graph stay as they are.
    """

    def __init__(
        self,
        graph: ProcessGraph,
        lowered: Lowered | None = None,
        engine: Engine | None = None,
        step: int = 0,
        value: Callable[[Var], Any] = beginning,
    ) -> None:
        """`lowered`: the part that `engine` runs. `step`: how many have been made. `value`: of a Var, to begin with."""
        self.graph, self._value = graph, value
        self._native_names = {} if lowered is None else lowered.names
        self._stepped = [p for p in graph.processes if lowered is None or p in lowered.stepped]
        self._random_states = RandomStates()
        self._drawing = {p for p in self._stepped if draws(graph.models[p])}
        self._scheduler = Scheduler(self._random_states)
        self._time_step = step
        self._failed = self._paused = False
        self._replies = _Replies()
        self._idle: set[AbstractProcess] = set()  # done with the running phase, if it is one of _SERVING
        self._receiving: dict[Key, RecvPort] = {}
        self._sending: list[Sending] = []
        self._models = self._build()
        looks = [probe for probe in graph.probes if isinstance(probe.target, Var) and probe.process in self._models]
        self._var_ports = [self._connect_var(probe) for probe in looks]
        self._calls = {handler: self._calls_of(handler) for handler in _PHASES}
        self._native = None if engine is None else NativePart(engine, self._receiving, self._sending)

    @property
    def time_step(self) -> int:
        """Steps begun so far; the `time_step` that the models saw last."""
        return self._time_step

    @property
    def is_paused(self) -> bool:
        """Whether a model asked in the last step for the run to pause or stop."""
        return self._paused

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

    def set_var(self, var: Var, value: Any) -> None:
        """Give a Var of a leaf process a value, as Lava's runtime does: cast to the type that it has in the model, which is told."""
        model = self._models[var.process]
        now = getattr(model, var.name)
        if isinstance(now, np.ndarray):
            now[...] = np.broadcast_to(value, now.shape)
        elif isinstance(now, csr_matrix):
            setattr(model, var.name, csr_matrix(value, dtype=float))
        else:
            setattr(model, var.name, value if now is None or isinstance(value, str) else type(now)(np.ravel(value)[0]))
        model.on_var_update()

    def adopt(self, other: Stepper | None, unseen_of: Callable[[AbstractProcess], Mapping[str, Any]]) -> None:
        """Let models go on as those of another stepper stand, where both have one, with what they keep beside their Vars, too. What ran
        natively until now has that from `unseen_of`."""
        for process, model in self._models.items():
            if other is not None and process in other.models:
                kept = vars(other.models[process])
                self._random_states.adopt(other._random_states, process)
                vars(model).update({k: v for k, v in kept.items() if k not in _WIRING and not isinstance(v, AbstractPyPort)})
                continue
            for name, value in unseen_of(process).items():
                now = getattr(model, name)
                setattr(
                    model, name, value.reshape(now.shape) if isinstance(now, np.ndarray) else type(now)(np.ravel(value)[0])
                )

    def step(self, n: int = 1) -> None:
        """Runs n steps, fewer where a model asks for the run to pause or stop.

        Raises LavaRunError: from the exception of a model, with its process, the step and the phase; or as a
        deadlock, with what each process waits for. After that only `get` is of use.
        """
        check_count("n", n, 0)
        if self._failed:
            raise LavaRunError(f"this stepper failed in step {self._time_step}. Make a new one")
        self._failed = True
        for _ in range(n):
            self._time_step += 1
            replies = self._phase("_spike")
            for handler, request in _ON_REQUEST:
                if request in replies:
                    replies |= self._phase(handler)
            self._paused = not replies.isdisjoint(_LEAVING)
            if self._paused:
                break
        self._failed = False

    def _phase(self, handler: str) -> set[int]:
        """Calls this handler of every model, as Lava's runtime service does; returns what they reply."""
        self._replies.clear()
        self._idle.clear()
        native = self._native.functions() if self._native and handler == "_spike" else ()
        try:
            self._scheduler.run([*native, *self._calls[handler]])
        except Deadlock as deadlock:
            raise LavaRunError(
                f"deadlock in step {self._time_step}, {_PHASES[handler]} phase: nobody can go on. {deadlock}"
            ) from None
        finally:
            self._random_states.take(None)
        if handler in _SERVING:
            for var_port in self._var_ports:
                serve(var_port)
        return set(self._replies)

    def _calls_of(self, handler: str) -> list[Callable[[], None]]:
        return [partial(self._call, process, getattr(m, handler), handler) for process, m in self._models.items()]

    def _call(self, process: AbstractProcess, function: Callable[[], None], handler: str) -> None:
        if process in self._drawing:
            self._random_states.take(process)
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
        ports: dict[AbstractProcess, list[End]] = {process: [] for process in self._stepped}
        for edge in self.graph.edges:
            if edge.source.process in ports or edge.target.process in ports:
                self._connect(edge, ports)
        models = {}
        for process in self._stepped:
            values = [self._value(var) for var in process.vars.members]
            ports[process] += self._pipes(process)
            if process in self._drawing:
                self._random_states.take(process)
            try:
                models[process] = _build_model(process, self.graph.models[process], ports[process], values)
            finally:
                self._random_states.take(None)
            models[process].process_to_service = self._replies
            pass_time(models[process], self._time_step)
            if isinstance(models[process], PyLoihiInjectorModel):
                models[process]._p_to_pm_dst_port = models[process].in_port.csp_ports[-1]  # its __del__ asks for it
        return models

    def _pipes(self, process: AbstractProcess) -> Iterator[InletEnd | OutletEnd]:
        """The ends of those that lead outside."""
        for ports, end in ((process.in_ports, InletEnd), (process.out_ports, OutletEnd)):
            yield from (
                end(port, self._type_of(port), lambda: self._time_step) for port in ports.members if port.external_pipe_flag
            )

    def _connect(self, edge: Edge, ports: dict[AbstractProcess, list[End]]) -> None:
        """A channel for the messages of an edge; all that one port sends into the engine go there once."""
        source, target = edge.source, edge.target
        key = (self._native_names.get(source.process, self.graph.names[source.process]), source.name)
        if target.process not in ports and key in self._receiving:
            return
        channel = self._channel(source, self._type_of(source), source, target)
        send = SendPort(source.name, channel)
        if source.process in ports:
            ports[source.process].append(send)
        else:
            self._sending.append(Sending(key, source.shape, send))
        if target.process in ports:
            ports[target.process].append(RecvPort(target.name, channel, target.shape, edge.index))
        else:
            self._receiving[key] = RecvPort(source.name, channel, source.shape)

    def _connect_var(self, probe: Probe) -> PyVarPort:
        """Gives the model behind a RefPort one that reaches the Var; returns the port at the Var's end."""
        port, var = probe.port, probe.target
        reader, owner = self._models[probe.process], self._models[var.process]
        port_class = getattr(type(reader), port.name).cls
        asks = self._channel(port, self._type_of(port), port, var)
        answers = self._channel(var, self._type_of(var), var, port)
        written = RecvPort(var.name, asks, asks.shape)
        var_port = RefVarTypeMapping.get(port_class)(
            var.name,
            SendPort(var.name, answers),
            written,
            owner,
            var.shape,
            self._type_of(var),
            _transformer(written, [virtual.get_transform_func_fwd() for virtual in probe.through]),
        )
        answer = AnswerPort(port.name, answers, var_port, lambda: var.process in self._idle)
        back = _transformer(answer, [virtual.get_transform_func_bwd() for virtual in reversed(probe.through)])
        ref_port = port_class(SendPort(port.name, asks), answer, reader, port.shape, self._type_of(port), back)
        setattr(reader, port.name, ref_port)
        return var_port

    def _channel(self, shaped: _Member, dtype: Any, source: _Member, target: _Member) -> Channel:
        ends = [f"{describe(end.process)} '{end.name}'" for end in (source, target)]
        return Channel(shaped.shape, dtype, self._scheduler, f"{ends[0]} -> {ends[1]}")

    def _type_of(self, member: _Member) -> Any:
        return getattr(self.graph.models[member.process], member.name).d_type


class LavaStepper(Stepper):
    """The whole graph around `process` on Lava's model classes, from the values that its Vars hold.

    Raises LoweringError if the graph has no such models (see flatten_graph), and what Stepper raises.
    """

    def __init__(self, process: AbstractProcess, tag: str = "fixed_pt") -> None:
        super().__init__(flatten_graph(process, tag))


def _transformer(port: RecvPort, functions: list[Callable[..., Any]]) -> VirtualPortTransformer:
    """What virtual ports do with the messages that come to a port, as Lava's builder has it."""
    return VirtualPortTransformer({port.name: port}, {port.name: functions})


def _build_model(
    process: AbstractProcess, model: type[AbstractProcessModel], ports: list[End], values: list[Any]
) -> PyLoihiProcessModel:
    """What Lava's compiler and PyProcessBuilder make of the process in a worker of its own."""
    if not issubclass(model, PyLoihiProcessModel):
        raise LavaRunError(f"{describe(process)}: {model.__name__} is no PyLoihiProcessModel, so it has no steps")
    for name, parameter in process.proc_params._parameters.items():
        if isinstance(parameter, AbstractCspPort):
            raise LavaRunError(
                f"{describe(process)}: its parameter {name} is a channel of Lava's runtime, which does not run here; read Vars between "
                "calls, with a Monitor or with io.sink.Read"
            )
    io_ports = [*process.in_ports.members, *process.out_ports.members]
    # A worker starts with its own copy of everything, and models do write into their parameters.
    inits, parameters = copy.deepcopy((values, process.proc_params))
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
