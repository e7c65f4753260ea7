"""A small network that learns: source -> w1 -> dyads h -> w2 -> readout o, with feedback b from o to h."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from neuromorph.laws.catalogue import LAWS
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.products.rule import GradedSpike, read_rule
from neuromorph.program import TRACES, Link, Plasticity, Population, Program, Source, Synapse

FORWARD = "2^-1*x0*x1*y3*(y1-64)"
INPUTS, HIDDEN, CLASSES = 12, 6, 3
TRACE_PORTS = ("y1", "y2", "y3")


def population(name: str, law: str, size: int, **values: Any) -> Population:
    """A population with the law's defaults, `values` apart."""
    parameters = {v.name: values.pop(v.name, v.default) for v in LAWS[law].parameters}
    states = {v.name: values.pop(v.name, v.default) for v in LAWS[law].states}
    assert not values
    return Population(name, LAWS[law], size, parameters, states)


def plasticity(dw: str | None = FORWARD, dd: str | None = None, dt: str | None = None, **others: Any) -> Plasticity:
    rules = (None if text is None else read_rule(text) for text in (dw, dd, dt))
    standard = Plasticity(
        *rules,
        three_factor=True,
        taus=dict.fromkeys(TRACES, 65535.0),
        impulses=dict.fromkeys(TRACES, 0.0),
        t_epoch=1,
        rng_seed=7,
        graded_spike=GradedSpike.OVERWRITE,
        sign_mode=SignMode.MIXED,
    )
    return replace(standard, **others)


def learner(seed: int = 0, tied: bool = False, mode: SignMode = SignMode.MIXED, rate: int = 127 << 16) -> Program:
    """The network; feedback is a synapse of its own that learns too, or tied to w2."""
    rng = np.random.default_rng(seed)
    low, high = {SignMode.MIXED: (-90, 91), SignMode.EXCITATORY: (0, 91), SignMode.INHIBITORY: (-90, 1)}[mode]
    source = Source(
        "x",
        {
            "image": 2 * rng.integers(0, 128, (5, INPUTS)),
            "target": rng.integers(0, 100, (5, CLASSES)),
            "phase": np.full((5, 1), 2),
        },
        hold=6,
        pulses=("phase",),
    )
    forward = plasticity(sign_mode=mode)
    w1 = Synapse("w1", (HIDDEN, INPUTS), rng.integers(low, high, (HIDDEN, INPUTS)), plasticity=forward)
    w2 = Synapse("w2", (CLASSES, HIDDEN), rng.integers(low, high, (CLASSES, HIDDEN)), plasticity=forward)
    back = rng.integers(low, high, (HIDDEN, CLASSES))
    b = Synapse("b", (HIDDEN, CLASSES), back, plasticity=forward)
    if tied:
        b = Synapse("b", (HIDDEN, CLASSES), np.zeros(0), tied_to="w2")
    h = population("h", "dyad", HIDDEN, shift=7, shift_error=5, rate=rate)
    o = population("o", "readout", CLASSES, shift=7, rate=rate)
    ends = [
        (("x", "image"), ("w1", "s_in")),
        (("w1", "a_out"), ("h", "a_in")),
        (("h", "s_out"), ("w2", "s_in")),
        (("w2", "a_out"), ("o", "a_in")),
        (("o", "s_error"), ("b", "s_in")),
        (("b", "a_out"), ("h", "a_in_error")),
        (("x", "target"), ("o", "a_target")),
    ]
    for cell, synapse, side in [("h", "w1", "out"), ("o", "w2", "out"), ("h", "b", "apical")][: 2 if tied else 3]:
        ends.append(((cell, "s_out_bap"), (synapse, "s_in_bap")))
        ends += [((cell, f"s_{side}_{y}"), (synapse, f"s_in_{y}")) for y in TRACE_PORTS]
    phases = [Link(("x", "phase"), (n.name, "phase")) for n in (h, o)]
    return Program((source, w1, h, w2, o, b), (*(Link(*pair) for pair in ends), *phases))
