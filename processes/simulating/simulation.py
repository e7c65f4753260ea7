"""A graph that is simulated: what stands as its runtime where Lava's would, so that `Var.get`, `Var.set` and `stop` work as after `run`."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.run_conditions import AbstractRunCondition, RunSteps
from lava.magma.core.run_configs import RunConfig
from lava.utils.sparse import find
from scipy.sparse import csr_matrix

from neuromorph.engine.engine import Engine
from neuromorph.errors import LoweringError, RangeError, SimulationError
from neuromorph.interrupt import deferred_interrupt
from neuromorph.processes.lowering.discovery import describe, run_config
from neuromorph.processes.lowering.graph import ProcessGraph, connected, flatten_graph, ports_of
from neuromorph.processes.lowering.lower import Lowered
from neuromorph.processes.lowering.values import held
from neuromorph.processes.simulating.feeding import Feeds
from neuromorph.processes.simulating.variables import EngineVars
from neuromorph.processes.stepping.stepper import Stepper
from neuromorph.program import Program

TAG = "fixed_pt"
"""Of the models that run where no configuration is given."""
TIMED = 10
"""Steps after which a warning says what stepped processes cost."""


class SteppedWarning(UserWarning):
    """Processes of a simulated graph are stepped by Lava's own models, at their speed."""


class BeyondChipWarning(UserWarning):
    """What no chip takes was computed as Lava computes it."""


