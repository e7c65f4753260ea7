"""`check_bits`: a process graph in Lava and natively, side by side, every variable at every step."""

from __future__ import annotations

import neuromorph.processes.lava_first  # noqa: F401 (before anything of Lava)

# isort: split
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.utils.sparse import find
from scipy.sparse import csr_matrix

from neuromorph.engine.engine import Engine
from neuromorph.errors import check_count
from neuromorph.processes.equivalence.recorded import dense
from neuromorph.processes.equivalence.result import BitCheck, Difference
from neuromorph.processes.equivalence.runtime import lava_run
from neuromorph.processes.lowering.graph import ProcessGraph, flatten_graph
from neuromorph.processes.lowering.lower import Lowered, variable_of
from neuromorph.processes.rebuilding import rebuild
from neuromorph.processes.stepping.stepper import LavaStepper
from neuromorph.program import Population, Program, Read, Sink, Synapse

Reading = Callable[[Var], Any]


def check_bits(
    process: AbstractProcess,
    steps: int,
    *,
    runtime: bool = False,
    time_limit: float = 600.0,
    progress: Callable[[int], None] | None = None,
) -> BitCheck:
    """Compare Lava's fixed-point models and the engine on the graph around `process`, from the values its Vars hold.

    Compared are all states, traces, weights and recorded data, after every step, in the graph's own order, on Lava's model
    classes stepped one by one in this process. With `runtime` Lava's own runtime makes all steps in one run, within
    `time_limit` seconds, and the values after the last one are compared; Lava compiles a graph once, so it is used up.
    Otherwise the graph is left as it was.
    """
    check_count("steps", steps, 0)
    lowered = Lowered.of(flatten_graph(process), step=0)
    variables = list(compared(lowered))
    recorded = [(var, name, "data") for name, var in lowered.monitors.items()]
    engine = Engine(lowered.program)
    if runtime:
        engine.run(steps)
        found = lava_run(
            process,
            steps,
            time_limit=time_limit,
            after=lambda: _first_difference(
                engine, [*variables, *recorded], steps, _runtime_reader(lowered, flatten_graph(process))
            ),
        )
        return BitCheck(steps, len(variables), found, "Lava's own runtime")
    for step, read in stepped(process, lowered, steps):
        engine.run(1)
        seen = variables if step < steps else [*variables, *recorded]
        found = _first_difference(engine, seen, step, read)
        if found:
            return BitCheck(step, len(variables), found)
        if progress:
            progress(1)
    return BitCheck(steps, len(variables), None)


def check_graphs_of(program: Program, steps: int, **options: Any) -> BitCheck:
    """`check_bits`, with its options, of the Lava graph of a Program, or of its graphs where not all nodes are connected."""
    checks: list[BitCheck] = []
    for process in graphs_of(program):
        checks.append(check_bits(process, steps, **options))
        if not checks[-1].equal:
            break
    return replace(checks[-1], variables=sum(check.variables for check in checks))


def graphs_of(program: Program) -> list[AbstractProcess]:
    """A process of each Lava graph that a Program is rebuilt to: one graph, or one for each connected part."""
    found: list[AbstractProcess] = []
    seen: set[AbstractProcess] = set()
    for process in rebuild(program).values():
        if process not in seen:
            found.append(process)
            seen.update(flatten_graph(process).processes)
    return found


def stepped(process: AbstractProcess, lowered: Lowered, steps: int) -> Iterator[tuple[int, Reading]]:
    """Lava's models of a graph, step by step: the number of the step, and what reads a Var of `lowered` after it."""
    stepper = LavaStepper(process)
    twin = _twins(lowered.graph, stepper.graph)
    for step in range(1, steps + 1):
        stepper.step()
        yield step, lambda var: stepper.get(twin[var.process], var.name)


def _twins(one: ProcessGraph, other: ProcessGraph) -> dict[AbstractProcess, AbstractProcess]:
    """Leaf processes of the same graph: the same on both sides, but for those that hierarchical processes make afresh."""
    return dict(zip(one.processes, other.processes, strict=True))


def _runtime_reader(lowered: Lowered, running: ProcessGraph) -> Reading:
    """Reads Vars from Lava's runtime, sparse ones as dense arrays.

    Lava's own Var.get takes the entries of a sparse Var to be those it began with, but weights lose entries with their low
    bits; and where none is left, its worker dies of being asked.
    """
    twin = _twins(lowered.graph, running)

    def read(var: Var) -> Any:
        there = getattr(twin[var.process], var.name)
        if not isinstance(var.init, csr_matrix):
            return there.get()
        node = lowered.program[lowered.names[var.process]]
        entries = var.init
        if var.name == "weights" and isinstance(node, Synapse) and node.index is not None:
            entries = csr_matrix((np.ones(node.weights.size), tuple(node.index)), shape=var.shape)
        full = np.zeros(var.shape)
        if entries.nnz:
            post, pre, _ = find(entries, explicit_zeros=True)  # the order in which Lava sends them
            full[post, pre] = there.process.runtime.get_var(there.id)
        return full

    return read


def compared(lowered: Lowered) -> Iterator[tuple[Var, str, str]]:
    """(Var, node, variable) of every state that both sides have."""
    for process, name in lowered.names.items():
        node = lowered.program[name]
        if isinstance(node, Population):
            names: list[str] = list(node.states)
        elif isinstance(node, Synapse):
            names = [*node.states, *([] if node.tied_to else ["weights"])]
        else:
            names = ["data"] if isinstance(node, Sink | Read) else []
        seen = {variable_of(var, node): var for var in process.vars.members}
        yield from ((seen[variable], name, variable) for variable in names if variable in seen)


def _first_difference(engine: Engine, variables: list[tuple[Var, str, str]], step: int, read: Reading) -> Difference | None:
    for var, name, variable in variables:
        lava = np.asarray(read(var))
        native = dense(engine, name, variable).reshape(lava.shape)
        if not np.array_equal(lava, native):
            at = tuple(int(i) for i in np.argwhere(lava != native)[0])
            return Difference(step, name, variable, at, int(lava[at]), int(native[at]))
    return None
