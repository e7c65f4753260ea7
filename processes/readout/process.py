"""NudgedReadout: output dyads, nudged towards a target."""

from __future__ import annotations

from typing import Any

from lava.magma.core.process.process import LogConfig

from neuromorph.errors import RangeError
from neuromorph.laws.readout import READOUT
from neuromorph.processes.dyads.process import Variant, dyadic, of_256
from neuromorph.processes.from_law import LawProcess, owner_of


class NudgedReadout(LawProcess):
    """Output dyads with linear compartments (laws/readout.py)::

        a = clip(a_in / 2^shift + bias, low, top),   Delta = beta * (a_target - a) while nudged, 0 while free
        s_plus -> a + nudge * Delta,   s_minus -> a - (1 - nudge) * Delta

    The phase is nudged from a phase spike 2 on, and free from a phase spike 1 on and before the first one.
    Ports of `shape`: a_in, a_target (in the units of the mean), and the outputs of Dyads; `phase`, shape
    (1,).

    Parameters as in Dyads, and:
    beta: nudging strength, a multiple of 1/256 in 0..1 (the Var holds 256 * beta).
    nudge_from: age in the phase from which a nudged output has an error (before, it answers the last sample).
    low, top: ends of the output, 0..127 (floating point: any, -np.inf and np.inf for a linear output).

    Raises RangeError for what no arithmetic can take; the fixed-point model and the lowering check the
    ranges. Source: linearised squared error, Two Tales eq. 22 for "dp-transpose"; for "dp" its exact rule
    with the factor 1 / ((1 + alpha beta) (1 - (1 - alpha) beta)) left out, which only rescales delta.
    """

    law = READOUT
    signed = LawProcess.signed | {"low", "top"}

    def __init__(
        self,
        *,
        shape: tuple[int, ...],
        shift: float = 0,
        bias: Any = 0,
        alpha: float = 0.5,
        variant: Variant = "dp",
        beta: float = 0.5,
        low: float = 0,
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
            alpha=alpha,
            variant=variant,
            beta=beta,
            low=low,
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
        if given["low"] > given["top"]:
            raise RangeError(f"{owner_of(self)}: low = {given['low']} is above top = {given['top']}")
        return dyadic(self, **{**given, "beta": of_256(given["beta"], "beta", self)})
