"""What a rule's own code may do wrong while it is used, told in one line that names the rule."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neuromorph.errors import NeuromorphError, RuleError
from neuromorph.learning.network.network import Network, Updates
from neuromorph.learning.rule import Batch, Outcome, Rule


@contextmanager
def blamed(rule: Rule | type[Rule]) -> Iterator[None]:
    """What fails within is said to be the rule's: RuleError with file and line, from the error itself."""
    try:
        yield
    except NeuromorphError:
        raise
    except (Exception, SystemExit) as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        reason = (str(error).splitlines() or [""])[0]
        raise RuleError(
            f"rule {rule.name} failed: {type(error).__name__}: {reason} ({Path(at.filename).name}, line {at.lineno}); mend it, and try again"
        ) from error


def updates_of(rule: Rule, outcome: object, parameters: Mapping[str, Tensor], batch: Batch) -> Updates:
    """Of a step by this batch on a network with these parameters. Raises RuleError for what is no Outcome of them."""
    if not isinstance(outcome, Outcome):
        raise RuleError(f"the step of rule {rule.name} gave {type(outcome).__name__}; let it return an Outcome")
    if not isinstance(outcome.updates, dict) or not outcome.updates:
        raise RuleError(
            f"the updates of rule {rule.name} are {_told(outcome.updates)}; give a dict of tensors, one for each parameter that is to change"
        )
    for name, update in outcome.updates.items():
        if name not in parameters:
            raise RuleError(
                f"rule {rule.name} changes {name}, which the network does not have or does not train; it has {', '.join(parameters)}"
            )
        _check_tensor(f"rule {rule.name} changes {name} by an update", update, parameters[name])
    _check_scores(f"the output of rule {rule.name}", outcome.output, len(batch.x), batch.y.shape[1])
    return outcome.updates


def scores_of(rule: Rule, network: Network, x: Tensor, classes: int) -> Tensor:
    """What the rule predicts for these samples. Raises RuleError for what are no scores of so many classes."""
    with blamed(rule):
        scores = rule.predict(network, x)
    check_prediction(rule, scores, len(x), classes)
    return scores


def check_prediction(rule: Rule, scores: object, samples: int, classes: int) -> None:
    """Raise RuleError for what a rule predicted unless it is scores of so many classes."""
    _check_scores(f"the prediction of rule {rule.name}", scores, samples, classes)


def state_of(rule: Rule) -> dict[str, Any]:
    """What must be saved of the rule. Raises RuleError for what is no dict."""
    with blamed(rule):
        state = rule.state_dict()
    if not isinstance(state, dict):
        raise RuleError(
            f"the state_dict of rule {rule.name} gave {_told(state)}; let it return a dict, an empty one of no state"
        )
    return state


@contextmanager
def leaving_alone(rule: Rule, parameters: Mapping[str, Tensor]) -> Iterator[None]:
    """Raises RuleError where the step within changes one of these parameters itself."""
    before = {name: p.detach().clone() for name, p in parameters.items()}
    yield
    for name, p in parameters.items():
        if not torch.equal(p, before[name]):
            raise RuleError(f"the step of rule {rule.name} changes {name} itself; let it name what to change in the updates")


def _check_tensor(what: str, found: object, like: Tensor) -> None:
    if not isinstance(found, Tensor):
        raise RuleError(f"{what} that is {_told(found)}; give a tensor of shape {tuple(like.shape)}")
    if found.shape != like.shape:
        raise RuleError(f"{what} of shape {tuple(found.shape)}, and its shape is {tuple(like.shape)}")
    if (found.dtype, found.device) != (like.dtype, like.device):
        raise RuleError(f"{what} of {found.dtype} on {found.device}, and it is of {like.dtype} on {like.device}; convert it")


def _check_scores(what: str, found: object, samples: int, classes: int) -> None:
    if not isinstance(found, Tensor) or not found.is_floating_point() or found.shape != (samples, classes):
        raise RuleError(
            f"{what} is {_told(found)}; give the scores of the classes, a tensor of floats of shape {(samples, classes)}"
        )


def _told(found: object) -> str:
    if isinstance(found, Tensor):
        return f"a tensor of {found.dtype} and shape {tuple(found.shape)}"
    return "an empty dict" if isinstance(found, dict) and not found else type(found).__name__
