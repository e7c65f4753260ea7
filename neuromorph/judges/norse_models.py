"""Lava's LIF, our leaky dyads and integrate-and-fire neurons as Norse populations: judges of our laws, step for step.

All rates are per step (Norse's dt = 1). A population keeps its state between calls of `step`; autograd follows it.

LIF. Lava's floating-point model (laws/lif.py) and Norse's lif_feed_forward_step do, with a = a_in::

    Lava   u <- (1 - du) u + a,  v <- (1 - dv) v + u + bias,                                    spike v > vth,  v <- 0
    Norse  j = i + x,  v <- v + dt tau_mem_inv (v_leak - v + j),  i <- (1 - dt tau_syn_inv) j,  spike v > v_th, v <- v_reset

Equal with dt tau_syn_inv = du, dt tau_mem_inv = dv, x = a / dv, v_leak = bias / dv, v_th = vth, v_reset = 0: then v = v and j = u / dv
at every step. Norse's current decays after it was used, Lava's before the input is added: what Norse keeps is already decayed for
the next step, so u = dv j is read before that decay, and u_0 starts as i_0 = (1 - du) u_0 / dv; no input has to be shifted. Both
voltages take the new current, both compare strictly, both reset within the step. Norse's input comes in through its leak, so
dv = 0 has no counterpart. The two differ by rounding alone, in the last digits of float64; spikes agree unless a voltage lies as
close as that to vth. Where nothing has to be rounded (decays that are powers of two, some tens of steps), nothing differs.

Dyads (laws/dyad.py). s <- s + eps (f(drive) - s), eps = 2^-leak, has its nonlinearity before the leak, which no Norse cell has. So f is
applied outside, and Norse's li_box_feed_forward_step (its leaky integrator without a current) does the rest, with dt tau_mem_inv
= eps: v + eps ((v_leak - v) + x), the law bit for bit.

Integrate-and-fire with Norse's subtractive reset. Its iaf cell resets to a value only; lif_box takes reset_subtract but leaks, so it gets
dt tau_mem_inv = 1 and the input v + x, and v + ((v + x) - v) = v + x.

Source: norse 1.1.0, functional/lif.py, leaky_integrator_box.py, lif_box.py, reset.py; its SuperSpike gradient is 1 / (1 + |v - vth|)^2,
whatever alpha says.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal

from torch import Tensor

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.learning.rule import check_share

with warnings.catch_warnings():  # importing norse 1.1.0 compiles with torch.jit.script, which torch calls deprecated
    warnings.simplefilter("ignore", FutureWarning)
    from norse.torch.functional import leaky_integrator_box as li_box
    from norse.torch.functional import lif, lif_box
    from norse.torch.functional.reset import reset_subtract, reset_value

Method = Literal["heaviside", "super"]
"""How spikes look to autograd: a step without a gradient, or SuperSpike's surrogate."""
Reset = Literal["subtract", "value"]
"""What a spike does to the voltage: takes vth from it, or sets it to 0."""
RESETS: dict[str, Any] = {"subtract": reset_subtract, "value": reset_value}


class LIF:
    """Lava's floating-point LIF. Arguments as Lava's; `u`, `v`: first states, of the population's shape (numbers spread by themselves).

    Raises RangeError unless 0 <= du <= 1 and 0 < dv <= 1.
    """

    def __init__(
        self,
        *,
        du: float,
        dv: float,
        vth: float,
        bias_mant: Tensor | float = 0.0,
        u: Tensor | float = 0.0,
        v: Tensor | float = 0.0,
        method: Method = "heaviside",
    ) -> None:
        check_share("du", du, "the share of its current that a neuron loses in a step")
        _check_leak("dv", dv)
        self._dv = dv
        self._current: Any = u / dv
        self._parameters = lif.LIFParameters(
            tau_syn_inv=du, tau_mem_inv=dv, v_leak=bias_mant / dv, v_th=vth, v_reset=0.0, method=method
        )
        self._state = lif.LIFFeedForwardState(v=v, i=(1 - du) * u / dv)

    @property
    def u(self) -> Any:
        """Current, as Lava holds it after the step."""
        return self._dv * self._current

    @property
    def v(self) -> Any:
        """Voltage after the step."""
        return self._state.v

    def step(self, a_in: Tensor) -> Tensor:
        """Spikes, 0 or 1, of the shape of a_in."""
        x = a_in / self._dv
        self._current = self._state.i + x
        spikes: Tensor
        spikes, self._state = lif.lif_feed_forward_step(x, self._state, self._parameters, dt=1.0)
        return spikes


