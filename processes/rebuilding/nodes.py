"""One function per kind of node: the Lava process that lowers to it, with its values, not connected yet."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
from lava.magma.core.process.process import AbstractProcess
from lava.proc.conv.process import Conv
from lava.proc.dense.process import DelayDense, Dense, LearningDense
from lava.proc.io import sink, source
from lava.proc.lif.process import LIF, LIFReset, TernaryLIF
from lava.proc.sparse.process import DelaySparse, LearningSparse, Sparse
from lava.utils.weightutils import SignMode as LavaSignMode
from scipy.sparse import csr_matrix

from neuromorph.errors import RebuildingError
from neuromorph.laws import lif
from neuromorph.laws.law import Law
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.weights import mode_of, off_grid, on_grid
from neuromorph.processes.dyads.process import Dyads
from neuromorph.processes.from_law import obeying
from neuromorph.processes.lowering.learning import check_sparse, plasticity
from neuromorph.processes.lowering.lower import write
from neuromorph.processes.presenter.process import Presenter
from neuromorph.processes.readout.process import NudgedReadout
from neuromorph.processes.rebuilding.pointwise import MADE as POINTWISE
from neuromorph.processes.rebuilding.pointwise import pointwise
from neuromorph.processes.tied.process import TiedDense
from neuromorph.program import TRACES, Array, Kernel, Looker, Node, Outside, Plasticity, Population, Sink, Source, Synapse

LAVAS_OWN: dict[Law, type[AbstractProcess]] = {lif.LIF: LIF, lif.LIF_RESET: LIFReset, lif.TERNARY_LIF: TernaryLIF}
OURS = (Dyads, NudgedReadout)
"""Imported here, for a LawProcess is known by its law once its module has been imported."""
GRADED_BITS = 24
"""num_message_bits of graded spikes; Lava asks only whether there are any."""


def process_of(node: Node, step: int) -> AbstractProcess:
    """The process of a node of a Program that has made `step` steps; a tied synapse is made by `tied`."""
    if isinstance(node, Population):
        return pointwise(node, step) if node.law in POINTWISE else _neurons(node)
    if isinstance(node, Source):
        return _source(node)
    if isinstance(node, Outside):
        raise RebuildingError(f"'{node.name}' takes part from outside of the Program; no Lava process is known for it")
    if isinstance(node, Looker):
        raise RebuildingError(
            f"'{node.name}' looks at {node.node}.{node.variable} through a RefPort, which is not rebuilt; leave it out, and connect an "
            "io.sink.Read or io.Reset to what is made"
        )
    if isinstance(node, Sink):
        made: AbstractProcess = sink.RingBuffer(shape=(node.data.shape[0],), buffer=node.data.shape[1])
        made.name = node.name
    else:
        made = _plastic(node, node.plasticity) if node.plasticity else _static(node)
        if step == 0 and node.index is not None and (on_grid(node.weights, _mode(node)) == 0).any():
            raise RebuildingError(
                f"synapse '{node.name}' is sparse and stores a weight that is 0 once Lava has cut its low bits, and Lava drops such "
                "synapses; take them out"
            )
    write(made, node)
    return made


def _neurons(node: Population) -> AbstractProcess:
    values = {**node.parameters, **node.states}
    if node.law in LAVAS_OWN:
        given = {name: int(v[0]) if v.size == 1 else v for name, v in values.items()}
        return LAVAS_OWN[node.law](name=node.name, shape=(node.size,), **given)
    made = obeying(node.law, name=node.name, shape=(node.size,), values=values)
    if made is None:
        raise RebuildingError(
            f"population '{node.name}': the law {node.law.name} has no Lava Process; write one, a LawProcess that names the law"
        )
    return made


def _source(node: Source) -> AbstractProcess:
    """A Presenter where a pulse `s_phase` opens samples, else a RingBuffer, which plays its frames in their order."""
    frames, order = node.frames, np.asarray(node.order)
    opening = np.unique(frames.get("s_phase", 0))
    if list(frames) == ["s_out", "s_target", "s_phase"] and node.pulses == ("s_phase",) and opening.size == 1:
        shown = Presenter(name=node.name, samples=frames["s_out"], targets=frames["s_target"], steps=node.hold, order=order)
        shown.opening.init = int(opening[0])
        return shown
    if list(frames) == ["s_out"] and (node.pulses, node.hold) == ((), 1):
        data = frames["s_out"]
        if np.array_equal(order, np.arange(len(data))):
            ring: AbstractProcess = source.RingBuffer(data=data.T.copy())
            ring.name = node.name
            return ring
    raise RebuildingError(
        f"source '{node.name}' with the ports {', '.join(frames)} is neither a Presenter (s_out, s_target, and s_phase, a pulse alike "
        "for all samples) nor a RingBuffer (s_out alone, every frame for one step, in their order); wire it as one of these"
    )


def _mode(node: Synapse) -> SignMode:
    return node.plasticity.sign_mode if node.plasticity else mode_of(node.weights)


def _matrix(node: Synapse, values: Array) -> Array | csr_matrix:
    """Values of a synapse as Lava holds them: dense, or sparse with an entry for each."""
    whole = values.astype(np.int64)
    return whole if node.index is None else csr_matrix((whole, tuple(node.index)), shape=node.shape)


def _options(node: Synapse) -> dict[str, Any]:
    return {
        "name": node.name,
        "weights": _matrix(node, node.weights),
        "weight_exp": node.exponent,
        "num_message_bits": GRADED_BITS if node.graded else 0,
    }


def _static(node: Synapse) -> AbstractProcess:
    if node.kernel is not None:
        return _convolution(node, node.kernel)
    modes = [mode for mode in (SignMode.MIXED, mode_of(node.weights)) if not off_grid(node.weights, mode).any()]
    if not modes:
        raise RebuildingError(
            f"synapse '{node.name}': its static weights need more than eight bits, and Lava would cut them; round them first"
        )
    options = {**_options(node), "sign_mode": LavaSignMode(modes[0].value)}
    if node.delays is None:
        return (Dense if node.index is None else Sparse)(**options)
    depth = node.states["a_buff"].shape[1]
    kind = DelayDense if node.index is None else DelaySparse
    return kind(**options, delays=_matrix(node, node.delays), max_delay=depth - 1)


def _convolution(node: Synapse, kernel: Kernel) -> AbstractProcess:
    return Conv(
        name=node.name,
        weight=node.weights.astype(np.int64),
        input_shape=kernel.taken,
        stride=kernel.stride,
        padding=kernel.padding,
        dilation=kernel.dilation,
        groups=kernel.groups,
        num_message_bits=GRADED_BITS if node.graded else 0,
    )


def _plastic(node: Synapse, learning: Plasticity) -> AbstractProcess:
    if node.delays is not None:
        raise RebuildingError(f"synapse '{node.name}' is plastic and has delays, and no process of Lava has both")
    made = (LearningDense if node.index is None else LearningSparse)(
        **_options(node),
        tag_1=_matrix(node, node.states["tag_1"]),
        tag_2=_matrix(node, node.states["tag_2"]),
        learning_rule=_rule(learning),
        graded_spike_cfg=GradedSpikeCfg(int(learning.graded_spike)),
        sign_mode=LavaSignMode(learning.sign_mode.value),
    )
    held = plasticity(made, learning.sign_mode, node.graded)
    if node.index is not None:
        check_sparse(made, held, node.index)
    lost = [f.name for f in fields(held) if getattr(held, f.name) != getattr(learning, f.name)]
    if lost:
        told = "; ".join(f"{name} = {getattr(learning, name)} would be {getattr(held, name)}" for name in lost)
        raise RebuildingError(f"synapse '{node.name}': Lava's learning rules cannot hold its plasticity: {told}")
    return made


def _rule(learning: Plasticity) -> Loihi2FLearningRule | Loihi3FLearningRule:
    own = TRACES[:2] if learning.three_factor else TRACES
    return (Loihi3FLearningRule if learning.three_factor else Loihi2FLearningRule)(
        **{name: rule.text for name in ("dw", "dd", "dt") if (rule := getattr(learning, name))},
        **{f"{trace}_tau": learning.taus[trace] for trace in own},
        **{f"{trace}_impulse": learning.impulses[trace] for trace in own},
        t_epoch=learning.t_epoch,
        rng_seed=learning.rng_seed,
    )


def tied(node: Synapse, forward: AbstractProcess) -> AbstractProcess:
    """The process of a synapse that is tied to one whose process is there already."""
    if not node.graded or node.exponent or node.delays is not None or forward.proc_params["weight_exp"]:
        raise RebuildingError(
            f"synapse '{node.name}': Lava's tied weights are graded, without exponent (there and in '{forward.name}') and without delays"
        )
    made = TiedDense(name=node.name, forward=forward)
    write(made, node)
    return made
