"""The judge of locality: what it lets pass, and what it must catch."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.judges.locality import LocalityReport, check_locality, specimen
from neuromorph.learning.network.losses import make_loss
from neuromorph.learning.network.network import Network, States, Updates, convolutional
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.relaxing.until_still import LOOK
from neuromorph.learning.rule import Batch, Outcome, Rule
from neuromorph.learning.rules.dual_propagation import DualPropagation


def judged(rule: Rule, feedback: str | None = None) -> LocalityReport:
    try:
        network, batch = specimen(rule, feedback=feedback)
    except RangeError:  # a network without layers: inputs, hidden units, outputs
        network, batch = specimen(rule, (12, 8, 10), feedback)
    return check_locality(rule, network, batch)


class Planted(Rule):
    """A sweep up, a sweep of errors down, plasticity; each step can be replaced by something that no neuron could do.

    With nothing replaced it is backpropagation in a circuit of neurons.
    """

    name, source = "planted", "here"

    def __init__(self, state=None, error=None, update=None, broadcasts: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.state = state or (lambda network, k, s, batch: network.activate(k, network.up(k, s)))
        self.error = error or (lambda network, k, s, e: network.down(k, e) * network.slope(k, s[k]))
        self.update = update or (lambda network, k, s, e: network.pair(k, e, s, 1 / len(s[0])))
        self.broadcasts = broadcasts

    def step(self, network: Network, batch: Batch) -> Outcome:
        s, e = network.states("s", batch.x), network.states("e", batch.x)
        for k in range(1, network.depth + 1):
            s[k] = self.state(network, k, s, batch)
        e[network.depth] = -make_loss(self.loss).gradient(s[-1], batch.y)
        for k in range(network.depth - 1, 0, -1):
            e[k] = self.error(network, k, s, e)
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            updates |= self.update(network, k, s, e)
        return Outcome(updates, s[-1])


def up(network: Network, k: int, s: States) -> Tensor:
    return network.activate(k, network.up(k, s))


def test_backpropagation_in_a_circuit_needs_neighbours_only_but_two_phases_and_slopes() -> None:
    found = judged(Planted())
    assert (found.violations, found.broadcasts) == ((), ())
    assert found.reads == ("layer above", "layer below", "own state", "target")
    assert (found.local_in_space, found.local_in_time, found.avoids_slope, found.transport) == (True, False, False, True)


def test_what_the_judge_hands_a_rule_computes_the_same() -> None:
    seen: list[Updates] = []

    class Kept(DualPropagation):
        def step(self, network: Network, batch: Batch) -> Outcome:
            outcome = super().step(network, batch)
            seen.append({name: change.clone() for name, change in outcome.updates.items()})
            return outcome

    rule = Kept(iterations=3)
    network, batch = specimen(rule)
    check_locality(rule, network, batch)
    half, one = len(seen) // 2, Batch(batch.x[:1], batch.y[:1], batch.places[:1])
    for found, samples in ((seen[:half], batch), (seen[half:], one)):
        with torch.no_grad():
            expected = DualPropagation(iterations=3).step(network, samples).updates
        assert len(found) > 1
        for updates in found:
            assert all(torch.equal(updates[name], change) for name, change in expected.items())


STATES: dict[str, tuple[Callable[..., Tensor], str]] = {
    "two layers below": (
        lambda n, k, s, b: up(n, k, s) + (s[k - 2] @ torch.ones(s[k - 2].shape[1], n.connection(k).post[0]) if k > 1 else 0),
        "reads s of layer",
    ),
    "two layers below, along the synapses": (
        lambda n, k, s, b: up(n, k, [*s[: k - 1], n.up(k - 1, s)] if k > 1 else s),
        "s of layer 3 reads s of layer 1",
    ),
    "the layer below, without a synapse": (
        lambda n, k, s, b: up(n, k, s) + (s[k - 1].sum() if k > 1 else 0), "reads s of layer"
    ),
    "another unit, moved": (lambda n, k, s, b: up(n, k, s).roll(1, 1), "mixes units"),
    "another unit, chosen": (lambda n, k, s, b: (a := up(n, k, s)) + a[:, :1], "mixes units"),
    "another unit, by an index": (lambda n, k, s, b: up(n, k, s)[:, torch.arange(n.connection(k).post[0] - 1, -1, -1)], "mixes"),
    "all units of the layer": (lambda n, k, s, b: (a := up(n, k, s)) / (1 + a.norm(dim=1, keepdim=True)), "mixes units"),
    "all units, in pairs": (
        lambda n, k, s, b: (a := up(n, k, s)) + (a.unsqueeze(2) * a.unsqueeze(1)).amax(1), "mixes units"
    ),
    "all units, written in place": (lambda n, k, s, b: (a := up(n, k, s).clone()).sub_(a.mean(1, keepdim=True)), "mixes units"),
    "the other samples": (lambda n, k, s, b: (a := up(n, k, s)) - a.mean(0), "mixes samples"),
    "the target, in a hidden layer": (
        lambda n, k, s, b: up(n, k, s) + b.y.sum(1, keepdim=True), "s of layer 1 reads the target"
    ),
    "the weights themselves": (lambda n, k, s, b: s[k - 1] @ n.connection(k).weight.t(), "reads parameters of layer"),
    "the norm of the weights": (lambda n, k, s, b: up(n, k, s) / n.norm(k), "the norm of the weights into layer 1 is read"),
    "whether anyone is active": (lambda n, k, s, b: a if (a := up(n, k, s)).max() > 0 else -a, "takes a number of s of layer 1 out"),
}  # fmt: skip


@pytest.mark.parametrize("planted", list(STATES))
def test_a_state_made_of_what_its_neuron_cannot_know_is_caught(planted: str) -> None:
    state, complaint = STATES[planted]
    found = judged(Planted(state=state))
    assert not found.local_in_space
    assert any(complaint in line for line in found.violations), found.violations


def test_a_state_taken_for_that_of_another_layer_is_caught() -> None:
    rule = Planted(state=lambda network, k, s, batch: up(network, k, [s[0]] * 4))
    found = check_locality(rule, *specimen(rule, (9, 9, 9, 9)))
    assert "up(2) takes a value of layer 0 for one of layer 1" in found.violations


def planted_update(change: Callable[[Network, int, States, States], Updates]) -> LocalityReport:
    return judged(Planted(update=change))


def test_an_update_by_the_state_two_layers_up_is_caught() -> None:
    def change(network: Network, k: int, s: States, e: States) -> Updates:
        post = network.down(k, [*e[: k + 1], network.down(k + 1, e)]) if k + 2 <= network.depth else e[k]
        return network.pair(k, [*e[:k], post], s)

    assert "pair(1) reads e of layer 3" in planted_update(change).violations


def test_an_update_of_one_connection_by_the_states_of_another_is_caught() -> None:
    def change(network: Network, k: int, s: States, e: States) -> Updates:
        of = dict(network.connection(k).named_parameters())
        return {f"connections.{k - 1}.{name}": torch.zeros_like(of[name]) + e[2].sum() for name in of}

    found = planted_update(change)
    assert any(line.startswith("the update of connections.0.weight reads e of layer 2") for line in found.violations)


def test_an_update_scaled_by_all_of_itself_is_caught() -> None:
    def change(network: Network, k: int, s: States, e: States) -> Updates:
        return {name: update / update.norm() for name, update in network.pair(k, e, s).items()}

    assert any("update of connections.0.weight mixes" in line for line in planted_update(change).violations)


def test_an_update_made_outside_of_pair_is_caught() -> None:
    def change(network: Network, k: int, s: States, e: States) -> Updates:
        return {f"connections.{k - 1}.weight": e[k].t() @ s[k - 1]}

    assert not planted_update(change).local_in_space


def test_a_declared_broadcast_is_reported_and_no_violation() -> None:
    found = judged(Planted(state=STATES["the norm of the weights"][0], broadcasts=("norm",)))
    assert (found.violations, found.broadcasts, found.local_in_space) == ((), ("norm",), True)


LOOKS: dict[str, Callable[[Tensor], object]] = {
    "a number": lambda w: w.sum(),
    "numpy()": lambda w: w.detach().numpy().sum(),
    "tolist()": lambda w: sum(w.view(-1).tolist()),
    "a storage": lambda w: w.untyped_storage()[0],
    "how many": lambda w: len(w.nonzero()),
}


def altered(name: str, change: Callable[[Network, Outcome], object], **options: object) -> Rule:
    """A registered rule whose update of the lowest weights is multiplied by what `change` gives."""

    class Altered(RULES[name]):
        def step(self, network: Network, batch: Batch) -> Outcome:
            outcome = super().step(network, batch)
            outcome.updates["connections.0.weight"] *= float(change(network, outcome))
            return outcome

    return Altered(**options)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", ["dp", "ep", "dyadic", "pc"])
def test_an_update_steered_by_other_weights_is_caught_however_they_are_read(name: str, look: str) -> None:
    """Whether the rule may read a residual, as dyadic and pc may, or not."""
    found = judged(altered(name, lambda network, outcome: LOOKS[look](network.connection(3).weight)))
    assert any("takes a number of parameters of layer 3 out of the tensors" in line for line in found.violations)


@pytest.mark.parametrize(
    "name", ["dyadic", "dyadic-skew", "dyadic-two-phase", "dyadic-arbitrary", "mac", "pc", "prox", "lrrn"]
)
def test_a_relaxation_that_stops_by_its_residual_reads_one(name: str) -> None:
    found = judged(make_rule(name, eps=0.2, tolerance=1e-3))
    assert (found.violations, found.broadcasts) == ((), ("residual",))


def test_a_residual_is_what_its_relaxation_stops_by_and_no_other_number() -> None:
    def feign(network: Network, outcome: Outcome) -> Tensor:
        """Has the relaxation look at weights, as if these were states."""
        weight, seen = network.connection(3).weight, [[None, torch.zeros(())]]
        rule.settle(seen, lambda: seen[0].__setitem__(1, weight.sum()), steps=LOOK)
        return torch.ones(())

    undeclared = type("Undeclared", (RULES["dyadic"],), {"broadcasts": ("norm",)})(tolerance=1e-3)
    assert any("declare 'residual'" in line for line in judged(undeclared).violations)
    own = judged(altered("dyadic", lambda network, outcome: outcome.residual.max()))
    assert any("test_locality.py" in line and "takes a number of s_" in line for line in own.violations)
    rule = altered("dyadic", feign, tolerance=1e-3)
    assert any("settle (until_still.py" in line and "parameters of layer 3" in line for line in judged(rule).violations)


def test_a_sum_over_the_layer_may_be_declared_but_not_the_states_of_another() -> None:
    state = STATES["all units of the layer"][0]
    assert judged(Planted(state=state, broadcasts=("layer",))).broadcasts == ("layer",)
    assert not judged(Planted(state=STATES["two layers below, along the synapses"][0], broadcasts=("layer",))).local_in_space


class TwoPhases(Rule):
    """Free states, then others that start from them; the update reads both, the second alone, or their difference."""

    name, source = "two phases", "here"

    def __init__(self, update: str) -> None:
        super().__init__()
        self.update = update

    def step(self, network: Network, batch: Batch) -> Outcome:
        free, then, gap = (network.states(name, batch.x) for name in ("free", "then", "gap"))
        for k in range(1, network.depth + 1):
            free[k] = network.up(k, free)
        for k in range(1, network.depth + 1):
            then[k] = free[k]
        for _ in range(2):
            for k in range(1, network.depth + 1):
                then[k] = (then[k] + network.up(k, then)) / 2
        for k in range(1, network.depth + 1):
            gap[k] = then[k] - (free[k] if self.update == "gap of both" else network.up(k, then))
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            post = {"both": free, "second": then}.get(self.update, gap)
            updates |= network.pair(k, post, then)
        return Outcome(updates, free[-1])


@pytest.mark.parametrize(("update", "is_local"), [("both", False), ("second", True), ("gap", True), ("gap of both", False)])
def test_an_update_is_local_in_time_if_all_it_reads_is_of_one_phase(update: str, is_local: bool) -> None:
    """An error computed after its phase belongs to it; a difference of two phases belongs to both."""
    assert judged(TwoPhases(update)).local_in_time is is_local


@pytest.mark.parametrize("name", sorted(set(RULES) - {"backprop"}))
def test_every_rule_reads_its_neighbours_itself_and_what_it_declares(name: str) -> None:
    assert judged(make_rule(name)).violations == ()


class Perturbed(Rule):
    """Node perturbation: noise of each unit, times what it changed the loss of the sample by. It needs no slope and no feedback."""

    def step(self, network: Network, batch: Batch) -> Outcome:
        s, moved = network.states("state", batch.x), network.states("noisy", batch.x)
        noise = [torch.randn(len(batch.x), network.connection(max(k, 1)).post[0]) for k in range(network.depth + 1)]
        for k in range(1, network.depth + 1):
            s[k] = network.activate(k, network.up(k, s))
        for k in range(1, network.depth + 1):
            moved[k] = network.activate(k, network.up(k, moved) + noise[k])
        change = (moved[-1] - batch.y).square().sum(1, keepdim=True) - (s[-1] - batch.y).square().sum(1, keepdim=True)
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            updates |= network.pair(k, [-change * n for n in noise], s)
        return Outcome(updates, s[-1])


class DirectByItself(Rule):
    """Direct feedback alignment by matrices of its own."""

    def step(self, network: Network, batch: Batch) -> Outcome:
        s, error = network.states("state", batch.x), network.states("error", batch.x)
        for k in range(1, network.depth + 1):
            s[k] = network.activate(k, network.up(k, s))
        error[-1] = batch.y - s[-1]
        for k in range(1, network.depth):
            error[k] = network.slope(k, s[k]) * (error[-1] @ torch.ones(error[-1].shape[1], s[k].shape[1]))
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            updates |= network.pair(k, error, s)
        return Outcome(updates, s[-1])


class MixesWeights(DirectByItself):
    """By a weight matrix that it reads itself."""

    def step(self, network: Network, batch: Batch) -> Outcome:
        outcome = super().step(network, batch)
        outcome.updates["connections.0.weight"] += network.connection(1).weight.mean()
        return outcome


class CarriesWeights(DirectByItself):
    def step(self, network: Network, batch: Batch) -> Outcome:
        outcome = super().step(network, batch)
        outcome.updates["connections.0.bias"] += network.connection(2).weight[0]
        return outcome


@pytest.mark.parametrize(
    ("rule", "avoids_slope", "transport"),
    [(Perturbed, None, False), (DirectByItself, False, False), (MixesWeights, False, None), (CarriesWeights, False, True)],
)
def test_what_cannot_be_told_is_not_asserted(rule: type[Rule], avoids_slope: bool | None, transport: bool | None) -> None:
    """A mixture hides what was done with what it is made of, and weights are transported by nothing that was not made of weights."""
    found = judged(rule())
    assert (found.local_in_space, found.avoids_slope, found.transport) == (False, avoids_slope, transport)


def test_a_mixture_of_one_phase_hides_whether_it_is_local_in_time() -> None:
    found = planted_update(lambda network, k, s, other: {n: u * u.sum() for n, u in network.pair(k, s, s).items()})
    assert found.local_in_time is None
    assert judged(Perturbed()).local_in_time is False  # it reads the state, and the noisy one that comes after


def test_backpropagation_by_autograd_is_not_local() -> None:
    found = judged(make_rule("backprop"))
    assert (found.local_in_space, found.local_in_time, found.avoids_slope, found.transport) == (False, False, False, True)
    assert any("connections.0.weight reads" in line and "the target" in line for line in found.violations)


TABLE = {
    "dp": (True, True, True), "dp-transpose": (True, True, True), "dyadic": (True, True, True), "ep": (True, False, True),
    "chl": (True, False, True), "ff": (True, False, True), "mac": (True, True, False), "pc": (True, True, False),
    "prox": (True, False, True), "lrrn": (True, False, True),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TABLE.keys() & RULES.keys()))
def test_table_2_1_of_the_thesis(name: str) -> None:
    found = judged(make_rule(name))
    assert (found.local_in_space, found.local_in_time, found.avoids_slope) == TABLE[name]


@pytest.mark.parametrize(
    "options", [{"order": "parallel", "iterations": 5}, {"order": "random", "iterations": 5}, {"iterations": 2}]
)
def test_every_order_of_dual_propagation_is_local_in_space_and_time(options) -> None:
    found = judged(make_rule("dp", **options))
    assert (found.violations, found.local_in_time, found.avoids_slope) == ((), True, True)


@pytest.mark.parametrize("name", ["mac", "pc", "prox", "lrrn"])
def test_lifted_networks_read_norms_for_their_step_sizes_unless_these_are_given(name: str) -> None:
    assert judged(make_rule(name)).broadcasts == ("norm",)
    assert judged(make_rule(name, eps=0.2)).broadcasts == ()


def test_damping_reads_a_norm() -> None:
    assert "norm" in judged(make_rule("lpom")).broadcasts
    assert any("norm" in line for line in judged(make_rule("dp", damped=True, alpha=1.0)).violations)


@pytest.mark.parametrize(
    ("feedback", "transport"), [("tied", True), ("sign", True), ("random", False), ("kolen-pollack", False)]
)
def test_weights_are_transported_where_feedback_reads_them(feedback: str, transport: bool) -> None:
    found = judged(make_rule("dp"), feedback)
    assert (found.violations, found.transport) == ((), transport)


def test_direct_feedback_skips_layers() -> None:
    found = judged(make_rule("dp"), "direct")
    assert any("of layer 1 reads delta of layer 3" in line for line in found.violations)


def test_the_softmax_of_the_output_is_told() -> None:
    found = judged(make_rule("dp", loss="cross-entropy"))
    assert (found.violations, found.broadcasts) == ((), ("softmax of the output",))


@pytest.mark.parametrize("name", ["dp", "dp-transpose"])
def test_convolutions_and_pooling_are_connections_like_others(name: str) -> None:
    network = convolutional((2, 8, 8), (3, "M", 4, "M"), (6, 5))
    batch = Batch(torch.rand(3, 2, 8, 8), torch.eye(5)[:3], torch.arange(3))
    found = check_locality(make_rule(name), network, batch)
    assert (found.violations, found.local_in_time, found.avoids_slope) == ((), True, True)


def test_judging_changes_neither_network_nor_rule() -> None:
    rule = make_rule("dp", order="random", iterations=5)
    network, batch = specimen(rule)
    before = {name: p.clone() for name, p in network.named_parameters()}
    state = rule.state_dict()["random"].clone()
    assert check_locality(rule, network, batch) == check_locality(rule, network, batch)
    assert torch.equal(rule.state_dict()["random"], state)
    assert all(torch.equal(before[name], p) for name, p in network.named_parameters())
