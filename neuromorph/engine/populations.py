"""Neurons: one kernel a law, all made by one factory.

What a kernel compiles depends on its law, and Numba keeps a kernel on disk by its bytecode and by what it closes over. A closure
over functions is never found again; one over a text is. So a kernel closes over the law's key, name and hash of the source, and looks
the law up while it is compiled: a law that nobody edited compiles nothing in the next process, an edited one has another key.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import numpy as np
from numba.core.errors import NumbaError
from numba.extending import overload
from numba.np.unsafe.ndarray import to_fixed_tuple

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.engine.fields import BAD_INPUT, BAD_RESULT, STATUS
from neuromorph.engine.kernel import kernel
from neuromorph.errors import LawError
from neuromorph.laws.catalogue import is_ours, named, register
from neuromorph.laws.law import Law


def kernel_of(law: Law) -> Any:
    """The compiled step of a population of this law. Raises LawError for a law that does not compile, or whose key another one has."""
    key = register(law)
    try:
        return _kernel(key)
    except NumbaError as error:
        *_, innermost = str(error).split("Failed in nopython mode pipeline (step: nopython frontend)")
        reason = innermost.strip().partition("\n")[0]
        raise LawError(
            f"law '{law.name}' cannot be compiled: {reason}; write its step with what Arithmetic offers"
        ) from error


@cache
def _kernel(key: str) -> Any:
    def neurons(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
        return each_neuron(key, d, t, mem)

    # A file of its own for every law: processes that compile two laws at once would write over each other's kernels.
    neurons.__qualname__ = f"neurons_{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return kernel(neurons)


# Arguments and results are tuples that grow by recursion while Numba compiles. A loop that fills an array instead is as fast for LIF
# and five times slower for dyads: their 28 arguments then go through memory for every neuron.


def _arguments(key: str, k: int, where: Any, i: int, mem: Any) -> Any:
    """Arguments k, k+1, ... of neuron i as a tuple of integers; `where`: offsets of all arguments."""
    raise NotImplementedError("compiled only")


@overload(_arguments, prefer_literal=True)
def _compiled_arguments(key, k, where, i, mem):  # type: ignore[no-untyped-def]
    variables, here = named(key.literal_value).arguments, k.literal_value
    shared, following = variables[here].shared, here + 1
    if following == len(variables):
        return lambda key, k, where, i, mem: (np.int64(mem[np.uint64(where[here] + (0 if shared else i))]),)

    def more(key, k, where, i, mem):  # type: ignore[no-untyped-def]
        rest = _arguments(key, following, where, i, mem)
        return (np.int64(mem[np.uint64(where[here] + (0 if shared else i))]),) + rest  # noqa: RUF005 (Numba)

    return more


def _whole(made: Any, k: int) -> Any:
    """Results k, k+1, ... of a step as integers of one type: a step may also return the outcome of a comparison."""
    raise NotImplementedError("compiled only")


@overload(_whole, prefer_literal=True)
def _compiled_whole(made, k):  # type: ignore[no-untyped-def]
    here, following = k.literal_value, k.literal_value + 1
    if following == len(made):
        return lambda made, k: (np.int64(made[here]),)
    return lambda made, k: (np.int64(made[here]),) + _whole(made, following)  # noqa: RUF005 (Numba)


def each_neuron(key: str, d: Any, t: Any, mem: Any) -> int:
    """Step every neuron of a population. d: size, then the offset of every argument and result of the law.

    Returns BAD_INPUT + k when input k of a neuron is out of its range, and for a law of a user's BAD_RESULT + k when result k is;
    mem[STATUS] is the neuron.
    """
    raise NotImplementedError("compiled only")


@overload(each_neuron, prefer_literal=True)
def _compiled_each_neuron(key, d, t, mem):  # type: ignore[no-untyped-def]
    if not hasattr(key, "literal_value"):
        return None  # Numba asks again without the text when the step does not compile
    law = named(key.literal_value)
    step, watched = law.make(COMPILED), not is_ours(law)
    width, results = len(law.arguments), len(law.results)
    bounds = tuple((v.low, v.high, v.shared) for v in law.inputs)
    limits = tuple((v.low, v.high) for v in law.results)

    def implementation(key, d, t, mem):  # type: ignore[no-untyped-def]
        where = to_fixed_tuple(d[1 : 1 + width], width)
        for k in range(len(bounds)):
            low, high, shared = bounds[k]
            for i in range(1 if shared else d[0]):
                if mem[d[1 + k] + i] < low or mem[d[1 + k] + i] > high:
                    mem[STATUS] = i
                    return BAD_INPUT + k
        for i in range(d[0]):
            made = _whole(step(t, *_arguments(key, 0, where, i, mem)), 0)
            for k in range(results):
                if watched and (made[k] < limits[k][0] or made[k] > limits[k][1]):
                    mem[STATUS] = i
                    return BAD_RESULT + k
                mem[d[1 + width + k] + i] = made[k]
        return 0

    return implementation
