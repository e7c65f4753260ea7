"""A network written by hand: what it saves to write, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from small_program import learner

from neuromorph.engine.engine import Engine
from neuromorph.errors import NeuromorphError, ProgramError, RangeError, RuleError
from neuromorph.laws.catalogue import LAWS
from neuromorph.laws.lif import LIF
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.products.rule import GradedSpike
from neuromorph.program import Synapse
from neuromorph.program.wiring import Part, Wiring, plastic

DYAD, READOUT = LAWS["dyad"], LAWS["readout"]
RULE = "2^-1*x0*x1*y3*(y1-64)"
APICAL = {"s_in_bap": "s_out_bap", "s_in_y1": "s_apical_y1", "s_in_y2": "s_apical_y2", "s_in_y3": "s_apical_y3"}


def weights_of(program: object, name: str) -> np.ndarray:
    synapse = program[name]  # type: ignore[index]
    assert isinstance(synapse, Synapse)
    return synapse.weights


@pytest.mark.parametrize("tied", [False, True])
def test_a_wired_network_is_the_one_whose_nodes_and_links_are_written_out(tied: bool) -> None:
    whole = learner(tied=tied)
    frames = whole["x"].frames  # type: ignore[union-attr]
    net = Wiring()
    shown = net.presenter("x", frames["image"], frames["target"], steps=6)
    learning = plastic(RULE, x1_tau=65535, x2_tau=65535, rng_seed=7, graded_spike=GradedSpike.OVERWRITE)
    h = net.population("h", DYAD, 6, shift=7, shift_error=5, rate=127 << 16)
    o = net.population("o", READOUT, 3, shift=7, rate=127 << 16)
    net.synapse("w1", shown.s_out, h.a_in, weights_of(whole, "w1"), learning)
    w2 = net.synapse("w2", h.s_out, o.a_in, weights_of(whole, "w2"), learning)
    if tied:
        net.tied("b", o.s_error, h.a_in_error, w2)
    else:
        net.synapse("b", o.s_error, h.a_in_error, weights_of(whole, "b"), learning, taught_by=APICAL)
    net.link(shown.s_target, o.a_target)
    for layer in (h, o):
        net.link(shown.s_phase, layer.phase)
    wired = net.program()
    for name in ("h", "o", "w1", "w2", "b"):
        assert wired[name] == whole[name]
    renamed = {"s_out": "image", "s_target": "target", "s_phase": "phase"}
    ends = {
        ((a, renamed.get(p, p) if a == "x" else p), target) for (a, p), target in ((n.source, n.target) for n in wired.links)
    }
    assert ends == {(link.source, link.target) for link in whole.links}
    assert len(wired.links) == len(whole.links)


def test_links_stand_in_the_order_of_their_targets() -> None:
    net = Wiring()
    a, b = (net.population(name, LIF, 2) for name in "ab")
    spikes = net.source("spikes", np.ones((3, 2), int))
    net.link(spikes.s_out, b.a_in)
    net.link(spikes.s_out, a.a_in)
    assert [link.target[0] for link in net.program().links] == ["a", "b"]


def test_one_value_goes_to_all_and_an_index_selects() -> None:
    net = Wiring()
    one, many = net.source("one", [[5], [0]]), net.source("many", [[1, 2, 3]])
    cells = net.population("cells", LIF, 3, vth=100_000, dv=4095, du=4095)
    net.link(one.s_out, cells.a_in)
    net.link(many.s_out, cells.a_in, [2, -1, 0])
    kept = net.population("kept", LIF, 3)
    net.probe("a_in", cells, "a_in", length=2)
    engine = Engine(net.program())
    engine.run(2)
    np.testing.assert_array_equal(engine.get("a_in", "data"), [[8, 5, 6], [3, 0, 1]])
    assert isinstance(kept, Part)


def test_a_sparse_matrix_is_a_sparse_synapse_of_the_same_weights() -> None:
    dense = np.array([[2, 0, -4], [0, 6, 0]])
    frames = np.arange(1, 7).reshape(2, 3)
    drives = []
    for weights in (dense, csr_matrix(dense)):
        net = Wiring()
        shown, cells = net.source("shown", frames), net.population("cells", LIF, 2)
        net.synapse("w", shown.s_out, cells.a_in, weights, delays=1)
        net.sink("drive", net.source("unused", [[0, 0]]).s_out, length=1)
        net.probe("a", cells, "a_in", length=5)
        engine = Engine(net.program())
        engine.run(5)
        drives.append(engine.get("a", "data"))
    assert drives[0].any()
    np.testing.assert_array_equal(*drives)


def test_a_two_factor_synapse_is_taught_by_spikes() -> None:
    net = Wiring()
    shown, cells = net.source("shown", np.ones((1, 3), int)), net.population("cells", LIF, 2, bias_mant=4000)
    stdp = plastic("x0*y1", three_factor=False, y1_impulse=16, y1_tau=10, sign_mode=SignMode.EXCITATORY)
    net.synapse("w", shown.s_out, cells.a_in, np.zeros((2, 3), int), stdp, graded=False)
    engine = Engine(net.program())
    engine.run(20)
    assert engine.get("w", "weights").any()


def cell(net: Wiring, name: str = "cells", **values: object) -> Part:
    return net.population(name, LIF, 2, **values)


def synapse(weights: object = ((2, 2), (2, 2)), learning: object = None, **more: object) -> object:
    net = Wiring()
    return net.synapse("w", net.source("s", [[1, 1]]).s_out, cell(net).a_in, weights, learning, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda: cell(Wiring(), vht=3), ProgramError, "the law lif has no vht; did you mean vth[?]"),
        (lambda: cell(Wiring(), vth=-1), RangeError, "vth = -1 is outside"),
        (lambda: cell(Wiring(), vth=1.5), RangeError, "vth = 1.5 is not an integer"),
        (lambda: cell(Wiring()).a_inn, ProgramError, "'cells' has no port 'a_inn'; did you mean a_in[?]"),
        (lambda: [cell(net) for net in [Wiring()] for _ in "12"], ProgramError, "called 'cells' already"),
        (lambda: plastic("x0*y1", x1_taw=3), RangeError, "no x1_taw; did you mean x1_tau[?]"),
        (lambda: plastic("x0*y1", y1_tau=3), RangeError, "no y1_tau"),
        (lambda: plastic("x0*y1", x1_tau=-3), RangeError, "x1_tau = -3"),
        (lambda: plastic("x0*z1"), RuleError, "'z1' is unknown"),
        (lambda: plastic(), ProgramError, "without a rule"),
        (lambda: synapse(((1, -1), (2, 2))), RangeError, "weights = 1; static weights of mixed sign are multiples of 2"),
        (lambda: synapse(((2, 2), (2, 256))), RangeError, "outside -256..255"),
        (lambda: synapse(((2, 2, 2), (2, 2, 2))), ProgramError, r"from s.s_out to cells.a_in: weights of shape \(2, 3\), not \(2, 2\)"),
        (lambda: synapse(learning=plastic("x0*x1*y1")), RuleError, "synapse 'w', dw: .* can never change anything: x1 stays 0"),
        (lambda: synapse(learning=plastic("x0*y1")), ProgramError, "'cells' has no port 's_out_bap'"),
        (lambda: synapse(exponent=8), RangeError, "weight_exp = 8"),
        (lambda: Wiring().presenter("p", np.zeros(3), steps=1), ProgramError, r"samples have shape \(3,\)"),
        (lambda: Wiring().source("s", [[0.5]]), RangeError, "s_out holds 0.5"),
    ],
)  # fmt: skip
def test_what_makes_no_network_is_refused(wrong: object, error: type[NeuromorphError], says: str) -> None:
    with pytest.raises(error, match=says):
        wrong()  # type: ignore[operator]


def test_what_is_of_another_kind_is_named_in_a_line() -> None:
    """Of each argument: what it is, of which object, and what to give instead."""
    net, pairs = Wiring(), ((2, 2), (2, 2))
    s, p = net.source("s", [[1, 1]]), cell(net, "p")
    two = plastic("x0*y1", three_factor=False, y1_impulse=16, y1_tau=10)
    cases: list[tuple[Callable[[], object], type[NeuromorphError], str]] = [
        *((partial(net.population, "q", LIF, n), RangeError, f"population 'q': size = {n!r}: give a whole number, at least 1")
          for n in (-4, 0, 1.5, 4.0, True, "2")),
        *((partial(net.population, "q", law, 2), ProgramError, f"population 'q': law = {law!r} is no Law; give the Law itself")
          for law in ("LIF", None)),
        *((partial(cell, net, "q", vth=vth), RangeError, "population 'q': vth is of type .*; give whole numbers of 0..131071")
          for vth in ("a", None)),
        (lambda: cell(net, "q", vth=[[1], [1, 2]]), RangeError, "'q': vth has rows of different lengths"),
        *((partial(cell, net, name), ProgramError, f"a population is called {name!r}; give it a name") for name in ("", 3, None)),
        (lambda: net.source("t", np.array([1, 2, 3])), ProgramError, r"source 't': s_out has shape \(3,\); give \(frames, size\)"),
        (lambda: net.source("t", [[1], [1, 2]]), RangeError, "source 't': s_out has rows of different lengths"),
        (lambda: net.source("t", [[1]], hold=1.5), RangeError, r"source 't': steps of a frame = 1\.5: give a whole number"),
        (lambda: net.source("t", [[1]], order=[]), ProgramError, r"source 't': order has shape \(0,\)"),
        (lambda: net.presenter("t", 3, steps=2), ProgramError, r"presenter 't': samples have shape \(\)"),
        (lambda: net.synapse("w", s.s_out, p.a_in, pairs, "x0*y0"), ProgramError, "'w': learning = 'x0[*]y0' is no Plasticity; make one"),
        (lambda: net.synapse("w", s, p.a_in, pairs), ProgramError, "'w': <source 's': s_out> is no port; give a port of a node"),
        (lambda: net.synapse("w", s.s_out, None, pairs), ProgramError, "'w': None is no port"),
        (lambda: net.synapse("w", s.s_out, p.a_in, ((1,), (1, 2))), RangeError, "'w': weights has rows of different lengths"),
        (lambda: net.synapse("w", s.s_out, p.a_in, pairs, delays=[1, 2, 3]), ProgramError, r"'w': delays have shape \(3,\)"),
        (lambda: net.synapse("w", s.s_out, p.a_in, pairs, two, taught_by="y1"), ProgramError, "'w': taught_by = 'y1'; map"),
        (lambda: net.tied("w", s.s_out, p.a_in, None), ProgramError, "synapse 'w': None is no part; give what"),
        (lambda: net.link(s.s_out, None), ProgramError, "link from s.s_out to None: None is no port"),
        (lambda: net.link(s.s_out, p.a_in, [0.5, 1]), RangeError, "s.s_out to p.a_in: index holds 0.5"),
        (lambda: net.sink("k", p, length=3), ProgramError, "sink 'k': <population 'p': .*> is no port"),
        (lambda: net.sink("k", p.s_out, length=1.5), RangeError, r"sink 'k': length = 1\.5"),
        (lambda: net.probe("k", p.s_out, "s_out", length=3), ProgramError, "probe 'k': .* is no part"),
        (lambda: net.probe("k", p, "s_out", length="a"), RangeError, "probe 'k': length = 'a'"),
        (lambda: net.probe(None, p, "s_out", length=1), ProgramError, "a probe is called None"),
        (lambda: plastic(3), RuleError, "dw = 3 is no text; write a sum of products"),
        (lambda: plastic("x0*y1", x1_tau="a"), RangeError, "x1_tau = 'a' is no number"),
        (lambda: plastic("x0*y1", sign_mode=1), RangeError, "sign_mode = 1; give members of neuromorph.laws.GradedSpike and SignMode"),
    ]  # fmt: skip
    for wrong, error, says in cases:
        with pytest.raises(error, match=says) as found:
            wrong()
        assert "\n" not in str(found.value)


def test_a_port_of_another_network_is_refused() -> None:
    net, other = Wiring(), Wiring()
    net.link(cell(other, "elsewhere").s_out, cell(net).a_in)
    with pytest.raises(ProgramError, match="no node is called 'elsewhere'"):
        net.program()


def test_parts_show_their_ports() -> None:
    part = cell(Wiring())
    assert dir(part) == ["a_in", "s_out"]
    assert repr(part) == "<population 'cells': a_in, s_out>"
    assert not hasattr(part, "_repr_html_")
