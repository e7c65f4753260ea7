"""`rebuild`: the Lava process graph of a Program; what `lower` undoes."""

from __future__ import annotations

from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.proc.monitor.process import Monitor
from scipy.sparse import csr_matrix

from neuromorph.errors import RebuildingError
from neuromorph.processes.rebuilding.links import connect
from neuromorph.processes.rebuilding.nodes import process_of, tied
from neuromorph.processes.simulating.simulate import resume
from neuromorph.program import Probe, Program, Synapse
from neuromorph.program.given import check_program


def rebuild(program: Program) -> dict[str, AbstractProcess]:
    """The Lava processes of a Program by the names of its nodes, connected, and a Monitor by the name of each probe.

    `lower` of one of them gives the part of the Program that is connected to it, at the Program's step, bit for bit: but for the order
    of links and probes (and tied synapses come last), and for the low bit of plastic weights of mixed signs, which Lava cuts before
    its first step (laws/weights.py).

    Raises RebuildingError for what no Lava process holds, such as a law without a Process, naming it; and what `lower` raises for
    learning rules that Lava cannot run.
    """
    check_program(program, "rebuild")
    made = {n.name: process_of(n, program.step) for n in program.nodes if not (isinstance(n, Synapse) and n.tied_to)}
    made |= {s.name: tied(s, made[s.tied_to]) for s in program.synapses if s.tied_to}
    processes = {node.name: made[node.name] for node in program.nodes}
    connect(program, processes)
    monitors = {probe.name: _monitor(probe, processes[probe.node]) for probe in program.probes}
    if program.step:
        resume(processes.values(), program.step)
    return processes | monitors


def _monitor(probe: Probe, process: AbstractProcess) -> Monitor:
    seen = getattr(process, probe.variable, None)
    why = None
    if not isinstance(seen, Var | OutPort):
        why = "is no Var and no OutPort in Lava"
    elif isinstance(seen, Var) and isinstance(seen.init, csr_matrix):
        why = "is a sparse matrix, which Lava's Monitor cannot hold"
    elif (probe.every, probe.offset) != (1, 0):
        why = f"is read at every {probe.every}th step; Lava's Monitor reads at every step"
    if why:
        raise RebuildingError(f"probe '{probe.name}': {probe.node}.{probe.variable} {why}")
    monitor = Monitor()
    monitor.name = probe.name
    monitor.probe(seen, probe.length)
    return monitor
