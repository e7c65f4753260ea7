"""A rule of the user's own: a subclass of Rule in a file, named as `file.py:Name`."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from typing import ClassVar, get_origin, get_type_hints

from neuromorph.errors import RangeError
from neuromorph.learning.rule import Rule
from neuromorph.user_file import named_in_file

WANTED = "the name of a rule, or file.py:Name of a class of your own"


def own_rule(named: str) -> type[Rule]:
    """The class that `file.py:Name` names. Raises RangeError where it is no rule that can be made and trained."""
    file, _, name = named.rpartition(":")
    kind = named_in_file(named, WANTED)
    if not isinstance(kind, type) or not issubclass(kind, Rule):
        raise RangeError(f"'{name}' in '{file}' is no class of rules; name a subclass of Rule")
    if inspect.isabstract(kind):
        lacking = ", ".join(sorted(kind.__abstractmethods__))
        raise RangeError(f"rule {kind.name} in '{file}' has no {lacking}; define it, as Rule says")
    try:
        hints = get_type_hints(kind)
    except Exception as error:
        raise RangeError(f"types in the class of rule {kind.name} in '{file}' cannot be read: {error}; mend them") from error
    own = {f.name: f for f in fields(kind)}
    for option, hint in hints.items():
        if (
            option not in own
            and ClassVar not in (hint, get_origin(hint))
            and option in vars(kind).get("__annotations__", {})
        ):
            raise RangeError(
                f"{option} of rule {kind.name} in '{file}' is no option yet: write @dataclass(kw_only=True) over the class, or ClassVar"
            )
    for option, f in own.items():
        if f.default is MISSING:
            raise RangeError(f"option {option} of rule {kind.name} in '{file}' has no default; give it one")
    if unset := own.keys() - inspect.signature(kind).parameters.keys():
        raise RangeError(
            f"__init__ of rule {kind.name} in '{file}' does not take its {min(unset)}; leave it to @dataclass(kw_only=True), and what is to "
            "be done with options to check"
        )
    return kind
