"""Floating point: NumPy arrays or Python floats."""

import numpy as np

from neuromorph.arithmetic import Arithmetic

FLOATING = Arithmetic(
    function=lambda f: f,
    decay=lambda x, d, offset: x * (1 - d),
    align=lambda x: x,
    word=lambda x: x,
    wrap=lambda x: x,
    saturate=lambda x: x,
    bias=lambda mantissa, exponent: mantissa,
    select=np.where,
    clip=np.clip,
    floor=np.floor,
    whole=lambda x: np.asarray(x).astype(np.int64),
    halve=lambda x: x / 2.0,
    scale_down=lambda x, k: x / 2.0**k,
    floor_down=lambda x, k: x / 2.0**k,
    widen=lambda x: x,
    narrow=lambda x: x,
    add_portion=lambda x, y, p: x + y * p / 256.0,
    approach=lambda x, y, p: x + (y - x) * p / 256.0,
    anneal=lambda x, k: x - x / 2.0**k,
    level=lambda x: x / 2.0**16,
)
