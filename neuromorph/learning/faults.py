"""What a rule's own code may do wrong while it is used, told in one line that names the rule."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor

from neuromorph.errors import NeuromorphError, RuleError
from neuromorph.learning.network.network import Updates
from neuromorph.learning.rule import Outcome, Rule


@contextmanager
def blamed(rule: Rule) -> Iterator[None]:
    """What fails within is said to be the rule's: RuleError with file and line, from the error itself."""
    try:
        yield
    except NeuromorphError:
        raise
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        reason = (str(error).splitlines() or [""])[0]
        raise RuleError(
            f"rule {rule.name} failed: {type(error).__name__}: {reason} ({Path(at.filename).name}, line {at.lineno}); mend it, and try again"
        ) from error


def updates_of(rule: Rule, outcome: object, parameters: Mapping[str, Tensor]) -> Updates:
    """Of a step on a network with these parameters. Raises RuleError for what is no Outcome of them."""
    if not isinstance(outcome, Outcome):
        raise RuleError(f"the step of rule {rule.name} gave {type(outcome).__name__}; let it return an Outcome")
    for name, update in outcome.updates.items():
        if name not in parameters:
            raise RuleError(
                f"rule {rule.name} changes {name}, which the network does not have or does not train; it has {', '.join(parameters)}"
            )
        if update.shape != parameters[name].shape:
            raise RuleError(
                f"rule {rule.name} changes {name} by an update of shape {tuple(update.shape)}, and its shape is "
                f"{tuple(parameters[name].shape)}"
            )
    return outcome.updates
