"""Few-valued weights: the closed forms of AdaSTE, the straight-through estimator as its limit, and any rule underneath."""

import pytest
import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.judges.locality import check_locality, specimen
from neuromorph.learning.network.network import Network, convolutional
from neuromorph.learning.registry import make_rule, rule_class
from neuromorph.learning.rule import Batch, Outcome
from neuromorph.learning.rules.few_valued import Levels, adaptive, attracted, rounded, straight_through

BINARY, ALPHA = Levels(2), 0.01


def spread(count: int = 4001) -> Tensor:
    return torch.linspace(-2.5, 2.5, count, dtype=torch.float64)


def drawn(seed: int = 0, count: int = 2000) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    q, t = torch.randn(2, count, generator=generator, dtype=torch.float64)
    return q, t


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_levels_are_evenly_spaced_odd_and_nearest(bits: int) -> None:
    levels = Levels(2 if bits == 1 else 2**bits - 1)
    t = spread()
    w = rounded(t, levels)
    grid = torch.linspace(-1, 1, levels.count, dtype=torch.float64)
    level = (w[:, None] - grid).abs().argmin(1)
    torch.testing.assert_close(w, grid[level], rtol=0, atol=1e-12)
    assert level.unique().tolist() == list(range(levels.count))
    nearest = (t.clamp(-1, 1)[:, None] - grid).abs().min(1).values
    torch.testing.assert_close((t.clamp(-1, 1) - w).abs(), nearest, rtol=0, atol=1e-12)
    inner = t[(t - levels.nearest(t)).abs() > 1e-9]
    torch.testing.assert_close(rounded(-inner, levels), -rounded(inner, levels))


@pytest.mark.parametrize("mu", [0.0, 0.01, 0.7, 20.0, 99.0])
def test_the_weight_minimises_what_it_is_said_to(mu: float) -> None:
    """(w - t)^2 / 2 + mu (1 + alpha - |w|)^2 / 2 over -1..1, on a fine grid."""
    w = torch.linspace(-1, 1, 20001, dtype=torch.float64)
    for t in (-1.7, -0.6, -0.02, 0.3, 0.995, 1.2):
        cost = (w - t) ** 2 / 2 + mu / 2 * (1 + ALPHA - w.abs()) ** 2
        found = attracted(torch.tensor([t], dtype=torch.float64), BINARY, mu, ALPHA)
        assert found.item() == pytest.approx(w[cost.argmin()].item(), abs=2e-4)


def test_from_mu_alpha_1_on_the_weight_is_the_sign() -> None:
    t = spread()[spread() != 0]
    for mu in (1 / ALPHA, 5 / ALPHA):
        assert torch.equal(attracted(t, BINARY, mu, ALPHA), t.sign())
    assert not torch.equal(attracted(t, BINARY, 0.99 / ALPHA, ALPHA), t.sign())


def test_from_mu_alpha_1_on_only_what_can_turn_a_sign_moves() -> None:
    """d = q min(1, 1 / |t|) where q and t agree, 0 where they do not, q within 1e-3 of 0."""
    q, t = drawn()
    d = adaptive(q, t, BINARY, 1 / ALPHA, ALPHA)
    expected = torch.where(q * t > 0, q * (1 / t.abs()).clamp(max=1), 0)
    torch.testing.assert_close(d, torch.where(t.abs() <= 1e-3, q, expected))
    tiny = 5e-4 * torch.sign(t)
    assert torch.equal(adaptive(q, tiny, BINARY, 1 / ALPHA, ALPHA), q)


@pytest.mark.parametrize("mu", [0.05, 1.0, 30.0])
@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_direction_is_a_finite_difference_of_the_weight(mu: float, count: int) -> None:
    """(w(t) - w(t - beta q)) / beta: with beta to the mirror image of t in the boundary ahead, at most q; with a small one without."""
    levels = Levels(count)
    q, t = drawn(1)
    b, has_boundary = levels.downhill(t, q)
    kept = (t - levels.nearest(t)).abs() > 1e-3
    d = adaptive(q, t, levels, mu, ALPHA)

    def difference(beta: Tensor) -> Tensor:
        return (attracted(t, levels, mu, ALPHA) - attracted(t - beta * q, levels, mu, ALPHA)) / beta

    ahead = difference(2 * (t - b) / q)
    has_mirror = has_boundary & ((t - b).abs() <= (levels.half if count > 2 else 9))  # no other level on the way
    capped = torch.where(ahead.abs() > q.abs(), q, ahead)
    torch.testing.assert_close(d[kept & has_mirror], capped[kept & has_mirror], rtol=1e-9, atol=1e-9)
    smooth = (t.abs() - 1 + 2 * levels.half - levels.half * (2 - mu * ALPHA)).abs() > 1e-5
    alone = kept & ~has_boundary & smooth
    torch.testing.assert_close(d[alone], difference(1e-7 / q.abs())[alone], rtol=1e-5, atol=1e-7)
    assert alone.sum() > 100
    assert (kept & has_mirror).sum() > 100


