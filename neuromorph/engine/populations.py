"""Neurons: one kernel per law, all from one template. A new law adds its two lines at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import overload
from numba.np.unsafe.ndarray import to_fixed_tuple

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.engine.fields import BAD_INPUT, STATUS
from neuromorph.engine.kernel import kernel
from neuromorph.laws.registry import LAWS


def each_neuron(law: str, d: Any, t: Any, mem: Any) -> int:
    """Step every neuron of a population. d: size, then (offset, stride) of every argument and result of the law.

    Returns BAD_INPUT + k when input k of a neuron is out of its range; mem[STATUS] is the neuron.
    """
    raise NotImplementedError("compiled only")


@overload(each_neuron, prefer_literal=True)
def _each_neuron(law, d, t, mem):  # type: ignore[no-untyped-def]  # Numba compares these names with the kernel's
    rules = LAWS[law.literal_value]
    step = rules.make(COMPILED)
    width, results = len(rules.arguments), len(rules.results)
    lows = tuple(v.low for v in rules.inputs)
    highs = tuple(v.high for v in rules.inputs)

    def implementation(law, d, t, mem):  # type: ignore[no-untyped-def]
        row = np.empty(width, np.int64)
        for i in range(d[0]):
            for k in range(width):
                row[k] = mem[d[1 + 2 * k] + i * d[2 + 2 * k]]
            for k in range(len(lows)):
                if row[k] < lows[k] or row[k] > highs[k]:
                    mem[STATUS] = i
                    return BAD_INPUT + k
            out = step(t, *to_fixed_tuple(row, width))
            for k in range(results):
                mem[d[1 + 2 * (width + k)] + i * d[2 + 2 * (width + k)]] = out[k]
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
