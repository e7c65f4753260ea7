"""Every chip rule has a Program that breaks it and one that keeps it; all complaints come at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from random_programs import programs
from small_program import HIDDEN, INPUTS, learner, plasticity, population

from neuromorph.deploy.check import rules
from neuromorph.deploy.check.rules import ADVISED, REQUIRED, Complaint, compile_program, complaints
from neuromorph.deploy.freeze import freeze
from neuromorph.errors import CompileError
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.products.rule import GradedSpike
from neuromorph.program import Link, Outside, Program, Source, Synapse


def found(program: Program) -> set[tuple[str, str]]:
    return {(one.rule, one.where) for one in complaints(program)}


def w1(**changes: Any) -> Program:
    """The small network with another w1."""
    program = learner()
    (synapse,) = (s for s in program.synapses if s.name == "w1")
    return program.with_nodes(replace(synapse, **changes))


def static(weights: Any) -> Program:
    return Program((Synapse("w", np.shape(weights), weights),), ())


def fed(frames: Any, port: str = "s_in", **links: Any) -> Program:
    """The small network whose w1 also takes frames from a source at a port."""
    program = learner()
    source = Source("more", {"s_out": np.atleast_2d(frames)})
    link = Link(("more", "s_out"), ("w1", port), **links)
    return replace(program, nodes=(*program.nodes, source), links=(*program.links, link))


def chained() -> Program:
    """A learning synapse that takes the sums of another synapse for payloads."""
    program = learner()
    links = tuple(n for n in program.links if n.target != ("w2", "s_in"))
    return replace(program, links=(*links, Link(("w1", "a_out"), ("w2", "s_in"))))


def resets(interval: int) -> Program:
    return Program((population("n", "lif_reset", 2, reset_interval=interval),), ())


def delayed(steps: int) -> Program:
    return Program((Synapse("w", (1, 2), [[2, 4]], delays=np.array([[0, steps]])),), ())


def unused_tie() -> Program:
    program = learner(tied=True)
    return replace(program, links=tuple(n for n in program.links if n.source[0] != "b"))


EVEN_INPUT = np.full(INPUTS, 0)
BROKEN: list[tuple[Program, str, str, str]] = [
    (learner(tied=True), "no_weight_transport", "synapse 'b'", "transposed weights of 'w2'"),
    (
        static([[1, -2]]),
        "static_weights_fit_8_bits",
        "synapse 'w'",
        "1 of 2 static weights, such as 1, need a ninth bit",
    ),
    (static([[-256, -2]]), "static_weights_fit_8_bits", "synapse 'w'", "such as -256"),
    (static([[-256, 255]]), "static_weights_fit_8_bits", "synapse 'w'", "such as 255"),
    (
        w1(plasticity=plasticity("u1*y3*x1", dt="u2*y3*x1")),
        "one_decimation",
        "synapse 'w1'",
        "u_k with k = [1, 2]",
    ),
    (fed(EVEN_INPUT + 2), "payloads_fit_pre_traces", "synapse 'w1', s_in", "payloads of 0..256"),
    (fed(EVEN_INPUT - 2), "payloads_fit_pre_traces", "synapse 'w1', s_in", "payloads of -2..2"),
    (fed(EVEN_INPUT + 1), "payloads_fit_pre_traces", "synapse 'w1', s_in", "odd payloads"),
    (chained(), "payloads_fit_pre_traces", "synapse 'w2', s_in", "payloads of -2147483648..2147483647"),
    (
        fed(np.full(HIDDEN, 1), "s_in_y1"),
        "post_traces_fit_7_bits",
        "synapse 'w1', s_in_y1",
        "can receive 0..128",
    ),
    (
        fed(np.full(HIDDEN, -1), "s_in_y3"),
        "post_traces_fit_7_bits",
        "synapse 'w1', s_in_y3",
        "can receive -1..127",
    ),
    (resets(12), "reset_interval_is_a_power_of_two", "population 'n'", "use 8 or 16"),
    (Program((Outside("i", {"out_port": 2}),), ()), "nothing_from_outside", "'i'", "from outside of the network"),
    (delayed(63), "delays_fit_netx", "synapse 'w'", "a delay of 63 steps"),
    (
        w1(plasticity=plasticity("x0*x1*y1")),
        "learning_can_pause",
        "synapse 'w1'",
        "has a product (x0, x1, y1) without a factor",
    ),
]
KEPT: list[Program] = [
    Program((), ()),
    learner(),
    unused_tie(),
    freeze(learner(tied=True))[0],
    static([[254, -256]]),
    static([[255, 1]]),
    static([[-255, -1]]),
    static(np.zeros((2, 0))),
    w1(plasticity=plasticity("u1*y3*x1", dt="u1*y3*x1")),
    fed(EVEN_INPUT + 1, index=np.full(INPUTS, -1)),
    fed(np.full(HIDDEN, 1), "s_in_y2"),
    resets(1),
    resets(16),
    delayed(62),
]


@pytest.mark.parametrize(("program", "rule", "where", "text"), BROKEN, ids=[f"{b[1]} {b[3]}" for b in BROKEN])
def test_what_breaks_a_rule_is_named(program: Program, rule: str, where: str, text: str) -> None:
    (complaint,) = (one for one in complaints(program) if one.rule == rule)
    assert complaint.where == where
    assert text in complaint.message
    assert complaint.fatal == (rule in {r.__name__ for r in REQUIRED})


def test_every_rule_has_a_program_that_breaks_it() -> None:
    assert {rule.__name__ for rule in REQUIRED + ADVISED} == {broken[1] for broken in BROKEN}


@pytest.mark.parametrize("program", KEPT)
def test_what_keeps_the_rules_is_not_complained_about(program: Program) -> None:
    assert complaints(program) == []


def test_binary_pre_spikes_may_have_any_payload() -> None:
    rule = plasticity(graded_spike=GradedSpike.USE_REGULAR_IMPULSE)
    (source,) = (n for n in learner().nodes if isinstance(n, Source))
    odd = replace(source, frames={**source.frames, "image": source.frames["image"] + 1})
    assert found(w1(plasticity=rule).with_nodes(odd)) == set()
    assert found(learner().with_nodes(odd)) == {("payloads_fit_pre_traces", "synapse 'w1', s_in")}


def test_two_factor_rules_make_their_own_post_traces() -> None:
    rule = plasticity(three_factor=False)
    program = fed(np.full(HIDDEN, 1), "s_in_y1")
    (synapse,) = (s for s in program.synapses if s.name == "w1")
    named = found(program.with_nodes(replace(synapse, plasticity=rule)))
    assert "post_traces_fit_7_bits" not in {rule for rule, _ in named}


def everything_wrong() -> Program:
    parts = [learner(tied=True), static([[1, -1]]), resets(3)]
    return Program(tuple(n for p in parts for n in p.nodes), parts[0].links)


def test_all_complaints_come_at_once_with_the_fatal_ones_first() -> None:
    wrong = everything_wrong()
    assert [one.rule for one in complaints(wrong)] == [
        "no_weight_transport",
        "static_weights_fit_8_bits",
        "reset_interval_is_a_power_of_two",
    ]
    with pytest.raises(CompileError) as caught:
        compile_program(wrong)
    assert str(caught.value).splitlines()[1:] == [f"  {one}" for one in complaints(wrong)]


def test_advice_does_not_keep_from_compiling() -> None:
    program = delayed(63)
    compiled = compile_program(program)
    assert compiled.program is program
    assert compiled.freeze_report is None
    assert [(one.rule, one.fatal) for one in compiled.complaints] == [("delays_fit_netx", False)]


@pytest.mark.parametrize("tied", [False, True])
def test_frozen_networks_compile(tied: bool) -> None:
    compiled = compile_program(learner(tied=tied), freeze=True)
    frozen, report = freeze(learner(tied=tied))
    assert compiled.program == frozen
    assert (compiled.freeze_report, compiled.complaints) == (report, ())


@settings(max_examples=50, deadline=None)
@given(program=programs(plastic=True))
def test_frozen_weights_always_fit_but_for_the_lowest_of_one_sign(program: Program) -> None:
    """-256 needs company of the other sign; all else that learning leaves fits eight bits after freezing."""
    frozen, _ = freeze(replace(program, probes=()))
    for synapse in frozen.synapses:
        ninth = [one for one in complaints(frozen) if one.rule == "static_weights_fit_8_bits"]
        lowest = (synapse.weights == -256).any() and not (synapse.weights > 0).any()
        assert lowest == (f"synapse '{synapse.name}'" in {one.where for one in ninth})


@settings(max_examples=50, deadline=None)
@given(program=programs())
def test_checking_never_fails(program: Program) -> None:
    assert all(isinstance(one, Complaint) for one in complaints(program))


@pytest.mark.parametrize(("mode", "bits"), [(SignMode.MIXED, 9), (SignMode.EXCITATORY, 8), (SignMode.INHIBITORY, 8)])
def test_plastic_weights_of_mixed_sign_have_nine_bits(mode: SignMode, bits: int) -> None:
    assert {rules.weight_bits(s) for s in learner(mode=mode).synapses} == {bits}


RULES: list[Callable[[Program], Any]] = [*REQUIRED, *ADVISED]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_says_where_it_comes_from(rule: Callable[[Program], Any]) -> None:
    assert rule.__doc__