@pytest.mark.parametrize("count", [2, 3, 15])
def test_straight_through_is_the_limit_of_no_attraction(count: int) -> None:
    q, t = drawn(2)
    within = (t.abs() < 1) & (t.abs() > 2e-3)
    d = adaptive(q, t, Levels(count), 1e-9, ALPHA)[within]
    torch.testing.assert_close(d, straight_through(q, t)[within], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(attracted(t, Levels(count), 1e-9, ALPHA), t.clamp(-1, 1), rtol=0, atol=1e-8)


def test_straight_through_stops_what_would_leave_the_levels_behind() -> None:
    q, t = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0]), torch.tensor([1.5, 1.5, -1.5, -1.5, 0.9])
    assert straight_through(q, t).tolist() == [1.0, 0.0, 0.0, -1.0, 1.0]


def test_the_direction_is_the_same_on_both_sides_of_0() -> None:
    q, t = drawn(3)
    for mu in (0.3, 200.0):
        assert torch.equal(adaptive(-q, -t, BINARY, mu, ALPHA), -adaptive(q, t, BINARY, mu, ALPHA))


class Seen:
    """Notes the weights a rule infers with."""

    def __init__(self, rule, monkeypatch) -> None:
        self.weights: list[Tensor] = []
        base, step = type(rule).base, type(rule).base.step

        def noting(this, network: Network, batch: Batch) -> Outcome:
            self.weights = [network.connection(k).weight.clone() for k in range(1, network.depth + 1)]
            return step(this, network, batch)

        monkeypatch.setattr(base, "step", noting)


@pytest.mark.parametrize(("bits", "count"), [(1, 2), (2, 3), (4, 15), (8, 255)])
def test_the_rule_underneath_sees_so_many_values_and_latent_ones_stay(bits: int, count: int, monkeypatch) -> None:
    rule = make_rule("ste+dp", bits=bits, gain=0.5)
    network, batch = specimen(rule)
    before = [network.connection(k).weight.clone() for k in (1, 2, 3)]
    seen = Seen(rule, monkeypatch)
    with torch.no_grad():
        rule.step(network, batch)
    for k, (w, theta) in enumerate(zip(seen.weights, before, strict=True), 1):
        size = 0.5 / theta.shape[1] ** 0.5
        in_steps = (w / size + 1) * (count - 1) / 2
        torch.testing.assert_close(in_steps, in_steps.round(), rtol=0, atol=1e-4)
        assert w.abs().max() <= size * (1 + 1e-6)
        assert torch.equal(network.connection(k).weight, theta)
    assert bits > 2 or len(seen.weights[0].unique()) == count


def test_predictions_use_levels_and_steps_the_attracted_weights(monkeypatch) -> None:
    rule = make_rule("adaste+dp", mu=0.5, order="parallel", iterations=5)  # asks itself for a prediction
    network, batch = specimen(rule)
    seen = Seen(rule, monkeypatch)
    with torch.no_grad():
        output = rule.step(network, batch).output
        assert len(seen.weights[0].unique()) > 2
        theta = network.connection(1).weight.clone()
        for k, w in enumerate(seen.weights, 1):
            network.connection(k).weight.copy_(w)
        torch.testing.assert_close(output, network(batch.x))
        network.connection(1).weight.copy_(theta)
        for k in (1, 2, 3):
            w = network.connection(k).weight
            w.copy_(w.sign() / w.shape[1] ** 0.5)
        torch.testing.assert_close(rule.predict(network, batch.x), network(batch.x))


def test_the_update_is_the_rules_own_passed_through_the_direction() -> None:
    rule, plain = make_rule("adaste+dp", mu=0.5), make_rule("dp")
    network, batch = specimen(rule)
    with torch.no_grad():
        updates = rule.step(network, batch).updates
        latent = [network.connection(k).weight.clone() for k in (1, 2, 3)]
        for theta in map(network.connection, (1, 2, 3)):
            c = theta.weight.shape[1] ** -0.5
            theta.weight.copy_(c * attracted(theta.weight / c, BINARY, 0.5, ALPHA))
        own = plain.step(network, batch).updates
    for k, theta in enumerate(latent):
        c = theta.shape[1] ** -0.5
        expected = -adaptive(-own[f"connections.{k}.weight"], theta / c, BINARY, 0.5, ALPHA)
        torch.testing.assert_close(updates[f"connections.{k}.weight"], expected)
        torch.testing.assert_close(updates[f"connections.{k}.bias"], own[f"connections.{k}.bias"])


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("name", ["ste+dp", "adaste+dp", "adaste+ep"])
def test_kolen_pollack_feedback_changes_as_the_latent_weights_do(name: str, bits: int) -> None:
    rule = make_rule(name, bits=bits)
    rule.begin_epoch(60)
    pooled = convolutional((1, 4, 4), (3, "M", 4), (10,), feedback="kolen-pollack")
    for network, batch in (
        specimen(rule, feedback="kolen-pollack"),
        (pooled, Batch(torch.rand(3, 1, 4, 4), torch.eye(10)[:3], torch.arange(3))),
    ):
        with torch.no_grad():
            for k in range(1, network.depth + 1):
                network.connection(k).weight.mul_(2)  # beyond the levels, where ste is not the rule itself
        updates = rule.step(network, batch).updates
        for k in range(1, network.depth):
            change = updates[f"connections.{k}.weight"]
            assert change.abs().max() > 0
            assert torch.equal(updates[f"feedback.weights.{k - 1}"], change)


