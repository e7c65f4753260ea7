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


def _arguments(key: str, k: int, where: Any, shared: Any, i: int, mem: Any) -> Any:
    """Arguments k, k+1, ... of neuron i as a tuple of integers; `where`: offsets of all arguments, `shared`: values of the shared ones."""
    raise NotImplementedError("compiled only")


@overload(_arguments, prefer_literal=True)
def _compiled_arguments(key, k, where, shared, i, mem):  # type: ignore[no-untyped-def]
    variables, here = named(key.literal_value).arguments, k.literal_value
    following, at = here + 1, sum(v.shared for v in variables[:here])
    if here == len(variables):
        return lambda key, k, where, shared, i, mem: ()
    if variables[here].shared:
        return lambda key, k, where, shared, i, mem: (shared[at],) + _arguments(key, following, where, shared, i, mem)  # noqa: RUF005
    return lambda key, k, where, shared, i, mem: (
        (np.int64(mem[np.uint64(where[here] + i)]),) + _arguments(key, following, where, shared, i, mem)  # noqa: RUF005 (Numba)
    )


def _shared(key: str, k: int, where: Any, mem: Any) -> Any:
    """Values of the shared ones among arguments k, k+1, ..."""
    raise NotImplementedError("compiled only")


@overload(_shared, prefer_literal=True)
def _compiled_shared(key, k, where, mem):  # type: ignore[no-untyped-def]
    variables, here = named(key.literal_value).arguments, k.literal_value
    following = here + 1
    if here == len(variables):
        return lambda key, k, where, mem: ()
    if variables[here].shared:
        return lambda key, k, where, mem: (np.int64(mem[where[here]]),) + _shared(key, following, where, mem)  # noqa: RUF005
    return lambda key, k, where, mem: _shared(key, following, where, mem)


def _store(key: str, k: int, made: Any, into: Any, i: int, mem: Any) -> int:
    """Results k, k+1, ... of neuron i into memory; of a user's law the number of the first that is out of its range, else -1."""
    raise NotImplementedError("compiled only")


@overload(_store, prefer_literal=True)
def _compiled_store(key, k, made, into, i, mem):  # type: ignore[no-untyped-def]
    law, here = named(key.literal_value), k.literal_value
    following, watched = here + 1, not is_ours(law)
    if here == len(law.results):
        return lambda key, k, made, into, i, mem: -1
    low, high = law.results[here].low, law.results[here].high

    def store(key, k, made, into, i, mem):  # type: ignore[no-untyped-def]
        one = np.int64(made[here])
        if watched and (one < low or one > high):
            return here
        mem[np.uint64(into[here] + i)] = one
        return _store(key, following, made, into, i, mem)

    return store


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
    step, width, results = law.make(COMPILED), len(law.arguments), len(law.results)
    bounds = tuple((v.low, v.high, v.shared, v.index) for v in law.inputs)

    def implementation(key, d, t, mem):  # type: ignore[no-untyped-def]
        where, into = to_fixed_tuple(d[1 : 1 + width], width), to_fixed_tuple(d[1 + width :], results)
        common = _shared(key, 0, where, mem)
        for k in range(len(bounds)):
            low, high, shared, index = bounds[k]
            high = min(high, d[0]) if index else high
            for i in range(1 if shared else d[0]):
                if mem[d[1 + k] + i] < low or mem[d[1 + k] + i] > high:
                    mem[STATUS] = i
                    return BAD_INPUT + k
        for i in range(d[0]):
            made = step(t, *_arguments(key, 0, where, common, i, mem))
            wrong = _store(key, 0, made, into, i, mem)
            if wrong >= 0:
                mem[STATUS] = i
                return BAD_RESULT + wrong
        return 0

    return implementation
