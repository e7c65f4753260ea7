"""What a rule reads while it learns: from its neighbours, from itself, from elsewhere; and what follows for thesis table 2.1.

A rule speaks to its network through states, up, down, pair, slope and norm. The judge hands it a network that puts labels on what
these give (watching.py) and looks at the labels of all that is written:

=====================  ==========================================================================================
a state of layer k     may be made of values present at layer k, made of states of the layers k - 1, k and k + 1
an update of weights   may be made of products `pair` gives of values present at both ends
up, down               carry a value present at a layer to the next one; nothing else does
=====================  ==========================================================================================

Violations: a state of another layer or of more than one step away; another unit of the same layer (sums, norms, products of matrices
other than by up, down and pair) or another sample; the target anywhere but at the output; a norm of weights; a value that leaves
the tensors, for Python, NumPy or a length, and so may steer the whole rule; a weight that a step changes by itself, or that `constrain`
changes by more than its own value. Of these "norm", "layer" and "residual" may be declared
(`Rule.broadcasts`) and are then reported as broadcasts. "residual" is one reading alone: that of the largest change of states by which
`SettlingRule.settle` ends a relaxation. The softmax of the output layer belongs to the loss and is reported as a broadcast too.

Local in time: no update by one sample (those of a batch may be in phases of their own) reads two sets of states of which one was
inferred after the other. States inferred in turns belong together, and states that are computed from others after these, and not from
themselves (an error, a difference), stand for them.

The judge sees phases as the rule names them, one States object each, and slopes that are asked of `network.slope`. Autograd takes the slope
of every activation and needs the states of its way forward: it is neither local in time nor without f'. Weights are transported by tied and
sign-symmetric feedback, and by what reads the parameters of another place; where parameters were mixed, that cannot be told.
Source: thesis section 2.4 and table 2.1.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from types import FrameType
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn

from neuromorph.judges.watching import INPUT, PART, TARGET, WEIGHTS, Label, Labels, Watch, part, parts
from neuromorph.learning.faults import blamed, updates_of
from neuromorph.learning.network.feedback import SignSymmetric, Tied
from neuromorph.learning.network.network import Network, States, Updates
from neuromorph.learning.network.recurrent import Recurrent
from neuromorph.learning.relaxing.until_still import SettlingRule
from neuromorph.learning.rule import Batch, Rule

STEPS = 4
"""Batches that a rule is watched for, and single samples: some rules draw their phase, or its sign, at random."""
LABELS = (0, 1, 2, 3, 0)
PLACE = "the sample's place in the data"
"""Known to what a sample has left behind (persistent particles), and not to be steered by."""


@dataclass(frozen=True)
class LocalityReport:
    """`reads`: what states were made of. `violations`: what no neuron or synapse could know, one line each. None: cannot be told, for
    values were mixed, or left the tensors, and what became of them was not seen."""

    rule: str
    reads: tuple[str, ...]
    violations: tuple[str, ...]
    local_in_space: bool
    local_in_time: bool | None
    avoids_slope: bool | None
    transport: bool | None
    broadcasts: tuple[str, ...]


def specimen(rule: Rule, sizes: Sequence[int] = (12, 8, 7, 10), feedback: str | None = None) -> tuple[Network, Batch]:
    """A network that the rule trains, and random samples for it, to judge the rule by."""
    network = rule.build(sizes, feedback)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(len(LABELS), sizes[0], generator=generator)
    return network, Batch(x, torch.eye(sizes[-1])[[label % sizes[-1] for label in LABELS]], torch.arange(len(LABELS)))


def check_locality(rule: Rule, network: Network, batch: Batch) -> LocalityReport:
    """Watch some steps of a copy of the rule on a copy of the network, whose weights stay as they are.

    Raises RuleError for a rule that fails, or whose step gives no Outcome of this network's parameters.
    """
    rule, network = copy.deepcopy((rule, network))  # together: a rule may hold the network that it has built
    judge = Judge(rule, network)
    watched = (_WatchedRecurrent if isinstance(network, Recurrent) else _WatchedNetwork)(network, judge)
    x, y = batch.x.clone(), batch.y.clone()
    judge.watch.label(x, {Label(0, 0, INPUT)})
    target: set[Label | str] = {Label(network.depth, network.depth, TARGET)}
    if isinstance(network, Recurrent):
        units = network.connection(1).post[0]
        target.add(part(units - network.outputs, units))
    judge.watch.label(y, target)
    places = judge.watch.label(batch.places.clone(), {PLACE})
    for epoch, size in enumerate((len(x), 1)):
        for _ in range(STEPS):
            before = {name: p.detach().clone() for name, p in network.named_parameters()}
            with torch.no_grad(), judge.watch, blamed(rule):
                rule.begin_epoch(epoch)
                outcome = rule.step(watched, shown := Batch(x[:size], y[:size], places[:size]))
            judge.updated(updates_of(rule, outcome, before, shown), is_single=size == 1)
            judge.wrote("a step", network)
            judge.left_alone(network, before)
            with torch.no_grad(), judge.watch, blamed(rule):
                rule.constrain(watched)
            judge.wrote("constrain", network)
            for name, p in network.named_parameters():
                p.data.copy_(before[name])
    return judge.report()


@dataclass
class History:
    """When the states of one phase were written, counted in writes of all, and from which others."""

    name: str
    first: int = 0
    last: int = 0
    sources: set[int] = field(default_factory=set)


class Judge:
    """Collects what is read and written."""

    def __init__(self, rule: Rule, network: Network) -> None:
        self.watch = Watch(self._left)
        self._rule, self._depth = rule, network.depth
        self._phases: list[History] = []
        self._clock = 0
        self._reads: set[str] = set()
        self._broadcasts: set[str] = set()
        self._violations: dict[str, None] = {}
        self._is_local_in_time = True
        self._is_opaque, self._hides_weights = False, False
        for name, parameter in network.named_parameters():
            place = self.place(name)
            self.watch.label(parameter, {Label(place, place, WEIGHTS)})

    def opened(self, name: str) -> int:
        """The number of a new States object."""
        self._phases.append(History(name))
        return len(self._phases) - 1

    def written(self, states: int, k: int, value: Tensor) -> Tensor:
        """What to keep as the state of layer k: a copy that is labelled as just this."""
        labels = self.watch.of(value)
        phase, what = self._phases[states], f"{self._phases[states].name} of layer {k}"
        self._judge(labels, what, k)
        found = {label for label in labels if isinstance(label, Label)}
        for label in found:
            self._read(label, k)
        if found:
            self._clock += 1
            phase.first, phase.last = phase.first or self._clock, self._clock
            phase.sources |= {label.states for label in found if label.states >= 0}
        return self.kept(states, k, value)

    def kept(self, states: int, k: int, value: Tensor) -> Tensor:
        with self.watch.paused():
            return self.watch.label(value.clone(), {Label(k, k, states)}) if value.numel() else value

    def sent(self, value: Tensor, source: int, target: float, flags: Labels, what: str) -> Labels:
        """The labels of a value of layer `source` after its way to `target`; it should be present at `source`."""
        labels = self.watch.of(value)
        for label in labels:
            if isinstance(label, Label) and label.place != source:
                self._violate(f"{what} takes a value of layer {label.place:g} for one of layer {source}")
            elif isinstance(label, Label) and abs(label.layer - source) > 1:
                self._violate(f"{what} reads {self._named(label)}")
        return flags | {label._replace(place=target) if isinstance(label, Label) else label for label in labels}

    def updated(self, updates: Updates, is_single: bool) -> None:
        for name, change in updates.items():
            labels = self.watch.of(change)
            self._judge(labels, f"the update of {name}", self.place(name))
            if not is_single:
                continue
            phases = self._standing_for({label.states for label in labels if isinstance(label, Label) and label.states >= 0})
            self._is_local_in_time &= all(self._in_turns(a, b) for a, b in combinations(phases, 2))

    def wrote(self, writer: str, network: Network) -> None:
        """What a step (learning within a phase) or `constrain` writes to a parameter is made of what an update of it may be."""
        for name, parameter in network.named_parameters():
            self._judge(self.watch.of(parameter), f"what {writer} writes to {name}", self.place(name))

    def left_alone(self, network: Network, before: Mapping[str, Tensor]) -> None:
        """A step ends with the parameters that it began with."""
        for name, parameter in network.named_parameters():
            if not torch.equal(parameter, before[name]):
                self._violate(f"a step changes {name} by itself: name it in the updates, which are judged")

    def broadcast(self, name: str, what: str) -> None:
        """A signal from everywhere: reported if it was declared, else a violation."""
        if name in self._rule.broadcasts:
            self._broadcasts.add(name)
        else:
            self._violate(f"{what}; if it is meant to be broadcast, declare {name!r}")

    def report(self) -> LocalityReport:
        violations = tuple(self._violations)
        unless_hidden = None if self._is_opaque else True
        by_autograd = "autograd" in self._reads
        return LocalityReport(
            rule=self._rule.name,
            reads=tuple(sorted(self._reads - {"autograd", "slope", "transport"})),
            violations=violations,
            local_in_space=not violations,
            local_in_time=False if by_autograd or not self._is_local_in_time else unless_hidden,
            avoids_slope=False if by_autograd or "slope" in self._reads else unless_hidden,
            transport=True if "transport" in self._reads else None if self._hides_weights else False,
            broadcasts=tuple(sorted(self._broadcasts)),
        )

    def place(self, parameter: str) -> float:
        """Biases: at layer k, for connections.(k - 1). Weights: between layers k - 1 and k for connections.(k - 1) and
        feedback.weights.(k - 2), lateral ones at the top."""
        index = int(next(part for part in parameter.split(".") if part.isdigit()))
        if parameter.endswith("bias"):
            return min(index + 1, self._depth)
        return min(index + (1.5 if parameter.startswith("feedback") else 0.5), self._depth - 0.5)

    def _left(self, labels: Labels, reader: FrameType) -> None:
        """A value leaves the tensors."""
        if _is_stopping_test(labels, reader):
            self.broadcast("residual", "the largest change of states ends a relaxation")
            return
        self._lost(labels)
        names = sorted({self._named(label) for label in labels if isinstance(label, Label)} | ({PLACE} & labels))
        place = f"{reader.f_code.co_name} ({Path(reader.f_code.co_filename).name}, line {reader.f_lineno})"
        self._violate(
            f"{place} takes a number of {', '.join(names)} out of the tensors, where it may steer the whole rule: keep it a tensor"
        )

    def _violate(self, line: str) -> None:
        self._violations[line] = None

    def _lost(self, labels: Labels) -> None:
        """What becomes of a value with these labels is not seen any more."""
        self._is_opaque = True
        self._hides_weights |= any(isinstance(label, Label) and label.states == WEIGHTS for label in labels)

    def _judge(self, labels: Labels, what: str, place: float) -> None:
        found = [label for label in labels if isinstance(label, Label)]
        far = [a for a in found if a.place != place or (place % 1 == 0 and abs(a.layer - place) > 1)]
        if far:
            self._violate(f"{what} reads {', '.join(sorted({self._named(a) for a in far}))}")
        if any(a.states == WEIGHTS for a in far):
            self._reads.add("transport")
        if "batch" in labels or ("layer" not in self._rule.broadcasts and ("layer" in labels or parts(labels))):
            self._lost(labels)
        for label in sorted(label for label in labels if isinstance(label, str)):
            if label == "layer" or label.startswith(PART):
                self.broadcast("layer", f"{what} mixes units of a layer other than by up, down and pair")
            elif label == "batch":
                self._violate(f"{what} mixes samples of the batch")
            elif label == "softmax" and place < self._depth and place % 1 == 0:
                self._violate(f"{what} mixes units of its layer by a softmax")
            elif label == "softmax":
                self._broadcasts.add("softmax of the output")
            else:
                self._reads.add(label)

    def _read(self, label: Label, k: int) -> None:
        if label.states == TARGET:
            self._reads.add("target")
        else:
            near = {-1: "layer below", 0: "own state", 1: "layer above"}
            self._reads.add(near.get(int(label.layer) - k, f"layer {label.layer - k:+g}"))

    def _named(self, label: Label) -> str:
        special = {INPUT: "the input", TARGET: "the target", WEIGHTS: f"parameters of layer {math.ceil(label.layer)}"}
        return special.get(label.states) or f"{self._phases[label.states].name} of layer {label.layer:g}"

    def _standing_for(self, states: set[int]) -> set[int]:
        """With states that are computed after others and not from themselves replaced by these."""
        found = set()
        for s in states:
            phase = self._phases[s]
            is_derived = phase.sources and all(self._phases[o].last < phase.first for o in phase.sources)
            found |= self._standing_for(phase.sources) if is_derived else {s} if phase.first else set()
        return found

    def _in_turns(self, a: int, b: int) -> bool:
        return self._phases[a].first <= self._phases[b].last and self._phases[b].first <= self._phases[a].last


def _is_stopping_test(labels: Labels, reader: FrameType) -> bool:
    """Whether `SettlingRule.settle` itself looks at its residual, and this is of states alone that the judge has seen written."""
    return (
        reader.f_code is SettlingRule.settle.__code__
        and all(isinstance(states, _WatchedStates) for states in reader.f_locals["moving"])
        and all(label.states >= 0 for label in labels if isinstance(label, Label))
    )


class _WatchedStates(States):
    """States that tell the judge what is written into them."""

    def __init__(self, name: str, x: Tensor, layers: int, judge: Judge) -> None:
        super().__init__(name, x, layers)
        self._judge, self._number = judge, judge.opened(name)
        super().__setitem__(0, judge.kept(self._number, 0, x))

    def __setitem__(self, k: SupportsIndex | slice, value: Any) -> None:
        if isinstance(k, slice):
            for place, one in zip(range(*k.indices(len(self))), value, strict=True):
                self[place] = one
        else:
            place = range(len(self))[k]
            super().__setitem__(place, self._judge.written(self._number, place, value))


class _Reader(Sequence[Tensor]):
    """A list of states that notes which layers are read."""

    def __init__(self, states: Sequence[Tensor], layers: int) -> None:
        self._states, self._layers = states, layers
        self.read: dict[int, Tensor] = {}

    def __getitem__(self, k: int) -> Tensor:  # type: ignore[override]
        self.read[k % self._layers] = found = self._states[k]
        return found

    def __len__(self) -> int:
        return self._layers


class _WatchedNetwork(Network):
    """A network that shares connections and feedback with another, and labels what its methods give."""

    def __init__(self, network: Network, judge: Judge) -> None:
        nn.Module.__init__(self)  # what it holds is the other's
        self.__dict__.update(network.__dict__)
        self._judge = judge

    def states(self, name: str, x: Tensor) -> States:
        return _WatchedStates(name, x, self.depth, self._judge)

    def up(self, k: int, s: Sequence[Tensor]) -> Tensor:
        labels = self._judge.sent(s[k - 1], k - 1, k, frozenset(), f"up({k})")
        with self._judge.watch.paused():
            return self._judge.watch.label(super().up(k, s), labels)

    def down(self, k: int, s: Sequence[Tensor]) -> Tensor:
        reader = _Reader(s, self.depth + 1)
        with self._judge.watch.paused():
            drive = super().down(k, reader)
        flags = frozenset({"transport"} if isinstance(self.feedback, Tied | SignSymmetric) else ())
        labels = [self._judge.sent(value, j, k, flags, f"down({k})") for j, value in reader.read.items()]
        return self._judge.watch.label(drive, frozenset().union(*labels))

    def pair(self, k: int, post: Sequence[Tensor], pre: Sequence[Tensor], scale: float = 1.0) -> Updates:
        with self._judge.watch.paused():
            updates = super().pair(k, post, pre, scale)
        for name, change in updates.items():
            place = self._judge.place(name)
            labels = self._judge.sent(post[k], k, place, frozenset(), f"pair({k})")
            if place % 1:
                labels |= self._judge.sent(pre[k - 1], k - 1, place, frozenset(), f"pair({k})")
            self._judge.watch.label(change, labels)
        return updates

    def slope(self, k: int, drive: Tensor) -> Tensor:
        labels = self._judge.watch.of(drive)
        with self._judge.watch.paused():
            return self._judge.watch.label(super().slope(k, drive), labels | {"slope"})

    def norm(self, k: int) -> float:
        self._judge.broadcast("norm", f"the norm of the weights into layer {k} is read")
        with self._judge.watch.paused():
            return super().norm(k)


class _WatchedRecurrent(_WatchedNetwork, Recurrent):
    """Without layers: all units are layer 1, and each other's neighbours."""

    def across(self, s: Sequence[Tensor]) -> Tensor:
        labels = self._judge.sent(s[1], 1, 1, frozenset(), "across")
        with self._judge.watch.paused():
            return self._judge.watch.label(super().across(s), labels)
