"""What NumPy, compiled integers and Lava would not compute alike is refused when the Law is made; the rest has one value in all."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.arithmetic.fixed import FIXED
from neuromorph.errors import LawError
from neuromorph.laws.law import Law
from neuromorph.user_file import module_of

FILE = """
from neuromorph.laws.law import Law, Variable


def make(ops):
    select, clip, floor_down, scale_down, floor, whole, bias = (
        ops.select, ops.clip, ops.floor_down, ops.scale_down, ops.floor, ops.whole, ops.bias)

    def step(t, a_in, v, k, n):
        return v, EXPRESSION

    return ops.function(step)


def law():
    return Law("tried", (Variable("a_in", -1000, 1000, ""),), (Variable("s_out", -(2**31), 2**31 - 1, ""),),
               (Variable("v", -10, 10, ""),), (Variable("k", 0, 70, ""), Variable("n", 0, 5, "", default=3)), make)
"""


def law(folder: Path, expression: str) -> Law:
    path = folder / "tried_law.py"
    path.write_text(FILE.replace("EXPRESSION", expression))
    return module_of(path, "a law").law()  # type: ignore[no-any-return]


ONE = "asks one number"
OUTCOMES = "computes with the outcome of comparisons"
FAR = "shifts go by 0..62"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("5 if a_in > 0 else 7", ONE),
        ("select(a_in > 0 and v < 5, 1, 0)", ONE),
        ("select(not a_in > 0, 1, 0)", ONE),
        ("select(0 < a_in < 10, 1, 0)", ONE),
        ("min(max(a_in, 0), 5)", ONE),
        ("int(a_in)", ONE),
        ("5 if t > 3 else 7", ONE),
        ("(a_in > 0) + (a_in > 1)", OUTCOMES),
        ("(a_in > 0) * (k > 0) + (v >= 0)", OUTCOMES),
        ("(t > 1) + (a_in > 0)", OUTCOMES),
        ("(a_in > 0) << (k > 0)", OUTCOMES),
        ("floor_down(a_in, k)", FAR),
        ("scale_down(a_in, v)", FAR),
        ("bias(a_in, k)", FAR),
        ("a_in << 63", FAR),
        ("a_in << n", "shifts with << or >> by what is no constant"),
        ("1 >> n", "shifts with << or >> by what is no constant"),
        ("a_in // v", "divides by zero within the ranges"),
        ("a_in % v", "divides by zero within the ranges"),
        ("a_in // n", "divides by zero within the ranges"),
        ("floor(a_in / n)", "divides by zero within the ranges"),
        ("a_in / 2", "makes s_out a float64 of integers"),
        ("a_in ** v", "fails when it is tried within the ranges"),
    ],
)
def test_what_would_not_be_computed_alike_is_refused(tmp_path: Path, expression: str, said: str) -> None:
    with pytest.raises(LawError, match=f"^law 'tried': its step .*{said}"):
        law(tmp_path, expression)


def test_a_change_in_place_is_refused(tmp_path: Path) -> None:
    """In NumPy it would change every name of the number."""
    path = tmp_path / "tried_law.py"
    path.write_text(FILE.replace("return v, EXPRESSION", "u = v\n        u += a_in\n        return v, u"))
    with pytest.raises(LawError, match="its step changes a number in place"):
        module_of(path, "a law").law()


@pytest.mark.parametrize(
    "expression",
    [
        "select(a_in > 0, 1, 0) + select(a_in > 1, 1, 0)",
        "select((a_in > 0) & ~(v < 5) | (k > 3), 5, 7)",
        "(a_in > 0) * 3 + ((a_in > 0) << 3)",
        "floor_down(a_in, clip(k, 0, 62))",
        "scale_down(a_in, n)",
        "bias(a_in, n) + (a_in << 3)",
        "a_in // select(v == 0, 1, v)",
        "a_in % (n + 1)",
        "floor(select(a_in > 0, 0.5, 1.5) * 2)",
        "whole(select(a_in > 0, 0.5, 1) * 2)",
        "select(a_in > 0, a_in > 1, 5)",
        "floor(a_in / 3) + abs(v) - -a_in",
        "select(~(t > 1), 5, 7)",
    ],
)
def test_the_rest_is_the_same_compiled_and_in_numpy(tmp_path: Path, expression: str) -> None:
    made, rng = law(tmp_path, expression), np.random.default_rng(0)
    columns = [rng.integers(v.low, v.high + 1, 30) for v in made.arguments]
    expected = np.broadcast_to(made.make(FIXED)(np.array([1]), *columns)[1], 30)
    step = made.make(COMPILED)
    np.testing.assert_array_equal(expected, [step(1, *map(int, row))[1] for row in zip(*columns, strict=True)])


@pytest.mark.parametrize("k", [-70, -64, -5, -1, 0, 62, 63, 64, 70])
@pytest.mark.parametrize("name", ["floor_down", "scale_down", "anneal", "bias"])
def test_shifts_that_no_trial_met_are_alike_all_the_same(name: str, k: int) -> None:
    x = np.array([-100000, -7, -1, 0, 1, 7, 100000])
    expected = getattr(FIXED, name)(x, np.array([k]))
    operation: Any = getattr(COMPILED, name)
    np.testing.assert_array_equal(expected, [operation(int(each), k) for each in x])


def test_and_so_are_divisions_by_zero() -> None:
    step: Any = COMPILED.function(lambda a, b: (a // b, a % b))
    assert step(7, 0) == (0, 0)
