"""A recipe for data that nobody has found one for: scales and biases from one forward pass over training samples.

From the bottom up, with the raw drive d_ij = sum of weight * payload of sample i and neuron j, and m_j its mean over samples::

    shift     the smallest s with  mean of |d_ij - m_j| <= DEVIATION * 2^s
    bias_j    -m_j / 2^shift, so that a neuron is active in about half of the samples
    activity  clip(d_ij / 2^shift + bias_j, 0, 127); twice that is the payload that the next layer gets

Divisions round as a neuron does. For the readout, with S the mean over samples of the sum of its inputs' squared activities::

    shift_out    the smallest s with  2 * WEIGHT * sqrt(S) <= DRIVE * 2^s: weights well inside their 8 bits move an output through its range
    margin       at most beta * (target_on - target_off) / outputs: an answer that is the same for all samples then has errors, of classes
                 that come equally often; else the readout stays there
    shift_error  7 below the readout, whose errors are few whatever its size; 5 + log2(n) / 2, rounded, below n hidden neurons, because
                 errors of both signs add up to sqrt(n) of one
    epochs       until SAMPLES have been presented, but EPOCHS at least

Shifts, biases and margin come from whole numbers and their sums over samples and neurons. So the order of samples does not matter, nor
that of inputs where their weights go with them; of payloads twice as large the first shift is larger by one, and nothing else changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np

from neuromorph.arithmetic.fixed import FIXED
from neuromorph.errors import RangeError
from neuromorph.networks.dyadic_mlp.recipe import Recipe
from neuromorph.program import Array

DEVIATION = 27
"""Largest mean deviation of scaled drives; shifts are whole, so it is 13.5 to 27. In MNIST's own recipe it is 18."""
WEIGHT, DRIVE = 60, 30
"""Weights of such a size and random signs give an output, which goes from 0 to 127, at most so large a drive."""
SAMPLES, EPOCHS = 64_000, 12
PASSED = 4096
"""Samples in a forward pass, at most: of more than these, one in so many."""
TOP = 127
"""Largest activity: the seven bits of a pre-trace."""
ILL = 0.25
"""Share of a layer's neurons, silent or saturated, above which something is said."""
RARE, OFTEN = 0.02, 0.5
"""A neuron that is active at no more samples is silent; one at its largest activity at more samples is saturated."""


class HealthWarning(UserWarning):
    """Many neurons do not tell samples from each other."""


@dataclass(frozen=True)
class Health:
    """Shares of a hidden layer's neurons: `silent` at 98 % of samples or more, `saturated` at more than half of them."""

    layer: str
    silent: float
    saturated: float

    @property
    def is_ill(self) -> bool:
        return self.silent > ILL or self.saturated > ILL

    def __str__(self) -> str:
        return f"{self.layer}: {100 * self.silent:.0f} % of neurons silent, {100 * self.saturated:.0f} % saturated"


def calibrated(weights: Sequence[Array], payloads: Array, recipe: Recipe) -> Recipe:
    """The recipe with other shift, bias, shift_out, margin, shift_error and epochs: those for these payloads (n, inputs).

    weights[k]: [post, pre] of layer k -> k+1, as they are before training. Raises RangeError for samples that do not differ.
    """
    shifts, biases, shown = list[int](), list[tuple[int, ...]](), _some(payloads)
    for k, matrix in enumerate(weights[:-1]):
        drive = _drive(matrix, shown)
        shifts.append(_shift(drive, f"hidden{k + 1}"))
        biases.append(tuple((-_scaled_mean(drive, shifts[-1])).tolist()))
        shown = 2 * _activity(drive, shifts[-1], biases[-1])
    outputs = len(weights[-1])
    return replace(
        recipe,
        shift=tuple(shifts),
        bias=tuple(biases),
        shift_out=_shift_out(shown),
        margin=min(recipe.margin, int(recipe.beta * (recipe.target_on - recipe.target_off) / outputs)),
        shift_error=_shift_error([len(matrix) for matrix in weights[:-1]]),
        epochs=max(EPOCHS, math.ceil(SAMPLES / len(payloads))),
    )


def health(weights: Sequence[Array], payloads: Array, recipe: Recipe) -> list[Health]:
    """How many neurons of each hidden layer tell these samples from each other, errors aside."""
    found, shown = [], _some(payloads)
    for k, matrix in enumerate(weights[:-1]):
        layer = recipe.hidden(k)
        activity = _activity(_drive(matrix, shown), layer["shift"], layer["bias"])
        silent, full = (activity > 0).mean(axis=0) <= RARE, (activity == TOP).mean(axis=0) > OFTEN
        found.append(Health(f"hidden{k + 1}", float(silent.mean()), float(full.mean())))
        shown = 2 * activity
    return found


def _some(payloads: Array) -> Array:
    if not len(payloads):
        raise RangeError("there are no samples to calibrate with; give training samples")
    return payloads[:: math.ceil(len(payloads) / PASSED)]


def _drive(matrix: Array, payloads: Array) -> Array:
    """sum of weight * payload, (samples, neurons); floats of 64 bits hold every such sum exactly, and are faster."""
    return (payloads.astype(np.float64) @ matrix.T.astype(np.float64)).astype(np.int64)


def _activity(drive: Array, shift: int, bias: Any) -> Array:
    activity: Array = np.clip(FIXED.scale_down(drive, shift) + np.asarray(bias), 0, TOP)
    return activity


def _smallest(fits: Callable[[int], bool]) -> int:
    return next(shift for shift in count() if fits(shift))


def _shift(drive: Array, layer: str) -> int:
    samples, neurons = drive.shape
    deviations = np.abs(samples * drive - drive.sum(axis=0)).sum(axis=0)
    total = sum(deviations.tolist())  # Python's whole numbers have no largest
    if total == 0:
        raise RangeError(
            f"{layer} gets the same drive from each of {samples} samples, so nothing can be calibrated; give samples that differ"
        )
    return _smallest(lambda shift: total <= DEVIATION * samples**2 * neurons << shift)


def _scaled_mean(drive: Array, shift: int) -> Array:
    """The mean over samples / 2^shift, rounded to nearest, halves up."""
    whole = len(drive) << shift
    mean: Array = (2 * drive.sum(axis=0) + whole) // (2 * whole)
    return mean


def _shift_out(payloads: Array) -> int:
    squares = int(np.square(payloads).sum())  # of 2 * activity
    return _smallest(lambda shift: WEIGHT**2 * squares <= len(payloads) * DRIVE**2 << 2 * shift)


def _shift_error(hidden: Sequence[int]) -> tuple[int, ...]:
    return (*(round(5 + math.log2(above) / 2) for above in hidden[1:]), 7)
