"""Any law that the grammar of docs/write-a-law.md allows has the same bits in NumPy, in Numba and in Lava's models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source

from neuromorph.arithmetic.fixed import FIXED
from neuromorph.laws.law import Law
from neuromorph.processes.equivalence.check import check_bits
from neuromorph.processes.simulating.simulate import simulate
from neuromorph.user_file import module_of

SIZE, STEPS, LIMIT = 4, 6, 2**20
INPUTS, STATES, PARAMETERS, OUTPUTS = ("a_in", "all_in"), ("u", "v", "w"), ("p", "q", "key"), ("s_out", "s_two")
LEAVES = (*INPUTS, *STATES, *PARAMETERS, "t", "draw(key, t)", "0", "1", "-3", "100")

FILE = """
from neuromorph.laws.law import Law, Variable
from neuromorph.laws.noise import make_draw
from neuromorph.processes import LawProcess, models_of


def make(ops):
    draw = make_draw(ops)
    (add_portion, align, anneal, approach, bias, clip, decay, floor_down, halve, level, narrow, saturate, scale_down, select, whole,
     widen, wrap) = (
        ops.add_portion, ops.align, ops.anneal, ops.approach, ops.bias, ops.clip, ops.decay, ops.floor_down, ops.halve, ops.level,
        ops.narrow, ops.saturate, ops.scale_down, ops.select, ops.whole, ops.widen, ops.wrap)

    def step(t, a_in, all_in, u, v, w, p, q, key):
        return (EXPRESSIONS,)

    return ops.function(step)


def variables(names, low, high, shared=()):
    return tuple(Variable(name, low, high, "", shared=name in shared) for name in names)


DRAWN = Law(
    "drawn",
    variables(("a_in", "all_in"), -LIMIT, LIMIT, ("all_in",)),
    variables(("s_out", "s_two"), -LIMIT, LIMIT),
    variables(("u", "v", "w"), -LIMIT, LIMIT),
    (*variables(("p", "q"), -300, 300, ("q",)), Variable("key", 0, 2**31 - 1, "")),
    make,
)


class Drawn(LawProcess):
    law = DRAWN


PyDrawnModelFixed, PyDrawnModelFloat = models_of(Drawn)
"""


def call(name: str, *patterns: str) -> Callable[[st.SearchStrategy[str]], st.SearchStrategy[str]]:
    """`name` of expressions (x, cut to 12 bits: n) and constants of a range: "0..12"."""

    def of(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        def argument(pattern: str) -> st.SearchStrategy[str]:
            if ".." in pattern:
                return st.integers(*map(int, pattern.split(".."))).map(str)
            return inner.map(lambda x: f"clip({x}, -4095, 4095)") if pattern == "n" else inner

        return st.tuples(*map(argument, patterns)).map(lambda found: f"{name}({', '.join(found)})")

    return of


CALLS = (
    call("scale_down", "x", "0..12"),
    call("floor_down", "x", "0..12"),
    call("anneal", "x", "1..12"),
    call("decay", "n", "0..4000", "0..1"),
    call("bias", "n", "-7..7"),
    call("add_portion", "x", "n", "0..256"),
    call("approach", "n", "n", "0..256"),
    call("clip", "x", "-900..0", "0..900"),
    *(call(name, "n") for name in ("align", "halve", "level", "narrow", "saturate", "whole", "widen", "wrap")),
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        two.map(lambda e: f"({e[0]} + {e[1]})"),
        two.map(lambda e: f"({e[0]} - {e[1]})"),
        two.map(lambda e: f"(clip({e[0]}, -4095, 4095) * clip({e[1]}, -4095, 4095))"),
        st.tuples(inner, st.sampled_from(["<", ">", "<=", ">=", "=="]), inner, inner, inner).map(
            lambda e: f"select({e[0]} {e[1]} {e[2]}, {e[3]}, {e[4]})"
        ),
        *(each(inner) for each in CALLS),
    )


EXPRESSIONS = st.recursive(st.sampled_from(LEAVES), larger, max_leaves=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws")


def numpy_run(law: Law, inputs: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The step in NumPy's integers, by itself: states at the end, outputs (neurons, steps)."""
    step, now = law.make(FIXED), {name: np.broadcast_to(value, SIZE) for name, value in values.items()}
    sent: dict[str, list[Any]] = {name: [] for name in OUTPUTS}
    for k in range(STEPS):
        arguments = [inputs[v.name][:, k] if v.name in inputs else now[v.name] for v in law.arguments]
        results = dict(zip((v.name for v in law.results), step(k + 1, *arguments), strict=True))
        for name, value in results.items():
            (sent[name].append if name in OUTPUTS else lambda x, name=name: now.update({name: x}))(
                np.broadcast_to(value, SIZE)
            )
    return {**{name: now[name] for name in STATES}, **{name: np.stack(rows, axis=1) for name, rows in sent.items()}}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(expressions=st.tuples(*[EXPRESSIONS] * 5), seed=st.integers(0, 2**32 - 1))
def test_numpy_numba_and_lava_agree_bit_for_bit(expressions: tuple[str, ...], seed: int, folder: Path) -> None:
    cut = ", ".join(f"clip({one}, -{LIMIT}, {LIMIT})" for one in expressions)
    path = folder / "drawn_law.py"
    path.write_text(FILE.replace("EXPRESSIONS", cut).replace("LIMIT", str(LIMIT)))
    module, rng = module_of(path, "a law"), np.random.default_rng(seed)
    inputs = {"a_in": rng.integers(-LIMIT, LIMIT, (SIZE, STEPS)), "all_in": rng.integers(-500, 500, (1, STEPS))}
    values = {name: rng.integers(-300, 300, SIZE) for name in (*STATES, "p")} | {"q": rng.integers(-300, 300, 1)}
    values["key"] = rng.integers(0, 2**31, SIZE)
    cells, sinks = module.Drawn(shape=(SIZE,), **values), {name: Sink(shape=(SIZE,), buffer=STEPS) for name in OUTPUTS}
    for name, data in inputs.items():
        Source(data=data).s_out.connect(getattr(cells, name))
    for name, sink in sinks.items():
        getattr(cells, name).connect(sink.a_in)
    check = check_bits(cells, STEPS)
    assert check.equal, f"{check.first_difference}: {cut}"
    simulate(cells, STEPS)
    seen = {name: getattr(cells, name).get() for name in STATES} | {name: sink.data.get() for name, sink in sinks.items()}
    for name, value in numpy_run(module.DRAWN, inputs, values).items():
        np.testing.assert_array_equal(seen[name], value, err_msg=f"{name}: {cut}")
