"""Every law: the same integers compiled and in NumPy, within its ranges; and how LIF orders its step."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.arithmetic.fixed import FIXED
from neuromorph.arithmetic.floating import FLOATING
from neuromorph.laws.catalogue import LAWS
from neuromorph.laws.law import Variable
from neuromorph.laws.lif import LIF, LIF_RESET, TERNARY_LIF

laws = pytest.mark.parametrize("name", LAWS)
steps = st.integers(1, 2**31)


def within(variable: Variable) -> st.SearchStrategy[int]:
    """Any legal value, the ends of the range and small numbers often."""
    numbers = st.sampled_from([variable.low, variable.high]) | st.integers(variable.low, variable.high)
    return numbers.map(lambda x: x - (x & 1)) if variable.even else numbers


@cache
def compiled(name: str) -> Callable[..., tuple[int, ...]]:
    return LAWS[name].make(COMPILED)


@laws
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_compiled_integers_and_numpy_agree_bit_for_bit(name: str, data: st.DataObject) -> None:
    law = LAWS[name]
    t = data.draw(steps)
    arguments = [data.draw(within(variable), label=variable.name) for variable in law.arguments]
    vector = law.make(FIXED)(t, *(np.array([x]) for x in arguments))
    scalar = compiled(name)(t, *arguments)
    assert {v.name: int(x) for v, x in zip(law.results, scalar, strict=True)} == {
        v.name: x.item() for v, x in zip(law.results, vector, strict=True)
    }


@laws
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_population_is_its_neurons_one_by_one(name: str, data: st.DataObject) -> None:
    """Shared parameters and broadcast inputs of shape (1,) serve all neurons."""
    law, size = LAWS[name], 5
    for ops, kind in ((FIXED, np.int64), (FLOATING, float)):
        step = law.make(ops)
        arguments = [
            np.array(
                data.draw(st.lists(within(v), min_size=1 if v.shared else size, max_size=1 if v.shared else size)),
                kind,
            )
            for v in law.arguments
        ]
        together = step(3, *arguments)
        for k in range(size):
            alone = step(3, *(a if a.size == 1 else a[k : k + 1] for a in arguments))
            for all_of_them, one in zip(together, alone, strict=True):
                np.testing.assert_array_equal(np.broadcast_to(all_of_them, size)[k : k + 1], one)


@laws
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_outputs_stay_in_the_ranges_the_law_states(name: str, data: st.DataObject) -> None:
    """From the law's own start, whatever arrives."""
    law = LAWS[name]
    step = law.make(FIXED)
    parameters = [np.array([data.draw(within(v), label=v.name)]) for v in law.parameters]
    states = [np.array([v.default]) for v in law.states]
    for t in range(1, 5):
        inputs = [np.array([data.draw(within(v), label=v.name)]) for v in law.inputs]
        results = step(t, *inputs, *states, *parameters)
        states, outputs = results[: len(law.states)], results[len(law.states) :]
        for variable, value in zip(law.outputs, outputs, strict=True):
            variable.check(value, name)


def test_a_variable_counts_its_bits_sign_included() -> None:
    assert [Variable("x", low, high, "").bits for low, high in ((0, 1), (0, 127), (-128, 127), (-1, 1), (-129, 127))] == [
        1,
        7,
        8,
        2,
        9,
    ]


ARITHMETICS: list[tuple[Any, dict[str, float]]] = [
    (FLOATING, {"du": 0.5, "keep": 0, "dv": 0.25, "unit": 1}),
    (FIXED, {"du": 2047, "keep": -1, "dv": 1024, "unit": 64}),
]
lif_arithmetics = pytest.mark.parametrize(("ops", "decays"), ARITHMETICS, ids=["float", "fixed"])


@lif_arithmetics
def test_lif_updates_the_current_first_and_the_voltage_with_it(ops: Any, decays: dict[str, float]) -> None:
    """u = 40 / 2 + 8, v = 16 * 3/4 + u + 4; u keeps its value."""
    unit = decays["unit"]
    u, v, spike = LIF.make(ops)(1, 8, 40 * unit, 16 * unit, decays["du"], decays["dv"], 4 * unit, 0, 1000)
    assert (u, v, spike) == (28 * unit, (12 + 28 + 4) * unit, 0)


@lif_arithmetics
@pytest.mark.parametrize(("above", "spikes"), [(-1, 0), (0, 0), (1, 1)])
def test_lif_spikes_strictly_above_the_threshold_and_resets_the_voltage_only(
    ops: Any, decays: dict[str, float], above: int, spikes: int
) -> None:
    unit = decays["unit"]
    u, v, spike = LIF.make(ops)(1, 0, 2 * unit, 8 * unit + above, decays["keep"], 0, 0, 0, 10)
    assert spike == spikes
    assert u == 2 * unit
    assert v == (0 if spikes else 10 * unit + above)


@lif_arithmetics
def test_lif_reset_forgets_before_the_step_of_the_reset(ops: Any, decays: dict[str, float]) -> None:
    unit, step = decays["unit"], LIF_RESET.make(ops)
    for t in range(1, 9):
        u, v, _ = step(t, 3, 40 * unit, 16 * unit, decays["du"], 0, 0, 0, 1000, 4, 6)  # offset 6 is 2 of interval 4
        assert u == (3 if t % 4 == 2 else 23) * unit
        assert v == (3 if t % 4 == 2 else 16 + 23) * unit


@lif_arithmetics
@pytest.mark.parametrize(("v", "spike"), [(5, 1), (4, 0), (-3, 0), (-4, -1)])
def test_ternary_lif_spikes_strictly_outside_its_thresholds(ops: Any, decays: dict[str, float], v: int, spike: int) -> None:
    unit = decays["unit"]
    _, after, sent = TERNARY_LIF.make(ops)(1, 0, 0, v * unit, 0, 0, 0, 0, 4, -3)
    assert sent == spike
    assert after == (0 if spike else v * unit)
