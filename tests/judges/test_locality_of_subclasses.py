"""Rules of a user's own, made of one that is local: every way around the judge that we know of is caught, and failures are told."""

from typing import Any

import pytest
import torch
from torch import Tensor

from neuromorph.errors import RuleError
from neuromorph.judges.locality import check_locality, specimen
from neuromorph.learning.network.network import Network
from neuromorph.learning.rule import Batch, Outcome
from neuromorph.learning.rules.dual_propagation import DualPropagation

LOWEST, TOP = "connections.0.weight", "connections.2.weight"


def top(network: Network) -> Tensor:
    return network.connection(3).weight


class KeepsTheNetworkItBuilt(DualPropagation):
    name = "keeps"

    def build(self, *given: Any, **named: Any) -> Network:
        self.own = super().build(*given, **named)
        return self.own

    def step(self, network: Network, batch: Batch) -> Outcome:
        outcome = super().step(network, batch)
        outcome.updates[LOWEST] = outcome.updates[LOWEST] + top(self.own).sum()
        return outcome


class WritesWeights(DualPropagation):
    name = "writes"

    def step(self, network: Network, batch: Batch) -> Outcome:
        network.connection(1).weight.data.mul_(top(network).data.norm())
        return super().step(network, batch)


class WritesWeightsAndTakesItBack(DualPropagation):
    name = "writes-back"

    def step(self, network: Network, batch: Batch) -> Outcome:
        kept = network.connection(1).weight.clone()
        network.connection(1).weight.data.add_(top(network).mean())
        outcome = super().step(network, batch)
        network.connection(1).weight.data.copy_(kept)
        return outcome


class WritesWhatItsOwnSynapsesKnow(DualPropagation):
    """Locally, and yet not as an update, which is what users see and optimisers apply."""

    name = "writes-own"

    def step(self, network: Network, batch: Batch) -> Outcome:
        network.connection(1).weight.data.mul_(0.9)
        return super().step(network, batch)


class ConstrainsByAnotherLayer(DualPropagation):
    name = "constrains"

    def constrain(self, network: Network) -> None:
        network.connection(1).weight.data.add_(top(network).sum() * 0.1)


class PreparesAnEpoch(DualPropagation):
    name = "prepares"

    def build(self, *given: Any, **named: Any) -> Network:
        self.own = super().build(*given, **named)
        return self.own

    def begin_epoch(self, epoch: int) -> None:
        self.factor = top(self.own).sum()

    def step(self, network: Network, batch: Batch) -> Outcome:
        outcome = super().step(network, batch)
        outcome.updates[LOWEST] = outcome.updates[LOWEST] * self.factor
        return outcome


class GoesByThePlace(DualPropagation):
    name = "places"

    def step(self, network: Network, batch: Batch) -> Outcome:
        outcome = super().step(network, batch)
        if batch.places[0] > 0:
            outcome.updates[LOWEST] = -outcome.updates[LOWEST]
        return outcome


class Shrinks(DualPropagation):
    """Local: each weight by itself."""

    name = "shrinks"

    def constrain(self, network: Network) -> None:
        network.connection(1).weight.data.clamp_(-1, 1).mul_(0.99)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (KeepsTheNetworkItBuilt, f"the update of {LOWEST} reads parameters of layer 3"),
        (WritesWeights, f"what a step writes to {LOWEST} reads parameters of layer 3"),
        (WritesWeightsAndTakesItBack, f"what a step writes to {LOWEST} reads parameters of layer 3"),
        (WritesWhatItsOwnSynapsesKnow, f"a step changes {LOWEST} by itself"),
        (ConstrainsByAnotherLayer, f"what constrain writes to {LOWEST} reads parameters of layer 3"),
        (PreparesAnEpoch, f"the update of {LOWEST} reads parameters of layer 3"),
        (GoesByThePlace, "takes a number of the sample's place in the data out of the tensors"),
    ],
)
def test_what_goes_around_the_updates_is_caught(rule: type[DualPropagation], complaint: str) -> None:
    made = rule()
    found = check_locality(made, *specimen(made))
    assert any(complaint in line for line in found.violations), found.violations
    assert not found.local_in_space


def test_a_constraint_of_each_weight_alone_is_local() -> None:
    made = Shrinks()
    assert check_locality(made, *specimen(made)).violations == ()


def failing(change: Any) -> DualPropagation:
    class Failing(DualPropagation):
        name = "failing"

        def step(self, network: Network, batch: Batch) -> Any:
            return change(super().step(network, batch))

    return Failing()


def nameless(outcome: Outcome) -> Outcome:
    outcome.updates["foo"] = torch.ones(1)
    return outcome


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda outcome: 1 / 0, r"rule failing failed: ZeroDivisionError.*test_locality_of_subclasses\.py, line \d+"),
        (lambda outcome: None, "gave NoneType; let it return an Outcome"),
        (nameless, "changes foo, which the network does not have"),
    ],
)
def test_a_rule_that_fails_is_told_what_and_where(change: Any, says: str) -> None:
    rule = failing(change)
    with pytest.raises(RuleError, match=says):
        check_locality(rule, *specimen(rule))
