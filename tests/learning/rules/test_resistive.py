"""Resistive networks: Kirchhoff's current law, descent of the dissipated power, and the gradient."""

import pytest
import torch
from relaxing import assert_same, descent, step
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.network import Network
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Batch
from neuromorph.learning.rules.resistive import Resistive


def circuit(**options: object) -> tuple[Resistive, Network, Batch]:
    options = {"gain": 2.0, "beta": 0.5} | options
    rule = make_rule("resistive", **options)
    assert isinstance(rule, Resistive)
    network = rule.build([3, 6, 5, 2]).double()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator, dtype=torch.float64))
            if parameter.dim() == 1:
                parameter.sub_(0.5)
    x, y = (torch.rand(4, n, generator=generator, dtype=torch.float64) - 0.5 for n in (3, 2))
    return rule, network, Batch(x, y, torch.arange(4))


def power(network: Network, v: list[Tensor]) -> Tensor:
    """E of each sample, resistor by resistor."""
    value = torch.zeros(len(v[0]), dtype=v[0].dtype)
    for k in range(1, network.depth + 1):
        c = network.connection(k)
        drops = v[k].unsqueeze(2) - v[k - 1].unsqueeze(1)
        value = value + (c.weight * drops.square()).sum((1, 2)) / 2 - (c.bias * v[k]).sum(1)
    return value


def settled(rule: Resistive, network: Network, batch: Batch, strength: float, steps: int = 300) -> list[Tensor]:
    with torch.no_grad():
        clamp = rule.clamp(network, batch)
        return list(rule.phase(network, clamp, strength, rule.rest(network, clamp, strength), steps).states)


@pytest.mark.parametrize("strength", [0.0, 0.5, -0.5])
def test_currents_add_up_to_zero_at_every_unit_that_no_diode_holds(strength: float) -> None:
    """And a diode holds only what would otherwise go to its wrong side: the state is the minimum."""
    rule, network, batch = circuit()
    v = [layer.requires_grad_() for layer in settled(rule, network, batch, strength)]
    value = power(network, v) + strength / 2 * (v[-1] - batch.y).square().sum(1)
    held = 0
    for k, current in enumerate(torch.autograd.grad(value.sum(), v[1:]), 1):
        at_zero = (v[k] == 0) & (k < network.depth)
        held += int(at_zero.sum())
        assert float(current[~at_zero].abs().max()) < 1e-10
        if k < network.depth:
            half = (v[k].shape[1] + 1) // 2
            assert bool((v[k][:, :half] >= 0).all())
            assert bool((v[k][:, half:] <= 0).all())
            assert bool((current[:, :half][at_zero[:, :half]] >= 0).all())
            assert bool((current[:, half:][at_zero[:, half:]] <= 0).all())
    assert held > 0


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_no_iteration_raises_the_power(strength: float) -> None:
    rule, network, batch = circuit()
    values = []
    for steps in range(1, 12):
        v = settled(rule, network, batch, strength, steps)
        values.append(power(network, v) + strength / 2 * (v[-1] - batch.y).square().sum(1))
    drops = torch.stack(values).detach().diff(dim=0)
    assert float(drops.max()) < 1e-12
    assert float(drops[0].max()) < -1e-6


def test_conductances_follow_the_squares_of_the_voltages_across_them() -> None:
    """dg = <dV free^2 - dV nudged^2> / (2 beta), resistor by resistor."""
    rule, network, batch = circuit(nudge="positive", free_steps=200, nudged_steps=200)
    free, nudged = settled(rule, network, batch, 0.0), settled(rule, network, batch, 0.5)
    updates = step(rule, network, batch)
    for k in range(1, network.depth + 1):
        for i in range(free[k].shape[1]):
            for j in range(free[k - 1].shape[1]):
                across = [(v[k][:, i] - v[k - 1][:, j]).square().mean() for v in (free, nudged)]
                expected = (across[0] - across[1]) / (2 * 0.5)
                torch.testing.assert_close(updates[f"connections.{k - 1}.weight"][i, j], expected, rtol=0, atol=1e-10)


def test_centred_updates_tend_to_the_gradient() -> None:
    """Of 1/2 |v_L - y|^2 at the free solution, found by Newton's method on the units that no diode holds."""
    rule, network, batch = circuit(nudge="centred", beta=1e-3, free_steps=300, nudged_steps=300)
    v = [layer.clone() for layer in settled(rule, network, batch, 0.0)]
    for _ in range(200):
        for k in range(1, network.depth + 1):
            c = network.connection(k)
            total, current = c.weight.sum(1), c.up(v[k - 1])
            if k < network.depth:
                above = network.connection(k + 1)
                total, current = total + above.weight.sum(0), current + above.down(v[k + 1])
            free = torch.ones_like(v[k]) if k == network.depth else (v[k] != 0).double()
            v[k] = free.detach() * current / total
    gradient = descent(network, ((v[-1] - batch.y).square().sum(1) / 2).mean())
    assert_same(step(rule, network, batch), gradient, 1e-6)


def test_conductances_never_fall_below_zero() -> None:
    rule, network, _ = circuit()
    fresh = rule.build([3, 6, 5, 2])
    assert min(float(network.connection(k).weight.detach().min()) for network in (fresh,) for k in (1, 2, 3)) == 0
    with torch.no_grad():
        network.connection(2).weight[0, 0] = -1
    with pytest.raises(RangeError, match="conductance is negative"):
        rule.fits(network)
    before = network.connection(2).weight.detach().clone()
    rule.constrain(network)
    torch.testing.assert_close(network.connection(2).weight.detach(), before.clamp(min=0))
    rule.fits(network)


def test_inputs_are_two_voltage_sources_a_value() -> None:
    rule, network, batch = circuit()
    torch.testing.assert_close(rule.inputs(batch.x), 2 * torch.cat([batch.x, -batch.x], 1))
    assert network.connection(1).pre == (6,)


def test_resistors_conduct_both_ways_and_know_one_loss() -> None:
    rule, _, _ = circuit()
    with pytest.raises(RangeError, match="both ways"):
        rule.fits(make_rule("resistive").build([3, 4, 2], feedback="random"))
    with pytest.raises(RangeError, match="squared error"):
        make_rule("resistive", loss="cross-entropy")
