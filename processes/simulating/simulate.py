"""`lower` a process graph to a Program, or `simulate` it: natively, with the results in its own Vars, Monitors and sinks."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import AbstractRunCondition, RunSteps
from lava.magma.core.run_configs import RunConfig

from neuromorph.errors import RangeError, in_a_line
from neuromorph.processes.lowering.graph import connected
from neuromorph.processes.simulating.simulation import Simulation
from neuromorph.program import Program


def lower(process: AbstractProcess) -> Program:
    """The Program of the graph around `process`: everything connected to it, as Lava's compiler finds it.

    Values are those that the Vars hold now, at the step that `simulate` has reached. Raises LoweringError where a process
    cannot be lowered, RangeError where a value does not fit the chip, RuleError for a learning rule, ProgramError where
    processes wait for each other; of several processes that cannot be lowered, one LoweringError with all of them.
    """
    return Simulation.around(process).program()


def simulate(
    process: AbstractProcess,
    steps: int | RunSteps,
    run_cfg: RunConfig | None = None,
    *,
    strict: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Run the graph around `process` for `steps` steps (or RunSteps), bit for bit as Lava's runtime, without it.

    Replaces `process.run(RunSteps(steps), run_cfg)`, and takes the run configuration of the first call, as that does (without one:
    `Loihi2SimCfg(select_tag="fixed_pt")`). Processes that have a native form run compiled; every other is stepped by its own Lava
    model, in this process, between them, and a SteppedWarning names it and what it costs; with `strict` it is refused.

    Afterwards Vars (`lif.v.get()`), Monitors (`monitor.get_data()`) and sinks hold what Lava's would, and `Var.set` works. A second
    call goes on where the first one ended, from the values that the Vars hold then, and with what has been connected since;
    `restart(process)` begins at step 1 again. `progress(n)` is called now and then with the number of steps made.

    Raises what `flatten_graph` and, with `strict`, `lower` raise; SimulationError when a value leaves the chip's range while running,
    LavaRunError where a stepped model fails.
    """
    count = _whole(steps)
    simulation = Simulation.around(process, run_cfg)
    if strict:
        simulation.check_whole()
    simulation.run(count, progress, strict=strict)


def restart(process: AbstractProcess) -> None:
    """Let the next `simulate` of this graph, or a run by Lava itself, begin at step 1, from the values that its Vars hold."""
    for simulation in {p.runtime for p in connected(process) if isinstance(p.runtime, Simulation)}:
        simulation.release()


def resume(processes: Iterable[AbstractProcess], step: int) -> None:
    """Let the first `simulate` of graphs that were made from a Program go on after the step that it had reached."""
    for process in processes:
        if process.runtime is None:
            Simulation(process, step=step).take_over()


def _whole(steps: Any) -> int:
    """The number of steps that was asked for. Raises RangeError for what is none."""
    given = steps.num_steps if isinstance(steps, RunSteps) else steps
    if isinstance(given, AbstractRunCondition):
        raise RangeError(f"{type(given).__name__} has no end that can be known; give a number of steps, or RunSteps")
    if isinstance(given, bool):
        raise RangeError(f"steps = {given}; give a whole number")
    try:
        if isinstance(given, float) and given.is_integer():
            given = int(given)
        count = operator.index(given)
    except TypeError:
        raise RangeError(f"steps = {in_a_line(given)}; give a whole number, or RunSteps") from None
    if count < 0:
        raise RangeError(f"steps = {count}; time does not run backwards")
    return count
