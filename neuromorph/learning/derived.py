"""Classes of rules that are made of another class: ep-isd, ep-always-on, ste+ep.

One is made once and kept, and pickles as the call that makes it, so that rules can be sent to other processes.
"""

from __future__ import annotations

import copyreg
from abc import ABCMeta
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neuromorph.learning.rule import Rule


class Derived(ABCMeta):
    """The type of these classes. `made`: what makes one, and of what."""

    made: tuple[Callable[..., type[Rule]], tuple[Any, ...]]


def derived(
    made: tuple[Callable[..., type[Rule]], tuple[Any, ...]],
    bases: tuple[type[Rule], ...],
    base: type[Rule],
    named: dict[str, Any],
) -> type[Any]:
    """A class of rules of these bases and class variables. It has what `base` is made of beside `bases[0]`, which changes it."""
    maker, _ = made
    own = {"base": base, "made": made, "__module__": maker.__module__, **named}
    return dataclass(kw_only=True)(Derived(f"{bases[0].__name__}{base.__name__}", bases, own))


def _by_maker(kind: Derived) -> str | tuple[Any, ...]:
    """How pickle writes one: by the call; a subclass of one, which has a name of its own, by that name."""
    return kind.made if "made" in vars(kind) else kind.__qualname__


copyreg.pickle(Derived, _by_maker)
