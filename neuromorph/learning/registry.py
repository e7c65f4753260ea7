"""Learning rules by name: ours, forms that are made of them, and the user's own in a file.

dp                     ours
dp-isd, ep-always-on   a form of one (FORMS)
ste+dp, adaste+ep-isd  with few-valued weights
file.py:Name           the user's own, with either or both: ste+file.py:Name-isd
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.learning.faults import blamed
from neuromorph.learning.own_rule import own_rule
from neuromorph.learning.phases.always_on import always_on
from neuromorph.learning.phases.isd import sampled
from neuromorph.learning.phases.terms import TwoTermRule
from neuromorph.learning.relaxing.relaxation import RelaxationRule
from neuromorph.learning.rule import Rule
from neuromorph.learning.rules.backpropagation import Backpropagation
from neuromorph.learning.rules.contrastive import ContrastiveHebbian, Coupled, DiscountedContrastive
from neuromorph.learning.rules.dual_propagation import DPTranspose, DualPropagation, InvertedLiftedProximal, LiftedProximal
from neuromorph.learning.rules.dyadic import ArbitraryDyadic, Dyadic, SkewDyadic, SkewPhases
from neuromorph.learning.rules.equilibrium import ContinuousEquilibrium, EquilibriumPropagation
from neuromorph.learning.rules.few_valued import METHODS, quantised
from neuromorph.learning.rules.forward_forward import ForwardForward
from neuromorph.learning.rules.lifted import AuxiliaryCoordinates, PredictiveCoding
from neuromorph.learning.rules.lrrn import Lrrn, Proximal
from neuromorph.learning.rules.resistive import Resistive

_FAMILIES: tuple[type[Rule], ...] = (
    Backpropagation, DualPropagation, DPTranspose, LiftedProximal, InvertedLiftedProximal,
    EquilibriumPropagation, ContinuousEquilibrium, ContrastiveHebbian, DiscountedContrastive, Coupled, Resistive,
    ForwardForward, Dyadic, SkewDyadic, SkewPhases, ArbitraryDyadic, AuxiliaryCoordinates, PredictiveCoding, Proximal, Lrrn,
)  # fmt: skip


class Form(NamedTuple):
    """What can be made of rules of a kind, but for some."""

    make: Callable[[Any], type[Rule]]
    kind: type[Any]
    but: tuple[type[Rule], ...]
    needs: str

    def fits(self, rule: type[Rule]) -> bool:
        return issubclass(rule, self.kind) and not issubclass(rule, self.but)


FORMS = {
    # the continuous form learns from changes within a phase: it has no two terms to draw from
    "isd": Form(sampled, TwoTermRule, (ContinuousEquilibrium,), "two terms of which one could be drawn"),
    # a circuit's conductances are clamped after each change, so that the changes of a phase have no sum
    "always-on": Form(
        always_on,
        RelaxationRule,
        (ContinuousEquilibrium, Resistive),
        "free and nudged relaxation in which weights could move at every iteration",
    ),
}
RULES: Mapping[str, type[Rule]] = {rule.name: rule for rule in _FAMILIES} | {
    f"{rule.name}-{name}": form.make(rule) for name, form in FORMS.items() for rule in _FAMILIES if form.fits(rule)
}


def rule_class(name: str) -> type[Rule]:
    """The rule of that name, as above. Raises RangeError for an unknown one, with the nearest and all known ones."""
    method, plus, base = name.partition("+")
    if plus and (method in METHODS or ":" not in name):
        return quantised(method, rule_class(base))
    if name in RULES:
        return RULES[name]
    file, colon, kind = name.rpartition(":")
    if colon:
        own, dash, form = kind.partition("-")
        found = own_rule(f"{file}:{own}")
        return _in_form(found, form) if dash else found
    from neuromorph.learning.boltzmann.registry import MACHINES  # which compiles for a while: only where it is asked for

    if name in MACHINES:
        raise RangeError(
            f"{name} trains a Boltzmann machine, which has no targets and no layers of a network: it goes with neuromorph train --rule "
            f"{name} alone"
        )
    for form in FORMS:
        if name.removesuffix(f"-{form}") in RULES.keys() - {name}:
            return _in_form(RULES[name.removesuffix(f"-{form}")], form)
    raise RangeError(f"unknown rule {name!r}; {did_you_mean(name, sorted((*RULES, *MACHINES)))}")


def _in_form(rule: type[Rule], form: str) -> type[Rule]:
    if form not in FORMS:
        raise RangeError(f"unknown form {form!r} of rule {rule.name}; {did_you_mean(form, FORMS)}")
    if not FORMS[form].fits(rule):
        raise RangeError(f"there is no rule {rule.name}-{form}: {rule.name} has no {FORMS[form].needs}")
    return FORMS[form].make(rule)


def absolute(name: str) -> str:
    """The name of a rule as it is found from every folder: a user's file by its absolute path."""
    method, file, kind = _parts(name)
    return f"{method}{Path(file).absolute()}:{kind}" if file else name


def _parts(name: str) -> tuple[str, str, str]:
    """ste+file.py:Name-isd as "ste+", "file.py" and "Name-isd"; the first two may be empty."""
    method, plus, base = name.partition("+")
    if not plus or method not in METHODS:
        method, plus, base = "", "", name
    file, _, kind = base.rpartition(":")
    return f"{method}{plus}", file, kind


def make_rule(name: str, **options: Any) -> Rule:
    """The rule of that name with options by name. Raises RangeError for unknown ones, or for what makes no sense."""
    found = rule_class(name)
    unknown = sorted(set(options) - {f.name for f in fields(found)})
    if unknown:
        raise RangeError(f"rule {name} has no option {unknown[0]!r}; {did_you_mean(unknown[0], found.options())}")
    with blamed(found):
        return found(**options)


def seeded_rule(name: str, seed: int, options: Mapping[str, Any]) -> Rule:
    """The same, whose own draws (phases, signs, noise, negatives, orders) follow `seed` where options leave them."""
    own = {option: seed for option in ("seed", "phase_seed") if option in rule_class(name).options()}
    return make_rule(name, **own | dict(options))
