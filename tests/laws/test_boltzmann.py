"""The stochastic unit, its plasticity, and the laws of a phase: one text, the same in every arithmetic."""

from typing import Any

import numpy as np
import pytest
import torch

from neuromorph.arithmetic import Arithmetic
from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.arithmetic.floating import FLOATING
from neuromorph.arithmetic.tensors import TENSORS
from neuromorph.laws.boltzmann import make_hebbian, make_unit
from neuromorph.laws.phase import make_ends, make_gain, make_positive

ARITHMETICS = pytest.mark.parametrize("ops", [FLOATING, COMPILED], ids=["floating", "compiled"])


@ARITHMETICS
def test_the_unit_fires_when_a_uniform_number_is_below_the_sigmoid(ops: Arithmetic) -> None:
    """drive > log(u / (1 - u)) says u < sigma(drive)."""
    unit = make_unit(ops)
    for u in np.linspace(0.01, 0.99, 49):
        for drive in np.linspace(-4.01, 4.03, 41):
            assert unit(drive, np.log(u / (1 - u))) == (u < 1 / (1 + np.exp(-drive)))


def test_tensors_fire_alike() -> None:
    u, drive = torch.rand(1000, dtype=torch.float64), torch.randn(1000, dtype=torch.float64)
    fired = make_unit(TENSORS)(drive, torch.logit(u))
    assert torch.equal(fired, (u < drive.sigmoid()).to(fired.dtype))


@ARITHMETICS
def test_plasticity_is_hebbian_and_needs_both_ends(ops: Arithmetic) -> None:
    hebbian = make_hebbian(ops)
    for post, pre, change in ((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, -0.25)):
        assert hebbian(0.5, post, pre, -0.25) == 0.5 + change


@ARITHMETICS
def test_the_gain_has_the_sign_of_the_phase(ops: Arithmetic) -> None:
    gain = make_gain(ops)
    assert (gain(1, 0.2, 0.7), gain(0, 0.2, 0.7)) == (0.2, -0.7)


@ARITHMETICS
def test_a_phase_is_positive_with_its_probability(ops: Arithmetic) -> None:
    positive = make_positive(ops)
    middles = (np.arange(1000) + 0.5) / 1000
    assert sum(int(positive(u, 0.3)) for u in middles) == 300


@ARITHMETICS
def test_a_phase_ends_at_its_length_or_with_one_over_its_mean(ops: Arithmetic) -> None:
    ends: Any = make_ends(ops)
    assert [int(ends(age, 0.0, 3, 0)) for age in (1, 2, 3)] == [0, 0, 1]
    middles = (np.arange(1000) + 0.5) / 1000
    for age in (1, 50):
        assert sum(int(ends(age, u, 8, 1)) for u in middles) == 125