def test_latent_weights_come_back_when_the_rule_underneath_fails(monkeypatch) -> None:
    rule = make_rule("ste+dp")
    network, batch = specimen(rule)
    before = network.connection(1).weight.clone()

    def failing(*_) -> Outcome:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(type(rule).base, "step", failing)
    with pytest.raises(RuntimeError, match="middle"):
        rule.step(network, batch)
    assert torch.equal(network.connection(1).weight, before)


@pytest.mark.parametrize("name", ["ste+dp", "adaste+dp", "ste+ep", "adaste+backprop"])
def test_binary_weights_learn_a_rule_of_binary_weights(name: str) -> None:
    """Targets of a binary teacher: the error on all samples falls to a fraction."""
    rule = make_rule(name, **({"mu": 0.1, "growth": 1.03} if "adaste" in name else {}))
    student, teacher = rule.build((10, 24, 3), seed=1), rule.build((10, 24, 3), seed=2)
    x = torch.randn(200, 10, generator=torch.Generator().manual_seed(0)).abs()
    with torch.no_grad():
        batch = Batch(x, rule.predict(teacher, x), torch.arange(200))
        optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
        errors = []
        for epoch in range(300):
            rule.begin_epoch(epoch)
            errors.append((rule.predict(student, x) - batch.y).square().mean().item())
            updates = rule.step(student, batch).updates
            for parameter_name, p in student.named_parameters():
                p.grad = -updates[parameter_name]
            optimizer.step()
    assert min(errors[-20:]) < 0.35 * errors[0]


def test_mu_grows_with_the_epochs_to_its_end_and_is_saved() -> None:
    rule = make_rule("adaste+dp", mu=0.01, growth=2.0)
    grown = []
    for epoch in (0, 1, 2, 50):
        rule.begin_epoch(epoch)
        grown.append(rule.mu_now)
    assert grown == [0.01, 0.02, 0.04, 100.0]
    other = make_rule("adaste+dp", mu=0.01, growth=2.0)
    other.load_state_dict(rule.state_dict())
    assert other.mu_now == 100.0


def test_quantised_rules_are_as_local_as_what_is_underneath() -> None:
    for name in ("ste+dp", "adaste+dp"):
        rule = make_rule(name)
        found = check_locality(rule, *specimen(rule))
        assert (found.violations, found.local_in_time) == ((), True)


def test_weights_stay_at_their_levels_while_an_always_on_phase_learns(monkeypatch) -> None:
    """The trainer gives such a rule no rates to move them by: the latent ones move by the sum of its changes at the end."""
    rule = make_rule("ste+ep-always-on")
    network, batch = specimen(rule)
    assert not rule.learns_within
    values, products = [], type(rule).base.products

    def noting(this, network: Network, *more) -> dict[str, Tensor]:
        values.append(network.connection(1).weight.abs().unique())
        return products(this, network, *more)

    monkeypatch.setattr(type(rule), "products", noting)
    with torch.no_grad():
        rule.step(network, batch)
    assert len(values) >= rule.length
    assert all(len(found) == 1 for found in values)


def test_lateral_weights_get_few_values_and_none_to_oneself(monkeypatch) -> None:
    """At a scale at which the units still settle: the largest eigenvalue of (W + W^T) / 2 is below 1."""
    rule = make_rule("ste+dyadic-arbitrary")
    network = rule.build((20, 60, 10), seed=0)
    with torch.no_grad(), rule.inferring(network):
        w = network.connection(2).weight.clone()
    off = w[~torch.eye(70, dtype=torch.bool)]
    torch.testing.assert_close(off.abs(), torch.full_like(off, 0.5 / 70**0.5))
    assert float(w.diagonal().abs().max()) == 0
    assert float(torch.linalg.eigvalsh((w + w.T) / 2).max()) < 0.9


def test_options_of_both_go_together_and_what_makes_no_sense_is_refused() -> None:
    rule = make_rule("adaste+dp", alpha=0.25, beta=0.1, bits=2, mu=0.3)
    assert (rule.name, rule.alpha, rule.mu_now) == ("adaste+dp", 0.25, 0.3)
    for wrong in ({"bits": 0}, {"bits": 9}, {"gain": 0.0}, {"mu": -1.0}, {"growth": 0.5}, {"beta": -1.0}):
        with pytest.raises(RangeError, match=next(iter(wrong))):
            make_rule("adaste+dp", **wrong)
    for name, why in (("ada+dp", "ste, adaste"), ("ste+nonsense", "unknown rule"), ("ste+resistive", "bounds of its own")):
        with pytest.raises(RangeError, match=why):
            rule_class(name)
    with pytest.raises(RangeError, match="no option 'mu'"):
        make_rule("ste+dp", mu=1.0)
