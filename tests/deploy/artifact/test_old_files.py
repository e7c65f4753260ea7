"""Files of former versions always load: what lies in data/ is as it was once written and is never written again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from small_program import learner, plasticity

from neuromorph.deploy.artifact.file import load
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.laws.lif import LIF, TERNARY_LIF
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.products.rule import GradedSpike
from neuromorph.program import TRACES, Kernel, Link, Population, Probe, Program, Read, Reset, Sink, Source, Synapse

SCHEMA_1 = Path(__file__).parent / "data" / "schema1.nmh5"
PROVENANCE = Provenance(
    seed=3,
    data_set="digits",
    accuracies={"test": 0.975},
    command="neuromorph train",
    notes={"why": ["old", None, 1.5, True]},
    created="2024-02-29T12:00:00+00:00",
    versions={"neuromorph": "0.1.0", "numba": "0.60.0", "numpy": "1.26.4", "python": "3.10.13"},
)


def expected() -> Program:
    source = Source(
        "Eingänge/α",
        {"s_out": np.array([[0, 254], [6, -8]]), "b": np.array([[70000], [-1]])},
        hold=3,
        order=np.array([1, 0, 1]),
        pulses=("b",),
    )
    rule = plasticity(
        "2^-1*x0*x1*y3*(y1-64) - 3*u2*x2*sgn(w-5)",
        dd="y0*x1",
        dt="x0*t",
        taus=dict(zip(TRACES, (65535.0, 0.0, 10.25, 1e-3, 7.0), strict=True)),
        impulses=dict(zip(TRACES, (0.0, 16.0, 0.1, 127.0, 5.0), strict=True)),
        three_factor=True,
        t_epoch=2,
        rng_seed=2**32 - 1,
        graded_spike=GradedSpike.ADD_WITH_SATURATION,
        sign_mode=SignMode.INHIBITORY,
    )
    states = {
        "a_buff": [[5], [-6]],
        "x1": [3, 127],
        "tx": [2, 0],
        "y3": [1, 2],
        "tag_1": [[-257, 255], [0, 1]],
    }
    plastic = Synapse("w", (2, 2), [[-255, 0], [-1, -7]], plasticity=rule, states=states, exponent=-3)
    sparse = Synapse(
        "sparse",
        (2, 3),
        [200, -256],
        index=np.array([[1, 0], [0, 2]]),
        delays=np.array([63, 0]),
        graded=False,
        states={"a_buff": np.arange(2 * 65).reshape(2, 65)},
    )
    decays = {"du": 4095, "dv": 2, "bias_mant": [-4, 5], "bias_exp": 7}
    cells = (
        Population("h", TERNARY_LIF, 2, {**decays, "vth_hi": 3, "vth_lo": -131071}, {"u": [5, -6], "v": 0}),
        Population("n", LIF, 3, {**decays, "bias_mant": 1, "vth": 131071}, {"u": 8388607, "v": [1, -2, 3]}),
    )
    tied = Synapse("tied", (2, 2), np.zeros(0), tied_to="w")
    links = (
        Link(("Eingänge/α", "s_out"), ("w", "s_in")),
        Link(("w", "a_out"), ("h", "a_in")),
        Link(("h", "s_out"), ("n", "a_in"), np.array([1, -1, 0])),
        Link(("n", "s_out"), ("sparse", "s_in")),
        Link(("sparse", "a_out"), ("out", "a_in")),
        Link(("n", "s_out"), ("w", "s_in_bap"), np.array([2, 0])),
    )
    nodes = (source, plastic, *cells, sparse, tied, Sink("out", np.array([[1, 2], [-3, 4]])))
    return Program(nodes, links, (Probe("p", "n", "v", 4, 3, 2),), step=41)


def expected_of_schema_3() -> Program:
    """With a kernel, and what looks at states."""
    old = expected()
    kernel = Kernel((3, 4, 2), (2, 1), (1, 0), (1, 2), 2)
    weights = (np.arange(2 * 2 * 2).reshape(2, 2, 2, 1) - 4) * 60
    shared = Synapse("shared", (2 * 2 * 2, 24), weights, graded=False, states={"a_buff": np.arange(8)}, kernel=kernel)
    lookers = (
        Read("read", "n", "v", 3, 5, np.array([[1, 2], [3, -4], [5, 6]]), np.array([7])),
        Reset("reset", "h", "u", 2, 1, -8, late=True),
    )
    return replace(old, nodes=(*old.nodes, shared, *lookers))


def test_a_file_of_schema_3() -> None:
    artifact = load(SCHEMA_1.with_stem("schema3"))
    assert artifact.program == expected_of_schema_3()
    assert (artifact.provenance, artifact.schema) == (PROVENANCE, 3)


def test_a_file_of_schema_2_with_a_users_law() -> None:
    artifact = load(SCHEMA_1.with_stem("schema2"), laws=[SCHEMA_1.with_name("old_law.py")])
    law = artifact.program.populations[-1].law
    cells = Population(
        "cells", law, 2, {"leak": np.array([3]), "key": np.array([5, 2**31 - 1])}, {"v": np.array([-1000, 9])}
    )
    old = expected()
    assert artifact.program == replace(old, nodes=(*old.nodes, cells))
    assert (artifact.provenance, artifact.schema) == (PROVENANCE, 2)


def test_a_file_of_schema_1() -> None:
    artifact = load(SCHEMA_1)
    assert artifact.program == expected()
    assert (artifact.provenance, artifact.schema) == (PROVENANCE, 1)


def test_in_schema_1_every_neuron_took_the_phase_by_itself() -> None:
    assert load(SCHEMA_1.with_stem("schema1-phase")).program == learner()
