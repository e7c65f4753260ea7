"""What a Program made by hand can get wrong is said at once, with the node and the reason."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small_program import learner

from neuromorph.errors import NeuromorphError, ProgramError
from neuromorph.program import Probe, Program, Synapse

PAIRS = np.array([[0, 1, 0], [0, 0, 2]])


def sparse(**changed: Any) -> Synapse:
    return Synapse(**{"name": "s", "shape": (2, 3), "weights": np.array([2, 4, 6]), "index": PAIRS} | changed)


def test_a_sparse_synapse_keeps_its_pairs() -> None:
    assert (sparse().index == PAIRS).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"index": PAIRS[:, ::-1]}, "sorted by pre, then post"),
        ({"index": np.array([[0, 0, 1], [0, 0, 0]])}, "every pair once"),
        ({"index": np.array([[0, 2, 0], [0, 0, 2]])}, "index = 2 is outside 0..1"),
        ({"index": np.array([[0, 1, 0], [0, 0, 3]])}, "index = 3 is outside 0..2"),
        ({"delays": np.array([1, 2])}, r"delays have shape \(2,\), its weights \(3,\)"),
    ],
)
def test_sparse_pairs_and_delays_are_checked(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(NeuromorphError, match=said):
        sparse(**changed)


def test_a_tied_synapse_does_not_learn_and_is_not_tied_to_a_tied_one() -> None:
    program = learner()
    plastic = next(s for s in program.synapses if s.plasticity)
    with pytest.raises(ProgramError, match="tied to 'a' and plastic"):
        Synapse("t", (2, 3), np.zeros(0, int), tied_to="a", plasticity=plastic.plasticity)
    tied = Synapse("t", plastic.shape[::-1], np.zeros(0, int), tied_to=plastic.name)
    again = Synapse("u", plastic.shape, np.zeros(0, int), tied_to="t")
    with pytest.raises(ProgramError, match="'u' is tied to 't', which must be a dense synapse"):
        Program((plastic, tied, again), ())


@pytest.mark.parametrize("wrong", [{"length": 0}, {"every": 0}, {"every": 2, "offset": 2}, {"offset": -1}])
def test_a_probe_has_room_and_an_offset_within_its_stride(wrong: dict[str, int]) -> None:
    program = learner()
    node = program.populations[0]
    probe = Probe(**{"name": "p", "node": node.name, "variable": "s_out", "length": 3} | wrong)
    with pytest.raises(ProgramError, match="probe 'p'"):
        replace(program, probes=(probe,))


def test_every_node_has_a_name() -> None:
    with pytest.raises(ProgramError, match="has no name"):
        Program((sparse(name=""),), ())


@pytest.mark.parametrize("names", [("h",), ("seen", "seen")])
def test_a_probe_has_a_name_of_its_own(names: tuple[str, ...]) -> None:
    """Engine.get finds what it recorded by this name, as it finds what a sink holds."""
    probes = tuple(Probe(name, "h", "rate", length=1) for name in names)
    with pytest.raises(ProgramError, match=f"probe '{names[0]}': a node or another probe has this name"):
        replace(learner(), probes=probes)
