"""Random graphs of Lava's own processes, every parameter anywhere in the range that the library calls legal.

Structure is drawn by hypothesis, so that failures shrink; numbers come from a generator whose seed is drawn.
Whatever is bounded is read from the library (Variable.low and high, WEIGHT_RANGE, TAU_RANGE, ...): a range
that promises too much shows as a difference or an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
from lava.magma.core.process.ports.ports import AbstractPort, InPort
from lava.magma.core.process.process import AbstractProcess, ProcessServer
from lava.magma.core.process.variable import VarServer
from lava.proc.dense.process import DelayDense, Dense, LearningDense
from lava.proc.io import sink, source
from lava.proc.lif.process import LIF, LearningLIF, LIFReset, TernaryLIF
from lava.proc.monitor.process import Monitor
from lava.proc.sparse.process import DelaySparse, LearningSparse, Sparse
from lava.utils.weightutils import SignMode as LavaSignMode
from pointwise import POINTWISE, made, takes
from scipy.sparse import csr_matrix
from specimens import Layer

from neuromorph.errors import RuleError
from neuromorph.laws import lif as laws
from neuromorph.laws.law import Law, Variable
from neuromorph.laws.products.plasticity import TAG_1_RANGE, TAG_2_RANGE, TRACE_RANGE, WEIGHT_RANGE, SignMode
from neuromorph.laws.products.rule import (
    FACTOR_BITS,
    PRODUCT_BITS,
    SYNAPTIC,
    Factor,
    GradedSpike,
    Product,
    check_moves,
    read_rule,
    write_rule,
)
from neuromorph.laws.synapse import DELAY_RANGE, EXPONENT_RANGE, IMPULSE_RANGE, TAU_RANGE
from neuromorph.program import TRACES

NEURONS: dict[type[AbstractProcess], Law] = {
    LIF: laws.LIF,
    LIFReset: laws.LIF_RESET,
    TernaryLIF: laws.TERNARY_LIF,
    LearningLIF: laws.LIF,
}
STATIC = (Dense, Sparse, DelayDense, DelaySparse)
LARGEST_PAYLOAD = 2**12
MAX_EPOCH = 8
TRACE_VARIABLES = tuple(v for v in FACTOR_BITS if v not in SYNAPTIC)


AS_IN_LAVA = [
    pytest.mark.filterwarnings("ignore::neuromorph.processes.lowering.values.QuantizationWarning"),
    pytest.mark.filterwarnings("ignore::neuromorph.processes.simulating.simulation.SteppedWarning"),
    pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning"),
]
"""Marks of tests that run these graphs: what Lava's models, and ours about them, warn of."""


