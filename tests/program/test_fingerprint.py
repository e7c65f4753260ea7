"""The fingerprint of a Program: the same however it is written down, another for every change that could change a run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_programs import programs
from small_program import learner

from neuromorph.deploy.artifact.file import load, save
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.program import Program
from neuromorph.program.fingerprint import fingerprint, value_hash


@settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(programs(), st.randoms(use_true_random=False))
def test_order_and_file_do_not_matter(tmp_path: Path, program: Program, random) -> None:
    parts = [list(part) for part in (program.nodes, program.links, program.probes)]
    for part in parts:
        random.shuffle(part)
    expected = fingerprint(program)
    assert fingerprint(Program(*map(tuple, parts), step=program.step)) == expected
    save(program, tmp_path / "net.h5", Provenance(), overwrite=True)
    assert fingerprint(load(tmp_path / "net.h5").program) == expected


def changed(node: str, **changes) -> Program:
    program = learner()
    return program.with_nodes(replace(program[node], **changes))


def test_every_change_shows() -> None:
    program = learner()
    up, hidden, source = program["w1"], program["h"], program["x"]
    weights = up.weights.copy()
    weights.flat[-1] ^= 1
    port = next(iter(source.frames))
    frames = source.frames[port].copy()
    frames.flat[0] ^= 2
    others = [
        changed("w1", weights=weights),
        changed("w1", exponent=up.exponent + 1),
        changed("w1", graded=not up.graded),
        changed("w1", states={**up.states, "x2": 1}),
        *(changed("w1", plasticity=replace(up.plasticity, **change)) for change in (
            {"rng_seed": 8}, {"t_epoch": 2}, {"taus": {**up.plasticity.taus, "x2": 3.5}}, {"three_factor": False},
            {"graded_spike": up.plasticity.graded_spike.ADD_WITH_SATURATION}, {"dt": up.plasticity.dw},
        )),
        changed("h", parameters={**hidden.parameters, "shift": hidden.parameters["shift"] + 1}),
        changed("h", states={**hidden.states, "age": hidden.states["age"] + 1}),
        changed("x", frames={**source.frames, port: frames}),
        changed("x", hold=source.hold + 1),
        replace(program, links=program.links[1:]),
        replace(program, step=1),
    ]  # fmt: skip
    assert len({fingerprint(one) for one in (program, *others)}) == 1 + len(others)


@pytest.mark.parametrize("other", [[1, 2, 4], [1, 2], [2, 1, 3], [[1, 2, 3, 0]], [-1, 2, 3]])
def test_other_values_have_another_hash(other) -> None:
    assert value_hash(np.array(other)) != value_hash(np.array([1, 2, 3]))


def test_shape_and_type_do_not_matter() -> None:
    """The engine holds flat int64 what Lava holds in a shape of its own, in 32 bits or as floats."""
    values = np.arange(-6, 6)
    for other in (
        values.reshape(3, 4),
        values.astype(np.int16),
        values.astype(float),
        np.asfortranarray(values.reshape(3, 4)),
    ):
        assert value_hash(other) == value_hash(values)
