"""Freezing costs what it says and nothing else; pausing stops learning exactly."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs import programs
from small_program import FORWARD, learner, plasticity

from neuromorph.arithmetic.fixed import FIXED
from neuromorph.deploy.freeze import freeze, pause
from neuromorph.engine.engine import Engine
from neuromorph.errors import ProgramError
from neuromorph.laws.catalogue import LAWS
from neuromorph.laws.law import Law
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.program import LEARNING_INPUTS, TRACES, Link, Population, Probe, Program, Synapse

STEPS = 90
SILENCED = [law for law in LAWS.values() if law.silence]


def after(program: Program, steps: int = STEPS) -> Program:
    engine = Engine(program)
    engine.run(steps)
    return engine.snapshot()


def synapse(program: Program, name: str) -> Synapse:
    found = program[name]
    assert isinstance(found, Synapse)
    return found


def trained(tied: bool = False) -> Program:
    """The small network with weights, traces and drives as learning leaves them."""
    before = learner(tied=tied)
    program = after(before)
    assert all((synapse(program, w).weights != synapse(before, w).weights).any() for w in ("w1", "w2"))
    return program


def even(program: Program) -> Program:
    return program.with_nodes(*(replace(s, weights=s.weights & ~1) for s in program.synapses if not s.tied_to))


@settings(max_examples=50, deadline=None)
@given(program=programs(plastic=True))
def test_frozen_weights_are_the_floor_to_even_or_the_same(program: Program) -> None:
    unprobed = replace(program, probes=())
    frozen, report = freeze(unprobed)
    entries = {entry.name: entry for entry in report.synapses}
    assert set(entries) == {s.name for s in program.synapses if s.plasticity}
    for old in program.synapses:
        new = synapse(frozen, old.name)
        mixed = old.plasticity is not None and old.plasticity.sign_mode == SignMode.MIXED
        assert np.array_equal(new.weights, 2 * np.floor(old.weights / 2) if mixed else old.weights)
        assert (new.plasticity, list(new.states)) == (None, ["a_buff"])
        assert np.array_equal(new.states["a_buff"], old.states["a_buff"])
    kept = [link for link in program.links if link.target[1] not in LEARNING_INPUTS]
    assert list(frozen.links) == kept
    others = [n for n in program.nodes if not isinstance(n, Synapse)]
    assert [n for n in frozen.nodes if not isinstance(n, Synapse)] == others
    assert [n.name for n in frozen.nodes] == [n.name for n in program.nodes]


def test_the_report_counts_what_changed() -> None:
    program = learner()
    w1 = replace(synapse(program, "w1"), weights=np.resize([-3, -2, 5, 255], (6, 12)))
    _, report = freeze(program.with_nodes(w1))
    assert report.synapses[0].name == "w1"
    entry = report.synapses[0]
    assert (entry.weights, entry.changed, entry.max_error) == (72, 54, 1)
    assert entry.rms_error == pytest.approx(np.sqrt(0.75), abs=1e-15)


@pytest.mark.parametrize("tied", [False, True])
def test_a_frozen_network_runs_as_the_paused_one_with_its_weights(tied: bool) -> None:
    program = even(trained(tied))
    frozen, report = freeze(program)
    assert {entry.changed for entry in report.synapses} == {0}
    one, other = after(pause(frozen)), after(pause(program))
    assert one.populations == other.populations
    for name in ("w1", "w2", "b"):
        drives = [synapse(p, name).states["a_buff"] for p in (one, other)]
        assert np.array_equal(*drives)
    assert any(p.states["s_plus"].any() for p in one.populations)


def test_a_frozen_network_does_not_learn_at_full_rate() -> None:
    frozen, _ = freeze(trained())
    moved = after(frozen)
    assert all(np.array_equal(synapse(moved, s.name).weights, s.weights) for s in frozen.synapses)


def test_freezing_twice_is_freezing_once() -> None:
    once, _ = freeze(trained(tied=True))
    twice, report = freeze(once)
    assert twice == once
    assert report.synapses == ()


def test_a_frozen_tie_is_a_copy() -> None:
    frozen, _ = freeze(trained(tied=True))
    assert synapse(frozen, "b").tied_to is None
    assert np.array_equal(synapse(frozen, "b").weights, synapse(frozen, "w2").weights.T)


def test_a_probe_of_a_trace_stands_in_the_way() -> None:
    program = replace(learner(), probes=(Probe("p", "w1", "x1", 5),))
    with pytest.raises(ProgramError, match=r"probe 'p' reads w1\.x1, which freezing takes away"):
        freeze(program)
    freeze(replace(program, probes=(Probe("p", "w1", "weights", 5), Probe("q", "h", "rate", 5))))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100), warm=st.integers(0, 40), mode=st.sampled_from(SignMode))
def test_nothing_learns_after_a_pause_whatever_the_state(seed: int, warm: int, mode: SignMode) -> None:
    program = after(learner(seed, mode=mode), warm)
    paused = pause(program)
    still = after(paused)
    for before in program.synapses:
        now = synapse(still, before.name)
        assert np.array_equal(now.weights, before.weights)
        assert all(np.array_equal(now.states[tag], before.states[tag]) for tag in ("tag_1", "tag_2"))
    rates = {p.name: {**p.states, "rate": np.zeros(p.size, int)} for p in program.populations}
    changed = program.with_nodes(*(replace(p, states=rates[p.name]) for p in program.populations))
    assert paused == changed


def test_a_long_epoch_and_rules_for_tags_pause_too() -> None:
    rule = plasticity(
        "2^-3*x0*x1*y3 - 2^-3*u1*y3*w",
        dd="2^-3*y0*y3*x1",
        dt="x0*y3*(d-3)",
        t_epoch=3,
        taus=dict.fromkeys(("x1", "x2", "y1", "y2", "y3"), 50.0),
        impulses={"x1": 0.0, "x2": 9.5, "y1": 3.0, "y2": 3.0, "y3": 0.0},
    )
    program = learner()
    program = program.with_nodes(replace(synapse(program, "w1"), plasticity=rule))
    warm = after(program, 5)
    for name in ("weights", "tag_1", "tag_2"):
        engines = Engine(warm), Engine(pause(warm))
        before = engines[0].get("w1", name)
        for engine in engines:
            engine.run(STEPS)
        assert (engines[0].get("w1", name) != before).any()
        assert np.array_equal(engines[1].get("w1", name), before)


@pytest.mark.parametrize("law", SILENCED, ids=lambda law: law.name)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_silence_is_for_ever_and_sends_zero(law: Law, data: st.DataObject) -> None:
    assert law.silence
    numbers = {v.name: np.array([data.draw(st.integers(v.low, v.high))]) for v in law.arguments}
    numbers[law.silence.state] = np.array([0])
    results = law.make(FIXED)(1, *(numbers[v.name] for v in law.arguments))
    named = {v.name: int(r[0]) for v, r in zip(law.results, results, strict=True)}
    assert {named[name] for name in (law.silence.state, *law.silence.outputs)} == {0}


def impulses(size: float) -> dict[str, float]:
    return {**dict.fromkeys(TRACES, 0.0), "y1": size, "y3": size}


def with_rule(states: dict[str, np.ndarray] | None = None, **changes: Any) -> Program:
    program = learner()
    return program.with_nodes(replace(synapse(program, "w1"), plasticity=plasticity(**changes), states=states or {}))


def rewired() -> Program:
    program = learner()
    others = tuple(link for link in program.links if link.target != ("w1", "s_in_y3"))
    return replace(program, links=(*others, Link(("h", "s_out_y1"), ("w1", "s_in_y3"))))


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (with_rule(dw="x0*x1*(y1-64)"), "has a product"),
        (with_rule(dw=f"{FORWARD} + x0*x1"), "has a product"),
        (with_rule(dw="x0*x1*(y3-64)"), "has a product"),
        (with_rule(dt="x0*x1*y1"), "has a product"),
        (with_rule(three_factor=False, impulses=impulses(20.0)), "makes its post-traces itself"),
        (with_rule(impulses=impulses(20.0), t_epoch=2), "has a product"),
        (with_rule({"tag_1": np.full((6, 12), -257)}, dt="x0*y3"), "has a tag_1 of -257"),
        (rewired(), "has a product"),
    ],
)
def test_what_would_go_on_learning_is_not_paused(program: Program, why: str) -> None:
    with pytest.raises(ProgramError, match=rf"cannot be paused exactly: synapse 'w1' {why}.*freeze\(\)"):
        pause(program)
    still = program.with_nodes(*(replace(p, states={**p.states, "rate": 0}) for p in program.populations))
    old, new = synapse(program, "w1"), synapse(after(still), "w1")
    same = [
        np.array_equal(new.weights, old.weights),
        np.array_equal(new.states["tag_1"], old.states["tag_1"]),
    ]
    assert not all(same)


def test_all_reasons_are_given_at_once() -> None:
    program = learner()
    bad = [replace(synapse(program, n), plasticity=plasticity("x0*x1*y1")) for n in ("w1", "b")]
    with pytest.raises(ProgramError, match=r"synapse 'w1' has a product.*; synapse 'b' has a product"):
        pause(program.with_nodes(*bad))


def test_populations_are_all_paused() -> None:
    assert all(isinstance(p, Population) and not p.states["rate"].any() for p in pause(learner()).populations)
