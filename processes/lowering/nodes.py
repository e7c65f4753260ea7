"""One function per kind of ProcessModel: a leaf process becomes a node of a Program. The table at the end says which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from lava.magma.core.model.model import AbstractProcessModel
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.models import (
    PyDelayDenseModelBitAcc,
    PyDenseModelBitAcc,
    PyLearningDenseModelBitApproximate,
)
from lava.proc.io.sink import PyReceiveModelFixed
from lava.proc.io.source import PySendModelFixed
from lava.proc.lif.models import PyLifModelBitAcc, PyLifResetModelBitAcc, PyTernLifModelFixed
from lava.proc.sparse.models import (
    PyDelaySparseModelBitAcc,
    PyLearningSparseModelBitApproximate,
    PySparseModelBitAcc,
)

from neuromorph.errors import LoweringError
from neuromorph.laws.dyad import DYAD
from neuromorph.laws.law import Law
from neuromorph.laws.lif import LIF, LIF_RESET, TERNARY_LIF
from neuromorph.laws.readout import READOUT
from neuromorph.laws.synapse import EXPONENT_RANGE, MESSAGE_BITS_RANGE
from neuromorph.processes.dyads.models import PyDyadsModelFixed
from neuromorph.processes.from_law import FixedModel
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.learning import check_sparse, learning_states, plasticity
from neuromorph.processes.lowering.values import (
    matrix,
    number,
    setting,
    sign_mode_of,
    truncated,
    value,
    whole,
    within,
)
from neuromorph.processes.presenter.models import PyPresenterModelFixed
from neuromorph.processes.readout.models import PyNudgedReadoutModelFixed
from neuromorph.processes.tied.models import PyTiedDenseModelFixed
from neuromorph.program import Array, Node, Population, Sink, Source, Synapse
from neuromorph.program.presenting import presenter

Names = Mapping[AbstractProcess, str]
Lowering = Callable[[AbstractProcess, Names, bool], Node]
"""(process, the names of all, whether it has made no step yet) -> node."""


def population(law: Law, process: AbstractProcess, names: Names, fresh: bool) -> Population:
    """Vars by the names of the law; what is no Var (LIFReset's interval) is looked up in the process's parameters."""

    def of(variable: str) -> Array:
        if hasattr(process, variable):
            return whole(process, variable, value(process, variable)).ravel()
        return whole(process, variable, [process.proc_params[variable]])

    size = int(np.prod(process.out_ports.members[0].shape))
    return Population(
        name=names[process],
        law=law,
        size=size,
        parameters={v.name: of(v.name) for v in law.parameters},
        states={v.name: of(v.name) for v in law.states},
    )


def ring_source(process: AbstractProcess, names: Names, fresh: bool) -> Source:
    data = whole(process, "data", value(process, "data"))
    return Source(names[process], frames={"s_out": data.reshape(-1, data.shape[-1]).T})


def ring_sink(process: AbstractProcess, names: Names, fresh: bool) -> Sink:
    data = whole(process, "data", value(process, "data"))
    return Sink(names[process], data=data.reshape(-1, data.shape[-1]))


def presenting(process: AbstractProcess, names: Names, fresh: bool) -> Source:
    return presenter(
        names[process],
        whole(process, "samples", value(process, "samples")),
        whole(process, "targets", value(process, "targets")),
        steps=number(process, "steps"),
        opening=number(process, "opening"),
        order=whole(process, "order", value(process, "order")),
    )


def tied(process: AbstractProcess, names: Names, fresh: bool) -> Synapse:
    forward = process.reader.get_dst_vars()[0].process
    if forward.proc_params.get("weight_exp", 0) != 0:
        raise LoweringError(f"{describe(process)} is tied to weights with an exponent; tie to a connection without one")
    return Synapse(
        names[process],
        shape=forward.weights.shape[::-1],
        weights=np.zeros(0),
        tied_to=names[forward],
        states={"a_buff": whole(process, "a_buff", value(process, "a_buff"))},
    )


def synapse(process: AbstractProcess, names: Names, fresh: bool) -> Synapse:
    """Dense and Sparse, with or without delays, static or plastic."""
    weights, index = matrix(process, "weights")
    learning = process.proc_params.get("learning_rule") is not None
    mode = sign_mode_of(process, weights, learning)
    if fresh:  # Lava cuts weights once, before the first step
        weights = truncated(process, weights, mode)
    delays = _delays(process, index) if hasattr(process, "delays") else None
    states = {"a_buff": whole(process, "a_buff", value(process, "a_buff"))}
    if index is not None and fresh:  # with the weights that lost all their bits Lava drops their synapses
        kept = weights != 0
        weights, index, delays = weights[kept], index[:, kept], None if delays is None else delays[kept]
    graded = within(process, "num_message_bits", number(process, "num_message_bits"), MESSAGE_BITS_RANGE) > 0
    learned = plasticity(process, mode, graded) if learning else None
    if learned:
        states |= learning_states(process, index)
        if index is not None:
            check_sparse(process, learned, index)
    return Synapse(
        name=names[process],
        shape=process.weights.shape,
        weights=weights,
        index=index,
        exponent=setting(process, "weight_exp", 0, EXPONENT_RANGE),
        graded=graded,
        delays=delays,
        plasticity=learned,
        states=states,
    )


def _delays(process: AbstractProcess, index: Array | None) -> Array:
    delays = whole(process, "delays", value(process, "delays"))
    depth = process.a_buff.shape[-1]
    if delays.max(initial=0) >= depth:
        raise LoweringError(
            f"{describe(process)}: a delay of {delays.max()} does not fit max_delay = {depth - 1}; Lava would drop those "
            "synapses silently: give a larger max_delay"
        )
    return delays if index is None else delays[tuple(index)]


@dataclass(frozen=True)
class Support:
    """One row of the table of what can be lowered: the Process's name, its law if it is a neuron, else what it takes."""

    process: str
    lowering: Lowering
    law: Law | None = None
    note: str = ""


def _neurons(process: str, law: Law) -> Support:
    return Support(process, partial(population, law), law)


def support_of(model: type[AbstractProcessModel]) -> Support | None:
    """How processes of this model become nodes; None where that is unknown. Of a user's law its LawModel says all."""
    obeys = issubclass(model, FixedModel) and model.run_spk is FixedModel.run_spk
    return SUPPORTED.get(model) or (_neurons(model.__name__, model.law) if obeys else None)


STATIC = "weights of 8 bits by `sign_mode` and `num_weight_bits` 1..8, `weight_exp` -8..7, binary or graded"
PLASTIC = (
    "weights in steps of 1 (9 bits with mixed signs), Loihi2F and Loihi3F rules for `dw`, `dd`, `dt`, every GradedSpikeCfg, all "
    "taus and impulses, `t_epoch` 1..63"
)

SUPPORTED: dict[type[AbstractProcessModel], Support] = {
    PyLifModelBitAcc: _neurons("LIF", LIF),
    PyLifResetModelBitAcc: _neurons("LIFReset", LIF_RESET),
    PyTernLifModelFixed: _neurons("TernaryLIF", TERNARY_LIF),
    PyDenseModelBitAcc: Support("Dense", synapse, note=STATIC),
    PySparseModelBitAcc: Support("Sparse", synapse, note=STATIC),
    PyDelayDenseModelBitAcc: Support("DelayDense", synapse, note=f"{STATIC}; delays 0..63"),
    PyDelaySparseModelBitAcc: Support("DelaySparse", synapse, note=f"{STATIC}; delays 0..63"),
    PyLearningDenseModelBitApproximate: Support("LearningDense", synapse, note=PLASTIC),
    PyLearningSparseModelBitApproximate: Support(
        "LearningSparse", synapse, note=f"{PLASTIC}; MIXED, no factor w, d, t (Lava runs no other)"
    ),
    PySendModelFixed: Support("io.source.RingBuffer", ring_source, note="payloads of 32 bits"),
    PyReceiveModelFixed: Support("io.sink.RingBuffer", ring_sink, note="any buffer"),
    PyPresenterModelFixed: Support("Presenter", presenting, note="samples, targets, order, steps per sample"),
    PyDyadsModelFixed: _neurons("Dyads", DYAD),
    PyNudgedReadoutModelFixed: _neurons("NudgedReadout", READOUT),
    PyTiedDenseModelFixed: Support("TiedDense", tied, note="simulation only: another connection's weights, transposed"),
}
