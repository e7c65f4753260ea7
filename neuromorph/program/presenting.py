"""Presenters: sources that show samples with their targets, and open a phase with each."""

from __future__ import annotations

import numpy as np

from neuromorph.errors import ProgramError
from neuromorph.program.neurons import Source
from neuromorph.program.values import Array, array_of


def presenter(name: str, samples: Array, targets: Array, *, steps: int, opening: int, order: Array | None = None) -> Source:
    """A source that shows sample order[k] and its target for `steps` steps, for k = 0, 1, ... and round again.

    samples: payloads (n, inputs), sent by `s_out` at every step; targets: (n, outputs), by `s_target`; `s_phase` sends
    `opening` (1: free, 2: nudged) at the first step of each sample. All whole numbers of 24 bits. Raises ProgramError for
    shapes, RangeError for values.
    """
    for what, values in (("samples", samples), ("targets", targets)):
        shape = array_of(values, f"presenter '{name}'", what).shape
        if len(shape) != 2:
            raise ProgramError(f"presenter '{name}': {what} have shape {shape}; give one row a sample")
    frames = {"s_out": samples, "s_target": targets, "s_phase": np.full((len(samples), 1), opening)}
    return Source(name, frames, hold=steps, order=order, pulses=("s_phase",))
