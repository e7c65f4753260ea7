"""What every rule promises."""

import math
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Literal, get_origin, get_type_hints

import pytest
import torch
from settling import same, stepped

from neuromorph.data import load
from neuromorph.errors import RangeError
from neuromorph.judges.locality import specimen
from neuromorph.learning.network.network import small_vgg
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.rule import Batch
from neuromorph.learning.training.trainer import Trainer

NAMES = [*RULES, "ste+dp", "adaste+ep", "ste+ff"]


def batch_of(rule, classes: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(6, 12, generator=generator, dtype=torch.float64)
    return Batch(x, torch.eye(classes, dtype=torch.float64)[torch.arange(6) % classes], torch.arange(6))


@pytest.mark.parametrize("name", NAMES)
def test_the_output_of_a_step_is_a_prediction_that_knows_no_target(name: str) -> None:
    """Training accuracy is counted from it. With strong nudging a state that saw the target is far from it."""
    rule = make_rule(name, **({"beta": 0.9} if "beta" in RULES.get(name, RULES["ff"]).options() else {}))
    network = rule.build((12, 9, 4) if rule.has_output else (12, 9, 8)).double()
    batch = batch_of(rule, 4 if rule.has_output else 10)
    rule.fits(network)
    with torch.no_grad():
        with rule.inferring(network):
            expected = rule.predict(network, batch.x)
        torch.testing.assert_close(stepped(rule, network, batch).output, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_options_are_finite_and_known(name: str) -> None:
    for option, kind in get_type_hints(type(make_rule(name))).items():
        default = make_rule(name).options().get(option)
        if isinstance(default, float):
            for value in (math.inf, math.nan):
                with pytest.raises(RangeError, match=f"{option} = {value}"):
                    make_rule(name, **{option: value})
        elif get_origin(kind) is Literal and isinstance(default, str):
            with pytest.raises(RangeError, match=f"unknown {option} 'sideways'.*{default}"):
                make_rule(name, **{option: "sideways"})


def test_weights_have_few_values_by_one_method() -> None:
    with pytest.raises(RangeError, match=r"take ste\+dp, or adaste\+dp"):
        make_rule("adaste+ste+dp")


@pytest.mark.parametrize(
    ("name", "depth", "rates"), [("ep", 1, [0.1]), ("ep", 2, [0.1, 0.05]), ("ep", 4, [0.1, 0.05, 0.025, 0.0125])]
)
def test_rates_for_each_connection_go_on_in_deeper_networks(name: str, depth: int, rates: list[float]) -> None:
    rule = make_rule(name)
    found = rule.settings_for(rule.build([5] * (depth + 1)), 60_000)
    assert list(found.rate) == pytest.approx(rates)


@pytest.mark.parametrize("name", ["dp", "dyadic"])
def test_pooling_follows_the_batch_of_the_step(name: str) -> None:
    """A network that has seen other images, of another number, changes as one that has seen none."""
    used, fresh = small_vgg(seed=0).double(), small_vgg(seed=0).double()
    images = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    batch = Batch(images[:2], torch.eye(10, dtype=torch.float64)[:2], torch.arange(2))
    with torch.no_grad():
        used(images)
    same(stepped(make_rule(name), used, batch).updates, stepped(make_rule(name), fresh, batch).updates, 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_needs_no_context_and_leaves_no_graph(name: str) -> None:
    """Called by itself it gives what the trainer, under no_grad, gets."""
    found = []
    for context in (nullcontext(), torch.no_grad()):
        rule = make_rule(name)
        network, batch = specimen(rule, (12, 8, 10))
        with context:
            found.append(rule.step(network, batch).updates)
    same(*found, 0.0)
    assert not any(update.requires_grad for update in found[0].values())


NOISY = {"ep-always-on": 65, "coupled-always-on": 60}
HOPELESS = {
    "resistive-isd": "squares of 100 volts, beside which those of a nudge are nothing",
    "chl-discounted-always-on": "noise is divided by gamma too",
}


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in RULES if name not in HOPELESS])
def test_every_rule_learns_digits_at_its_defaults(name: str) -> None:
    rule = make_rule(name)
    trainer = Trainer(rule.build((64, 128, 10 if rule.has_output else 128)), rule, load("digits"), device="cpu")
    trainer.fit()
    assert 100 * trainer.test_accuracy() > NOISY.get(name, 80 if name.endswith(("-isd", "-always-on", "inverted")) else 90)


def test_a_circuit_learns_by_isd_at_fewer_volts() -> None:
    rule = make_rule("resistive-isd", gain=10.0)
    settings = replace(rule.settings, batch=20, epochs=10)
    trainer = Trainer(rule.build((64, 64, 10)), rule, load("digits"), settings, device="cpu")
    trainer.fit()
    assert trainer.test_accuracy() > 0.5


@pytest.mark.parametrize(
    ("name", "options", "count"), [("dyadic", {"lam": 0.8}, "steps"), ("dp", {"order": "parallel"}, "iterations")]
)
def test_the_residual_is_what_the_last_iteration_has_moved_in_each_layer(
    name: str, options: dict[str, Any], count: str
) -> None:
    network = make_rule(name).build((12, 9, 7, 4), seed=1).double()
    states = []
    for iterations in (5, 6):
        found = make_rule(name, **options, **{count: iterations}).infer(network, batch_of(None))
        dyads = found[0] if name == "dp" else found
        states.append([torch.stack(pair) for pair in zip(dyads.plus[1:], dyads.minus[1:], strict=True)])
    moved = torch.stack([(last - before).abs().max() for before, last in zip(*states, strict=True)])
    torch.testing.assert_close(dyads.residual, moved, rtol=0, atol=0)
    assert len(moved) == 3
    assert moved.max() > 1e-6
