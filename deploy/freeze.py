"""Ending plasticity: `freeze` makes plastic synapses static ones, `pause` silences their learning."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neuromorph.engine.online import paused
from neuromorph.errors import ProgramError
from neuromorph.laws.products.plasticity import TAG_1_RANGE, SignMode
from neuromorph.laws.weights import on_grid
from neuromorph.program import LEARNING_INPUTS, Population, Program, Synapse, variables
from neuromorph.program.given import check_program


@dataclass(frozen=True)
class FrozenSynapse:
    """What freezing did to the weights of one synapse: error = frozen - learned, in steps of the weight."""

    name: str
    weights: int
    changed: int
    rms_error: float
    max_error: int


@dataclass(frozen=True)
class FreezeReport:
    """One entry for every synapse that was plastic, in the Program's order."""

    synapses: tuple[FrozenSynapse, ...]


def freeze(program: Program) -> tuple[Program, FreezeReport]:
    """The Program without plasticity, and what that cost.

    Weights of sign mode MIXED go to even numbers, w & ~1: a static weight has eight bits, and with the sign
    among them they count in steps of 2; Lava's Dense truncates in just this way, downwards. Weights of one
    sign stay. Links into learning ports, traces and tags go. A tied synapse gets its own copy of the
    transposed weights, for nothing changes them any more. The drive under way (`a_buff`) stays. Raises
    ProgramError when a probe reads what goes.
    """
    check_program(program, "freeze")
    plastic = [s for s in program.synapses if s.plasticity]
    now = {s.name: s for s in program.synapses} | {s.name: _static(s) for s in plastic}
    for synapse in program.synapses:
        if synapse.tied_to is not None:
            now[synapse.name] = replace(synapse, weights=now[synapse.tied_to].weights.T, tied_to=None)
    _check_probes(program, now)
    learning = {(s.name, port) for s in plastic for port in LEARNING_INPUTS}
    frozen = replace(
        program,
        nodes=tuple(now.get(node.name, node) for node in program.nodes),
        links=tuple(link for link in program.links if link.target not in learning),
    )
    return frozen, FreezeReport(tuple(_entry(s, now[s.name]) for s in plastic))


def _check_probes(program: Program, static: dict[str, Synapse]) -> None:
    for probe in program.probes:
        if probe.node in static and probe.variable not in variables(static[probe.node]):
            raise ProgramError(
                f"probe '{probe.name}' reads {probe.node}.{probe.variable}, which freezing takes away; take "
                "the probe out first"
            )


def _static(synapse: Synapse) -> Synapse:
    mixed = synapse.plasticity is not None and synapse.plasticity.sign_mode == SignMode.MIXED
    weights = on_grid(synapse.weights, SignMode.MIXED) if mixed else synapse.weights
    return replace(synapse, weights=weights, plasticity=None, states={"a_buff": synapse.states["a_buff"]})


def _entry(before: Synapse, after: Synapse) -> FrozenSynapse:
    error = after.weights.astype(np.int64) - before.weights
    return FrozenSynapse(
        name=before.name,
        weights=int(error.size),
        changed=int(np.count_nonzero(error)),
        rms_error=float(np.sqrt(np.mean(error**2))) if error.size else 0.0,
        max_error=int(np.abs(error).max(initial=0)),
    )


def pause(program: Program) -> Program:
    """The Program with every population silenced (`Law.silence`; dyads: rate 0), after which no plastic synapse changes.

    Exact, not approximate: a factor 0 makes every product 0, and rounding leaves what 0 was added to (but for a
    tag_1 of -257, which the accumulator cannot hold). To go on learning, give the populations the states back
    that were set to 0. Raises ProgramError naming every synapse for which this would not hold, and why; `freeze` ends the
    learning of any rule.
    """
    check_program(program, "pause")
    reasons = [f"synapse '{s.name}' {why}" for s in program.synapses if (why := why_never_paused(program, s))]
    if reasons:
        raise ProgramError(f"learning cannot be paused exactly: {'; '.join(reasons)}; use freeze() instead")
    return paused(program)


def why_never_paused(program: Program, synapse: Synapse) -> str | None:
    """Why silent populations would not stop this synapse exactly, or None if they do (or if it does not learn)."""
    rule = synapse.plasticity
    if rule is None:
        return None
    products = [product for one in (rule.dw, rule.dd, rule.dt) if one for product in one.products]
    if not rule.three_factor:
        return "makes its post-traces itself, of post-synaptic spikes (two-factor rule)"
    if rule.dt and (synapse.states["tag_1"] == TAG_1_RANGE[0]).any():
        return f"has a tag_1 of {TAG_1_RANGE[0]}, which even rounding moves"
    silenced = {trace for trace in ("y1", "y2", "y3") if _silenced(program, synapse, trace)}
    for product in products:
        if not any(f.variable in silenced and f.constant == 0 for f in product.factors):
            return (
                f"has a product ({product.dependency}, {', '.join(map(str, product.factors))}) without a factor that "
                "falls silent, such as the y3 of dyads"
            )
    return None


def _silenced(program: Program, synapse: Synapse, trace: str) -> bool:
    """Whether a post-trace is 0 while populations are silenced: no impulses, and written by ports that are silent then."""
    if synapse.plasticity is None or synapse.plasticity.impulses[trace]:
        return False
    return all(
        isinstance(node := program[link.source[0]], Population)
        and node.law.silence is not None
        and link.source[1] in node.law.silence.outputs
        for link in program.links_to(synapse.name, f"s_in_{trace}")
    )
