"""Spiking networks in Norse beside ours: one trained with surrogate gradients, one that carries a network's weights in its spike rates.

Both take a sample as a constant current: the drive of layer 1 is W_1 x + b_1 at every step. Spikes travel all layers within a step.

SurrogateGradient, the baseline of accuracy, in Lava's units (judges/norse_models.py), for t = 1..steps::

    hidden   u_k <- (1 - du) u_k + W_k z_(k-1) + b_k,   v_k <- (1 - dv) v_k + u_k,   z_k = [v_k > vth],  v_k <- 0 there
    output   v_L <- v_L + dv (W_L z_(L-1) + b_L - v_L),   score = max over t of v_L

and its update is autograd's, through all steps, with Norse's SuperSpike in the place of the threshold's derivative.

RateCoded, for networks of ReLU layers: integrate-and-fire neurons with thresholds theta_k, whose spikes weigh theta_k::

    drive_k = W_k theta_(k-1) z_(k-1) + b_k;    s_k ~ theta_k N_k / T,    output ~ f_L(mean over t of drive_L)

N_k counts the spikes of T steps. Where no activity exceeds its theta_k, errors fall like 1 / T: with D_0 = 0 and
D_k = 2 |W_k| D_(k-1) + theta_k / 2 (|W|: the largest sum of a row's magnitudes), |theta_k N_k / T - s_k| <= D_k / T, and
|output - s_L| <= |W_L| D_(L-1) / T. (A queue: the drive summed up to t strays from t a_k by at most E = |W_k| D_(k-1), a neuron sends at
most theta_k a step, and what it still holds is at most 2 E + theta_k beyond.) Activities above theta_k are cut there.

Sources: Neftci, Mostafa, Zenke 2019 (surrogate gradients); Zenke, Ganguli 2018 (SuperSpike); Diehl et al. 2015 and Rueckauer et al. 2017
(rates, thresholds from activities, reset by subtraction). Differences: the largest activity of a layer, not a percentile; v starts at
half the threshold, so that counts are rounded, not floored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.judges.norse_models import LIF, IntegrateAndFire, LeakyIntegrator, Reset
from neuromorph.learning.network.activations import ACTIVATIONS
from neuromorph.learning.network.connections import Convolution
from neuromorph.learning.network.losses import LossName
from neuromorph.learning.network.network import Network
from neuromorph.learning.rule import Batch, Outcome, Rule, Settings
from neuromorph.learning.rules.backpropagation import descent


@dataclass(kw_only=True)
class SurrogateGradient(Rule):
    """A rule for the trainer like any other, and no more local than backpropagation is."""

    loss: LossName = field(default="cross-entropy", metadata={"help": "squared or cross-entropy"})
    steps: int = field(default=12, metadata={"help": "that a sample is shown"})
    du: float = field(default=1.0, metadata={"help": "share of its current that a neuron loses in a step"})
    dv: float = field(default=0.1, metadata={"help": "share of its voltage that a neuron loses in a step"})
    vth: float = field(default=1.0, metadata={"help": "threshold"})

    name: ClassVar[str] = "surrogate-gradient"
    source: ClassVar[str] = "Neftci, Mostafa, Zenke 2019; Zenke, Ganguli 2018"
    settings: ClassVar[Settings] = Settings(rate=5e-3, batch=100, epochs=10)

    def check(self) -> None:
        if self.steps < 1:
            raise RangeError(f"steps = {self.steps} shows nothing; give at least 1")
        self._population()

    def fits(self, network: Network) -> None:
        if network.activations[-1] != ACTIVATIONS["linear"]:
            raise RangeError("the readout of a spiking network is a leaky integrator; give the network a linear output")

    def step(self, network: Network, batch: Batch) -> Outcome:
        return descent(network, self, batch)

    def predict(self, network: Network, x: Tensor) -> Tensor:
        hidden = [self._population() for _ in range(1, network.depth)]
        readout, first = LeakyIntegrator(self.dv), network.connection(1).up(x)
        seen = []
        for _ in range(self.steps):
            drive = first
            for k, population in enumerate(hidden, 2):
                drive = network.connection(k).up(population.step(drive))
            seen.append(readout.step(drive))
        return torch.stack(seen).amax(0)

    def _population(self) -> LIF:
        return LIF(du=self.du, dv=self.dv, vth=self.vth, method="super")


class RateCoded:
    """A network's weights in integrate-and-fire neurons; `thresholds`: theta_k of the hidden layers, from the bottom up.

    The weights are the network's own, not copies. Raises RangeError for hidden layers other than ReLU, for pooling (the largest of
    several rates is not the rate of the largest spikes), and for thresholds that are not positive or not one a hidden layer.
    """

    def __init__(self, network: Network, thresholds: Sequence[float], reset: Reset = "subtract") -> None:
        layers = range(1, network.depth)
        if any(network.activations[k] != ACTIVATIONS["relu"] for k in layers):
            raise RangeError("spike rates carry ReLU activities, 0 and up; this network's hidden layers are others")
        pooled = [k for k in range(1, network.depth + 1) if isinstance(c := network.connection(k), Convolution) and c.pool]
        if pooled:
            raise RangeError(
                f"connection {pooled[0]} pools, and spikes have no maximum of rates; take convolutions without pooling"
            )
        if len(thresholds) != len(layers) or not all(0 < theta < math.inf for theta in thresholds):
            raise RangeError(f"thresholds {list(thresholds)}: give one above 0 for each of {len(layers)} hidden layers")
        self.network, self.thresholds, self.reset = network, tuple(thresholds), reset

    @classmethod
    @torch.no_grad()
    def calibrated(cls, network: Network, x: Tensor, reset: Reset = "subtract") -> RateCoded:
        """Thresholds at the largest activity that samples x cause in each layer (1 in a silent layer)."""
        thresholds = []
        for k in range(1, network.depth):
            x = network.activate(k, network.connection(k).up(x))
            thresholds.append(float(x.max()) or 1.0)
        return cls(network, thresholds, reset)

    @torch.no_grad()
    def present(self, x: Tensor, lengths: Sequence[int]) -> list[list[Tensor]]:
        """Estimates of s_1..s_L after each of `lengths` steps (ascending), all of one presentation."""
        network, depth = self.network, self.network.depth
        populations = [IntegrateAndFire(theta, self.reset) for theta in self.thresholds]
        first, found = network.connection(1).up(x), []
        sums = [x.new_zeros(len(x), *network.connection(k).post) for k in range(1, depth + 1)]
        for t in range(1, max(lengths) + 1):
            drive = first
            for k, (population, theta) in enumerate(zip(populations, self.thresholds, strict=True), 1):
                sent = population.step(drive).mul_(theta)
                sums[k - 1] += sent
                drive = network.connection(k + 1).up(sent)
            sums[-1] += drive
            if t in lengths:
                found.append([*(s / t for s in sums[:-1]), network.activate(depth, sums[-1] / t)])
        return found
