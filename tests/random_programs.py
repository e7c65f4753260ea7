"""Random Programs, drawn from the ranges that the laws promise, and how two Programs differ."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from neuromorph.errors import RangeError
from neuromorph.laws.catalogue import LAWS
from neuromorph.laws.law import Variable
from neuromorph.laws.products.plasticity import TAG_1_RANGE, TAG_2_RANGE, TRACE_RANGE, WEIGHT_RANGE, SignMode
from neuromorph.laws.products.rule import (
    FACTOR_BITS,
    PRODUCT_BITS,
    Factor,
    GradedSpike,
    Product,
    read_rule,
    write_rule,
)
from neuromorph.laws.synapse import DELAY_RANGE, EXPONENT_RANGE, IMPULSE_RANGE, SEED_RANGE, TAU_RANGE
from neuromorph.program import (
    POST_STATES,
    PRE_STATES,
    TRACES,
    Kernel,
    Link,
    Node,
    Plasticity,
    Population,
    Probe,
    Program,
    Sink,
    Source,
    Synapse,
)

PAYLOADS = (0, 254)
MODERATE = 2**12


def differences(a: Any, b: Any, path: str = "program") -> list[str]:
    """Where two Programs (or parts of them) differ: types, fields, order, shapes, values."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return [] if np.array_equal(a, b) else [path]
    if type(a) is not type(b):
        return [f"{path}: {type(a).__name__}, {type(b).__name__}"]
    if is_dataclass(a):
        return [d for f in fields(a) for d in differences(getattr(a, f.name), getattr(b, f.name), f"{path}.{f.name}")]
    if isinstance(a, dict):
        return differences(list(a), list(b), f"{path}.keys") or [
            d for k in a for d in differences(a[k], b[k], f"{path}[{k}]")
        ]
    if isinstance(a, list | tuple):
        if len(a) != len(b):
            return [f"{path}: {len(a)} entries, {len(b)}"]
        return [d for k, (x, y) in enumerate(zip(a, b, strict=True)) for d in differences(x, y, f"{path}[{k}]")]
    return [] if a == b else [f"{path}: {a!r}, {b!r}"]


def _values(rng: np.random.Generator, bounds: tuple[int, int], shape: Any, even: bool = False) -> np.ndarray:
    """Values in a range, its ends among them more often than chance has it."""
    low, high = bounds
    values = rng.integers(low, high + 1, shape)
    ends = rng.random(shape) < 0.1
    values = np.where(ends, np.where(rng.random(shape) < 0.5, low, high), values)
    return values & ~1 if even else values


def _of(rng: np.random.Generator, variable: Variable, size: int) -> np.ndarray:
    shape = 1 if variable.shared or rng.random() < 0.5 else size
    if rng.random() < 0.5:
        return np.full(shape, variable.default)
    return _values(rng, (variable.low, variable.high), shape, variable.even)


@st.composite
def names(draw: st.DrawFn) -> str:
    odd = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=4)
    return draw(st.sampled_from(["n", "a/b", "."]) | odd)


@st.composite
def populations(draw: st.DrawFn, name: str) -> Population:
    law = LAWS[draw(st.sampled_from(sorted(LAWS)))]
    size, rng = draw(st.integers(1, 4)), np.random.default_rng(draw(st.integers(0, 2**32)))
    while True:
        parameters = {v.name: _of(rng, v, size) for v in law.parameters}
        states = {v.name: _values(rng, (v.low, v.high), size, v.even) for v in law.states}
        try:
            return Population(name, law, size, parameters, states)
        except RangeError:
            assert law.conditions  # only relations between parameters may refuse what is in range


@st.composite
def rules(draw: st.DrawFn, k: int | None) -> Any:
    products = []
    for _ in range(draw(st.integers(1, 3))):
        factors: list[Factor] = []
        for variable in draw(st.lists(st.sampled_from(sorted(FACTOR_BITS)), max_size=4)):
            constant = draw(st.sampled_from([0, 0, -64, 3]))
            factor = Factor(variable, constant, variable in "wdt" and draw(st.booleans()))
            if sum(f.bits for f in [*factors, factor]) <= PRODUCT_BITS:
                factors.append(factor)
        mantissa = draw(st.integers(-7, 7).filter(bool))
        dependency = draw(st.sampled_from(["x0", "y0"] if k is None else ["x0", "y0", "u"]))
        products.append(Product(dependency, mantissa, draw(st.integers(-7, 8)), tuple(factors)))
    used = k if any(p.dependency == "u" for p in products) else None
    return read_rule(write_rule(tuple(products), used))


