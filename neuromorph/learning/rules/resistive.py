"""Nonlinear resistive networks: conductances learn from the voltages across them, in two phases.

    E = 1/2 sum_(k, i, j) g_ij (v_i - v_j)^2 - sum_i b_i v_i + strength / 2 |v_L - y|^2,   i in layer k, j in layer k - 1, g >= 0
    v_i <- clip((sum_j g_ij v_j + b_i [+ strength y_i]) / (sum_j g_ij [+ strength]), low_i, top_i)
    dg_ij = - <(v_i - v_j)^2 at b_plus - the same at b_minus> / (2 (b_plus - b_minus)),   db_i = <v_i at b_plus - at b_minus> / (...)

sums over both neighbouring layers; [...] at the output, strength = b_plus or b_minus. b is a current source. Diodes hold the first half of
a hidden layer at v >= 0 (excitatory), the other half at v <= 0; outputs have none. Each step is the exact minimum of E over its
layer (Kirchhoff's current law where no diode conducts), as nothing connects units of one layer; eps < 1 goes part of the way.

Inputs are voltage sources gain * [x, -x], so that conductances, which are positive, can weigh a pixel both ways: the network has
twice as many input units as the data have values. Conductances are clamped to g >= 0 when they are drawn and after each update.
An output unit needs sum_j g_ij > |b_minus|, or E has no minimum in a phase nudged against the target.

Source: Kendall 2020; Scellier 2024 (fast simulation by exact block steps); equations.md section 7b. A unit without
conductance stays at b_i.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.activations import Activation
from neuromorph.learning.network.connections import Start
from neuromorph.learning.network.feedback import Tied
from neuromorph.learning.network.network import Network, States, Updates, check_sizes
from neuromorph.learning.phases.terms import added
from neuromorph.learning.relaxing.relaxation import Clamp, Nudge, NudgedRule, Order, Relaxation
from neuromorph.learning.rule import Settings


@dataclass(frozen=True, kw_only=True)
class Circuit(Relaxation):
    """Voltages settle. `totals`: sum_j g_ij of layers 1..L; `y` and `strength`: at the output."""

    totals: Sequence[Tensor]
    y: Tensor | None = None
    strength: float = 0.0

    def drive(self, network: Network, k: int, states: States) -> Tensor:
        current = super().drive(network, k, states)
        if k < network.depth or self.y is None:
            return current / self.totals[k - 1]
        return (current + self.strength * self.y) / (self.totals[k - 1] + self.strength)

    def bounds(self, network: Network, k: int) -> tuple[Any, Any]:
        if k == network.depth:
            return super().bounds(network, k)
        inhibitory = (
            torch.arange(network.connection(k).post[0], device=self.totals[0].device) * 2 >= self.totals[k - 1].shape[1]
        )
        low = torch.zeros_like(self.totals[k - 1][0]).masked_fill_(inhibitory, -math.inf)
        return low, torch.zeros_like(low).masked_fill_(~inhibitory, math.inf)


def total_conductances(network: Network) -> list[Tensor]:
    """sum_j g_ij of every unit of layers 1..L, (1, units): the current that flows from it at one volt into neighbours at zero."""
    first = network.connection(1)
    off = network.zeros("off", first.weight.new_zeros(1, *first.pre))
    on = network.states("on", torch.ones_like(off[0]))
    totals = []
    for k in range(1, network.depth + 1):
        on[k] = torch.ones_like(off[k])
    for k in range(1, network.depth + 1):
        total = network.up(k, on) - network.up(k, off)
        if k < network.depth:
            total = total + network.down(k, on)
        totals.append(total + (total == 0))
    return totals


@dataclass(kw_only=True)
class Resistive(NudgedRule):
    """Equilibrium propagation of a circuit."""

    gain: float = field(default=100.0, metadata={"help": "volts at an input of 1"})
    nudge: Nudge = "centred"
    eps: float = 1.0
    order: Order = "odd-even"
    free_steps: int = 4

    name: ClassVar[str] = "resistive"
    source: ClassVar[str] = "Kendall 2020; Scellier 2024"
    hidden: ClassVar[Activation] = "linear"
    settings: ClassVar[Settings] = Settings(optimizer="sgd", rate=0.006, batch=4, epochs=10)

    def check(self) -> None:
        super().check()
        if self.loss != "squared":
            raise RangeError(f"a circuit is nudged by resistors to the target, the squared error, and not by {self.loss}")

    def fits(self, network: Network) -> None:
        super().fits(network)
        if not isinstance(network.feedback, Tied):
            raise RangeError("a resistor conducts both ways alike: build the network with feedback tied")
        if any(bool((network.connection(k).weight < 0).any()) for k in range(1, network.depth + 1)):
            raise RangeError(
                "a conductance is negative: build the network by this rule, or clamp its weights to 0 and above"
            )

    @property
    def output(self) -> Activation:
        return "linear"

    def build(self, sizes: Sequence[int], feedback: str | None = None, seed: int = 0, first: Start | None = None) -> Network:
        check_sizes(sizes)
        network = super().build([2 * sizes[0], *sizes[1:]], feedback, seed, first)
        clamp_conductances(network)
        return network

    def constrain(self, network: Network) -> None:
        clamp_conductances(network)

    def inputs(self, x: Tensor) -> Tensor:
        return (x.flatten(1).unsqueeze(1) * x.new_tensor([[self.gain], [-self.gain]])).flatten(1)

    def free(self, network: Network, clamp: Clamp) -> Circuit:
        return Circuit(below=clamp.below, eps=self.eps, order=self.order, totals=total_conductances(network))

    def nudged(self, network: Network, clamp: Clamp, strength: float, states: States) -> Circuit:
        return replace(self.free(network, clamp), y=clamp.batch.y, strength=strength)

    def contrast(self, network: Network, first: States, second: States, scale: float) -> Updates:
        return added(self.products(network, first, scale), self.products(network, second, -scale))

    def products(self, network: Network, states: States, scale: float) -> Updates:
        squares, ones = network.states("squares", states[0].square()), network.states("ones", torch.ones_like(states[0]))
        for k in range(1, network.depth + 1):
            squares[k], ones[k] = states[k].square(), torch.ones_like(states[k])
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            updates |= network.pair(k, states, states, scale)
            weight = f"connections.{k - 1}.weight"
            for post, pre in ((squares, ones), (ones, squares)):
                updates[weight].add_(network.pair(k, post, pre, -scale / 2)[weight])
        return updates


@torch.no_grad()
def clamp_conductances(network: Network) -> None:
    for k in range(1, network.depth + 1):
        network.connection(k).weight.clamp_(min=0)
