"""The stochastic binary unit of a Boltzmann machine, and its Hebbian plasticity.

    s = 1 with probability sigma(drive), else 0;   sigma(x) = 1 / (1 + exp(-x))
    w <- w + gain * post * pre

The unit is a threshold under logistic noise: u < sigma(drive) says the same as drive > log(u / (1 - u)), and the second form needs
nothing but a comparison in the neuron. The noise does not depend on the neuron's state: it can come from a table, or from a chip's
noise generator. `gain` is the factor of the phase (laws/phase.py): positive in a positive phase, negative in a negative one.

Order of one step of a machine without visible bias: hidden units (one after the other where they see each other), from the visible
ones; then the free visible units, from the new hidden ones; plasticity sees the new values of both.

Source: Flexible Phase Dynamics eq. 1; Hinton 2002. Units: drives in nats.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import Step


def make_unit(ops: Arithmetic) -> Step:
    """The unit's value under a draw of logistic noise, log(u / (1 - u)) of a uniform u."""
    select = ops.select

    def unit(drive, noise):  # type: ignore[no-untyped-def]
        return select(drive > noise, 1, 0)

    return ops.function(unit)


def make_hebbian(ops: Arithmetic) -> Step:
    """The weight (or, with pre = 1, the bias) after one step of plasticity."""

    def hebbian(weight, post, pre, gain):  # type: ignore[no-untyped-def]
        return weight + gain * post * pre

    return ops.function(hebbian)
