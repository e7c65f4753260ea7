"""`simulate`: a process graph runs natively and ends with its results in its own Vars, Monitors and sinks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from lava.magma.core.process.process import AbstractProcess

from neuromorph.engine.engine import Engine
from neuromorph.errors import LoweringError
from neuromorph.processes.lowering.graph import ProcessGraph, flatten_graph
from neuromorph.processes.lowering.lower import Lowered


@dataclass
class _Run:
    """What a graph cannot keep in its own Vars: the processes it was made of, and how far it has come."""

    graph: ProcessGraph
    step: int


_RUNS: WeakKeyDictionary[AbstractProcess, _Run] = WeakKeyDictionary()


def simulate(process: AbstractProcess, steps: int, progress: Callable[[int], None] | None = None) -> None:
    """Run the graph around `process` for `steps` steps, bit for bit as Lava's fixed-point runtime, without it.

    Replaces `process.run(RunSteps(steps), Loihi2SimCfg(select_tag="fixed_pt"))`: afterwards Vars (`lif.v.get()`), Monitors
    (`monitor.get_data()`) and sinks hold what Lava's would. A second call goes on where the first one ended, from the values
    that the Vars hold then; `restart(process)` begins at step 1 again. Raises what `lower` raises, and SimulationError when
    a value leaves the chip's range while running.
    """
    run = _RUNS.get(process)
    if run is None:
        run = _Run(flatten_graph(process), 0)
        for leaf in run.graph.processes:
            _RUNS[leaf] = run
        _RUNS[process] = run
    lowered = Lowered.of(run.graph, run.step)
    _check_room(lowered, run.step + steps)
    engine = Engine(lowered.program)
    for probe in lowered.program.probes:
        engine.set(probe.name, "data", lowered.recorded(probe.name))
    engine.run(steps, progress)
    lowered.write_back(
        engine.snapshot(), {p.name: engine.get(p.name, "data") for p in lowered.program.probes}
    )
    run.step += steps


def restart(process: AbstractProcess) -> None:
    """Let the next `simulate` of this graph begin at step 1, from the values that its Vars hold."""
    run = _RUNS.pop(process, None)
    for leaf in run.graph.processes if run else ():
        _RUNS.pop(leaf, None)


def _check_room(lowered: Lowered, steps: int) -> None:
    for probe in lowered.program.probes:
        if probe.length < steps:
            raise LoweringError(
                f"{probe.name} has room for {probe.length} steps of {probe.node}.{probe.variable}, and {steps} are to be made; "
                "probe with a larger num_steps"
            )
