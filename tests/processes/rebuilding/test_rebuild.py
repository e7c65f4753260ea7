"""`lower(rebuild(program))` is the Program."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lava.magma.core.process.process import AbstractProcess
from lava.proc.monitor.process import Monitor
from random_graphs import Graph, graphs
from random_programs import programs
from small_program import learner

from neuromorph.data import load
from neuromorph.engine.engine import Engine
from neuromorph.errors import NeuromorphError, RebuildingError
from neuromorph.laws.catalogue import LAWS
from neuromorph.laws.law import Law
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.weights import on_grid
from neuromorph.networks.dyadic_mlp.network import DyadicMLP
from neuromorph.networks.dyadic_mlp.recipe import Recipe
from neuromorph.processes.equivalence.check import check_bits
from neuromorph.processes.lowering.values import QuantizationWarning
from neuromorph.processes.rebuilding import rebuild
from neuromorph.processes.simulating.simulate import lower, simulate
from neuromorph.program import Link, Population, Probe, Program, Sink, Source, Synapse
from neuromorph.program.wiring import Wiring, plastic

DIGITS = load("digits")


def lowered(processes: Mapping[str, AbstractProcess]) -> Program:
    """What a graph lowers to that may be in several parts."""
    parts: list[Program] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QuantizationWarning)
        for name, process in processes.items():
            if not isinstance(process, Monitor) and not any(name in (n.name for n in part.nodes) for part in parts):
                parts.append(lower(process))
    assert len({part.step for part in parts}) == 1
    return Program(*(sum((getattr(p, k) for p in parts), ()) for k in ("nodes", "links", "probes")), parts[0].step)


def in_order(program: Program) -> Program:
    """Nodes, links and probes by name: their order means nothing. A link that sends one to one says so in one way."""

    def straight(link: Link) -> Link:
        size = program[link.source[0]].outputs[link.source[1]]
        return replace(link, index=None) if np.array_equal(link.index, np.arange(size)) else link  # type: ignore[arg-type]

    return replace(
        program,
        nodes=tuple(sorted(program.nodes, key=lambda node: node.name)),
        links=tuple(sorted(map(straight, program.links), key=lambda link: (link.source, link.target))),
        probes=tuple(sorted(program.probes, key=lambda probe: probe.name)),
    )


def begun(program: Program) -> Program:
    """With the weights that Lava begins with: before the first step, those of mixed signs lose their low bit."""
    if program.step:
        return program
    learning = [s for s in program.synapses if s.plasticity]
    cut = [replace(s, weights=on_grid(s.weights, s.plasticity.sign_mode)) for s in learning if s.plasticity]
    return program.with_nodes(*cut)


def assert_rebuilt(program: Program) -> None:
    assert in_order(lowered(rebuild(program))) == in_order(begun(program))


LONG = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=40)


@given(graphs())
@LONG
def test_what_a_graph_of_lava_lowers_to_is_rebuilt(graph: Graph) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QuantizationWarning)
        assert_rebuilt(lower(graph.process))


@given(programs())
@LONG
def test_any_program_is_rebuilt_or_refused(program: Program) -> None:
    try:
        processes = rebuild(program)
    except NeuromorphError:
        return
    assert in_order(lowered(processes)) == in_order(begun(program))


@st.composite
def wired(draw: st.DrawFn) -> Program:
    """A network of dyads with plastic and static synapses of any weights, at any step."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.integers(1, 5), min_size=3, max_size=4))
    network = DyadicMLP(
        sizes,
        feedback=draw(st.sampled_from(["learned", "random", "tied"])),
        seed=draw(st.integers(0, 9)),
        recipe=Recipe(alpha=draw(st.integers(0, 256)) / 256, decay=draw(st.sampled_from([None, -7]))),
    )
    network.forward_weights = [rng.integers(-256, 256, w.shape) for w in network.forward_weights]
    program = network.program(rate_interval=draw(st.integers(0, 9)))
    every = [
        replace(p, states={v.name: rng.integers(v.low, v.high + 1, p.size) for v in p.law.states})
        for p in program.populations
    ]
    probe = Probe("errors", "readout", draw(st.sampled_from(["s_error", "s_plus", "shift"])), length=7)
    return replace(program.with_nodes(*every), probes=(probe,), step=draw(st.sampled_from([0, 0, 1, 77])))


@given(wired())
@LONG
def test_a_network_of_dyads_is_rebuilt(program: Program) -> None:
    assert_rebuilt(program)


@pytest.mark.parametrize("feedback", ["learned", "random", "tied"])
def test_a_rebuilt_network_has_the_order_of_its_program_and_the_bits_of_lava(feedback: str) -> None:
    network = DyadicMLP((64, 9, 7, 10), feedback=feedback, recipe=Recipe())
    program = network.program(DIGITS.train_images[:5], DIGITS.train_labels[:5], rate_interval=2)
    processes = rebuild(program)
    assert list(processes) == [node.name for node in program.nodes]
    assert lower(processes["readout"]) == program
    assert check_bits(processes["readout"], 40).first_difference is None


@pytest.mark.parametrize("feedback", ["learned", "random", "tied"])
def test_a_rebuilt_graph_goes_on_where_its_program_stands(feedback: str) -> None:
    network = DyadicMLP((64, 16, 10), feedback=feedback, recipe=Recipe(shift=(9,), spread=60.0, spread_out=30.0, margin=2))
    program = network.program(DIGITS.train_images[:9], DIGITS.train_labels[:9])
    engine = Engine(program)
    engine.run(33)
    assert any((s.weights & 1).any() for s in engine.snapshot().synapses)
    processes = rebuild(engine.snapshot())
    engine.run(20)
    simulate(processes["readout"], 20)
    assert lower(processes["readout"]) == engine.snapshot()
    if feedback == "tied":
        np.testing.assert_array_equal(processes["feedback1"].weights.get(), engine.get("forward2", "weights"))


