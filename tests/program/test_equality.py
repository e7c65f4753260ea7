"""Programs and their parts are equal by value."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small_program import learner, population

from neuromorph.laws import Law, Variable
from neuromorph.program import Link, Population, Probe, Program, Sink, Source, Synapse


def made() -> Program:
    """With one of each kind of node, an index and a probe."""
    program, sink = learner(), Sink("kept", np.zeros((3, 4), int))
    link = Link(("o", "s_out"), ("kept", "a_in"), np.array([2, 0, 1]))
    return Program((*program.nodes, sink), (*program.links, link), (Probe("p", "h", "s_out", length=3),), step=5)


def changed(program: Program, name: str, **values: Any) -> Program:
    return program.with_nodes(replace(program[name], **values))


def test_programs_of_the_same_values_are_equal() -> None:
    assert made() == made()
    assert copy.deepcopy(made()) == made()


@pytest.mark.parametrize(
    "change",
    [
        lambda p: replace(p, step=6),
        lambda p: replace(p, probes=()),
        lambda p: replace(p, nodes=p.nodes[::-1]),
        lambda p: replace(p, links=(*p.links[:-1], Link(("o", "s_out"), ("kept", "a_in")))),
        lambda p: changed(p, "w1", weights=p["w1"].weights + 1),
        lambda p: changed(p, "w1", plasticity=replace(p["w1"].plasticity, rng_seed=8)),
        lambda p: changed(p, "h", states=p["h"].states | {"rate": 1}),
        lambda p: changed(p, "x", order=[4, 3, 2, 1, 0]),
        lambda p: changed(p, "kept", data=np.ones((3, 4), int)),
        lambda p: changed(p, "kept", data=np.zeros((3, 5), int)),
    ],
)
def test_one_other_value_is_another_program(change: Any) -> None:
    assert change(made()) != made()


def test_a_type_of_numbers_does_not_count_and_another_type_of_node_does() -> None:
    assert Sink("s", np.zeros((2, 1), np.int8)) == Sink("s", np.zeros((2, 1)))
    assert Sink("s", np.zeros((2, 1))) != Source("s", {"s_out": [[0, 0]]})
    assert made() != "a program"


def counting(high: int) -> Law:
    state, sent = Variable("n", 0, high, "steps"), Variable("s_out", 0, 1, "nothing")
    return Law("counting", (), (sent,), (state,), (), lambda ops: ops.function(lambda t, n: (n, 0)))


def test_laws_are_equal_by_what_they_say_not_by_which_object_they_are() -> None:
    cells = [Population("c", counting(high), 2, {}, {"n": 0}) for high in (9, 9, 8)]
    assert cells[0] == cells[1] != cells[2]


@pytest.mark.parametrize("part", [made(), *made().nodes, made().links[0]], ids=lambda part: type(part).__name__)
def test_what_holds_arrays_has_no_hash(part: Program | Population | Synapse | Source | Sink | Link) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(part)


def test_a_population_is_not_equal_to_one_of_another_law() -> None:
    assert population("c", "lif", 2) != population("c", "lif_reset", 2)
