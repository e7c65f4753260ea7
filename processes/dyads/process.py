"""Dyads: hidden neurons of two compartments."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from lava.magma.core.process.process import AbstractProcess, LogConfig

from neuromorph.errors import RangeError
from neuromorph.laws.dyad import DYAD
from neuromorph.processes.from_law import LawProcess, numbers, owner_of

Variant = Literal["dp", "dp-transpose"]
Activation = Literal["relu", "hard_sigmoid"]


def chosen(value: str, options: tuple[str, ...], name: str, process: AbstractProcess) -> str:
    """`value`, or a RangeError that lists the options."""
    if value not in options:
        raise RangeError(f"{owner_of(process)}: {name} = {value!r} is none of {', '.join(map(repr, options))}")
    return value


def of_256(value: float, name: str, process: AbstractProcess) -> float:
    """A fraction as its count of 1/256. Raises RangeError outside 0..1 and between the multiples of 1/256."""
    count = 256 * numbers(value, name, owner_of(process))
    if count.size != 1 or not 0 <= count.item() <= 256:
        raise RangeError(f"{owner_of(process)}: {name} = {value} is outside 0..1")
    if count.item() % 1:
        nearest = f"{round(count.item())}/256 = {round(count.item()) / 256}"
        raise RangeError(f"{owner_of(process)}: {name} = {value} is no multiple of 1/256; the nearest is {nearest}")
    return float(count.item())


def dyadic(process: AbstractProcess, *, alpha: float, variant: str, reset: bool, rate: float, **same: Any) -> dict[str, Any]:
    """alpha, nudge, reset and the rate's register, as the laws of hidden and output dyads name them; the rest is the same."""
    share = of_256(alpha, "alpha", process)
    nudge = {"dp": share, "dp-transpose": 256 - share}[chosen(variant, ("dp", "dp-transpose"), "variant", process)]
    if reset not in (True, False):
        raise RangeError(f"{owner_of(process)}: reset = {reset!r} is neither True nor False")
    return {
        **same,
        "alpha": share,
        "nudge": nudge,
        "reset": bool(reset),
        "rate": numbers(rate, "rate", owner_of(process)) * 2**16,
    }


class Dyads(LawProcess):
    """Hidden dyads; laws/dyad.py has the order within a step, the axons and the learning ports::

        s_plus -> f(drive + nudge * Delta),   s_minus -> f(drive - (1 - nudge) * Delta)
        mean = alpha * s_plus + (1 - alpha) * s_minus,   delta = s_plus - s_minus,   f(x) = clip(x, 0, top)
        drive = a_in / 2^shift + bias,   Delta = a_in_error / 2^shift_error

    Ports of `shape`: a_in (bottom-up), a_in_error (top-down), s_out (activity axon, 2 * mean every step),
    s_error (error axon, 2 * |delta| at an event), s_out_bap, s_out_y1, s_out_y2, s_out_y3 (learning of bottom-up
    synapses), s_apical_y1, s_apical_y2, s_apical_y3 (of top-down ones; every
    step); `phase`, shape (1,): 1 or 2 opens a phase. Payloads are doubled, so shift = 1 means drive = W mean.

    Parameters, per step and in the same units in floating and fixed point:
    shift, shift_error: 0..24. bias: one value, or one a neuron; +-8191.
    alpha: weight of s_plus in the mean, a multiple of 1/256 in 0..1 (the Var holds 256 * alpha).
    variant: "dp" nudges with alpha, "dp-transpose" with 1 - alpha.
    activation, top: "relu" saturates at top, the 7 bits of a pre-trace (np.inf: never, floating point only);
    "hard_sigmoid" has a finite top, 1..127 in fixed point.
    leak: a compartment moves by eps = 2^-leak of its way in a step, 0..6.
    margin: errors below it are none, 0..127.
    limit: errors saturate here, 1..63 (np.inf: never, floating point only).
    reset: a phase spike zeroes compartments and held errors.
    rate: y3 in the learning window, one value, or one a neuron; 0..127 (the Var holds rate * 2^16).
    nudge_from: age in the phase from which errors act on the compartments.
    learn_from: age in the phase from which y3 is sent.
    rate_interval: phases between two falls of the rate (0: none), each by its 2^-rate_shift-th part.
    rate_shift: 1..15.

    Raises RangeError for what no arithmetic can take; the fixed-point model and lowering check the ranges.
    Source: Two Tales eq. 2 (DP) and eq. 19 (DP-transpose).
    """

    law = DYAD

    def __init__(
        self,
        *,
        shape: tuple[int, ...],
        shift: float = 0,
        bias: Any = 0,
        shift_error: float = 0,
        alpha: float = 0.5,
        variant: Variant = "dp",
        activation: Activation = "relu",
        top: float = 127,
        leak: float = 0,
        margin: float = 0,
        limit: float = 63,
        nudge_from: int = 0,
        reset: bool = True,
        rate: float = 0.0,
        learn_from: int = 0,
        rate_interval: int = 0,
        rate_shift: int = 1,
        name: str | None = None,
        log_config: LogConfig | None = None,
    ) -> None:
        super().__init__(
            shape=shape,
            name=name,
            log_config=log_config,
            shift=shift,
            bias=bias,
            shift_error=shift_error,
            alpha=alpha,
            variant=variant,
            activation=activation,
            top=top,
            leak=leak,
            margin=margin,
            limit=limit,
            nudge_from=nudge_from,
            reset=reset,
            rate=rate,
            learn_from=learn_from,
            rate_interval=rate_interval,
            rate_shift=rate_shift,
        )

    def _by_law(self, given: dict[str, Any]) -> dict[str, Any]:
        activation = chosen(given.pop("activation"), ("relu", "hard_sigmoid"), "activation", self)
        if activation == "hard_sigmoid" and np.isinf(given["top"]):
            raise RangeError(f"{owner_of(self)}: a hard sigmoid ends at a finite top, not at {given['top']}; or use 'relu'")
        return dyadic(self, **given)