def test_the_low_bit_of_plastic_weights_goes_with_a_warning_where_lava_begins() -> None:
    program = learner()
    presented = program.with_nodes()
    source = presented["x"]
    assert isinstance(source, Source)
    names = {"image": "s_out", "target": "s_target", "phase": "s_phase"}
    shown = replace(source, frames={names[p]: f for p, f in source.frames.items()}, pulses=("s_phase",))
    links = tuple(replace(n, source=("x", names[n.source[1]])) if n.source[0] == "x" else n for n in program.links)
    program = replace(program.with_nodes(), nodes=(shown, *program.nodes[1:]), links=links)
    with pytest.warns(QuantizationWarning, match="lose low bits, as in Lava"):
        found = lower(rebuild(program)["o"])
    for synapse in program.synapses:
        assert (synapse.weights & 1).any()
        np.testing.assert_array_equal(found[synapse.name].weights, synapse.weights & ~1)  # type: ignore[union-attr]


def lif(name: str, size: int = 2) -> Population:
    law = LAWS["lif"]
    return Population(name, law, size, {v.name: v.default for v in law.parameters}, {v.name: 0 for v in law.states})  # type: ignore[misc]


def linked(*nodes: Any, links: tuple[Link, ...] = (), probes: tuple[Probe, ...] = ()) -> Program:
    return Program((lif("n"), *nodes), links, probes)


def synapse(**values: Any) -> Synapse:
    return Synapse(**{"name": "w", "shape": (2, 2), "weights": np.full((2, 2), 2), **values})


def wrong_plasticity(**values: Any) -> Synapse:
    learning = plastic("x0*y1", x1_tau=3)
    return synapse(plasticity=replace(learning, **values))


NOWHERE = Law(
    "nowhere", LAWS["lif"].inputs, LAWS["lif"].outputs, LAWS["lif"].states, LAWS["lif"].parameters, LAWS["lif"].make
)
FROM_A = ("a", "s_out"), ("n", "a_in")


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (linked(replace(lif("m"), law=NOWHERE)), "population 'm': the law nowhere has no Lava Process"),
        (linked(Source("s", {"left": np.zeros((1, 2)), "right": np.zeros((1, 2))})), "source 's' with the ports left, right"),
        (linked(Source("s", {"s_out": np.zeros((1, 2))}, hold=2)), "source 's' with the ports s_out"),
        (linked(synapse(weights=np.array([[1, -1], [2, 2]]))), "'w': its static weights need more than eight bits"),
        (linked(synapse(plasticity=plastic("x0*y1"), delays=np.ones((2, 2), int))), "'w' is plastic and has delays"),
        (linked(synapse(weights=np.array([0]), index=np.zeros((2, 1), int))), "'w' is sparse and stores a weight that is 0"),
        (linked(wrong_plasticity(taus={**plastic("x0*y1").taus, "y1": 3.0})), "'w': .* cannot hold its plasticity: taus = "),
        (linked(synapse(), synapse(name="t", weights=np.zeros(0), tied_to="w", exponent=1)), "'t': Lava's tied weights"),
        (linked(lif("a"), links=(Link(*FROM_A), Link(*FROM_A))), "a.s_out -> n.a_in is there twice"),
        (linked(lif("a"), links=(Link(*FROM_A, np.array([1, 0])),)), "a.s_out -> n.a_in selects elements in a way"),
        (linked(lif("a"), links=(Link(*FROM_A, np.array([0, 0])),)), "a.s_out -> n.a_in selects elements in a way"),
        (linked(lif("a", 1), links=(Link(*FROM_A, np.array([-1, 0])),)), "leave element 0 of the port without a sender"),
        (linked(probes=(Probe("p", "n", "a_in", 1),)), "'p': n.a_in is no Var and no OutPort"),
        (linked(probes=(Probe("p", "n", "u", 1, every=2),)), "'p': n.u is read at every 2th step"),
        (linked(synapse(weights=np.array([2]), index=np.zeros((2, 1), int)), probes=(Probe("p", "w", "weights", 1),)), "sparse matrix"),
    ],
)  # fmt: skip
def test_what_no_graph_of_lava_holds_is_refused(program: Program, says: str) -> None:
    with pytest.raises(RebuildingError, match=says):
        rebuild(program)


def test_a_trace_that_a_two_factor_rule_makes_itself_takes_no_link() -> None:
    learning = plastic("x0*y1", three_factor=False, y1_impulse=16, sign_mode=SignMode.EXCITATORY)
    net = Wiring()
    shown, cells = net.source("s", [[1, 1]]), net.population("n", LAWS["lif"], 2)
    net.synapse("w", shown.s_out, cells.a_in, [[2, 2], [2, 2]], learning, taught_by={"s_in_y1": "s_out"})
    with pytest.raises(RebuildingError, match=r"n.s_out -> w.s_in_y1 leads to a trace that a two-factor rule makes itself"):
        rebuild(net.program())


def test_a_sink_keeps_what_it_has() -> None:
    kept = Sink("kept", np.array([[3, 4], [5, 6]]))
    assert_rebuilt(linked(kept, links=(Link(("n", "s_out"), ("kept", "a_in")),)))
