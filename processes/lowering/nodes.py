"""One function per kind of ProcessModel: a leaf process becomes a node of a Program. The table at the end says which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
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

from neuromorph.errors import LoweringError, RuleError
from neuromorph.laws.dyad import DYAD, READOUT
from neuromorph.laws.law import Law
from neuromorph.laws.lif import LIF, LIF_RESET, TERNARY_LIF
from neuromorph.laws.plasticity import SignMode
from neuromorph.laws.rule import GradedSpike, Rule, check_moves, read_rule
from neuromorph.processes.dyads.models import PyDyadsModelFixed
from neuromorph.processes.lowering.discovery import describe, node_name
from neuromorph.processes.lowering.values import matrix, number, sign_mode_of, truncated, value, whole
from neuromorph.processes.presenter.models import PyPresenterModelFixed
from neuromorph.processes.readout.models import PyNudgedReadoutModelFixed
from neuromorph.processes.tied.models import PyTiedDenseModelFixed
from neuromorph.program import TRACES, Node, Plasticity, Population, Sink, Source, Synapse

Lowering = Callable[[AbstractProcess, str, int], Node]
"""(process, node name, steps made so far) -> node."""


def population(law: Law, process: AbstractProcess, name: str, step: int) -> Population:
    """Vars by the names of the law; what is no Var (LIFReset's interval) is looked up in the process's parameters."""

    def of(variable: str) -> np.ndarray:
        if hasattr(process, variable):
            return whole(process, variable, value(process, variable)).ravel()
        return whole(process, variable, [process.proc_params[variable]])

    size = int(np.prod(process.out_ports.members[0].shape))
    return Population(
        name=name,
        law=law.name,
        size=size,
        parameters={v.name: of(v.name) for v in law.parameters},
        states={v.name: of(v.name) for v in law.states},
    )


def ring_source(process: AbstractProcess, name: str, step: int) -> Source:
    data = whole(process, "data", value(process, "data"))
    return Source(name, frames={"s_out": data.reshape(-1, data.shape[-1]).T.astype(np.int32)})


def ring_sink(process: AbstractProcess, name: str, step: int) -> Sink:
    data = whole(process, "data", value(process, "data"))
    return Sink(name, data=data.reshape(-1, data.shape[-1]))


def presenter(process: AbstractProcess, name: str, step: int) -> Source:
    samples = whole(process, "samples", value(process, "samples"))
    frames = {
        "s_out": samples,
        "s_target": whole(process, "targets", value(process, "targets")),
        "s_phase": np.full((len(samples), 1), number(process, "opening")),
    }
    order = whole(process, "order", value(process, "order"))
    return Source(name, frames, hold=number(process, "steps"), order=order, pulses=("s_phase",))


def tied(process: AbstractProcess, name: str, step: int) -> Synapse:
    forward = process.reader.get_dst_vars()[0].process
    if forward.proc_params.get("weight_exp", 0) != 0:
        raise LoweringError(f"{describe(process)} is tied to weights with an exponent; tie to a connection without one")
    return Synapse(
        name,
        shape=forward.weights.shape[::-1],
        weights=np.zeros(0),
        tied_to=node_name(forward),
        states={"a_buff": whole(process, "a_buff", value(process, "a_buff"))},
    )


def synapse(process: AbstractProcess, name: str, step: int) -> Synapse:
    """Dense and Sparse, with or without delays, static or plastic."""
    weights, index = matrix(process, "weights")
    learning = process.proc_params.get("learning_rule") is not None
    mode = sign_mode_of(process, weights, SignMode.MIXED if learning else None)
    if not (learning and step > 0):  # plastic weights are cut once, before the first step
        weights = truncated(process, weights, mode)
    delays = _delays(process, index) if hasattr(process, "delays") else None
    states = {"a_buff": whole(process, "a_buff", value(process, "a_buff"))}
    if learning:
        states |= _trace_states(process, index)
    if index is not None:
        weights, index, delays, states = _without_zeros(
            weights, index, delays, states, keep=learning and step > 0
        )
    return Synapse(
        name=name,
        shape=process.weights.shape,
        weights=weights,
        index=index,
        exponent=int(process.proc_params.get("weight_exp", 0)),
        graded=number(process, "num_message_bits") > 0,
        delays=delays,
        plasticity=_plasticity(process, mode) if learning else None,
        states=states,
    )


def _without_zeros(weights, index, delays, states, keep):  # type: ignore[no-untyped-def]
    """Lava drops weights that truncation made zero, and their synapses with them."""
    kept = np.ones(weights.size, bool) if keep else weights != 0
    states = {n: s[kept] if n.startswith("tag") else s for n, s in states.items()}
    return weights[kept], index[:, kept], None if delays is None else delays[kept], states


def _delays(process: AbstractProcess, index: np.ndarray | None) -> np.ndarray:
    given = process.delays.get()
    full = given.toarray() if hasattr(given, "toarray") else value(process, "delays")
    delays = whole(process, "delays", full)
    depth = process.a_buff.shape[-1]
    if delays.max(initial=0) >= depth:
        raise LoweringError(
            f"{describe(process)}: a delay of {delays.max()} does not fit max_delay = {depth - 1}; Lava would drop those "
            "synapses silently: give a larger max_delay"
        )
    return delays if index is None else delays[tuple(index)]


def _trace_states(process: AbstractProcess, index: np.ndarray | None) -> dict[str, np.ndarray]:
    names = ("x0", "tx", "x1", "x2", "y0", "ty", "y1", "y2", "y3")
    states = {n: whole(process, n, value(process, n)) for n in names}
    for tag in ("tag_1", "tag_2"):
        given = getattr(process, tag).get()
        full = given.toarray() if hasattr(given, "toarray") else value(process, tag)
        states[tag] = whole(process, tag, full if index is None else full[tuple(index)])
    return states


def _plasticity(process: AbstractProcess, mode: SignMode) -> Plasticity:
    rule = process.proc_params["learning_rule"]
    three_factor = isinstance(rule, Loihi3FLearningRule)
    if not three_factor and not isinstance(rule, Loihi2FLearningRule):
        raise LoweringError(
            f"{describe(process)}: a {type(rule).__name__} receives no post-synaptic spikes in Lava; use "
            "Loihi2FLearningRule or Loihi3FLearningRule"
        )
    graded = GradedSpike(int(process.proc_params["graded_spike_cfg"]))
    taus = {t: float(getattr(rule, f"{t}_tau")) for t in TRACES}
    impulses = {t: float(getattr(rule, f"{t}_impulse")) for t in TRACES}
    rules: dict[str, Rule | None] = {}
    for target in ("dw", "dd", "dt"):
        text = getattr(rule, f"{target}_str")
        try:
            rules[target] = None if text is None else read_rule(text)
            if rules[target] is not None:
                # a binary synapse may still receive graded spikes: num_message_bits rules the drive, not x1
                check_moves(rules[target], taus, impulses, graded, payloads=True, three_factor=three_factor)
        except RuleError as error:
            raise RuleError(f"{describe(process)}, {target} = '{text}': {error}") from None
    return Plasticity(
        **rules,
        three_factor=three_factor,
        taus=taus,
        impulses=impulses,
        t_epoch=int(rule.t_epoch),
        rng_seed=int(rule.rng_seed),
        graded_spike=graded,
        sign_mode=mode,
    )


@dataclass(frozen=True)
class Support:
    """One row of the table of what can be lowered: the Process's name and where its state lives, for README and errors."""

    process: str
    lowering: Lowering
    law: Law | None = None


def _neurons(process: str, law: Law) -> Support:
    return Support(process, partial(population, law), law)


SUPPORTED: dict[type[AbstractProcessModel], Support] = {
    PyLifModelBitAcc: _neurons("LIF", LIF),
    PyLifResetModelBitAcc: _neurons("LIFReset", LIF_RESET),
    PyTernLifModelFixed: _neurons("TernaryLIF", TERNARY_LIF),
    PyDenseModelBitAcc: Support("Dense", synapse),
    PySparseModelBitAcc: Support("Sparse", synapse),
    PyDelayDenseModelBitAcc: Support("DelayDense", synapse),
    PyDelaySparseModelBitAcc: Support("DelaySparse", synapse),
    PyLearningDenseModelBitApproximate: Support("LearningDense", synapse),
    PyLearningSparseModelBitApproximate: Support("LearningSparse", synapse),
    PySendModelFixed: Support("io.source.RingBuffer", ring_source),
    PyReceiveModelFixed: Support("io.sink.RingBuffer", ring_sink),
    PyPresenterModelFixed: Support("Presenter", presenter),
    PyDyadsModelFixed: _neurons("Dyads", DYAD),
    PyNudgedReadoutModelFixed: _neurons("NudgedReadout", READOUT),
    PyTiedDenseModelFixed: Support("TiedDense", tied),
}
