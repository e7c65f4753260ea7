"""Whether rule, network, data and settings fit each other: what a trainer asks before it begins."""

from __future__ import annotations

import torch
from torch import Tensor

from neuromorph.data import Dataset
from neuromorph.errors import RangeError, check_count
from neuromorph.learning.faults import blamed, check_prediction, state_of
from neuromorph.learning.network.network import Network
from neuromorph.learning.rule import Rule, Settings
from neuromorph.learning.training.batches import Samples


def check_kinds(network: object, rule: object, data: object) -> None:
    """Raise RangeError for arguments of other kinds, or in another order."""
    for what, given, kind, how in (
        ("network", network, Network, "as rule.build((64, 128, 10)) gives it"),
        ("rule", rule, Rule, "as make_rule('dp') gives it"),
        ("data", data, Dataset, "as load('digits') or Dataset.from_arrays(x, y) gives it"),
    ):
        if not isinstance(given, kind):
            raise RangeError(
                f"Trainer(network, rule, data): {what} is a {type(given).__name__}; give a {kind.__name__}, {how}"
            )


def check_numbers(settings: Settings, held: int, metrics: int, images: int, keep_best: bool) -> None:
    """Raise RangeError for counts that make no sense, of so many training images."""
    check_count("batch", settings.batch, 1)
    check_count("epochs", settings.epochs, 0)
    check_count("metrics", metrics, 0)
    check_count("validation", held, 0)
    if held >= images:
        raise RangeError(f"{held} images held out leave nothing of {images} training images; hold out fewer")
    if keep_best and not held:
        raise RangeError("the best epoch is chosen on images held out, and none are; hold some out, or test the last epoch")


def check_share(rule: Rule, world: int) -> None:
    """Raise RangeError for a rule that so many processes cannot share."""
    if world > 1 and rule.indivisible:
        raise RangeError(
            f"rule {rule.name} would learn other weights in {world} processes than in one: {rule.indivisible}; train it in one process"
        )


def check_scores(rule: Rule, network: Network, samples: Samples) -> None:
    """Let the rule predict once. Raises RangeError where samples do not fit the network, or scores the classes; RuleError where the rule
    fails."""
    state_of(rule)
    x = samples.batch(torch.zeros(1, dtype=torch.int64, device=samples.labels.device)).x
    with torch.no_grad(), blamed(rule), rule.as_it_was():
        try:
            scores = rule.predict(network, x)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise RangeError(
                f"{samples.name}, {tuple(x.shape[1:])} a sample, does not fit the network of rule {rule.name}: {reason}"
            ) from None
    if isinstance(scores, Tensor) and scores.dim() == 2 and scores.shape[1] != samples.classes:
        raise RangeError(
            f"rule {rule.name} scores {scores.shape[1]} classes with this network, and {samples.name} has {samples.classes}: build the "
            f"network with {samples.classes} outputs"
        )
    check_prediction(rule, scores, 1, samples.classes)
