"""Lifted networks in batches: states are free, and quadratic energies hold them near what the layer below predicts.

    min_W min_s  loss(s_L) + (1 / beta) sum_k 1/2 |residual_k|^2

    mac  (auxiliary coordinates)   residual_k = s_k - f(a_k),  a_k = W_k s_(k-1) + b_k;  sends error_k = f'(a_k) residual_k
    pc   (predictive coding)       residual_k = a_k - p_k,  p_k = W_k f(a_(k-1)) + b_k;  sends error_k = residual_k

A step goes down the layers k = L..1, each from the newest states of its neighbours, by the law of laws/residual.py::

    mac  s_k <- s_k + eps_k (W_(k+1)^T error_(k+1) - residual_k)
    pc   a_k <- a_k + eps_k (f'(a_k) W_(k+1)^T error_(k+1) - residual_k)
    dW_k = <error_k s_(k-1)^T> / beta (pc: f(a_(k-1)) for s_(k-1)),   db_k = <error_k> / beta

and the residual that a layer sends is the one after its own move. Inference begins at the forward pass, where all residuals are 0
and stay 0 without a target: the free phase costs nothing and its energy is 0.

Output, linear: "nudged", s_L <- s_L + (p_L - beta g(s_L) - s_L) / (1 + beta), g = d loss / d output; or "clamped", residual_L =
-g(p_L), which for the squared error puts s_L at y, and for softmax cross-entropy is onehot - softmax(p_L). Clamped learning does not know
beta (1 in its place). eps_k = 1 / (1 + |W_(k+1)|^2), with which no step of a layer raises the energy of pc with linear f.

Many steps give the gradient of backpropagation up to O(beta). One step at eps = 1, clamped, sends exactly its errors; the weights
see them beside activities that have moved. With a large beta states may come to lie at a bend of f, and hop there instead of settling.

Source: thesis eq. 3.12-3.14; equations.md section 12. Difference: layers move in turn, not all at once.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from neuromorph.arithmetic.tensors import TENSORS
from neuromorph.errors import RangeError
from neuromorph.laws.residual import make_residual
from neuromorph.learning.network.activations import ACTIVATIONS
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network, Updates
from neuromorph.learning.relaxing.until_still import SettlingRule
from neuromorph.learning.rule import Batch, Outcome, Settings

unit = make_residual(TENSORS)
LINEAR = ACTIVATIONS["linear"]
FREE = (LINEAR.low, LINEAR.top)

Target = Literal["nudged", "clamped"]


@dataclass(kw_only=True)
class QuadraticRule(SettlingRule):
    """A rule with quadratic energies: how its output meets the target."""

    target: Target = field(default="nudged", metadata={"help": "nudged: pulled with beta; clamped: held there"})

    settings: ClassVar[Settings] = Settings(rate=2e-3, batch=20, schedule="cosine")

    def fits(self, network: Network) -> None:
        if network.activations[-1] != LINEAR:
            raise RangeError(
                f"{self.name} pulls a linear output, and this network's is another: build it with output linear"
            )

    def scale(self, batch: Batch) -> float:
        """Of the sums over the batch."""
        return 1 / ((self.beta if self.target == "nudged" else 1.0) * len(batch.x))

    def move_output(self, s: Tensor, prediction: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Value and residual of the output after one step toward the target."""
        gradient = make_loss(self.loss).gradient
        if self.target == "clamped":
            return unit(s, prediction, -gradient(prediction, y), 256, *FREE)  # type: ignore[no-any-return]
        return unit(s, prediction, -self.beta * gradient(s, y), 256 / (1 + self.beta), *FREE)  # type: ignore[no-any-return]


class Units:
    """Of all layers: the values that move, what goes up, and the error that goes down and into plasticity."""

    def __init__(self, network: Network, x: Tensor) -> None:
        self.value, self.activity = network.states("value", x), network.states("activity", x)
        self.error = network.zeros("error", x)
        self.residual = torch.zeros(0)


@dataclass(kw_only=True)
class LiftedRule(QuadraticRule):
    """What mac and pc share."""

    steps: int = 5

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        units, output = self.infer(network, batch)
        scale, updates = self.scale(batch), Updates()
        for k in range(1, network.depth + 1):
            updates |= network.pair(k, units.error, units.activity, scale)
        return Outcome(updates, output, units.residual)

    def infer(self, network: Network, batch: Batch) -> tuple[Units, Tensor]:
        """The units under the target, and the output of the forward pass."""
        units, rates = Units(network, batch.x), self.rates(network)
        clamped = network.up(1, units.activity)
        for k in range(1, network.depth + 1):
            self.begin(network, k, units, clamped if k == 1 else network.up(k, units.activity))
        output = units.activity[-1]

        def step() -> None:
            for k in range(network.depth, 0, -1):
                self.move(network, k, units, clamped if k == 1 else network.up(k, units.activity), batch.y, rates[k - 1])

        units.residual = self.settle([units.value], step)
        return units, output

    def rates(self, network: Network) -> list[float]:
        """256 eps of layers 1..L-1, and of the output one that is not used."""
        norms = [network.norm(k) for k in range(2, network.depth + 1)] if self.eps is None else []
        hidden = [256 / (1 + norm**2) for norm in norms] or [256 * (self.eps or 1.0)] * (network.depth - 1)
        return [*hidden, 256.0]

    @abstractmethod
    def begin(self, network: Network, k: int, units: Units, drive: Tensor) -> None:
        """Layer k at its prediction."""

    @abstractmethod
    def move(self, network: Network, k: int, units: Units, drive: Tensor, y: Tensor, rate: float) -> None:
        """One step of layer k; `drive`: W_k activity_(k-1) + b_k."""


@dataclass(kw_only=True)
class AuxiliaryCoordinates(LiftedRule):
    """MAC: values are activities."""

    name: ClassVar[str] = "mac"
    source: ClassVar[str] = "Carreira-Perpinan and Wang 2014; thesis eq. 3.13"

    def begin(self, network: Network, k: int, units: Units, drive: Tensor) -> None:
        units.value[k] = units.activity[k] = network.activate(k, drive)

    def move(self, network: Network, k: int, units: Units, drive: Tensor, y: Tensor, rate: float) -> None:
        prediction = network.activate(k, drive)
        if k == network.depth:
            s, residual = self.move_output(units.value[k], prediction, y)
        else:
            s, residual = unit(units.value[k], prediction, network.down(k, units.error), rate, *FREE)
        units.value[k] = units.activity[k] = s
        units.error[k] = network.slope(k, drive) * residual


@dataclass(kw_only=True)
class PredictiveCoding(LiftedRule):
    """PC, also known as alternating minimisation: values are what an activity is the function of."""

    name: ClassVar[str] = "pc"
    source: ClassVar[str] = "Whittington and Bogacz 2017; thesis eq. 3.14"

    def begin(self, network: Network, k: int, units: Units, drive: Tensor) -> None:
        units.value[k] = drive
        units.activity[k] = network.activate(k, drive)

    def move(self, network: Network, k: int, units: Units, drive: Tensor, y: Tensor, rate: float) -> None:
        if k == network.depth:
            a, units.error[k] = self.move_output(units.value[k], drive, y)
        else:
            pull = network.slope(k, units.value[k]) * network.down(k, units.error)
            a, units.error[k] = unit(units.value[k], drive, pull, rate, *FREE)
        units.value[k] = a
        units.activity[k] = network.activate(k, a)
