"""`neuromorph rules`: the learning rules by name, and the options of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.options import AsJson

if TYPE_CHECKING:
    from neuromorph.console import Talk

TRUTHS = ("true", "false")


def rules(
    name: Annotated[
        str | None,
        typer.Argument(help="A rule, such as ep, or file.py:Name of your own: its options (all rules).", metavar="[RULE]"),
    ] = None,
    json: AsJson = False,
) -> None:
    """The learning rules, or the options of one."""
    from neuromorph.console import Talk

    talk = Talk(json)
    talk.result(describe_rule(name, talk) if name else list_rules(talk))


def list_rules(talk: Talk) -> dict[str, Any]:
    from neuromorph.learning.boltzmann.registry import MACHINES, Machine
    from neuromorph.learning.registry import RULES

    sources = {name: rule.source for name, rule in RULES.items()} | dict.fromkeys(MACHINES, Machine.source)
    talk.table("learning rules", ["rule", "source"], [[name, source] for name, source in sources.items()])
    talk.say("ste+RULE and adaste+RULE: with few-valued weights; rbm-METHOD: Boltzmann machines, without targets")
    talk.say("file.py:Name: a class of your own (docs/write-a-rule.md)")
    talk.say("Options of one: neuromorph rules RULE")
    return sources


def describe_rule(name: str, talk: Talk) -> dict[str, Any]:
    """Options, and how the rule is trained when nothing is said. Raises RangeError for an unknown name."""
    from neuromorph.learning.boltzmann.registry import MACHINES, Machine
    from neuromorph.learning.registry import rule_class
    from neuromorph.learning.rule import LEAST

    if name in MACHINES:
        _show_options(name, Machine, {}, talk)
        return {"source": Machine.source, "options": Machine.options()}
    kind = rule_class(name)
    _show_options(name, kind, kind.choices(), talk)
    settings = asdict(kind.settings)
    talk.say(
        "trained with "
        + ", ".join(f"{what} {_text(value)}" for what, value in settings.items())
        + f", feedback {kind.feedback}; small data are seen until there have been {LEAST} updates"
    )
    return {"source": kind.source, "options": kind.options(), "settings": settings, "feedback": kind.feedback}


def _show_options(name: str, kind: Any, choices: Mapping[str, Sequence[str]], talk: Talk) -> None:
    rows = [
        [
            option,
            _text(default),
            ", ".join(choices.get(option, TRUTHS if isinstance(default, bool) else ())),
            _help(kind, option),
        ]
        for option, default in sorted(kind.options().items())
    ]
    talk.say(f"{name}: {kind.source}")
    talk.table("options, for --set NAME=VALUE", ["option", "default", "one of", "what"], rows)


def _help(kind: type, option: str) -> str:
    """As said where the option was first named; rules that only give it another default say nothing."""
    told = (getattr(base, "__dataclass_fields__", {}).get(option) for base in kind.__mro__)
    return next((str(f.metadata["help"]) for f in told if f is not None and "help" in f.metadata), "")


def _text(value: Any) -> str:
    """As it would be typed."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