def generated(examples: int) -> settings:
    """So many graphs, the same in every run, not shrunk: that takes minutes."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=checks,
        phases=[Phase.generate],
    )


@dataclass(frozen=True)
class Out:
    """Something that sends: |values| <= bound; `payload`: even and 0..254, as learning synapses take them."""

    port: AbstractPort
    bound: int
    payload: bool = False

    @property
    def size(self) -> int:
        return int(np.prod(self.port.shape))


@dataclass
class Graph:
    """Processes that are connected (mostly), and for how many steps to run them."""

    steps: int
    processes: list[AbstractProcess] = field(default_factory=list)

    @property
    def process(self) -> AbstractProcess:
        return next(p for p in self.processes if type(p) in NEURONS)

    def all_of(self, *kinds: type[AbstractProcess]) -> list[AbstractProcess]:
        return [p for p in self.processes if isinstance(p, kinds)]

    def __repr__(self) -> str:
        names = ", ".join(f"{type(p).__name__} {p.name}" for p in self.processes)
        return f"Graph({self.steps} steps: {names})"


def spread(rng: np.random.Generator, low: int, high: int, size: Any = None) -> Any:
    """Whole numbers in low..high: only ends, zeros and ones, or uniform, or of all magnitudes."""
    ends = np.clip([low, high, -1, 0, 1], low, high)
    magnitude = np.exp2(rng.uniform(0, max(-low, high).bit_length(), size)).astype(np.int64) - 1
    signed = np.clip(magnitude * rng.choice([-1, 1], size), low, high)
    ways = (rng.choice(ends, size), rng.integers(low, high + 1, size), signed)
    return ways[rng.choice(3, p=[0.15, 0.25, 0.6])]


class GraphBuilder:
    """Adds random processes to a graph. `concat`: also ports that Lava's runtime cannot run. `whole`: taus and impulses are integers."""

    def __init__(self, draw: Callable[[Any], Any], steps: int, concat: bool, whole: bool = False) -> None:
        self.draw, self.concat, self.whole = draw, concat, whole
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.graph = Graph(steps)
        self.outs: list[Out] = []
        self.connected: list[tuple[AbstractPort, InPort]] = []

    def chance(self) -> bool:
        return bool(self.draw(st.booleans()))

    def pick(self, *options: Any) -> Any:
        return options[self.draw(st.integers(0, len(options) - 1))]

    def spread(self, low: int, high: int, size: Any = None) -> Any:
        return spread(self.rng, low, high, size)

    def add(self, process: Any) -> Any:
        self.graph.processes.append(process)
        return process

    # ---- sources, neurons, sinks ----------------------------------------------------------------------

    def source(self, size: int, kind: str) -> Out:
        length = self.draw(st.integers(1, 12))
        shape = (size, length)
        data = {
            "binary": lambda: self.rng.integers(0, 2, shape),
            "signed": lambda: self.spread(-LARGEST_PAYLOAD, LARGEST_PAYLOAD, shape),
            "payload": lambda: 2 * self.spread(*TRACE_RANGE, shape),
            "trace": lambda: self.spread(*TRACE_RANGE, shape),
        }[kind]() * (self.rng.random(shape) < self.rng.choice([0.2, 0.6, 1.0]))
        ring = self.add(source.RingBuffer(data=data))
        out = Out(ring.s_out, int(np.abs(data).max()), kind == "payload")
        self.outs.append(out)
        return out

    def neurons(self) -> AbstractProcess:
        process = self.pick(*NEURONS)
        law = NEURONS[process]
        shape = self.pick((1,), (3,), (5,), (2, 3), (1, 2, 2))
        values = {v.name: self.value_of(v, shape) for v in (*law.parameters, *law.states)}
        if "vth_lo" in values:
            values["vth_lo"], values["vth_hi"] = sorted((values["vth_lo"], values["vth_hi"]))
        made = self.add(process(shape=shape, **values))
        self.outs.append(Out(made.s_out, 1))
        return made

    def pointwise(self) -> None:
        """One of Lava's other neurons, fed by sources, or by what sends as many elements."""
        kind = self.pick(*POINTWISE)
        process = self.add(made(kind, self.pick((1,), (3,), (2, 2)), self.spread))
        for port in process.in_ports.members:
            low, high = takes(kind, port.name)
            fitting = [out for out in self.outs if out.size == port.size and low < 0]
            alike = [out for out in fitting if not isinstance(out.port.process, TernaryLIF)]  # it sends 64 bits: not native
            if alike and self.chance():
                self.connect(self.pick(*alike).port, port)
            else:
                data = self.spread(low, high, (*port.shape, self.draw(st.integers(1, 12))))
                self.connect(self.add(source.RingBuffer(data=data)).s_out, port)
        for v, port in zip(POINTWISE[kind].outputs, process.out_ports.members, strict=True):
            self.outs.append(Out(port, max(-v.low, v.high)))

    def value_of(self, variable: Variable, shape: tuple[int, ...]) -> Any:
        if variable.shared or self.chance():
            return int(self.spread(variable.low, variable.high))
        return self.spread(variable.low, variable.high, shape)

    def layer(self, pre: Out) -> None:
        """A hierarchical process."""
        made = self.add(Layer(2 * self.rng.integers(-60, 60, (self.rng.integers(1, 4), pre.size))))
        self.connect(pre.port, made.s_in)
        self.outs.append(Out(made.s_out, 1))

    def connect(self, port: AbstractPort, target: InPort) -> bool:
        """Through virtual ports where shapes differ, or just so; False if they are connected already."""
        if any(port is one and target is other for one, other in self.connected):
            return False
        self.connected.append((port, target))
        if len(port.shape) > 1 and self.chance():
            port = port.transpose(tuple(int(a) for a in self.rng.permutation(len(port.shape))))
        if len(port.shape) > 1 and len(target.shape) == 1:
            port = port.flatten()
        elif port.shape != target.shape:
            port = port.reshape(target.shape)
        port.connect(target)
        return True

    def joined(self, pre: Out) -> Out:
        """Perhaps together with another one, through a ConcatPort."""
        other = self.pick(*self.outs)
        flat = len(pre.port.shape) == len(other.port.shape) == 1
        if not (self.concat and flat and other is not pre and self.chance()):
            return pre
        both = pre.port.concat_with(other.port, axis=0)
        return Out(both, max(pre.bound, other.bound), pre.payload and other.payload)

    # ---- synapses -------------------------------------------------------------------------------------

    def synapse(self, pre: Out, post: AbstractProcess, budget: int) -> None:
        """A synapse of any kind, whose drive stays within the budget (LIF bounds its input), into `post`."""
        pre = self.joined(pre)
        n_post, n_pre = int(np.prod(post.a_in.shape)), pre.size
        graded = self.chance() or pre.bound > LARGEST_PAYLOAD
        largest = 256 * n_pre * (pre.bound if graded else 1)
        fits = int(np.floor(np.log2(budget / max(largest, 1))))
        exponent = min(int(self.spread(*EXPONENT_RANGE)), fits)
        if exponent < EXPONENT_RANGE[0]:
            return
        options = {
            "weight_exp": exponent,
            "num_message_bits": int(self.rng.integers(1, 24)) if graded else 0,
            "num_weight_bits": int(self.spread(1, 8)),
        }
        kind = self.pick(*STATIC, LearningDense, LearningSparse, LearningDense, LearningSparse)
        if kind in STATIC:
            made = self.static(kind, (n_post, n_pre), options)
        else:
            made = self.plastic(kind, (n_post, n_pre), options, pre, graded)
            self.learning_inputs(made, post)
        self.connect(pre.port, made.s_in)
        self.connect(made.a_out, post.a_in)
        made.a_buff.init = self.spread(-(budget // 8), budget // 8, made.a_buff.shape)
        bound = int(largest * 2.0 ** max(exponent, 0)) + budget
        if bound <= LARGEST_PAYLOAD:
            self.outs.append(Out(made.a_out, bound))

    def weights(self, shape: tuple[int, int], mode: SignMode) -> Any:
        return self.spread(*WEIGHT_RANGE[mode], shape) * (self.rng.random(shape) < self.rng.choice([0.4, 1.0]))

    def static(self, kind: Any, shape: tuple[int, int], options: dict[str, Any]) -> AbstractProcess:
        mode = self.pick(*SignMode)
        weights = self.weights(shape, mode)
        if self.chance():
            options["sign_mode"] = LavaSignMode(mode.value)
        else:  # inferred, perhaps as INHIBITORY although drawn as MIXED
            weights = np.maximum(weights, WEIGHT_RANGE[SignMode.INHIBITORY][0])
        if kind in (DelayDense, DelaySparse):
            most = int(self.spread(*DELAY_RANGE))
            options["delays"] = self.pick(most, self.rng.integers(0, most + 1, shape))
            options["max_delay"] = self.pick(0, most, min(most + 3, DELAY_RANGE[1]))
        if kind is DelaySparse and isinstance(options["delays"], np.ndarray):
            options["delays"] = csr_matrix(options["delays"])
        if kind in (Sparse, DelaySparse):
            weights = csr_matrix(weights)
        return self.add(kind(weights=weights, **options))

    def plastic(self, kind: Any, shape: tuple[int, int], options: dict[str, Any], pre: Out, graded: bool) -> AbstractProcess:
        sparse = kind is LearningSparse  # of which Lava runs less
        mode = SignMode.MIXED if sparse else self.pick(*SignMode)
        if mode is not SignMode.MIXED or self.chance():
            options["sign_mode"] = LavaSignMode(mode.value)
        weights = self.weights(shape, mode)
        spike = self.pick(*GradedSpike) if pre.payload or not graded else GradedSpike.USE_REGULAR_IMPULSE
        rule = self.rule(spike, graded, sparse)
        options |= {
            "tag_1": self.spread(*TAG_1_RANGE, shape),
            "tag_2": self.spread(*TAG_2_RANGE, shape),
        }
        if sparse:
            weights[0, 0] = WEIGHT_RANGE[mode][0]  # one synapse at least
            options |= self.sparse_tags(weights, options)
            weights = csr_matrix(weights)
        config = GradedSpikeCfg(int(spike))
        made = self.add(kind(weights=weights, learning_rule=rule, graded_spike_cfg=config, **options))
        for trace in TRACES:
            getattr(made, trace).init = self.spread(*TRACE_RANGE, getattr(made, trace).shape)
        for spike_time in (made.tx, made.ty):
            spike_time.init = self.rng.integers(0, rule.t_epoch + 1, spike_time.shape) * self.pick(0, 1)
        return made

    def sparse_tags(self, weights: Any, options: dict[str, Any]) -> dict[str, Any]:
        """Tags that have their entries where the weights have theirs, after those lost their low bits."""
        lost = 8 - options["num_weight_bits"] + 1
        kept = np.nonzero(weights >> lost)
        return {tag: csr_matrix((options[tag][kept], kept), shape=weights.shape) for tag in ("tag_1", "tag_2")}

    def learning_inputs(self, made: AbstractProcess, post: AbstractProcess) -> None:
        n_post = made.s_in_bap.shape[0]
        alike = [out for out in self.outs if out.size == n_post]
        if alike and self.chance():
            self.connect(self.pick(*alike).port, made.s_in_bap)
        if self.chance():
            self.connect(post.s_out, made.s_in_bap)
        if isinstance(made.proc_params["learning_rule"], Loihi3FLearningRule):
            for port in (made.s_in_y1, made.s_in_y2, made.s_in_y3):
                if self.chance():
                    self.connect(self.source(n_post, "trace").port, port)

    # ---- learning rules -------------------------------------------------------------------------------

    def rule(self, spike: GradedSpike, graded: bool, sparse: bool) -> Any:
        three_factor = self.chance()
        taus = {f"{t}_tau": self.real(TAU_RANGE) for t in TRACES[: 2 if three_factor else 5]}
        impulses = {f"{t}_impulse": self.real(IMPULSE_RANGE) for t in TRACES[: 2 if three_factor else 5]}
        if spike != GradedSpike.USE_REGULAR_IMPULSE:
            impulses["x1_impulse"] = 0  # as Lava sets it
        k = int(self.spread(0, 9))
        targets = ["dw", *(t for t in ("dd", "dt") if self.rng.random() < 0.3)]
        if self.rng.random() < 0.1 and len(targets) > 1:
            targets.remove("dw")
        rules = {}
        for target in targets:
            products = self.products(sparse)
            read = self.written(products, k)
            try:
                check_moves(
                    read_rule(read),
                    {name.removesuffix("_tau"): tau for name, tau in taus.items()},
                    {name.removesuffix("_impulse"): i for name, i in impulses.items()},
                    spike,
                    payloads=graded,
                    three_factor=three_factor,
                )
            except RuleError:  # it never moves: add a term that does
                read = self.written((*products, Product("u", 1, -3, (Factor("x1", 5),))), k)
            rules[target] = read
        family = Loihi3FLearningRule if three_factor else Loihi2FLearningRule
        epoch = int(self.rng.choice([1, 1, 2, 3, 4, 5, MAX_EPOCH]))
        return family(**rules, **taus, **impulses, t_epoch=epoch, rng_seed=int(self.spread(0, 2**31 - 1)))

    def written(self, products: tuple[Product, ...], k: int) -> str:
        return write_rule(products, k if any(p.dependency == "u" for p in products) else None)

    def products(self, sparse: bool) -> tuple[Product, ...]:
        return tuple(self.product(sparse) for _ in range(self.draw(st.integers(1, 3))))

    def product(self, sparse: bool) -> Product:
        factors: list[Factor] = []
        for _ in range(self.draw(st.integers(0, 4))):
            variable = str(self.rng.choice(TRACE_VARIABLES if sparse else tuple(FACTOR_BITS)))
            limit = 2 ** FACTOR_BITS[variable] - 1
            constant = int(self.rng.choice([0, 0, self.spread(-limit, limit)]))
            sign = variable in SYNAPTIC and self.rng.random() < 0.3
            if sum(f.bits for f in factors) + FACTOR_BITS[variable] <= PRODUCT_BITS:
                factors.append(Factor(variable, constant, sign))
        mantissa, exponent = int(self.rng.integers(-7, 8)) or -8, int(self.rng.integers(-7, 9))
        return Product(self.pick("x0", "y0", "u"), mantissa, 8 if mantissa == -8 else exponent, tuple(factors))

    def real(self, bounds: tuple[int, int]) -> float:
        value = float(self.spread(*bounds))
        return min(value + self.rng.random(), bounds[1]) if not self.whole and self.chance() else value

    # ---- who looks ------------------------------------------------------------------------------------

    def watch(self) -> None:
        """A Monitor of a Var or of a port, or a sink."""
        steps = self.graph.steps
        process = self.pick(*self.graph.all_of(*NEURONS, LearningDense))
        seen = {LearningDense: ("weights", "tag_1", "x1", "y2", "a_buff")}.get(type(process), ("u", "v", "s_out"))
        if self.chance():
            self.add(Monitor()).probe(getattr(process, self.pick(*seen)), steps)
        else:
            out = self.pick(*self.outs)
            shape = self.pick(out.port.shape, (out.size,))
            kept = self.add(sink.RingBuffer(shape=shape, buffer=self.pick(steps, 1, 7)))
            self.connect(out.port, kept.a_in)


@st.composite
def graphs(draw: Any, steps: st.SearchStrategy[int] = st.integers(8, 30), concat: bool = True) -> Graph:  # noqa: B008
    """Sources, one to three populations with synapses of all kinds (also recurrent), sinks and Monitors."""
    _forget()
    return build_graph(GraphBuilder(draw, draw(steps), concat))


@st.composite
def twins(draw: Any, steps: st.SearchStrategy[int] = st.integers(8, 30)) -> tuple[GraphBuilder, GraphBuilder]:  # noqa: B008
    """Two graphs of the same draws, in builders that can make both grow alike. Taus and impulses are whole: after any Var.set Lava's
    learning models go on without their fractions.
    """
    _forget()
    drawn: list[Any] = []

    def record(strategy: Any) -> Any:
        drawn.append(draw(strategy))
        return drawn[-1]

    first = GraphBuilder(record, draw(steps), concat=True, whole=True)
    build_graph(first)
    second = GraphBuilder(lambda strategy: drawn.pop(0), first.graph.steps, concat=True, whole=True)
    build_graph(second)
    first.draw = second.draw = None  # type: ignore[assignment]  # what is added later is drawn by `rng`, alike in both
    return first, second


def _forget() -> None:
    """Lava keeps every Var and process for ever, and its workers inherit them all."""
    VarServer().vars.clear()
    ProcessServer().processes.clear()


def build_graph(build: GraphBuilder) -> Graph:
    draw = build.draw
    build.source(draw(st.integers(1, 6)), "binary")
    build.source(draw(st.integers(1, 4)), build.pick("signed", "payload", "payload"))
    populations = [build.neurons() for _ in range(draw(st.integers(1, 3)))]
    if build.chance():
        build.layer(build.pick(*build.outs))
    for post in populations:
        links = draw(st.integers(1, 3))
        budget = (laws.A_IN.high - LARGEST_PAYLOAD) // (links + 1)
        if build.chance():
            build.connect(build.source(int(np.prod(post.a_in.shape)), "signed").port, post.a_in)
        for _ in range(links):
            build.synapse(build.pick(*build.outs), post, budget)
    for before, after in pairwise(populations):
        if before.s_out.size == after.a_in.size and build.chance():
            build.connect(before.s_out, after.a_in)
    for _ in range(draw(st.integers(0, 2))):
        build.pointwise()
    for _ in range(draw(st.integers(0, 2))):
        build.watch()
    return build.graph
