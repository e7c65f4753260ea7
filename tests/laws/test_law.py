"""A Law checks itself when it is made, says all that is wrong at once, and is known by its source."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from neuromorph.errors import LawError
from neuromorph.laws.catalogue import LAWS, is_ours, named, register
from neuromorph.laws.law import Law, Silence, Variable


def make(ops: Any) -> Any:
    select, scale_down = ops.select, ops.scale_down

    def step(t, a_in, v, leak):  # type: ignore[no-untyped-def]
        v = v - scale_down(v, leak) + a_in
        return v, select(v > 10, 1, 0)

    return ops.function(step)


A_IN, V, LEAK = (
    Variable("a_in", -9, 9, "input"),
    Variable("v", -99, 99, "voltage"),
    Variable("leak", 1, 9, "leak", default=1),
)
GOOD: dict[str, Any] = {
    "name": "leaky",
    "inputs": (A_IN,),
    "outputs": (Variable("s_out", 0, 1, "spike"),),
    "states": (V,),
    "parameters": (LEAK,),
    "make": make,
}


def returns(value: Any) -> Any:
    def made(ops: Any) -> Any:
        return ops.function(lambda *_: value)

    return made


def knows(thing: Any) -> Any:
    def made(ops: Any) -> Any:
        return ops.function(lambda *_: (1, 1 if thing else 0))

    return made


def names_ops(ops: Any) -> Any:
    return ops.function(lambda t, a_in, v, leak: (ops.clip(v, -9, 9), 1))


def forgets_function(ops: Any) -> Any:
    return lambda t, a_in, v, leak: (v, 1)


def calls_a_plain_function(ops: Any) -> Any:
    clip = ops.clip

    def plain(x: Any) -> Any:
        return clip(x, -9, 9)

    return ops.function(lambda t, a_in, v, leak: (plain(v), 1))


def odd(parameters: Any) -> str | None:
    return "leak = 1 is odd" if parameters["leak"][0] & 1 else None


def test_a_good_law_is_made() -> None:
    law = Law(**GOOD)
    assert law.key == f"leaky@{law.source[:16]}"
    assert law.signature["parameters"] == [["leak", 1, 9, False, False]]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "my-law"}, "a name is letters, digits and _, no digit first; call it 'my_law'"),
        ({"name": "2nd"}, "call it '_2nd'"),
        ({"states": V}, r"its states are one Variable, no tuple; write a comma behind it: \(v,\)"),
        ({"inputs": "a_in"}, "its inputs are no tuple of Variables"),
        ({"parameters": (replace(LEAK, name="v"),)}, "'v' names two things"),
        ({"parameters": (replace(LEAK, name="a_in_port"),)}, "'a_in_port' names two things"),
        ({"parameters": (replace(LEAK, name="my leak"),)}, "'my leak' is no name"),
        ({"parameters": (replace(LEAK, name="_leak"),)}, "'_leak' is no name"),
        ({"parameters": (replace(LEAK, name="run"),)}, "Lava needs the name 'run'"),
        ({"states": (replace(V, name="phase"),)}, "Lava needs the name 'phase'"),
        ({"inputs": (replace(A_IN, name="stop"),)}, "Lava needs the name 'stop'"),
        ({"parameters": (replace(LEAK, default=0),)}, r"leak has the default 0, no integer of 1\.\.9"),
        ({"parameters": (replace(LEAK, default=3, even=True),)}, "leak has the default 3, and is even"),
        ({"states": (replace(V, shared=True),)}, "v is shared"),
        ({"states": (replace(V, default=0.5),)}, "v has the default 0.5, no integer of"),
        ({"outputs": ()}, "it has no output"),
        ({"answer": "s_out"}, "its answer 's_out' is none of its states"),
        ({"silence": Silence("v", ("s_out_y3",))}, "its silence"),
        ({"make": "make"}, "its make is a str"),
        ({"make": returns((1,))}, r"its step returns 1 value\(s\), not the 2 of \(v, s_out,\)"),
        ({"make": returns(1)}, "its step returns 1 value"),
        ({"make": returns((0.5, 1))}, "its step makes v a float64 of integers"),
        ({"make": names_ops}, "its step names ops"),
        ({"make": forgets_function}, "its make returns a step that was not given to ops.function"),
        ({"make": calls_a_plain_function}, "its step calls plain, which was not given to ops.function"),
        ({"parameters": ()}, "its step fails when it is tried within the ranges: TypeError"),
        ({"conditions": (odd,)}, "its defaults break its own condition: leak = 1 is odd"),
    ],
)
def test_a_law_that_is_none_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(LawError, match=f"^law '.*': .*{said}"):
        Law(**{**GOOD, **changed})


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (10, 0, r"10\.\.0; low must not lie above high"),
        (0, 2**31, "give integers of 32 bits"),
        (0, 0.5, "give integers of 32"),
    ],
)
def test_a_variable_checks_its_range(low: int, high: Any, said: str) -> None:
    with pytest.raises(LawError, match=f"^variable 'v' has the range .*{said}"):
        Variable("v", low, high, "voltage")


def test_variables_may_stand_in_a_list() -> None:
    assert Law(**{**GOOD, "states": [V]}) == Law(**GOOD)


def test_a_law_and_a_variable_show_themselves_in_short() -> None:
    law = Law(**GOOD)
    assert repr(law) == "<Law leaky: inputs a_in; outputs s_out; states v; parameters leak>"
    assert repr(LEAK) == "Variable('leak', 1, 9, 'leak', default=1)"
    assert str(law).splitlines()[-2:] == ["parameters", f"  {'leak':16} {'1..9, default 1':32} leak"]


def test_all_complaints_come_at_once() -> None:
    with pytest.raises(LawError, match=r"Lava needs the name 'run'.*leak has the default 0"):
        Law(**{**GOOD, "states": (replace(V, name="run"),), "parameters": (replace(LEAK, default=0),)})


def test_an_input_may_be_called_phase_and_shared() -> None:
    """The dyads' is: ports have names of their own in a model."""
    assert Law(**{**GOOD, "inputs": (replace(A_IN, name="phase", shared=True),)}).inputs[0].shared


def test_a_law_without_a_file_is_refused() -> None:
    names: dict[str, Any] = {}
    exec("def make(ops):\n    return ops.function(lambda t, a_in, v, leak: (v, 0))", names)
    with pytest.raises(LawError, match="its code lies in no file"):
        Law(**{**GOOD, "make": names["make"]})


def test_a_closure_over_numbers_is_another_source_and_over_things_is_refused() -> None:
    assert Law(**{**GOOD, "make": returns((1, 1))}).source != Law(**{**GOOD, "make": returns((2, 1))}).source
    for thing in (SimpleNamespace(a=1), (1, SimpleNamespace())):
        with pytest.raises(LawError, match="its make uses thing, a SimpleNamespace, which no text tells"):
            Law(**{**GOOD, "make": knows(thing)})


def test_one_key_is_one_law() -> None:
    law, again = Law(**GOOD), Law(**GOOD)
    assert register(law) == register(again) == law.key
    assert named(law.key) is law
    with pytest.raises(LawError, match="another law of the same source"):
        register(Law(**{**GOOD, "states": (replace(V, high=98),)}))


def test_the_names_of_ours_are_taken() -> None:
    with pytest.raises(LawError, match="law 'lif': one of neuromorph's own has this name already"):
        register(Law(**{**GOOD, "name": "lif"}))
    assert {register(law) for law in LAWS.values()} == {law.key for law in LAWS.values()}
    assert all(is_ours(law) for law in LAWS.values())
    assert not is_ours(Law(**GOOD))