@st.composite
def plasticities(draw: st.DrawFn) -> Plasticity:
    k = draw(st.none() | st.integers(0, 3))
    dw, dd, dt = (draw(st.none() | rules(k)) for _ in range(3))
    whole = st.integers(*map(int, IMPULSE_RANGE)).map(float)
    return Plasticity(
        dw=dw or draw(rules(k)),
        dd=dd,
        dt=dt,
        three_factor=draw(st.booleans()),
        taus={t: draw(st.floats(*map(float, TAU_RANGE), allow_subnormal=False)) for t in TRACES},
        impulses={t: draw(whole | st.floats(*map(float, IMPULSE_RANGE))) for t in TRACES},
        t_epoch=draw(st.integers(1, 5)),
        rng_seed=draw(st.integers(*SEED_RANGE)),
        graded_spike=draw(st.sampled_from(GradedSpike)),
        sign_mode=draw(st.sampled_from(SignMode)),
    )


@st.composite
def synapses(draw: st.DrawFn, name: str, shape: tuple[int, int], plastic: bool | None = None) -> Synapse:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    learns = draw(st.booleans()) if plastic is None else plastic
    plasticity = draw(plasticities()) if learns else None
    index = None
    if draw(st.booleans()):
        index = np.argwhere(rng.random(shape[::-1]) < 0.6).T[::-1]
    size = shape if index is None else (index.shape[1],)
    delays = _values(rng, (0, draw(st.sampled_from([0, 5, DELAY_RANGE[1]]))), size) if draw(st.booleans()) else None
    depth = 1 if delays is None else int(delays.max(initial=0)) + 1 + draw(st.integers(0, 2))
    states = {"a_buff": _values(rng, (-MODERATE, MODERATE), (shape[0], depth))}
    if plasticity:
        states |= {n: _values(rng, TRACE_RANGE, shape[1]) for n in PRE_STATES[2:]}
        states |= {n: _values(rng, TRACE_RANGE, shape[0]) for n in POST_STATES[2:]}
        states |= {
            "tx": _values(rng, (0, plasticity.t_epoch), shape[1]),
            "x0": _values(rng, (0, 1), shape[1]),
        }
        states |= {"tag_1": _values(rng, TAG_1_RANGE, size), "tag_2": _values(rng, TAG_2_RANGE, size)}
    mode = plasticity.sign_mode if plasticity else SignMode.MIXED
    bounds = (
        WEIGHT_RANGE[mode] if draw(st.booleans()) else (max(-100, WEIGHT_RANGE[mode][0]), min(100, WEIGHT_RANGE[mode][1]))
    )
    return Synapse(
        name=name,
        shape=shape,
        weights=_values(rng, bounds, size),
        index=index,
        exponent=draw(st.integers(*EXPONENT_RANGE)),
        graded=draw(st.booleans()),
        delays=delays,
        plasticity=plasticity,
        states=states,
    )


