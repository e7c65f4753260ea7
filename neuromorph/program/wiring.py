"""A network written by hand as a Program, without Lava::

    net = Wiring()
    shown = net.presenter("shown", samples, targets, steps=6)
    hidden = net.population("hidden", DYAD, 64, shift=12, rate=127 << 16, learn_from=4)
    net.link(shown.s_phase, hidden.phase)
    rule = plastic("2^-7*x0*x1*y3*(y1-64)", x1_tau=65535, graded_spike=GradedSpike.OVERWRITE)
    net.synapse("up", shown.s_out, hidden.a_in, weights, rule)
    program = net.program()

Each line adds one node; `hidden.a_in` is a port of it. Names, units and ranges are those of the Program: a law's parameters by
the law's names, in fixed point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from neuromorph.errors import ProgramError, RangeError, RuleError, check_count, did_you_mean
from neuromorph.laws.law import Law
from neuromorph.laws.phase import FREE, NUDGED
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.products.rule import GradedSpike, Rule, check_moves, read_rule
from neuromorph.laws.weights import STATIC_RANGE, grid, mode_of, off_grid
from neuromorph.program.neurons import Population, Sink, Source, check_law
from neuromorph.program.presenting import presenter
from neuromorph.program.program import Link, Node, Probe, Program
from neuromorph.program.synapse import TRACES, Plasticity, Synapse, entries
from neuromorph.program.values import Array, array_of, whole

BASAL = {"s_in_bap": "s_out_bap", "s_in_y1": "s_out_y1", "s_in_y2": "s_out_y2", "s_in_y3": "s_out_y3"}
"""What teaches a three-factor synapse: its learning ports, and the ports of its post-neurons that write them."""
SPIKES = {"s_in_bap": "s_out"}
"""What teaches a two-factor synapse: the spikes of its post-neurons."""
KEPT = 65535.0
"""Time constant of a trace that is not to decay; of the y traces that a post-neuron writes."""


@dataclass(frozen=True)
class Port:
    """One port of a node, of `size` elements."""

    node: str
    name: str
    size: int

    def __str__(self) -> str:
        return f"{self.node}.{self.name}"


class Part:
    """A node that has been wired: `part.s_out` is its port s_out. Raises ProgramError for a port that it does not have."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    def __getattr__(self, port: str) -> Port:
        if port.startswith("_"):  # what copy, pickle and notebooks ask every object for
            raise AttributeError(port)
        node = self._node
        sizes = {**node.inputs, **node.outputs}
        if port not in sizes:
            raise ProgramError(f"'{node.name}' has no port '{port}'; {did_you_mean(port, sizes)}")
        return Port(node.name, port, sizes[port])

    def __dir__(self) -> list[str]:
        return [*self._node.inputs, *self._node.outputs]

    def __repr__(self) -> str:
        return f"<{type(self._node).__name__.lower()} '{self._node.name}': {', '.join(dir(self))}>"


def plastic(
    dw: str | None = None,
    dd: str | None = None,
    dt: str | None = None,
    *,
    three_factor: bool = True,
    graded_spike: GradedSpike = GradedSpike.USE_REGULAR_IMPULSE,
    sign_mode: SignMode = SignMode.MIXED,
    t_epoch: int = 1,
    rng_seed: int = 0,
    **traces: float,
) -> Plasticity:
    """How a synapse learns: sums of products for the weight (dw), tag 2 (dd) and tag 1 (dt), as Lava's learning rules hold them.

    three_factor: the post-neurons write y1, y2, y3 at every step; else the synapse makes them from their spikes. graded_spike:
    what a payload does to x1. traces: `x1_tau=65535`, `x2_impulse=16`, ...: decay and step of a trace (0 where not given), of y1, y2,
    y3 in a two-factor rule only. rng_seed starts the streams that round. Raises RuleError for a text, RangeError for a value or name.
    """
    own = TRACES[:2] if three_factor else TRACES
    known = [f"{trace}_{kind}" for trace in own for kind in ("tau", "impulse")]
    if strange := set(traces) - set(known):
        raise RangeError(f"plastic() takes no {sorted(strange)[0]}; {did_you_mean(sorted(strange)[0], known)}")
    for name, number in traces.items():
        if not isinstance(number, Real):
            raise RangeError(f"plastic(): {name} = {number!r} is no number; give one")
    made = Plasticity(
        dw=_read("dw", dw),
        dd=_read("dd", dd),
        dt=_read("dt", dt),
        three_factor=three_factor,
        taus={t: float(traces.get(f"{t}_tau", 0) if t in own else KEPT) for t in TRACES},
        impulses={t: float(traces.get(f"{t}_impulse", 0)) for t in TRACES},
        t_epoch=t_epoch,
        rng_seed=rng_seed,
        graded_spike=graded_spike,
        sign_mode=sign_mode,
    )
    made.check("plastic()")
    return made


