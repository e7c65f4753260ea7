"""Forward-Forward: the local rule is the gradient of each layer's loss, at once or layer by layer, with one term or two."""

import pytest
import torch
from relaxing import Fixed
from torch import Tensor
from torch.nn import functional

from neuromorph.data import load
from neuromorph.errors import RangeError
from neuromorph.learning.network.network import Network, mlp
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Batch, Settings
from neuromorph.learning.rules.forward_forward import ForwardForward, overlaid
from neuromorph.learning.training.trainer import Trainer

SMALL = 1e-4


def problem() -> tuple[Network, Batch]:
    generator = torch.Generator().manual_seed(0)
    network = ForwardForward().build((20, 11, 9, 8), seed=1).double()
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator))
    x = torch.rand(16, 20, generator=generator, dtype=torch.float64)
    y = torch.eye(10, dtype=torch.float64)[torch.randint(10, (16,), generator=generator)]
    return network, Batch(x, y, torch.arange(16))


def negatives(y: Tensor, seed: int = 0) -> Tensor:
    return y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]


def unit(s: Tensor) -> Tensor:
    return s / (s.norm(dim=1, keepdim=True) + SMALL)


def shown(batch: Batch, y: Tensor) -> Tensor:
    x = batch.x.clone()
    x[:, :10] = y
    return x


def layer_loss(u: Tensor, weight: Tensor, bias: Tensor, sign: int, threshold: float) -> tuple[Tensor, Tensor]:
    s = (u @ weight.T + bias).relu()
    return functional.softplus(sign * (threshold - s.square().mean(1))).mean(), s


@pytest.mark.parametrize("threshold", [0.3, 2.0])
def test_the_update_is_the_gradient_of_each_layers_own_loss(threshold: float) -> None:
    network, batch = problem()
    with torch.no_grad():
        updates = ForwardForward(threshold=threshold).step(network, batch).updates
    u = {sign: shown(batch, y) for sign, y in ((1, batch.y), (-1, negatives(batch.y)))}
    for k in range(1, network.depth + 1):
        parameters = network.connection(k).weight, network.connection(k).bias
        pairs = {sign: layer_loss(unit(u[sign].detach()), *parameters, sign, threshold) for sign in (1, -1)}
        weight, bias = torch.autograd.grad(pairs[1][0] + pairs[-1][0], parameters)
        torch.testing.assert_close(updates[f"connections.{k - 1}.weight"], -weight)
        torch.testing.assert_close(updates[f"connections.{k - 1}.bias"], -bias)
        assert weight.abs().max() > 1e-4
        u = {sign: s for sign, (_, s) in pairs.items()}


def test_updating_layer_by_layer_as_the_paper_does_is_the_same() -> None:
    """Each layer learns before the next one is computed, but hands upward what it was before."""
    network, batch = problem()
    rate = 0.5
    with torch.no_grad():
        updates = ForwardForward(threshold=2.0).step(network, batch).updates
    u = {sign: shown(batch, y) for sign, y in ((1, batch.y), (-1, negatives(batch.y)))}
    for k in range(1, network.depth + 1):
        parameters = [
            p.detach().clone().requires_grad_() for p in (network.connection(k).weight, network.connection(k).bias)
        ]
        optimizer = torch.optim.SGD(parameters, lr=rate)
        pairs = {sign: layer_loss(unit(u[sign]), *parameters, sign, 2.0) for sign in (1, -1)}
        (pairs[1][0] + pairs[-1][0]).backward()
        optimizer.step()
        torch.testing.assert_close(
            parameters[0].detach(), network.connection(k).weight + rate * updates[f"connections.{k - 1}.weight"]
        )
        u = {sign: s.detach() for sign, (_, s) in pairs.items()}


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_the_weights_of_isd_make_it_unbiased(p: float) -> None:
    """The mean of one step of gradient descent over both phases is the step of both terms, with labels permuted alike."""
    network, batch = problem()
    mean = {name: torch.zeros_like(value) for name, value in network.named_parameters()}
    with torch.no_grad():
        whole = make_rule("ff", seed=4).step(network, batch).updates
        for is_positive, share in ((True, p), (False, 1 - p)):
            rule = make_rule("ff-isd", p=p, seed=4)
            rule.phases = Fixed(is_positive, p)  # type: ignore[attr-defined]
            for name, change in rule.step(network, batch).updates.items():
                mean[name] += share * change
    for name, change in whole.items():
        torch.testing.assert_close(mean[name], change)


def test_labels_take_the_first_pixels_and_nothing_else() -> None:
    _, batch = problem()
    rows = overlaid(batch.x.view(16, 4, 5), batch.y)
    assert torch.equal(rows, shown(batch, batch.y))


def test_the_label_with_the_most_goodness_wins() -> None:
    network, batch = problem()
    scores = ForwardForward().predict(network, batch.x)
    for k, x in enumerate(batch.x):
        for label in range(10):
            s, total = x.clone(), torch.zeros((), dtype=torch.float64)
            s[:10] = 0
            s[label] = 1
            for connection in (network.connection(k) for k in (1, 2, 3)):
                s = (connection.weight @ (s / (s.norm() + SMALL)) + connection.bias).relu()
                total += s.square().mean()
            torch.testing.assert_close(scores[k, label], total.detach(), check_dtype=False)


def test_a_run_goes_on_exactly() -> None:
    network, batch = problem()
    whole, first, second = (ForwardForward(seed=3) for _ in range(3))
    with torch.no_grad():
        expected = [whole.step(network, batch).updates["connections.0.weight"] for _ in range(4)]
        for _ in range(2):
            first.step(network, batch)
        second.load_state_dict(first.state_dict())
        assert all(torch.equal(second.step(network, batch).updates["connections.0.weight"], e) for e in expected[2:])
    assert not torch.equal(expected[0], expected[1])


@pytest.mark.parametrize(("name", "least"), [("ff", 0.9), ("ff-isd", 0.8)])
def test_it_learns_digits(name: str, least: float) -> None:
    rule = make_rule(name)
    trainer = Trainer(
        rule.build((64, 100, 100)), rule, load("digits"), Settings(rate=0.1, batch=20, epochs=12), device="cpu"
    )
    trainer.fit()
    assert trainer.test_accuracy() > least


def test_there_are_as_many_labels_as_the_data_have_classes() -> None:
    rule, data = make_rule("ff"), load("bars-and-stripes")
    network = rule.build((16, 9, 9))
    trainer = Trainer(network, rule, data, Settings(epochs=1), device="cpu")
    trainer.fit()
    assert trainer.rule.predict(network, torch.rand(5, 16)).shape == (5, data.classes)
    assert data.classes == 2


def test_networks_that_it_cannot_train_are_refused() -> None:
    with pytest.raises(RangeError, match="output relu"):
        ForwardForward().fits(mlp((20, 9, 10)))
    with pytest.raises(RangeError, match="sends nothing down"):
        ForwardForward().fits(mlp((20, 9, 10), output="relu", feedback="random"))
    with pytest.raises(RangeError, match="sends nothing down"):
        ForwardForward().build((20, 9), feedback="direct")
    with pytest.raises(RangeError, match="threshold"):
        ForwardForward(threshold=0.0)