@st.composite
def kernels(draw: st.DrawFn, name: str, post: int) -> Synapse:
    """One output of all channels (and all of their places), from what it takes to fill it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    reach, dilation, stride = (tuple(map(int, rng.integers(1, 4, 2))) for _ in range(3))
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if post % g == 0]))
    x, y = (far * (n - 1) + 1 for far, n in zip(dilation, reach, strict=True))
    kernel = Kernel((x, y - 2 if y > 2 else y, groups), stride, (0, 1 if y > 2 else 0), dilation, groups)
    bounds = draw(st.sampled_from([(-100, 100), WEIGHT_RANGE[SignMode.MIXED]]))
    weights = _values(rng, bounds, (post, *reach, 1))
    states = {"a_buff": _values(rng, (-MODERATE, MODERATE), (post, 1))}
    shape = (post, int(np.prod(kernel.taken)))
    return Synapse(name, shape, weights, graded=draw(st.booleans()), states=states, kernel=kernel)


@st.composite
def sources(draw: st.DrawFn, name: str, sizes: list[int], bounds: tuple[int, int], even: bool = False) -> Source:
    """A source with one port for each size."""
    rng, count = np.random.default_rng(draw(st.integers(0, 2**32))), draw(st.integers(1, 4))
    ports = [f"p{k}" for k in range(len(sizes))]
    frames = {p: _values(rng, bounds, (count, n), even) for p, n in zip(ports, sizes, strict=True)}
    order = None if draw(st.booleans()) else rng.integers(0, count, draw(st.integers(1, 5)))
    return Source(
        name,
        frames,
        draw(st.integers(1, 3)),
        order,
        tuple(draw(st.lists(st.sampled_from(ports), unique=True))),
    )


class _Network:
    """What `programs` has drawn so far."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw, self.nodes, self.links = draw, list[Node](), list[Link]()

    def name(self) -> str:
        name = self.draw(names())
        while name in {n.name for n in self.nodes}:
            name += "'"
        return name

    def add(self, node: Any) -> Any:
        self.nodes.append(node)
        return node

    def feed(self, target: Node, port: str, bounds: tuple[int, int], even: bool = False) -> None:
        """A source for an input port, wired one to one or through an index."""
        size = target.inputs[port]
        sent = self.draw(st.sampled_from([size, size + 2]))
        source = self.add(self.draw(sources(self.name(), [1, sent], bounds, even)))
        rng = np.random.default_rng(self.draw(st.integers(0, 2**32)))
        index = None if sent == size else rng.integers(-1, sent, size)
        self.links.append(Link((source.name, "p1"), (target.name, port), index))

    def connect(self, target: Population, senders: list[Population], plastic: bool | None) -> None:
        """A synapse into a population, from one or from a source; a plastic one with its learning ports."""
        sender = self.draw(st.none() | st.sampled_from(senders))
        port = self.draw(st.sampled_from([v.name for v in sender.law.outputs])) if sender else ""
        shape = (target.size, sender.size if sender else self.draw(st.integers(1, 6)))
        kernel = not (sender or plastic) and self.draw(st.booleans())
        drawn = kernels(self.name(), target.size) if kernel else synapses(self.name(), shape, plastic)
        synapse = self.add(self.draw(drawn))
        self.links.append(Link((synapse.name, "a_out"), (target.name, target.law.inputs[0].name)))
        if sender:
            self.links.append(Link((sender.name, port), (synapse.name, "s_in")))
        else:
            self.feed(synapse, "s_in", PAYLOADS, even=True)
        if synapse.plasticity:
            for kind in ("bap", "y1", "y2", "y3"):
                if f"s_out_{kind}" in target.outputs:
                    self.links.append(Link((target.name, f"s_out_{kind}"), (synapse.name, f"s_in_{kind}")))
                elif self.draw(st.booleans()):
                    self.feed(synapse, f"s_in_{kind}", (0, 1) if kind == "bap" else TRACE_RANGE)
        elif synapse.index is None and synapse.delays is None and sender and self.draw(st.booleans()):
            tied = self.add(Synapse(self.name(), shape[::-1], np.zeros(0), tied_to=synapse.name))
            self.links.append(Link((tied.name, "a_out"), (sender.name, sender.law.inputs[0].name)))


@st.composite
def programs(draw: st.DrawFn, plastic: bool | None = None) -> Program:
    """Populations with sources, synapses (static, plastic or either: `plastic`), ties, sinks and probes."""
    net, cells = _Network(draw), list[Population]()
    for _ in range(draw(st.integers(1, 3))):
        cells.append(net.add(draw(populations(net.name()))))
    for cell in cells:
        for variable in cell.law.inputs:
            if draw(st.booleans()):
                net.feed(cell, variable.name, (max(variable.low, -MODERATE), min(variable.top(cell.size), MODERATE)))
    for cell in cells:
        if draw(st.integers(0, 3)):
            net.connect(cell, cells, plastic)
    if draw(st.booleans()):
        sink = net.add(Sink(net.name(), np.full((cells[0].size, draw(st.integers(1, 4))), -7)))
        net.links.append(Link((cells[0].name, cells[0].law.outputs[0].name), (sink.name, "a_in")))
    probes = []
    remembering = [cell for cell in cells if cell.states]
    for cell in draw(st.lists(st.sampled_from(remembering), max_size=2)) if remembering else ():
        variable = draw(st.sampled_from(sorted(cell.states)))
        every = draw(st.integers(1, 3))
        probes.append(Probe(f"probe {len(probes)}", cell.name, variable, 7, every, draw(st.integers(0, every - 1))))
    return Program(tuple(draw(st.permutations(net.nodes))), tuple(net.links), tuple(probes), draw(st.integers(0, 500)))
