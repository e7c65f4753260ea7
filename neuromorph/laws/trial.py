"""A law's step, tried when the Law is made: on numbers that tell what is done with them.

The trial refuses what NumPy's arrays, compiled integers and Lava's models would not compute alike: questions to a single number (`if`,
`min`), arithmetic of comparisons (NumPy's True + True is True, compiled it is 2), shifts by what is no constant, divisions by zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from neuromorph.arithmetic import Arithmetic
from neuromorph.arithmetic.fixed import FIXED, LARGEST_SHIFT
from neuromorph.laws.source import used

if TYPE_CHECKING:
    from neuromorph.laws.law import Law

NEURONS = 64
"""How many are tried: at the defaults, at the ends of all ranges, and at mixtures of these."""
OF_NUMBERS = {
    np.add, np.subtract, np.multiply, np.negative, np.absolute, np.power, np.floor_divide, np.remainder, np.true_divide,
    np.left_shift, np.right_shift,
}  # fmt: skip
DIVISIONS = {np.floor_divide, np.remainder, np.true_divide}
SHIFTS = {np.left_shift, np.right_shift}
SHIFTING = {"scale_down", "floor_down", "anneal", "bias"}
"""Operations whose second argument says how far they shift."""


class Refused(Exception):
    """What a step must not do."""


class Tried(NDArrayOperatorsMixin):
    """One value of every neuron that is tried."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if out is not None:
            raise Refused("changes a number in place (+= and such), which changes every name of it; write v = v + x")
        values = [_plain(each) for each in inputs]
        if ufunc in OF_NUMBERS and all(each.dtype == bool for each in map(np.asarray, values)):
            raise Refused(
                f"computes with the outcome of comparisons ({ufunc.__name__}); make numbers of them, ops.select(..., 1, 0)"
            )
        if ufunc in DIVISIONS and (np.asarray(values[1]) == 0).any():
            raise Refused("divides by zero within the ranges; keep 0 out of the divisor's, or ops.select another for it")
        if ufunc in SHIFTS and isinstance(inputs[1], Tried):
            raise Refused("shifts with << or >> by what is no constant; use ops.bias(x, k) or ops.floor_down(x, k)")
        if ufunc in SHIFTS:
            _demand_shift(ufunc.__name__, np.asarray(values[1]))
        return Tried(getattr(ufunc, method)(*values, **options))

    def _asked(self, *_: Any) -> NoReturn:
        raise Refused(
            "asks one number (if, and, or, not, min, max, a < x < b, int()), where there is one a neuron; "
            "use ops.select, ops.clip, & and |"
        )

    __bool__ = __int__ = __float__ = __index__ = _asked


def trial(law: Law) -> Iterator[str]:
    """Complaints about one step in NumPy's integers."""
    made: list[Any] = []
    ops = _tried_arithmetic(made)
    try:
        step = law.make(ops)
        if misplaced := [*_misplaced(step, made, ops)]:
            yield from misplaced
            return
        with np.errstate(all="ignore"):
            results = step(Tried(np.arange(1, NEURONS + 1)), *map(Tried, _arguments(law)))
    except Refused as refused:
        yield f"its step {refused}"
        return
    except Exception as error:
        yield f"its step fails when it is tried within the ranges: {type(error).__name__}: {error}"
        return
    yield from _of_results(law, results)


def _of_results(law: Law, results: Any) -> Iterator[str]:
    if not isinstance(results, tuple) or len(results) != len(law.results):
        count = len(results) if isinstance(results, tuple) else 1
        yield f"its step returns {count} value(s), not the {len(law.results)} of ({', '.join(v.name for v in law.results)},)"
        return
    for v, value in zip(law.results, results, strict=True):
        if (kind := np.asarray(_plain(value)).dtype).kind not in "iub":
            yield f"its step makes {v.name} a {kind} of integers; divide with ops.scale_down or ops.floor_down"


def _arguments(law: Law) -> list[np.ndarray[Any, Any]]:
    """Values of every argument of the step, one a neuron: first the defaults, then ends of ranges and what lies between.

    Parameters that a condition of the law forbids are replaced by the defaults.
    """
    rng, names = np.random.default_rng(0), [v.name for v in law.parameters]
    columns = []
    for v in law.arguments:
        ends = np.array([v.default if v.low <= v.default <= v.high else v.low, v.low, v.high])
        mixed = np.where(rng.random(NEURONS) < 0.75, rng.choice(ends, NEURONS), rng.integers(v.low, v.high + 1, NEURONS))
        mixed[: len(ends)] = ends
        columns.append(np.where(v.even, mixed - mixed % 2, mixed))
    rows, first = np.stack(columns, axis=1), len(law.arguments) - len(names)
    for row in rows[1:]:
        parameters = {name: row[first + k : first + k + 1] for k, name in enumerate(names)}
        if any(condition(parameters) for condition in law.conditions):
            row[first:] = rows[0, first:]
    return [*rows.T.copy()]


def _tried_arithmetic(made: list[Any]) -> Arithmetic:
    """FIXED over numbers that are tried; `made` collects what is given to `function`."""

    def function(given: Callable[..., Any]) -> Callable[..., Any]:
        made.append(given)
        return given

    names = (name for name in Arithmetic._fields if name != "function")
    return Arithmetic(function=function, **{name: _tried(name, getattr(FIXED, name)) for name in names})


def _tried(name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
    def tried(*arguments: Any) -> Tried:
        values = [_plain(each) for each in arguments]
        if name in SHIFTING:
            _demand_shift(name, np.abs(values[1]) if name == "bias" else np.asarray(values[1]))
        return Tried(operation(*values))

    return tried


def _demand_shift(name: str, far: Any) -> None:
    wrong = far[(far < 0) | (far > LARGEST_SHIFT)]
    if wrong.size:
        raise Refused(
            f"shifts by {wrong[0]} in {name}, within the ranges of the law; shifts go by 0..{LARGEST_SHIFT}: "
            "narrow the range of what it shifts by, or clip it"
        )


def _plain(number: Any) -> Any:
    return number.values if isinstance(number, Tried) else number


def _misplaced(step: Any, made: list[Any], ops: Arithmetic) -> Iterator[str]:
    """Functions that no compiler is told of, and operations taken out of `ops` too late."""
    if step not in made:
        yield "its make returns a step that was not given to ops.function; return ops.function(step)"
    for function in filter(lambda each: isinstance(each, FunctionType), made):
        for name, value in used(function):
            if isinstance(value, Arithmetic):
                yield f"its step names {name}, which no compiled step can; take the operations out of it before: clip = ops.clip"
            elif isinstance(value, FunctionType) and value not in (*made, *ops):
                yield f"its step calls {name}, which was not given to ops.function; write {name} = ops.function({name}) into make"
