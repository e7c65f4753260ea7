"""What every rule promises."""

import pytest
import torch
from settling import same, stepped

from neuromorph.learning.network import small_vgg
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.rule import Batch

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


@pytest.mark.parametrize("name", ["dp", "dyadic", "dyadic-skew"])
def test_pooling_follows_the_batch_of_the_step(name: str) -> None:
    """A network that has seen other images, of another number, changes as one that has seen none."""
    used, fresh = small_vgg(seed=0).double(), small_vgg(seed=0).double()
    images = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    batch = Batch(images[:2], torch.eye(10, dtype=torch.float64)[:2], torch.arange(2))
    with torch.no_grad():
        used(images)
    same(stepped(make_rule(name), used, batch).updates, stepped(make_rule(name), fresh, batch).updates, 0.0)
