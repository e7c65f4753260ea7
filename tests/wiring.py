"""Layered networks of dyads, wired by hand as a user would, and dyads driven from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.process import Dense, LearningDense
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source

from neuromorph.processes.dyads.process import Dyads
from neuromorph.processes.presenter.process import Presenter
from neuromorph.processes.readout.process import NudgedReadout
from neuromorph.processes.stepping.stepper import LavaStepper

BASAL, APICAL = "s_out", "s_apical"
"""Learning ports of a dyad for bottom-up and for top-down connections."""


def dense(weights: np.ndarray) -> Dense:
    return Dense(weights=weights, num_message_bits=8)


def learning_dense(weights: np.ndarray) -> LearningDense:
    return LearningDense(
        weights=weights,
        num_message_bits=8,
        learning_rule=Loihi3FLearningRule(dw="2^0*x0*x1*y3*(y1-64)", x1_tau=65535, t_epoch=1, rng_seed=1),
        graded_spike_cfg=GradedSpikeCfg.OVERWRITE,
    )


def connect_learning(neurons: AbstractProcess, connection: LearningDense, side: str) -> None:
    neurons.s_out_bap.connect(connection.s_in_bap)
    for trace in ("y1", "y2", "y3"):
        getattr(neurons, f"{side}_{trace}").connect(getattr(connection, f"s_in_{trace}"))


@dataclass
class Network:
    presenter: Presenter
    layers: list[Any]
    """Dyads, and the NudgedReadout last."""
    up: list[Any]
    """Connections into each layer."""
    down: list[Any]
    """Feedback into each layer but the last, transposed at the start."""


def wire(
    presenter: Presenter,
    weights: Sequence[np.ndarray],
    *,
    plastic: bool = False,
    hidden: dict[str, Any],
    output: dict[str, Any],
) -> Network:
    """Presenter -> (Dense -> Dyads)* -> Dense -> NudgedReadout, and Dense feedback on the error axons."""
    layers: list[Any] = [Dyads(shape=(len(w),), **hidden) for w in weights[:-1]]
    layers.append(NudgedReadout(shape=(len(weights[-1]),), **output))
    up = [learning_dense(w) if plastic else dense(w) for w in weights]
    down = [learning_dense(w.T) if plastic else dense(w.T) for w in weights[1:]]
    for layer, connection, below in zip(layers, up, [presenter, *layers], strict=False):
        below.s_out.connect(connection.s_in)
        connection.a_out.connect(layer.a_in)
        presenter.s_phase.connect(layer.phase)
    for layer, connection, above in zip(layers, down, layers[1:], strict=False):
        above.s_error.connect(connection.s_in)
        connection.a_out.connect(layer.a_in_error)
    presenter.s_target.connect(layers[-1].a_target)
    if plastic:
        for layer, connection in zip(layers, up, strict=True):
            connect_learning(layer, connection, BASAL)
        for layer, connection in zip(layers, down, strict=False):
            connect_learning(layer, connection, APICAL)
    return Network(presenter, layers, up, down)


def drive(neurons: AbstractProcess, tag: str, **inputs: Any) -> dict[str, np.ndarray]:
    """Feeds each input port its rows (steps, values); returns what output ports and Vars are at each step."""
    frames = {port: np.array(rows).reshape(len(rows), -1) for port, rows in inputs.items()}
    steps = len(next(iter(frames.values())))
    for port, rows in frames.items():
        target = getattr(neurons, port)
        data = np.broadcast_to(rows, (steps, target.size)).T.reshape(*target.shape, steps)
        Source(data=data).s_out.connect(target)
    sinks = {}
    for port in neurons.out_ports.members:
        sinks[port.name] = Sink(shape=port.shape, buffer=steps)
        port.connect(sinks[port.name].a_in)
    stepper = LavaStepper(neurons, tag)
    seen: dict[str, list[np.ndarray]] = {name: [] for name in neurons.vars.member_names}
    for _ in range(steps):
        stepper.step()
        for name in seen:
            seen[name].append(stepper.get(neurons, name))
    sent = {name: np.moveaxis(stepper.get(sink, "data"), -1, 0) for name, sink in sinks.items()}
    return sent | {name: np.array(values) for name, values in seen.items()}
