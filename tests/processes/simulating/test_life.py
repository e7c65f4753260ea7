"""A graph that is run, set, grown and run again has, natively, what Lava's own models have in the same life."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.proc.dense.process import Dense, LearningDense
from lava.proc.io import sink
from random_graphs import AS_IN_LAVA, NEURONS, GraphBuilder, generated, twins

from neuromorph.laws.products.plasticity import TRACE_RANGE
from neuromorph.processes.lowering import dividing
from neuromorph.processes.simulating.simulate import simulate

pytestmark = AS_IN_LAVA


def grow(build: GraphBuilder) -> str:
    """One more population, driven by something that was there through a synapse that may learn, and a sink for what it sends."""
    rng = build.rng
    kind = list(NEURONS)[rng.integers(len(NEURONS))]
    law = NEURONS[kind]
    values = {v.name: int(build.spread(v.low, v.high)) for v in (*law.parameters, *law.states)}
    if "vth_lo" in values:
        values["vth_lo"], values["vth_hi"] = sorted((values["vth_lo"], values["vth_hi"]))
    pre = build.outs[rng.integers(len(build.outs))]
    made, kept = build.add(kind(shape=(2,), **values)), build.add(sink.RingBuffer(shape=(2,), buffer=5))
    weights = 2 * rng.integers(-3, 4, (2, pre.size))
    rule = Loihi2FLearningRule(
        dw="2^-2*x0*y1+2^-3*y0*x1", x1_impulse=30, x1_tau=8, y1_impulse=9, y1_tau=5, t_epoch=2, rng_seed=4
    )
    learns = rng.random() < 0.5
    synapse: Any = build.add(LearningDense(weights=weights, learning_rule=rule) if learns else Dense(weights=weights))
    pre.port.flatten().connect(synapse.s_in)
    synapse.a_out.connect(made.a_in)
    made.s_out.connect(kept.a_in)
    return f"grow {type(synapse).__name__} {made.name}"


def set_something(build: GraphBuilder) -> str:
    """A parameter or state of a population, weights, or a trace, anywhere in its range; now and then what no chip holds."""
    processes = [p for p in build.graph.all_of(*NEURONS, Dense, LearningDense) if p.runtime is not None]
    process: Any = processes[build.rng.integers(len(processes))]
    beyond = build.rng.random() < 0.2
    if type(process) in NEURONS:
        law = NEURONS[type(process)]
        known = [v for v in (*law.parameters, *law.states) if v.name in process.vars.member_names and "vth" not in v.name]
        variable = known[build.rng.integers(len(known))]  # (Lava's model looks at a threshold in its first step only)
        var = getattr(process, variable.name)
        var.set(build.spread(variable.low, variable.high, var.shape))
        if beyond and variable.name == "dv":
            process.dv.set(np.full(process.dv.shape, 4096))
    elif isinstance(process, LearningDense) and build.rng.random() < 0.5:
        var = process.x1
        var.set(build.spread(*TRACE_RANGE, var.shape))
    else:
        var = process.weights
        var.set(np.full(var.shape, 300) if beyond else var.get() // 2)
    return f"set {type(process).__name__} {process.name} {var.name}"


def held(process: AbstractProcess, var: Var) -> Any:
    value = var.get()
    return value.toarray() if hasattr(value, "toarray") else value


def differences(one: GraphBuilder, other: GraphBuilder) -> list[str]:
    found = []
    for ours, theirs in zip(one.graph.processes, other.graph.processes, strict=True):
        for var in ours.vars.members:
            if var.init is None or isinstance(var.init, str) or var.name.endswith(("_tau", "_impulse")):
                continue  # Lava's model shows taus and impulses without their fractions, and computes with them
            if not np.array_equal(held(ours, var), held(theirs, getattr(theirs, var.name))):
                found.append(f"{type(ours).__name__} {ours.name}: {var.name}")
    return found


def check_life(monkeypatch: pytest.MonkeyPatch, both: tuple[GraphBuilder, GraphBuilder], seed: int) -> None:
    """Three to five runs of a few steps, and between them what `seed` says; all Vars compared after each."""
    native, stepped = both
    rng, life = np.random.default_rng(seed), []
    for _ in range(rng.integers(3, 6)):
        steps = int(rng.integers(1, 5))
        life.append(f"{steps} steps")
        simulate(native.graph.process, steps)
        with monkeypatch.context() as patched:
            patched.setattr(dividing, "support_of", lambda model: None)
            simulate(stepped.graph.process, steps)
        assert differences(native, stepped) == [], f"after {life} of {native.graph}"
        for event in rng.choice([set_something, grow], rng.integers(0, 3), p=[0.75, 0.25]):
            life.append(event(native))
            event(stepped)


@pytest.mark.timeout(900)  # two to three minutes on a quiet machine
@generated(1000)
@given(twins(st.just(60)), st.integers(0, 2**32 - 1))
def test_a_life_has_the_bits_of_lava_s_models(
    monkeypatch: pytest.MonkeyPatch, both: tuple[GraphBuilder, GraphBuilder], seed: int
) -> None:
    check_life(monkeypatch, both, seed)


@pytest.mark.full
@pytest.mark.timeout(7200)
@generated(10_000)
@given(twins(st.just(60)), st.integers(0, 2**32 - 1))
def test_many_lives_have_the_bits_of_lava_s_models(
    monkeypatch: pytest.MonkeyPatch, both: tuple[GraphBuilder, GraphBuilder], seed: int
) -> None:
    check_life(monkeypatch, both, seed)