class Simulation:
    """A graph, how far it has come, and what runs it. Its processes have it as their `runtime`.

    What the Vars say counts: a Var that is set, or whose `init` is given anew, has this value from then on. Where the engine has no such
    variable (a learning rule, a source's frames) or not this value, the graph is lowered anew, as it is when it has grown.
    """

    def __init__(
        self, process: AbstractProcess, config: RunConfig | None = None, step: int = 0, before: Simulation | None = None
    ) -> None:
        """`before`: the same graph, or a part of it, as it ran until now."""
        self.config: RunConfig | None = config or (before.config if before else None)
        self.step: int = before.step if before else step
        self.graph: ProcessGraph = flatten_graph(process, self.config or TAG, before.graph.parts if before else None)
        self._before = before
        self._wiring = _wiring(connected(process))
        self._vars = {var.id: var for p in self.graph.all_processes for var in p.vars.members}
        self._inits = {var: var.init for var in self._vars.values()}
        self._given: dict[Var, Any] = {}
        self._engine: EngineVars | None = None
        self._stepper: Stepper | None = None
        self._stale = False
        self._untold: bool = before is None or before._untold
        self._failed = False

    @classmethod
    def around(cls, process: AbstractProcess, config: RunConfig | None = None) -> Simulation:
        """The simulation of the graph around `process` as it now is. Raises LoweringError for a graph that Lava holds, for two that have
        run apart, and for another configuration than it began with."""
        there, config = connected(process), None if config is None else run_config(config)
        if any(p.is_compiled for p in there):
            raise LoweringError(
                f"{describe(process)}: Lava has compiled this graph, and its Vars answer for Lava's runtime; build it anew"
            )
        found = {p.runtime: p for p in there if isinstance(p.runtime, Simulation)}
        if not found:
            return cls(process, config)
        if len(found) > 1:
            raise LoweringError(
                f"{' and '.join(map(describe, found.values()))} have run apart and are connected now; restart(process) lets both "
                "begin anew, from the values that they hold"
            )
        simulation = next(iter(found))
        simulation._check_config(config)
        return simulation if simulation._is_current(there) else cls(process, before=simulation)

    def _check_config(self, config: RunConfig | None) -> None:
        if config is not None and self.config is not None and vars(config) != vars(self.config):
            raise LoweringError(
                "the graph has begun with another run configuration, which it keeps (Lava would ignore the new one in silence); "
                "restart(process) takes another"
            )

    def _is_current(self, there: list[AbstractProcess]) -> bool:
        """Whether the processes are still those of its whole graph, and it runs what its Vars say; what was given since is set here."""
        for var, init in self._inits.items():
            if var.init is not init:
                self._set(var, var.init)
                self._inits[var] = var.init
        return not self._stale and self._wiring == _wiring(there)

    def take_over(self) -> None:
        """From now on the Vars of the graph are answered for here."""
        for process in self.graph.all_processes:
            process.runtime = self

    @cached_property
    def lowered(self) -> Lowered:
        return Lowered.parted(self.graph, self.step, self._is_fresh)

    @cached_property
    def _feeds(self) -> Feeds:
        return Feeds(self.lowered)

    def _is_fresh(self, process: AbstractProcess) -> bool:
        """Whether a process has made no step yet: one that is new in a graph that has grown, too."""
        return self.step == 0 or process.runtime is None

    def check_whole(self) -> None:
        """Raises what `lower` raises."""
        self.lowered.check_whole()

    def program(self) -> Program:
        """As it stands. Raises the reason why it is not all native."""
        self.check_whole()
        return self.lowered.program if self._engine is None else self._engine.engine.snapshot()

    # ---- the run ---------------------------------------------------------------------------------------------------------

    def run(self, steps: int, progress: Callable[[int], None] | None = None, *, strict: bool = False) -> None:
        """Make `steps` steps, fewer where a stepped model asks for the run to pause or stop."""
        if self._failed:
            raise SimulationError("this graph failed in an earlier run and stands in the middle of a step; restart(process)")
        running = self._begun()
        running.engine.be_lenient(not strict)
        self._check_room(self.step + steps)
        self._feeds.check(steps)
        if self._stepper is not None:
            self._run_stepped(self._stepper, steps, progress)
        elif self._feeds:
            self._run_fed(running, steps, progress)
        else:
            self._run_engine(running, steps, progress)
        for note in running.engine.take_notes():
            warnings.warn(f"{note}, as in Lava, and as on no chip", BeyondChipWarning, stacklevel=4)

    def _run_engine(self, running: EngineVars, steps: int, progress: Callable[[int], None] | None) -> None:
        """A run that fails leaves what there was before it."""
        engine, saved = running.engine, running.engine.saved()
        try:
            engine.run(steps, progress)
        except SimulationError:
            self._engine = EngineVars(self.lowered, engine.restored(saved, self.step))
            raise
        except KeyboardInterrupt:
            self.step = engine.step
            raise
        self.step = engine.step

    def _run_fed(self, running: EngineVars, steps: int, progress: Callable[[int], None] | None) -> None:
        """Between blocks the graph stands still: what feeds it may look at its Vars, and ends the run where it raises."""
        while steps > 0:
            count = self._feeds.put(running.engine, steps)
            self._run_engine(running, count, progress)
            self._feeds.hand_over(running.engine, count)
            steps -= count

    def _run_stepped(self, stepper: Stepper, steps: int, progress: Callable[[int], None] | None) -> None:
        began = time.perf_counter()
        engine = self._begun().engine
        for made in range(1, steps + 1):
            self._feeds.put(engine, steps + 1 - made, at_once=1)
            self._failed = True
            with deferred_interrupt():
                stepper.step()
                self.step, self._failed = stepper.time_step, False
            self._feeds.hand_over(engine, 1)
            if self._untold and made == min(steps, TIMED):
                self._tell((time.perf_counter() - began) / made)
            if progress:
                progress(1)
            if stepper.is_paused:
                return

    def _tell(self, seconds: float) -> None:
        self._untold = False
        reasons = "".join(f"\n  {str(error).partition('; use one of')[0]}" for error in self.lowered.stepped.values())
        warnings.warn(
            f"{len(self.lowered.stepped)} of {len(self.graph.processes)} processes are stepped by Lava's own models, in Python; a step "
            f"takes {1e6 * seconds:.0f} us:{reasons}",
            SteppedWarning,
            stacklevel=5,
        )

    def _begun(self) -> EngineVars:
        """What runs the graph, made at the first run. It begins with what the Vars hold, in another simulation if that was before."""
        if self._engine is None:
            lowered, before = self.lowered, self._before
            engine = Engine(lowered.program)
            for name, var in lowered.monitors.items():  # what they hold from the runs before
                data = np.broadcast_to(np.asarray(held(var)), var.shape)
                engine.set(name, "data", data.reshape(engine.get(name, "data").shape).astype(np.int64))
            if lowered.stepped:
                self._stepper = Stepper(self.graph, lowered, engine, self.step, held)
                if before is not None:
                    self._stepper.adopt(before._stepper, before.unseen_of)
            self._engine, self._before = EngineVars(lowered, engine), None
            given = {} if before is None else before._given
            self._given |= {var: value for var, value in given.items() if not self._runs(var)}
            self.take_over()
        return self._engine

    def _runs(self, var: Var) -> bool:
        """Whether the value is kept by what runs the graph."""
        stepped = self._stepper is not None and var.process in self._stepper.models
        return stepped or (self._engine is not None and var in self._engine)

    def _check_room(self, steps: int) -> None:
        for probe in self.lowered.program.probes:
            if probe.length < steps:
                raise LoweringError(
                    f"{probe.name} has room for {probe.length} steps of {probe.node}.{probe.variable}, and {steps} are to "
                    "be made; probe with a larger num_steps"
                )

    # ---- what Vars ask of their runtime ----------------------------------------------------------------------------------

    def value_of(self, var: Var) -> Any:
        """What a Var holds, in the types of what runs it, a sparse one as a csr_matrix."""
        var = self.graph.aliases.get(var, var)
        if var in self._given:
            return self._given[var]
        if self._stepper is not None and var.process in self._stepper.models:
            return getattr(self._stepper.models[var.process], var.name)
        if self._engine is not None and var in self._engine:
            return self._engine.get(var)
        return var.init

    def unseen_of(self, process: AbstractProcess) -> dict[str, Any]:
        """What a process keeps beside its Vars, by the names that law and model have for it."""
        if self._stepper is not None and process in self._stepper.models:
            return dict(vars(self._stepper.models[process]))
        return self._engine.unseen_of(process) if self._engine is not None else {}

    def get_var(self, var_id: int, idx: Any = None) -> Any:
        """As Lava's runtime gives it: float64 in the Var's shape; of a sparse Var its entries."""
        var = self._vars[var_id]
        value = self.value_of(var)
        if value is None:
            return None
        if isinstance(value, str):
            return np.frombuffer(value.encode("ascii"), dtype=np.uint8).astype(float)
        if isinstance(value, csr_matrix):
            var.init = self._inits[var] = value  # Var.get lays what it gets on the entries that init has
            post, pre, _ = find(value)
            found = np.asarray(value[post, pre], dtype=float).ravel() if len(post) else np.zeros(0)
        else:
            found = np.array(np.broadcast_to(np.asarray(value, dtype=float), var.shape))
        return found if idx is None else found[idx]

    def set_var(self, var_id: int, value: Any, idx: Any = None) -> None:
        """`value` in the Var's shape, or of its elements `idx`; of a text its letters, of a sparse Var its entries."""
        var = self._vars[var_id]
        if isinstance(var.init, str):
            value = bytes(np.asarray(value).astype(np.uint8).tolist()).decode("ascii")
        elif isinstance(var.init, csr_matrix):
            post, pre, _ = find(var.init, explicit_zeros=True)
            value = csr_matrix((value, (post, pre)), var.shape)
        elif idx is not None:
            whole = self.get_var(var_id)
            whole[idx] = value
            value = whole
        self._set(var, value)

    def _set(self, var: Var, value: Any) -> None:
        _check_shape(var, value)
        var = self.graph.aliases.get(var, var)
        if self._stepper is not None and var.process in self._stepper.models:
            self._stepper.set_var(var, value)
        elif self._engine is None or var not in self._engine or not self._engine.set(var, value):
            self._given[var] = _like(var, value)
            self._stale = self._engine is not None
        else:
            self._given.pop(var, None)

    def start(self, condition: AbstractRunCondition) -> None:
        """`process.run(...)`: goes on with the simulation."""
        if not isinstance(condition, RunSteps):
            raise RangeError(f"{type(condition).__name__} has no end that can be known; give RunSteps")
        process = self.graph.processes[0]
        Simulation.around(process).run(condition.num_steps)

    def stop(self) -> None:
        """There is nothing to end: values stay readable, and a next run goes on. (Lava calls this of every process that is freed.)"""

    def pause(self) -> None:
        """A simulation runs within its call only."""

    def wait(self) -> None:
        """A simulation has ended when its call has."""

    def release(self) -> None:
        """Leave what the Vars hold in their `init`, and the graph as if it had never run."""
        values = {var: self.value_of(var) for var in self._vars.values()}
        for var, value in values.items():
            var.init = value
        for process in self.graph.all_processes:
            process.runtime = None


def _wiring(processes: list[AbstractProcess]) -> dict[AbstractProcess, list[int]]:
    """The processes of a graph, and how many connections each of their ports has: a graph only grows."""
    return {p: [len(port.in_connections) + len(port.out_connections) for port in ports_of(p)] for p in processes}


def _check_shape(var: Var, value: Any) -> None:
    if value is None or isinstance(value, str):
        return
    try:
        fits = np.broadcast_shapes(np.shape(value), var.shape) == tuple(var.shape)
    except ValueError:
        fits = False
    if not fits:
        raise RangeError(
            f"{describe(var.process)}: {var.name} has the shape {var.shape}, and values of the shape {np.shape(value)} were given; a Var "
            "keeps its shape, so build the graph anew"
        )


def _like(var: Var, value: Any) -> Any:
    """A value that was given to a Var: in its shape, unless it is a text or sparse."""
    if isinstance(value, str | csr_matrix) or value is None:
        return value
    return np.array(np.broadcast_to(np.asarray(value), var.shape))
