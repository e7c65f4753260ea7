"""Layered networks of dyads, wired by hand as a user would, for the tests of several processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.process import Dense, LearningDense

from neuromorph.processes.dyads.process import Dyads
from neuromorph.processes.equivalence.stepper import LavaStepper
from neuromorph.processes.presenter.process import Presenter
from neuromorph.processes.readout.process import NudgedReadout

BOTTOM_UP, TOP_DOWN = "x0*x1*y3*(y1-64)", "x0*x1*y3*(y2-64)"
UNBOUNDED = {"limit": np.inf, "top": np.inf}
"""What fixed point bounds, unbounded."""


def dense(weights: np.ndarray) -> Dense:
    return Dense(weights=weights, num_message_bits=8)


def learning_dense(weights: np.ndarray, rule: str, scale: str = "2^0") -> LearningDense:
    return LearningDense(
        weights=weights,
        num_message_bits=8,
        learning_rule=Loihi3FLearningRule(dw=f"{scale}*{rule}", x1_tau=65535, t_epoch=1, rng_seed=1),
        graded_spike_cfg=GradedSpikeCfg.OVERWRITE,
    )


@dataclass
class Network:
    presenter: Presenter
    layers: list[Any]
    """Dyads, and the NudgedReadout last."""
    up: list[Any]
    """Connections into each layer."""
    down: list[Any]
    """Feedback into each layer but the last."""


def connect_learning(neurons: AbstractProcess, connection: LearningDense) -> None:
    for port in ("bap", "y1", "y2", "y3"):
        source: OutPort = getattr(neurons, f"s_out_{port}")
        source.connect(getattr(connection, f"s_in_{port}"))


def wire(
    presenter: Presenter,
    weights: Sequence[np.ndarray],
    *,
    feedback: Sequence[np.ndarray] | None = None,
    plastic: bool = False,
    shift: int = 1,
    beta: float = 0.5,
    hidden: dict[str, Any] | None = None,
    output: dict[str, Any] | None = None,
    **both: Any,
) -> Network:
    """Presenter -> (Dense -> Dyads)* -> Dense -> NudgedReadout, with feedback, by default transposed at the start."""
    feedback = [w.T for w in weights[1:]] if feedback is None else feedback
    layers: list[Any] = [
        Dyads(shape=(len(w),), shift=shift, shift_error=shift, **(both | (hidden or {}))) for w in weights[:-1]
    ]
    layers.append(NudgedReadout(shape=(len(weights[-1]),), shift=shift, beta=beta, **(both | (output or {}))))
    up = [learning_dense(w, BOTTOM_UP) if plastic else dense(w) for w in weights]
    down = [learning_dense(b, TOP_DOWN) if plastic else dense(b) for b in feedback]
    for layer, connection, below in zip(layers, up, [presenter, *layers], strict=False):
        below.s_out.connect(connection.s_in)
        connection.a_out.connect(layer.a_in)
        presenter.s_phase.connect(layer.phase)
        if plastic:
            connect_learning(layer, connection)
    for layer, connection, above in zip(layers, down, layers[1:], strict=False):
        above.s_error.connect(connection.s_in)
        connection.a_out.connect(layer.a_in_error)
        if plastic:
            connect_learning(layer, connection)
    presenter.s_target.connect(layers[-1].a_target)
    return Network(presenter, layers, up, down)


def read(stepper: LavaStepper, process: AbstractProcess, *names: str) -> list[np.ndarray]:
    return [stepper.get(process, name) for name in names]
