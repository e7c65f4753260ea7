"""Learning rules by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from neuromorph.errors import RangeError, did_you_mean
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
from neuromorph.learning.rules.few_valued import quantised
from neuromorph.learning.rules.forward_forward import ForwardForward
from neuromorph.learning.rules.lifted import AuxiliaryCoordinates, PredictiveCoding
from neuromorph.learning.rules.lrrn import Lrrn, Proximal
from neuromorph.learning.rules.resistive import Resistive

_FAMILIES: tuple[type[Rule], ...] = (
    Backpropagation, DualPropagation, DPTranspose, LiftedProximal, InvertedLiftedProximal,
    EquilibriumPropagation, ContinuousEquilibrium, ContrastiveHebbian, DiscountedContrastive, Coupled, Resistive,
    ForwardForward, Dyadic, SkewDyadic, SkewPhases, ArbitraryDyadic, AuxiliaryCoordinates, PredictiveCoding, Proximal, Lrrn,
)  # fmt: skip
# the continuous form learns from changes within a phase: it has no two terms to draw from
_SPLIT = [rule for rule in _FAMILIES if issubclass(rule, TwoTermRule) and rule is not ContinuousEquilibrium]
# a circuit's conductances are clamped after each change, so that the changes of a phase have no sum
_RELAXING = [rule for rule in _SPLIT if issubclass(rule, RelaxationRule) and rule is not Resistive]
_FORMS = {
    "-isd": "two terms of which one could be drawn",
    "-always-on": "free and nudged relaxation in which weights could move at every iteration",
}
RULES = {rule.name: rule for rule in (*_FAMILIES, *map(sampled, _SPLIT), *map(always_on, _RELAXING))}


def rule_class(name: str) -> type[Rule]:
    """The rule of that name; ste+NAME and adaste+NAME are made of it. Raises RangeError with the known ones."""
    method, plus, base = name.partition("+")
    if plus:
        return quantised(method, rule_class(base))
    if name in RULES:
        return RULES[name]
    from neuromorph.learning.boltzmann.registry import MACHINES  # which compiles for a while: only where it is asked for

    if name in MACHINES:
        raise RangeError(
            f"{name} trains a Boltzmann machine, which has no targets and no layers of a network: it goes with neuromorph train --rule "
            f"{name} alone"
        )
    for suffix, why in _FORMS.items():
        if name.removesuffix(suffix) in RULES and name.endswith(suffix):
            raise RangeError(f"there is no rule {name}: {name.removesuffix(suffix)} has no {why}")
    raise RangeError(f"unknown rule {name!r}; {did_you_mean(name, sorted((*RULES, *MACHINES)))}")


def make_rule(name: str, **options: Any) -> Rule:
    """The rule of that name with options by name. Raises RangeError for unknown ones, or for what makes no sense."""
    found = rule_class(name)
    unknown = sorted(set(options) - {f.name for f in fields(found)})
    if unknown:
        raise RangeError(f"rule {name} has no option {unknown[0]!r}; {did_you_mean(unknown[0], found.options())}")
    return found(**options)


def seeded_rule(name: str, seed: int, options: Mapping[str, Any]) -> Rule:
    """The same, whose own draws (phases, signs, noise, negatives, orders) follow `seed` where options leave them."""
    own = {option: seed for option in ("seed", "phase_seed") if option in rule_class(name).options()}
    return make_rule(name, **own | dict(options))
