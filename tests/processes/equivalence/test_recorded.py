"""The engine gives the bits that Lava's models were recorded to give, on every Python."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recorded_programs import DEMO, FOLDER, OF_LAVA_ALONE, PROGRAMS, STEPS

from neuromorph.engine.engine import Engine
from neuromorph.errors import MissingError, RangeError
from neuromorph.laws.catalogue import LAWS
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.products.rule import GradedSpike
from neuromorph.laws.weights import QuantizationWarning
from neuromorph.processes.equivalence import recorded
from neuromorph.processes.equivalence.recorded import RECORDS, Record, check_program, check_recorded
from neuromorph.program import Program, Sink, Source

pytestmark = [
    pytest.mark.filterwarnings("ignore::neuromorph.laws.weights.QuantizationWarning"),
    pytest.mark.filterwarnings("ignore:Conversion of an array with ndim:DeprecationWarning"),  # in Lava's InvSqrt
]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_variable_equals_lava_s_after_every_step(name: str) -> None:
    found = check_recorded(PROGRAMS[name](), STEPS, records=FOLDER)
    assert found.first_difference is None, str(found.first_difference)
    assert (found.steps, found.variables) == (STEPS, len(Record.load(FOLDER / f"{name}.npz").variables))


@pytest.mark.needs("lava")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_records_are_what_lava_gives(name: str) -> None:
    from neuromorph.processes.equivalence.recording import record

    there, now = Record.load(FOLDER / f"{name}.npz"), record(PROGRAMS[name](), STEPS)
    assert (there.program, there.variables) == (now.program, now.variables), "run make records"
    assert np.array_equal(there.hashes, now.hashes)


def test_the_demo_begins_with_lava_s_bits() -> None:
    make, steps = DEMO["demo-start"]
    found = check_recorded(make(), steps)
    assert found.first_difference is None, str(found.first_difference)


@pytest.mark.needs("lava")
def test_the_record_of_the_demo_is_what_lava_gives() -> None:
    from neuromorph.processes.equivalence.recording import record

    make, steps = DEMO["demo-start"]
    there, now = Record.load(RECORDS / "demo-start.npz"), record(make(), steps)
    assert there.program == now.program, "run make records"
    assert np.array_equal(there.hashes, now.hashes)


def kinds_of(program: Program) -> set[object]:
    """The laws, kinds of synapses, rules and modes in a Program."""
    found: set[object] = {type(node) for node in program.nodes} | {p.law.name for p in program.populations}
    found |= {"transposed" for link in program.links if link.index is not None}
    for s in program.synapses:
        dense = "dense" if s.index is None else "sparse"
        if s.tied_to:
            found.add("tied")
        elif s.plasticity is None:
            found |= {(dense, s.delays is not None), "graded" if s.graded else "binary", "up" if s.exponent > 0 else "down"}
        else:
            learning = s.plasticity
            found |= {(dense, "three factors" if learning.three_factor else "two factors"), ("epoch", learning.t_epoch > 1)}
            found |= {learning.graded_spike, learning.sign_mode}
            found |= {target for target in ("dw", "dd", "dt") if getattr(learning, target)}
    return found


def test_the_programs_reach_every_law_kind_of_synapse_and_rule() -> None:
    reached = {kind for program in PROGRAMS.values() for kind in kinds_of(program())}
    static = {(dense, delayed) for dense in ("dense", "sparse") for delayed in (False, True)}
    plastic = {("dense", "two factors"), ("sparse", "two factors"), ("dense", "three factors")}
    wanted = {
        *LAWS.keys() - OF_LAVA_ALONE, *GradedSpike, *SignMode, *static, *plastic, Source, Sink, "tied", "transposed", "graded", "binary", "up", "down",
        "dw", "dd", "dt", ("epoch", True), ("epoch", False),
    }  # fmt: skip
    assert wanted <= reached, wanted - reached


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_recorded_moves(name: str) -> None:
    """Spikes and learning: no plastic synapse keeps its weights, no neuron its state (or, of those without memory, its taker)."""
    program, record = PROGRAMS[name](), Record.load(FOLDER / f"{name}.npz")
    moved = {v for v, column in zip(record.variables, record.hashes.T, strict=True) if len(np.unique(column)) > 1}
    assert {s.name for s in program.synapses if s.plasticity} <= {node for node, variable in moved if variable == "weights"}
    nodes = {node for node, _ in moved}
    assert {p.name for p in program.populations} <= nodes | {
        link.source[0] for link in program.links if link.target[0] in nodes
    }


@pytest.mark.parametrize(("node", "variable"), [("neurons", "v"), ("plastic", "weights"), ("plastic", "x1")])
@pytest.mark.parametrize("step", [1, 7])
def test_one_wrong_bit_is_found_where_and_when_it_arises(monkeypatch, node: str, variable: str, step: int) -> None:
    class Wrong(Engine):
        def run(self, steps, progress=None):
            super().run(steps, progress)
            if self.step == step:
                values = self.get(node, variable)
                values.flat[-1] ^= 1
                self.set(node, variable, values)

    monkeypatch.setattr(recorded, "Engine", Wrong)
    found = check_recorded(PROGRAMS["three-factors"](), STEPS, records=FOLDER).first_difference
    assert found is not None
    assert (found.step, found.population, found.variable) == (step, node, variable)
    assert f"step {step}, '{node}', {variable}" in str(found)


def test_a_program_that_was_not_recorded_is_refused_and_never_taken_for_another(monkeypatch) -> None:
    program = PROGRAMS["lif"]()
    other = program.with_nodes(replace(program["in"], exponent=1))
    with pytest.raises(MissingError, match=r"no bits of Lava are recorded.*lava, which is not installed"):
        check_recorded(other, 3, records=FOLDER)
    monkeypatch.setattr(recorded, "has", lambda package: False)
    with pytest.raises(MissingError):
        check_program(program, 3)


def test_more_steps_than_were_recorded_are_refused() -> None:
    with pytest.raises(RangeError, match=rf"first {STEPS} steps.*not of {STEPS + 1}"):
        check_recorded(PROGRAMS["lif"](), STEPS + 1, records=FOLDER)


def test_a_record_comes_back_from_its_file(tmp_path: Path) -> None:
    there = Record.load(FOLDER / "lif.npz")
    for name in ("again.npz", "twice.npz"):
        there.save(tmp_path / name)
    back = Record.load(tmp_path / "again.npz")
    assert (back.program, back.variables) == (there.program, there.variables)
    assert np.array_equal(back.hashes, there.hashes)
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "twice.npz").read_bytes()


@pytest.mark.needs("lava")
def test_a_program_of_several_graphs_is_compared_whole() -> None:
    program = PROGRAMS["static-synapses"]()
    found = check_program(program, 5)
    assert found.equal
    assert found.variables == len(Record.load(FOLDER / "static-synapses.npz").variables)


def test_low_bits_that_lava_cuts_are_cut_here_too_and_told() -> None:
    program = PROGRAMS["three-factors"]()
    odd = int(np.count_nonzero(program["plastic"].weights & 1))
    assert odd
    with pytest.warns(QuantizationWarning, match=rf"synapse 'plastic': {odd} weights lose low bits, as in Lava"):
        check_recorded(program, 1, records=FOLDER)
