"""Options as a user types them, name=value, converted to the types of a rule's fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.learning.rule import Rule

TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_options(rule: type[Rule], texts: Sequence[str]) -> dict[str, Any]:
    """{"alpha": 0.3} of ["alpha=0.3"]. Raises RangeError for what is not name=value, unknown names and unfit values."""
    return parse_fields(rule.name, rule, texts)


def parse_fields(rule: str, kind: Any, texts: Sequence[str]) -> dict[str, Any]:
    """The same of a dataclass, for the options of the rule of that name."""
    known, types = [field.name for field in fields(kind)], get_type_hints(kind)
    found = {}
    for text in texts:
        name, is_pair, value = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        if not is_pair:
            raise RangeError(f"--set {text} names no value; write name=value, such as alpha=0.5")
        if name not in known:
            raise RangeError(f"rule {rule} has no option {name!r}; {did_you_mean(name, known)}")
        if name in found:
            raise RangeError(f"option {name} of rule {rule} is set twice; set it once")
        try:
            found[name] = convert(value, types[name])
        except ValueError as error:
            raise RangeError(f"option {name} of rule {rule} cannot be {value!r}: {error}") from None
    return found


def convert(text: str, kind: Any) -> Any:
    """`text` as a value of a type: bool, int, float, str, Literal[...], tuple[x, ...] (a,b,c), or one of several, as x | None.

    Raises ValueError.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        return tuple(convert(part, arguments[0]) for part in text.split(","))
    if origin in (Union, UnionType):
        return _first_that_fits(text, arguments)
    choices: dict[str, Any] = {str(value): value for value in arguments}
    if kind in (bool, type(None)):
        choices = TRUTHS if kind is bool else {"none": None}
    if choices or origin is Literal:
        if text.lower() not in choices:
            raise ValueError(f"expected {' or '.join(choices)}")
        return choices[text.lower()]
    return kind(text)


def _first_that_fits(text: str, kinds: Sequence[Any]) -> Any:
    reasons = []
    for kind in sorted(kinds, key=lambda kind: kind is str):
        try:
            return convert(text, kind)
        except ValueError as error:
            reasons.append(str(error))
    raise ValueError("; ".join(reasons))
