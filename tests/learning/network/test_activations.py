"""Activations of one's own beside those with a name."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from neuromorph.data import load
from neuromorph.errors import RangeError
from neuromorph.judges.gradients import check_gradient, worst_angle
from neuromorph.learning.network.activations import ACTIVATIONS, Clip
from neuromorph.learning.network.network import mlp
from neuromorph.learning.network.recurrent import Recurrent
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.rule import Batch, Settings
from neuromorph.learning.rules.dual_propagation import DualPropagation
from neuromorph.learning.training.trainer import Trainer


class Tanh:
    def value(self, drive: Tensor) -> Tensor:
        return drive.tanh()

    def slope(self, drive: Tensor) -> Tensor:
        return 1 - drive.tanh().square()


def problem() -> Batch:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(6, 5, generator=generator, dtype=torch.float64)
    return Batch(x, torch.eye(4, dtype=torch.float64)[[0, 1, 2, 3, 0, 1]], torch.arange(6))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("backprop", {}),
        ("dp", {"beta": 1e-3}),
        ("dp", {"beta": 1e-3, "order": "parallel", "iterations": 60}),
        ("mac", {"beta": 1e-3, "steps": 400}),
        ("pc", {"beta": 1e-3, "steps": 400}),
    ],
)
def test_rules_that_ask_for_value_and_slope_alone_follow_the_gradient_through_one_s_own(
    name: str, options: dict[str, float]
) -> None:
    network = mlp((5, 6, 7, 4), hidden=Tanh()).double()
    rule = make_rule(name, **options)
    rule.fits(network)
    assert worst_angle(check_gradient(network, rule, problem())) < 0.2


FREE = ("backprop", "dp", "dp-transpose", "mac", "pc")
"""Rules that settle nothing between bounds."""


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_takes_one_s_own_activation_or_refuses_it_clearly(name: str) -> None:
    if name == "dyadic-arbitrary":
        with pytest.raises(RangeError, match="a recurrent network needs activations with bounds, and Tanh has none"):
            Recurrent(5, 6, 4, activation=Tanh())
        return
    network, rule = mlp((5, 6, 4), hidden=Tanh()).double(), make_rule(name)
    for k in (1, 2):
        network.connection(k).weight.data.abs_()  # conductances
    if name in FREE:
        rule.fits(network)
        updates = rule.step(network, problem()).updates
        assert all(update.isfinite().all() for update in updates.values())
    else:
        with pytest.raises(RangeError, match=f"rule {name} needs activations with bounds, and Tanh has none: take relu"):
            rule.fits(network)


def test_a_rule_of_one_s_own_may_bring_its_activation() -> None:
    @dataclass(kw_only=True)
    class Smooth(DualPropagation):
        hidden: ClassVar = Tanh()

    settings = Settings(rate=0.01, batch=10)
    made = Trainer(Smooth().build((64, 12, 10)), Smooth(), load("digits").first(100), settings, device="cpu")
    assert made.made["activations"] == [repr(ACTIVATIONS["linear"]), "Tanh", repr(ACTIVATIONS["linear"])]
    assert made.fit(5)[-1]["train_accuracy"] > 0.3


@pytest.mark.parametrize("given", ["rely", Tanh, 3, torch.tanh])
def test_what_is_no_activation_is_refused(given: object) -> None:
    with pytest.raises(RangeError, match=r"did you mean relu|is no activation; give a name, or an object"):
        mlp((2, 2), hidden=given)  # type: ignore[arg-type]


def test_clips_are_their_formula() -> None:
    drive = torch.linspace(-2, 2, 9)
    for clip in (*ACTIVATIONS.values(), Clip(-0.5, 0.75)):
        assert torch.equal(clip.value(drive), drive.clamp(clip.low, clip.top))
        assert torch.equal(clip.value_(drive.clone()), clip.value(drive))
        assert torch.equal(clip.slope(drive), clip.slope(clip.value(drive)))
