"""The Program: a network as frozen data, between the process graph and everything downstream of it.

The engine runs a Program, the artifact stores it, placement and exports read it; none of them sees Lava. A Program is
checked when it is born: whoever holds one may rely on it.

Within a step: synapses send what they accumulated in the step before; then sources and populations run in the order of
their links (a link without a synapse carries its value within the step); then synapses take their spikes, accumulate the
next drive and learn; then probes read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import ProgramError, RangeError
from neuromorph.laws.catalogue import LAWS
from neuromorph.laws.law import Law
from neuromorph.laws.products.plasticity import TAG_1_RANGE, TAG_2_RANGE, TRACE_RANGE, WEIGHT_RANGE, SignMode
from neuromorph.laws.products.rule import GradedSpike, Rule
from neuromorph.laws.synapse import (
    DELAY_RANGE,
    EPOCH_RANGE,
    EXPONENT_RANGE,
    IMPULSE_RANGE,
    PAYLOAD_RANGE,
    SEED_RANGE,
    TAU_RANGE,
)

Array = NDArray[Any]

PRE_STATES = ("x0", "tx", "x1", "x2")
POST_STATES = ("y0", "ty", "y1", "y2", "y3")
TRACES = ("x1", "x2", "y1", "y2", "y3")
INT32 = (-(2**31), 2**31 - 1)
LEARNING_INPUTS = ("s_in_bap", "s_in_y1", "s_in_y2", "s_in_y3")


def _whole(values: Array, owner: str, name: str, bounds: tuple[int, int]) -> Array:
    """`values` as integers (those that are stay as they are), or a RangeError that names one of the wrong ones."""
    values = np.asarray(values)
    low, high = bounds
    wrong = ~((values >= low) & (values <= high))
    if wrong.any():
        raise RangeError(f"{owner}: {name} = {values[wrong].flat[0]} is outside {low}..{high}")
    if np.issubdtype(values.dtype, np.integer):
        return values
    whole = values.astype(np.int64)
    if not np.array_equal(whole, values):
        raise RangeError(f"{owner}: {name} holds {values[whole != values].flat[0]}; fixed point takes whole numbers only")
    return whole


@dataclass(frozen=True)
class Population:
    """Neurons that obey one law. Parameters hold one value (shared) or one per neuron; states one per neuron, flat."""

    name: str
    law: str
    size: int
    parameters: Mapping[str, Array]
    states: Mapping[str, Array]

    def __post_init__(self) -> None:
        law = self.rules
        for kind, variables, values in (
            ("parameter", law.parameters, self.parameters),
            ("state", law.states, self.states),
        ):
            names = [v.name for v in variables]
            if sorted(values) != sorted(names):
                raise ProgramError(f"population '{self.name}': its {kind}s must be {names}, not {sorted(values)}")
            checked = {}
            for variable in variables:
                array = variable.check(values[variable.name], f"population '{self.name}'").ravel()
                if array.size not in ((1,) if variable.shared else (1, self.size)):
                    raise ProgramError(
                        f"population '{self.name}': {variable.name} has {array.size} values for {self.size} neurons"
                    )
                checked[variable.name] = np.broadcast_to(array, self.size).copy() if kind == "state" else array
            object.__setattr__(self, f"{kind}s", checked)
        law.check(self.parameters, f"population '{self.name}'")

    @property
    def rules(self) -> Law:
        if self.law not in LAWS:
            raise ProgramError(f"population '{self.name}': unknown law {self.law!r}; known: {', '.join(LAWS)}")
        return LAWS[self.law]

    @property
    def inputs(self) -> dict[str, int]:
        return {v.name: self.size for v in self.rules.inputs}

    @property
    def outputs(self) -> dict[str, int]:
        return {v.name: self.size for v in self.rules.outputs}


@dataclass(frozen=True)
class Source:
    """Plays frames: port p sends frames[p][order[((t-1) // hold) mod len(order)]] at step t.

    A port in `pulses` sends at the first step of a frame only, zero after. Lava's source RingBuffer is hold = 1; a
    Presenter holds every sample for its steps and opens it with a pulse. frames[p]: int32 (frames, size of p), 24 bits.
    """

    name: str
    frames: Mapping[str, Array]
    hold: int = 1
    order: Array | None = None
    pulses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {p: np.shape(f)[0] for p, f in self.frames.items()}
        if len(set(lengths.values())) != 1 or 0 in lengths.values():
            raise ProgramError(f"source '{self.name}': all ports need the same number of frames, at least 1: {lengths}")
        if self.hold < 1:
            raise ProgramError(f"source '{self.name}': a frame lasts {self.hold} steps; at least 1")
        frames = {p: _whole(f, f"source '{self.name}'", p, PAYLOAD_RANGE) for p, f in self.frames.items()}
        object.__setattr__(self, "frames", {p: f.astype(np.int32, copy=False) for p, f in frames.items()})
        count = next(iter(lengths.values()))
        order = np.arange(count) if self.order is None else self.order
        object.__setattr__(self, "order", _whole(order, f"source '{self.name}'", "order", (0, count - 1)))

    @property
    def inputs(self) -> dict[str, int]:
        return {}

    @property
    def outputs(self) -> dict[str, int]:
        return {port: int(np.shape(f)[1]) for port, f in self.frames.items()}


@dataclass(frozen=True)
class Sink:
    """Keeps the last `length` messages: data[:, (t-1) mod length] = a_in at step t. data: int (size, length)."""

    name: str
    data: Array

    def __post_init__(self) -> None:
        data = _whole(self.data, f"sink '{self.name}'", "data", INT32)
        object.__setattr__(self, "data", data.astype(np.int32, copy=False))

    @property
    def inputs(self) -> dict[str, int]:
        return {"a_in": int(self.data.shape[0])}

    @property
    def outputs(self) -> dict[str, int]:
        return {}


@dataclass(frozen=True)
class Plasticity:
    """A learning rule on a synapse, as Lava's Loihi2FLearningRule or Loihi3FLearningRule (three_factor) holds it.

    taus, impulses: by trace name, in steps and trace units. rng_seed starts the four rounding streams of the traces
    (x decay, x impulse, y decay, y impulse at rng_seed + 0..3); weights round from stream 2, whatever the seed (as Lava).
    """

    dw: Rule | None
    dd: Rule | None
    dt: Rule | None
    three_factor: bool
    taus: Mapping[str, float]
    impulses: Mapping[str, float]
    t_epoch: int
    rng_seed: int
    graded_spike: GradedSpike
    sign_mode: SignMode

    def check(self, owner: str) -> None:
        for trace in TRACES:
            for kind, values, (low, high) in (
                ("tau", self.taus, TAU_RANGE),
                ("impulse", self.impulses, IMPULSE_RANGE),
            ):
                if not low <= values[trace] <= high:
                    raise RangeError(f"{owner}: {trace}_{kind} = {values[trace]} is outside {low}..{high}")
        _whole(np.array(self.t_epoch), owner, "t_epoch", EPOCH_RANGE)
        _whole(np.array(self.rng_seed), owner, "rng_seed", SEED_RANGE)
        if self.dw is None and self.dd is None and self.dt is None:
            raise ProgramError(f"{owner}: a plastic synapse without a rule")


@dataclass(frozen=True)
class Synapse:
    """Connections from `s_in` (pre) to `a_out` (post): a_out(t+1) = weights . s_in(t), scaled by 2^exponent (floor).

    `index` None: weights[post, pre], dense. Otherwise sparse: weights[k] of the pair (post, pre) = index[:, k], sorted by
    pre, then post. `delays` (same shape as weights) adds 0..63 steps. graded False: any non-zero payload counts 1.
    `tied_to` names a dense synapse whose transposed weights this one uses (simulation only: weight transport).
    states: a_buff (post, max delay + 1), and for plastic synapses the traces, spike times and tags.
    """

    name: str
    shape: tuple[int, int]
    weights: Array
    index: Array | None = None
    exponent: int = 0
    graded: bool = True
    delays: Array | None = None
    plasticity: Plasticity | None = None
    tied_to: str | None = None
    states: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        owner = f"synapse '{self.name}'"
        mode = self.plasticity.sign_mode if self.plasticity else SignMode.MIXED
        checked = _whole(self.weights, owner, "weights", WEIGHT_RANGE[mode]).astype(np.int16)
        expected = self.shape if self.index is None else (np.shape(self.index)[1],)
        if self.tied_to is not None:
            expected = (0,)
        if checked.shape != expected:
            raise ProgramError(f"{owner}: weights have shape {checked.shape}, not {expected}")
        object.__setattr__(self, "weights", checked)
        _whole(np.array(self.exponent), owner, "weight_exp", EXPONENT_RANGE)
        if self.index is not None:
            self._check_index(owner)
        if self.delays is not None:
            object.__setattr__(self, "delays", _whole(self.delays, owner, "delays", DELAY_RANGE))
            if np.shape(self.delays) != checked.shape:
                raise ProgramError(f"{owner}: delays have shape {np.shape(self.delays)}, its weights {checked.shape}")
        if self.plasticity:
            self.plasticity.check(owner)
            if self.tied_to is not None:
                raise ProgramError(f"{owner}: tied to '{self.tied_to}' and plastic; only the weights it reads may learn")
        object.__setattr__(self, "states", self._complete_states(owner))

    def _check_index(self, owner: str) -> None:
        post, pre = (
            _whole(row, owner, "index", (0, n - 1)) for row, n in zip(np.asarray(self.index), self.shape, strict=True)
        )
        if (np.diff(pre * self.shape[0] + post) <= 0).any():
            raise ProgramError(f"{owner}: its index must be sorted by pre, then post, every pair once")

    def _complete_states(self, owner: str) -> dict[str, Array]:
        post, pre = self.shape
        depth = 1 if self.delays is None else int(self.delays.max(initial=0)) + 1
        buffer = np.asarray(self.states.get("a_buff", 0))
        if buffer.ndim == 2 and buffer.shape[1] > depth and self.delays is not None:
            depth = buffer.shape[1]  # a longer buffer than these delays need, as Lava's max_delay asks for
        shapes: dict[str, tuple[int, ...]] = {"a_buff": (post, depth)}
        bounds = {"a_buff": INT32}
        if self.plasticity:
            shapes |= dict.fromkeys(PRE_STATES, (pre,)) | dict.fromkeys(POST_STATES, (post,))
            shapes |= {"tag_1": self.weights.shape, "tag_2": self.weights.shape}
            bounds |= {"x0": (0, 1), "y0": (0, 1), "tag_1": TAG_1_RANGE, "tag_2": TAG_2_RANGE}
            bounds |= {"tx": (0, self.plasticity.t_epoch), "ty": (0, self.plasticity.t_epoch)}
        unknown = set(self.states) - set(shapes)
        if unknown:
            raise ProgramError(f"{owner}: unknown states {sorted(unknown)}; it has {sorted(shapes)}")
        states = {}
        for name, shape in shapes.items():
            values = np.asarray(self.states.get(name, 0))
            if name == "a_buff" and values.size != post * depth and values.size != 1:
                raise ProgramError(f"{owner}: a_buff has {values.size} values, not {post} x {depth}")
            values = np.broadcast_to(values.reshape(shape) if values.size > 1 else values.reshape(-1)[:1], shape)
            states[name] = _whole(values, owner, name, bounds.get(name, TRACE_RANGE)).astype(np.int32)
        return states

    @property
    def inputs(self) -> dict[str, int]:
        learning = dict.fromkeys(LEARNING_INPUTS, self.shape[0]) if self.plasticity else {}
        return {"s_in": self.shape[1], **learning}

    @property
    def outputs(self) -> dict[str, int]:
        return {"a_out": self.shape[0]}


Node = Population | Source | Sink | Synapse


def variables(node: Node) -> list[str]:
    """What of a node can be read while it runs: states, parameters, weights, ports."""
    ports = [*node.inputs, *node.outputs]
    if isinstance(node, Population):
        return [*node.states, *node.parameters, *ports]
    if isinstance(node, Synapse):
        return [*node.states, *([] if node.tied_to else ["weights"]), *ports]
    return ["data" if isinstance(node, Sink) else "order", *ports]


@dataclass(frozen=True)
class Link:
    """target.port += what source.port sends; `index[i]` says which sent element target element i gets (-1: none)."""

    source: tuple[str, str]
    target: tuple[str, str]
    index: Array | None = None


@dataclass(frozen=True)
class Probe:
    """Reads node.variable at the end of every step t with (t-1) mod every == offset, into row count mod length."""

    name: str
    node: str
    variable: str
    length: int
    every: int = 1
    offset: int = 0


@dataclass(frozen=True)
class Program:
    """Nodes, links and probes at a moment in time: `step` steps have been made."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    probes: tuple[Probe, ...] = ()
    step: int = 0

    def __post_init__(self) -> None:
        names = [n.name for n in self.nodes]
        twice = {n for n in names if names.count(n) > 1}
        if twice or "" in names:
            raise ProgramError(f"two nodes are called {sorted(twice)}, or one has no name; give every Process its own name")
        for link in self.links:
            self._check_link(link)
        for synapse in self.synapses:
            if synapse.tied_to is not None:
                self._check_tie(synapse)
        for probe in self.probes:
            known = variables(self[probe.node])
            if probe.variable not in known:
                raise ProgramError(
                    f"probe '{probe.name}': '{probe.node}' has no variable '{probe.variable}'; it has {', '.join(known)}"
                )
            if probe.length < 1 or not 0 <= probe.offset < probe.every:
                raise ProgramError(
                    f"probe '{probe.name}': length {probe.length}, every {probe.every}, offset {probe.offset}; it needs room for a "
                    "row, and an offset below every"
                )
        self.order()

    def _check_tie(self, synapse: Synapse) -> None:
        other = self[synapse.tied_to or ""]
        dense = other if isinstance(other, Synapse) and other.index is None and other.tied_to is None else None
        if dense is None or dense.shape != synapse.shape[::-1]:
            raise ProgramError(
                f"synapse '{synapse.name}' is tied to '{synapse.tied_to}', which must be a dense synapse of shape "
                f"{synapse.shape[::-1]}"
            )

    def _check_link(self, link: Link) -> None:
        (a, out), (b, into) = link.source, link.target
        sent, taken = self[a].outputs.get(out), self[b].inputs.get(into)
        if sent is None or taken is None:
            raise ProgramError(f"link {a}.{out} -> {b}.{into}: there is no such port")
        if link.index is None and sent != taken:
            raise ProgramError(f"link {a}.{out} -> {b}.{into}: {sent} values sent to a port of {taken}")
        if link.index is not None and (
            np.shape(link.index) != (taken,) or np.max(link.index, initial=-1) >= sent or np.min(link.index, initial=0) < -1
        ):
            raise ProgramError(f"link {a}.{out} -> {b}.{into}: its index does not fit {sent} values sent, {taken} taken")

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise ProgramError(f"no node is called '{name}'; there are {', '.join(n.name for n in self.nodes)}")

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Synapse))

    @property
    def populations(self) -> tuple[Population, ...]:
        return tuple(n for n in self.nodes if isinstance(n, Population))

    def order(self) -> list[Node]:
        """Sources, populations and sinks in the order in which they run within a step, links first, then names' order."""
        by_name = {n.name: n for n in self.nodes if not isinstance(n, Synapse)}
        waits: dict[str, set[str]] = {name: set() for name in by_name}
        for link in self.links:
            if link.source[0] in by_name and link.target[0] in by_name:
                waits[link.target[0]].add(link.source[0])
        try:
            return [by_name[name] for name in TopologicalSorter(waits).static_order()]
        except CycleError as error:
            raise ProgramError(
                f"{' -> '.join(error.args[1])} wait for each other within one step (Lava would hang); "
                "put a connection with weights somewhere into the loop: it delays by one step"
            ) from None

    def with_nodes(self, *nodes: Node) -> Program:
        """The same Program with these nodes in place of those of the same names."""
        new = {n.name: n for n in nodes}
        return replace(self, nodes=tuple(new.get(n.name, n) for n in self.nodes))