class LeakyIntegrator:
    """v <- v + eps (x - v), from v = 0. Raises RangeError unless 0 < eps <= 1."""

    def __init__(self, eps: float) -> None:
        _check_leak("eps", eps)
        self._parameters = li_box.LIBoxParameters(tau_mem_inv=eps, v_leak=0.0)
        self._state = li_box.LIBoxState(v=0.0)

    @property
    def v(self) -> Any:
        return self._state.v

    def step(self, x: Tensor) -> Tensor:
        """The new v."""
        v: Tensor
        v, self._state = li_box.li_box_feed_forward_step(x, self._state, self._parameters, dt=1.0)
        return v


class LeakyDyads:
    """Dyads (low = 0) or a readout's compartments (low = -inf, no top): two leaky integrators each, on f(x) = clip(x, low, top)::

        s_plus  <- s_plus  + eps (f(drive + nudge Delta)       - s_plus)
        s_minus <- s_minus + eps (f(drive - (1 - nudge) Delta) - s_minus)
        mean = alpha s_plus + (1 - alpha) s_minus,   delta = s_plus - s_minus

    Drive and Delta as laws/dyad.py forms them from what arrives; both compartments start at 0. nudge = alpha for DP, 1 - alpha for
    DP-transpose. Raises RangeError unless 0 < eps <= 1 and alpha, nudge are in 0..1.
    """

    def __init__(
        self, *, eps: float, alpha: float = 0.5, nudge: float = 0.5, low: float = 0.0, top: float = math.inf
    ) -> None:
        check_share("alpha", alpha, "mean = alpha s_plus + (1 - alpha) s_minus")
        check_share("nudge", nudge, "the share of Delta that lifts s_plus")
        self._plus, self._minus = LeakyIntegrator(eps), LeakyIntegrator(eps)
        self._alpha, self._nudge, self._low, self._top = alpha, nudge, low, top

    @property
    def s_plus(self) -> Any:
        return self._plus.v

    @property
    def s_minus(self) -> Any:
        return self._minus.v

    def step(self, drive: Tensor, error: Tensor) -> tuple[Tensor, Tensor]:
        """The new mean and delta."""
        plus = self._plus.step((drive + self._nudge * error).clamp(self._low, self._top))
        minus = self._minus.step((drive - (1 - self._nudge) * error).clamp(self._low, self._top))
        return self._alpha * plus + (1 - self._alpha) * minus, plus - minus


class IntegrateAndFire:
    """v <- v + x; spike where v > vth; there v <- v - vth ("subtract") or v <- 0 ("value"). v starts at vth / 2.

    From there, subtracting, the count N of spikes after t steps of a constant 0 <= x <= vth is t x / vth rounded: |vth N - t x| <=
    vth / 2. Resetting to a value forgets what lay above vth: N = t / (floor(vth / x) + 1), give or take one, which no t mends.
    Raises RangeError for vth <= 0 and an unknown reset.
    """

    def __init__(self, vth: float, reset: Reset = "subtract") -> None:
        if not vth > 0:
            raise RangeError(f"vth = {vth}: an integrate-and-fire neuron without a leak needs a threshold above 0")
        if reset not in RESETS:
            raise RangeError(f"unknown reset {reset!r}; {did_you_mean(reset, RESETS)}")
        self._parameters = lif_box.LIFBoxParameters(
            tau_mem_inv=1.0, v_leak=0.0, v_th=vth, v_reset=0.0, method="heaviside", reset_method=RESETS[reset]
        )
        self._state = lif_box.LIFBoxFeedForwardState(v=vth / 2)

    @property
    def v(self) -> Any:
        return self._state.v

    def step(self, x: Tensor) -> Tensor:
        """Spikes, 0 or 1, of the shape of x."""
        spikes: Tensor
        spikes, self._state = lif_box.lif_box_feed_forward_step(self.v + x, self._state, self._parameters, dt=1.0)
        return spikes


def _check_leak(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise RangeError(
            f"{name} = {value} is outside 0..1 or 0: Norse's input comes in through the leak, so a neuron that loses nothing would "
            f"receive nothing; give 0 < {name} <= 1, or take IntegrateAndFire"
        )
