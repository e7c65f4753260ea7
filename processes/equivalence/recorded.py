"""Lava's bits, written down: what Lava's models gave stands for Lava where it does not run, which is on every Python but one.

A record belongs to one Program, which it knows by its fingerprint, and holds a hash of every variable after every step.
`make records` writes all records anew.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neuromorph.engine.engine import Engine
from neuromorph.errors import RangeError
from neuromorph.extras import has, missing, need
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.weights import QuantizationWarning, on_grid
from neuromorph.processes.equivalence.result import BitCheck, Difference
from neuromorph.program import Array, Program, Synapse
from neuromorph.program.fingerprint import fingerprint, value_hash

RECORDS = Path(__file__).with_name("records")
"""Of networks that commands check."""
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Record:
    """What Lava's fixed-point models made of a Program.

    program: its fingerprint. variables: (node, variable). hashes[t - 1, k]: of the values of variables[k] after step t
    (`value_hash`), those of a sparse synapse as a dense array.
    """

    program: str
    variables: tuple[tuple[str, str], ...]
    hashes: Array

    @property
    def steps(self) -> int:
        return len(self.hashes)

    def save(self, path: Path) -> None:
        np.savez_compressed(path, program=self.program, variables=np.array(self.variables), hashes=self.hashes)

    @classmethod
    def load(cls, path: Path) -> Record:
        with np.load(path) as file:
            variables = tuple((str(node), str(variable)) for node, variable in file["variables"])
            return cls(str(file["program"]), variables, file["hashes"])


def check_program(
    program: Program, steps: int, *, runtime: bool = False, time_limit: float = 600.0, progress: Progress | None = None
) -> BitCheck:
    """Compare the engine with Lava on a Program: with Lava itself where it is installed, else with what is recorded of it.

    The options are those of `check_bits`. Raises MissingError where there is neither Lava nor a record, and for `runtime`
    without Lava.
    """
    if runtime:
        need("lava", "Lava's own runtime")
    if not has("lava"):
        return check_recorded(program, steps, progress=progress)
    from neuromorph.processes.equivalence.check import check_graphs_of

    return check_graphs_of(program, steps, runtime=runtime, time_limit=time_limit, progress=progress)


def is_recorded(program: Program) -> bool:
    """Whether `check_recorded` knows what Lava's models make of this Program."""
    return _record_of(program, RECORDS) is not None


def check_recorded(program: Program, steps: int, *, records: Path = RECORDS, progress: Progress | None = None) -> BitCheck:
    """Compare the engine with the record of a Program in a folder, every variable after every step.

    Raises MissingError for a Program without a record, RangeError for more steps than were recorded.
    """
    record = _record_of(program, records)
    if record is None:
        raise missing("lava", "a comparison with Lava of a network of which no bits of Lava are recorded")
    if steps > record.steps:
        raise RangeError(f"Lava's bits are recorded of the first {record.steps} steps of this network, not of {steps}")
    engine = Engine(begun(program))
    for step, expected in enumerate(record.hashes[:steps], 1):
        engine.run(1)
        for (node, variable), there in zip(record.variables, expected, strict=True):
            if value_hash(dense(engine, node, variable)) != there:
                return BitCheck(step, len(record.variables), Difference(step, node, variable), "Lava's recorded bits")
        if progress:
            progress(1)
    return BitCheck(steps, len(record.variables), None, "Lava's recorded bits")


def _record_of(program: Program, folder: Path) -> Record | None:
    wanted = fingerprint(program)
    return next((r for r in map(Record.load, sorted(folder.glob("*.npz"))) if r.program == wanted), None)


def begun(program: Program) -> Program:
    """The Program as Lava begins it, without the low bits that it cuts off plastic weights before its first step; warns of them."""
    return program.with_nodes(*(_cut(s, s.plasticity.sign_mode) for s in program.synapses if s.plasticity))


def _cut(synapse: Synapse, mode: SignMode) -> Synapse:
    kept = on_grid(synapse.weights, mode)
    if changed := int(np.count_nonzero(kept != synapse.weights)):
        warnings.warn(
            f"synapse '{synapse.name}': {changed} weights lose low bits, as in Lava", QuantizationWarning, stacklevel=4
        )
    return replace(synapse, weights=kept)


def dense(engine: Engine, name: str, variable: str) -> Array:
    """A variable of the engine; weights and tags of a sparse synapse as an array (post, pre)."""
    values = engine.get(name, variable)
    if variable not in ("weights", "tag_1", "tag_2"):
        return values
    node = engine.program[name]
    if not isinstance(node, Synapse) or node.index is None:
        return values
    full = np.zeros(node.shape, dtype=np.int64)
    full[tuple(node.index)] = values
    return full
