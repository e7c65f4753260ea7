"""`lower` a process graph to a Program, or `simulate` it: natively, with the results in its own Vars, Monitors and sinks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var

from neuromorph.engine.engine import Engine
from neuromorph.errors import LoweringError
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.graph import ProcessGraph, flatten_graph
from neuromorph.processes.lowering.lower import Lowered
from neuromorph.program import Program


@dataclass
class _Run:
    """What a graph cannot keep in its own Vars: the processes it was made of, and how far it has come."""

    graph: ProcessGraph
    step: int


_RUNS: WeakKeyDictionary[AbstractProcess, _Run] = WeakKeyDictionary()


def lower(process: AbstractProcess) -> Program:
    """The Program of the graph around `process`: everything connected to it, as Lava's compiler finds it.

    Values are those that the Vars hold now, at the step that `simulate` has reached. Raises LoweringError where a process
    cannot be lowered, RangeError where a value does not fit the chip, RuleError for a learning rule, ProgramError where
    processes wait for each other.
    """
    run = _RUNS.get(process) or _Run(flatten_graph(process), 0)
    return Lowered.of(run.graph, run.step).program


def simulate(process: AbstractProcess, steps: int, progress: Callable[[int], None] | None = None) -> None:
    """Run the graph around `process` for `steps` steps, bit for bit as Lava's fixed-point runtime, without it.

    Replaces `process.run(RunSteps(steps), Loihi2SimCfg(select_tag="fixed_pt"))`: afterwards Vars (`lif.v.get()`), Monitors
    (`monitor.get_data()`) and sinks hold what Lava's would. A second call goes on where the first one ended, from the values
    that the Vars hold then; `restart(process)` begins at step 1 again. Raises what `lower` raises, and SimulationError when
    a value leaves the chip's range while running.
    """
    if process.is_compiled:
        raise LoweringError(
            f"{describe(process)}: Lava has compiled this graph, and its Vars answer for Lava's runtime; build it anew"
        )
    run = _RUNS.get(process)
    if run is None:
        run = _Run(flatten_graph(process), 0)
        _RUNS.update(dict.fromkeys(_all_of(run.graph), run))
    lowered = Lowered.of(run.graph, run.step)
    _check_room(lowered, run.step + steps)
    engine = Engine(lowered.program)
    for probe in lowered.program.probes:
        _put_back(engine, probe.name, lowered.monitors[probe.name])
    engine.run(steps, progress)
    lowered.write_back(engine.snapshot(), {p.name: engine.get(p.name, "data") for p in lowered.program.probes})
    run.step += steps


def restart(process: AbstractProcess) -> None:
    """Let the next `simulate` of this graph begin at step 1, from the values that its Vars hold."""
    if run := _RUNS.get(process):
        for one in _all_of(run.graph):
            del _RUNS[one]


def resume(processes: Iterable[AbstractProcess], step: int) -> None:
    """Let the first `simulate` of graphs that were made from a Program go on after the step that it had reached."""
    for process in processes:
        if process not in _RUNS:
            run = _Run(flatten_graph(process), step)
            _RUNS.update(dict.fromkeys(_all_of(run.graph), run))


def _all_of(graph: ProcessGraph) -> set[AbstractProcess]:
    """Leaf processes and the hierarchical ones around them."""
    found: set[AbstractProcess] = set()
    for process in graph.processes:
        while process is not None:
            found.add(process)
            process = process.parent_proc
    return found


def _put_back(engine: Engine, probe: str, data: Var) -> None:
    """What a Monitor holds from the runs before."""
    before = np.broadcast_to(np.asarray(data.get()), data.shape)
    engine.set(probe, "data", before.reshape(engine.get(probe, "data").shape))


def _check_room(lowered: Lowered, steps: int) -> None:
    for probe in lowered.program.probes:
        if probe.length < steps:
            raise LoweringError(
                f"{probe.name} has room for {probe.length} steps of {probe.node}.{probe.variable}, and {steps} are to "
                "be made; probe with a larger num_steps"
            )
