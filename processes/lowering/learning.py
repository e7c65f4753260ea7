"""The learning rule of a connection and the state it learns with, as a Program holds them."""

from __future__ import annotations

import numpy as np
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule, LoihiLearningRule
from lava.magma.core.process.process import AbstractProcess

from neuromorph.errors import LoweringError, RangeError, RuleError
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.products.rule import SYNAPTIC, GradedSpike, Rule, check_moves, read_rule
from neuromorph.laws.synapse import EPOCH_RANGE, IMPULSE_RANGE, SEED_RANGE, TAU_RANGE
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.values import held, value, whole, within
from neuromorph.program import LEARNING_INPUTS, POST_STATES, PRE_STATES, TRACES, Array, Plasticity
from neuromorph.program.synapse import entries

TAG_OF = {"dt": "tag_1", "dd": "tag_2"}


def plasticity(process: AbstractProcess, mode: SignMode, graded: bool) -> Plasticity:
    rule = process.proc_params["learning_rule"]
    three_factor = isinstance(rule, Loihi3FLearningRule)
    if not three_factor:
        _check_two_factor(process, rule)
    spike = GradedSpike(int(process.proc_params["graded_spike_cfg"]))
    taus = _of_traces(process, "tau", TAU_RANGE)
    impulses = _of_traces(process, "impulse", IMPULSE_RANGE)
    rules: dict[str, Rule | None] = {}
    for target in ("dw", "dd", "dt"):
        text = held(getattr(process, target))  # a rule that was set between runs counts, as in Lava
        if text is None:
            rules[target] = None
            continue
        try:
            rules[target] = read = read_rule(text)
            check_moves(read, taus, impulses, spike, payloads=graded, three_factor=three_factor)
        except RuleError as error:
            raise RuleError(f"{describe(process)}, {target} = '{text}': {error}") from None
    return Plasticity(
        dw=rules["dw"],
        dd=rules["dd"],
        dt=rules["dt"],
        three_factor=three_factor,
        taus=taus,
        impulses=impulses,
        t_epoch=within(process, "t_epoch", rule.t_epoch, EPOCH_RANGE),
        rng_seed=within(process, "rng_seed", rule.rng_seed, SEED_RANGE),
        graded_spike=spike,
        sign_mode=mode,
    )


def _of_traces(process: AbstractProcess, what: str, bounds: tuple[int, int]) -> dict[str, float]:
    found = {trace: float(np.ravel(held(getattr(process, f"{trace}_{what}")))[0]) for trace in TRACES}
    for trace, given in found.items():
        if not bounds[0] <= given <= bounds[1]:
            raise RangeError(f"{describe(process)}: {trace}_{what} = {given} is outside {bounds[0]}..{bounds[1]}")
    return found


def _check_two_factor(process: AbstractProcess, rule: LoihiLearningRule) -> None:
    if not isinstance(rule, Loihi2FLearningRule):
        raise LoweringError(
            f"{describe(process)}: a {type(rule).__name__} receives no post-synaptic spikes in Lava; use "
            "Loihi2FLearningRule or Loihi3FLearningRule"
        )
    for port in LEARNING_INPUTS[1:]:
        if getattr(process, port).in_connections:
            raise LoweringError(
                f"{describe(process)}: {port} is connected, but a Loihi2FLearningRule never receives there, and Lava hangs "
                "when the channel is full; use Loihi3FLearningRule, or connect s_in_bap only"
            )


def learning_states(process: AbstractProcess, index: Array | None) -> dict[str, Array]:
    """Traces, spike times and tags; tags of a sparse connection where its synapses are (`index`)."""
    states = {n: whole(process, n, value(process, n)) for n in (*PRE_STATES, *POST_STATES)}
    for tag in TAG_OF.values():
        tags = whole(process, tag, value(process, tag))
        states[tag] = tags if index is None else tags[tuple(index)]
    return states


def check_sparse(process: AbstractProcess, learned: Plasticity, index: Array) -> None:
    """Raises LoweringError for what Lava's LearningSparse (0.10.0) fails at, or learns nothing from."""
    owner = describe(process)
    if learned.sign_mode is not SignMode.MIXED:
        raise LoweringError(
            f"{owner}: Lava cannot run a LearningSparse of sign mode {learned.sign_mode.name}; use MIXED or LearningDense"
        )
    if index.shape[1] == 0:
        raise LoweringError(f"{owner}: Lava cannot run a LearningSparse without a synapse; give it a weight that is not 0")
    synapses = np.zeros(process.weights.shape, dtype=bool)
    synapses[tuple(index)] = True
    for target, rule in (("dw", learned.dw), ("dd", learned.dd), ("dt", learned.dt)):
        if rule and any(factor.variable in SYNAPTIC for product in rule.products for factor in product.factors):
            raise LoweringError(
                f"{owner}, {target} = '{rule.text}': Lava cannot run a LearningSparse whose rule uses w, d or t; use "
                "LearningDense"
            )
        if target in TAG_OF:
            _check_tag(process, TAG_OF[target], target if rule else None, synapses)


def _check_tag(process: AbstractProcess, tag: str, target: str | None, synapses: Array) -> None:
    given = held(getattr(process, tag))
    tagged = np.zeros(synapses.shape, dtype=bool)
    tagged[tuple(entries(given)[0])] = True
    if target is None:
        if (value(process, tag)[~synapses] != 0).any():
            raise LoweringError(
                f"{describe(process)}: {tag} has values where there is no synapse; give tags of synapses only"
            )
    elif not np.array_equal(tagged, synapses) or not np.issubdtype(given.dtype, np.integer):
        raise LoweringError(
            f"{describe(process)}: Lava learns {target} of a LearningSparse only where {tag} has an entry, an integer; "
            f"give a csr_matrix {tag} of integers with the entries that num_weight_bits leaves to the weights"
        )
