"""Neurons: one kernel per law, all from one template. A new law adds its two lines at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import overload
from numba.np.unsafe.ndarray import to_fixed_tuple

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.engine.fields import BAD_INPUT, STATUS
from neuromorph.engine.kernel import kernel
from neuromorph.laws.catalogue import LAWS


def _neuron(law: str, k: int, where: Any, i: int, mem: Any) -> Any:
    """Arguments k, k+1, ... of neuron i as a tuple of integers; `where`: offsets of all arguments."""
    raise NotImplementedError("compiled only")


@overload(_neuron, prefer_literal=True)
def _compiled_neuron(law, k, where, i, mem):  # type: ignore[no-untyped-def]
    variables, here = LAWS[law.literal_value].arguments, k.literal_value
    shared, following = variables[here].shared, here + 1
    if following == len(variables):
        return lambda law, k, where, i, mem: (np.int64(mem[np.uint64(where[here] + (0 if shared else i))]),)

    def more(law, k, where, i, mem):  # type: ignore[no-untyped-def]
        rest = _neuron(law, following, where, i, mem)
        return (np.int64(mem[np.uint64(where[here] + (0 if shared else i))]),) + rest  # noqa: RUF005 (Numba)

    return more


def each_neuron(law: str, d: Any, t: Any, mem: Any) -> int:
    """Step every neuron of a population. d: size, then the offset of every argument and result of the law.

    Returns BAD_INPUT + k when input k of a neuron is out of its range; mem[STATUS] is the neuron.
    """
    raise NotImplementedError("compiled only")


@overload(each_neuron, prefer_literal=True)
def _compiled_each_neuron(law, d, t, mem):  # type: ignore[no-untyped-def]
    rules = LAWS[law.literal_value]
    step = rules.make(COMPILED)
    width, results = len(rules.arguments), len(rules.results)
    bounds = tuple((v.low, v.high, v.shared) for v in rules.inputs)

    def implementation(law, d, t, mem):  # type: ignore[no-untyped-def]
        where = to_fixed_tuple(d[1 : 1 + width], width)
        for k in range(len(bounds)):
            low, high, shared = bounds[k]
            for i in range(1 if shared else d[0]):
                if mem[d[1 + k] + i] < low or mem[d[1 + k] + i] > high:
                    mem[STATUS] = i
                    return BAD_INPUT + k
        for i in range(d[0]):
            made = step(t, *_neuron(law, 0, where, i, mem))
            for k in range(results):
                mem[d[1 + width + k] + i] = made[k]
        return 0

    return implementation


@kernel
def lif(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    return each_neuron("lif", d, t, mem)


@kernel
def lif_reset(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    return each_neuron("lif_reset", d, t, mem)


@kernel
def ternary_lif(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    return each_neuron("ternary_lif", d, t, mem)


@kernel
def dyad(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    return each_neuron("dyad", d, t, mem)


@kernel
def readout(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    return each_neuron("readout", d, t, mem)


KERNELS = {"lif": lif, "lif_reset": lif_reset, "ternary_lif": ternary_lif, "dyad": dyad, "readout": readout}