def _read(name: str, text: str | None) -> Rule | None:
    if not isinstance(text, str | None):
        raise RuleError(f"plastic(): {name} = {text!r} is no text; write a sum of products, such as '2^-1*x0*y1'")
    return None if text is None else read_rule(text)


def _check_name(kind: str, name: object) -> None:
    if not isinstance(name, str) or not name:
        raise ProgramError(f"a {kind} is called {name!r}; give it a name, a text of its own")


def _port(given: object, owner: str) -> Port:
    """Raise ProgramError for anything but a port."""
    if isinstance(given, Port):
        return given
    raise ProgramError(f"{owner}: {given!r} is no port; give a port of a node, such as hidden.s_out")


def _part(given: object, owner: str) -> Node:
    """The node of a Part; raise ProgramError for anything else."""
    if isinstance(given, Part):
        return given._node
    raise ProgramError(f"{owner}: {given!r} is no part; give what population, source, synapse or sink returned")


class Wiring:
    """Collects nodes, links and probes; `program()` is the network.

    What adds a node gives its Part, whose attributes are ports. Every node is checked when it is added, with the checks of the
    Program; the links are checked by `program()`. Raises ProgramError, RangeError, RuleError.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._links: list[Link] = []
        self._probes: list[Probe] = []

    def __repr__(self) -> str:
        return f"<Wiring of {', '.join(self._nodes) or 'nothing yet'}>"

    def population(self, name: str, law: Law, size: int, /, **values: Any) -> Part:
        """`size` neurons of a law; parameters and states by the law's names (one value, or one a neuron), its defaults otherwise."""
        check_law(law, f"population '{name}'")
        known = {v.name: v for v in law.parameters + law.states}
        if strange := [v for v in values if v not in known]:
            raise ProgramError(
                f"population '{name}': the law {law.name} has no {strange[0]}; {did_you_mean(strange[0], known)}"
            )
        given = {v: values.get(v, variable.initial(size)) for v, variable in known.items()}
        parameters = {v.name: given[v.name] for v in law.parameters}
        return self._add(Population(name, law, size, parameters, {v.name: given[v.name] for v in law.states}))

    def presenter(
        self, name: str, samples: Array, targets: Array | None = None, *, steps: int, order: Array | None = None
    ) -> Part:
        """Shows each sample for `steps` steps (`s_out`), opens a phase with it (`s_phase`), nudged by its target (`s_target`) or free."""
        samples = array_of(samples, f"presenter '{name}'", "samples")
        shown = np.zeros((*samples.shape[:1], 1), np.int32) if targets is None else targets
        opening = FREE if targets is None else NUDGED
        return self._add(presenter(name, samples, shown, steps=steps, opening=opening, order=order))

    def source(self, name: str, frames: Array | Mapping[str, Array], *, hold: int = 1, order: Array | None = None) -> Part:
        """Sends frames (n, size) from `s_out`, or of several ports by name, one after the other, each for `hold` steps."""
        ports = dict(frames) if isinstance(frames, Mapping) else {"s_out": frames}
        return self._add(Source(name, ports, hold, order))

    def synapse(
        self,
        name: str,
        pre: Port,
        post: Port,
        weights: Any,
        learning: Plasticity | None = None,
        *,
        taught_by: Mapping[str, str] | None = None,
        exponent: int = 0,
        graded: bool = True,
        delays: Array | int | None = None,
    ) -> Part:
        """weights[post, pre] from `pre` to `post`, dense, or sparse where they are a SciPy matrix, plastic with `learning`.

        taught_by: which port of the post-neurons writes which learning port; BASAL, or SPIKES of a two-factor rule, if not given.
        graded False: any payload counts 1. delays: in steps beyond the one that every synapse takes. Static weights have eight bits:
        even numbers of -256..254, or 0..255, or -255..0.
        """
        owner, index, sparse = f"synapse '{name}'", None, hasattr(weights, "tocoo")
        if not isinstance(taught_by, Mapping | None):
            raise ProgramError(f"{owner}: taught_by = {taught_by!r}; map its learning ports to ports of the post-neurons")
        size = _port(post, owner).size, _port(pre, owner).size
        shape = weights.shape if sparse else array_of(weights, owner, "weights").shape
        if shape != size:
            raise ProgramError(f"{owner} from {pre} to {post}: weights of shape {shape}, not {size}")
        if sparse:
            index, weights = entries(weights)
        if delays is not None:
            late = array_of(delays, owner, "delays")
            delays = late if late.ndim else np.full(np.shape(weights), late)
        made = Synapse(name, shape, weights, index, exponent, graded, delays, learning)
        if learning:
            _check_moves(made, learning)
        else:
            _check_static(made)
        part = self._connect(made, pre, post)
        if learning:
            self._teach(part, post.node, taught_by or (BASAL if learning.three_factor else SPIKES))
        return part

    def tied(self, name: str, pre: Port, post: Port, forward: Part) -> Part:
        """The transposed weights of `forward`, from `pre` to `post`: weight transport, which runs here and fits no chip."""
        owner = f"synapse '{name}'"
        shape = _port(post, owner).size, _port(pre, owner).size
        return self._connect(Synapse(name, shape, np.zeros(0), tied_to=_part(forward, owner).name), pre, post)

    def sink(self, name: str, port: Port, *, length: int) -> Part:
        """Keeps the last `length` messages of a port."""
        check_count(f"sink '{name}': length", length, 1)
        part = self._add(Sink(name, np.zeros((_port(port, f"sink '{name}'").size, length), np.int32)))
        self.link(port, part.a_in)
        return part

    def probe(self, name: str, part: Part, variable: str, *, length: int, every: int = 1, offset: int = 0) -> None:
        """Records a variable (a state, a parameter, weights or a port) at steps offset + 1, offset + 1 + every, ...: `length` of them."""
        owner = f"probe '{name}'"
        _check_name("probe", name)
        for what, number, least in (("length", length, 1), ("every", every, 1), ("offset", offset, 0)):
            check_count(f"{owner}: {what}", number, least)
        self._probes.append(Probe(name, _part(part, owner).name, variable, length, every, offset))

    def link(self, source: Port, target: Port, index: Array | None = None) -> None:
        """target += what source sends: one to one; to all, where it sends one value; or sent element index[i] to target element i."""
        sent, taken = (_port(end, f"link from {source!s} to {target!s}").size for end in (source, target))
        if index is not None:
            index = whole(index, f"link from {source} to {target}", "index", (-1, sent - 1))
        elif sent == 1 < taken:
            index = np.zeros(taken, int)
        self._links.append(Link((source.node, source.name), (target.node, target.name), index))

    def program(self) -> Program:
        """The Program, its nodes in the order in which they were added, its links in the order of their targets."""
        ports = [(node.name, port) for node in self._nodes.values() for port in node.inputs]
        places = {port: place for place, port in enumerate(ports)}
        links = sorted(self._links, key=lambda link: places.get(link.target, len(ports)))
        return Program(tuple(self._nodes.values()), tuple(links), tuple(self._probes))

    def _add(self, node: Node) -> Part:
        _check_name(type(node).__name__.lower(), node.name)
        if node.name in self._nodes:
            raise ProgramError(f"there is a node called '{node.name}' already; give every node its own name")
        self._nodes[node.name] = node
        return Part(node)

    def _connect(self, synapse: Synapse, pre: Port, post: Port) -> Part:
        part = self._add(synapse)
        self.link(pre, part.s_in)
        self.link(part.a_out, post)
        return part

    def _teach(self, synapse: Part, post: str, ports: Mapping[str, str]) -> None:
        for takes, sends in ports.items():
            self.link(getattr(Part(self._nodes[post]), sends), getattr(synapse, takes))


def _check_static(synapse: Synapse) -> None:
    """RangeError for weights that need a ninth bit; Lava would cut them, the chip cannot hold them."""
    mode = mode_of(synapse.weights)
    low, high = STATIC_RANGE[mode]
    wrong = off_grid(synapse.weights, mode)
    if wrong.any():
        raise RangeError(
            f"synapse '{synapse.name}': weights = {synapse.weights[wrong][0]}; static weights of {mode.name.lower()} sign are multiples "
            f"of {grid(mode)} in {low}..{high} (eight bits): round them yourself"
        )


def _check_moves(synapse: Synapse, learning: Plasticity) -> None:
    """RuleError for a rule that can never move anything."""
    payloads, three_factor = synapse.graded, learning.three_factor
    for name, rule in (("dw", learning.dw), ("dd", learning.dd), ("dt", learning.dt)):
        if rule is None:
            continue
        try:
            check_moves(
                rule, learning.taus, learning.impulses, learning.graded_spike, payloads=payloads, three_factor=three_factor
            )
        except RuleError as error:
            raise RuleError(f"synapse '{synapse.name}', {name}: {error}") from None
