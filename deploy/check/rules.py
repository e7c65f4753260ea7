"""What a Loihi-class chip asks of a Program, one small function a rule, and the gate that asks them all.

A rule yields (place, complaint) for whatever breaks it. REQUIRED ones keep a Program from being compiled, the
others are limits that a user should know of. Numbers are those of Lava 0.10's fixed-point models and of
public Loihi software; each rule names its source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from neuromorph.deploy.freeze import FreezeReport, why_never_paused
from neuromorph.deploy.freeze import freeze as frozen_of
from neuromorph.errors import CompileError
from neuromorph.laws.products.plasticity import TRACE_RANGE, SignMode
from neuromorph.laws.products.rule import GradedSpike
from neuromorph.laws.weights import STATIC_RANGE, mode_of, off_grid
from neuromorph.program import Array, Outside, Population, Program, Source, Synapse
from neuromorph.program.given import check_program

Findings = Iterator[tuple[str, str]]

PAYLOAD_RANGE = (0, 2 * TRACE_RANGE[1])
MAX_NETX_DELAY = 62


@dataclass(frozen=True)
class Complaint:
    """What breaks which rule, and where. `fatal`: the Program cannot be compiled."""

    rule: str
    where: str
    message: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.where}: {self.message} [{self.rule}]"


@dataclass(frozen=True)
class Compiled:
    """A Program that keeps every required rule, what freezing cost (if wanted), and the other complaints."""

    program: Program
    freeze_report: FreezeReport | None
    complaints: tuple[Complaint, ...]


def complaints(program: Program) -> list[Complaint]:
    """Everything that is wrong with a Program, at once; required rules first."""
    check_program(program, "complaints")
    return [
        Complaint(rule.__name__, where, message, fatal)
        for fatal, rules in ((True, REQUIRED), (False, ADVISED))
        for rule in rules
        for where, message in rule(program)
    ]


def compile_program(program: Program, freeze: bool = False) -> Compiled:
    """Check a Program, frozen first if wanted. Raises CompileError, listing all, if a complaint is fatal."""
    check_program(program, "compile_program")
    report = None
    if freeze:
        program, report = frozen_of(program)
    found = complaints(program)
    if any(complaint.fatal for complaint in found):
        raise CompileError("this Program fits no chip:\n" + "\n".join(f"  {one}" for one in found))
    return Compiled(program, report, tuple(found))


def _named(synapse: Synapse) -> str:
    return f"synapse '{synapse.name}'"


def sign_mode(synapse: Synapse) -> SignMode:
    """The mode a rule gives, or the one that the signs of static weights leave (as Lava infers it)."""
    return synapse.plasticity.sign_mode if synapse.plasticity else mode_of(synapse.weights)


def weight_bits(synapse: Synapse) -> int:
    """Bits of a weight: eight, and nine where steps of 1 meet mixed signs (plastic ones in Lava)."""
    if synapse.plasticity:
        return 9 if synapse.plasticity.sign_mode == SignMode.MIXED else 8
    return 9 if off_grid(synapse.weights, mode_of(synapse.weights)).any() else 8


def no_weight_transport(program: Program) -> Findings:
    """A weight lies in the core of its post-synaptic neurons, and no chip reads it backwards."""
    links = {end for link in program.links for end in (link.source, link.target)}
    for synapse in program.synapses:
        if synapse.tied_to is not None and {(synapse.name, "s_in"), (synapse.name, "a_out")} <= links:
            yield (
                _named(synapse),
                f"uses the transposed weights of '{synapse.tied_to}', but a weight is stored where its "
                "post-synaptic neuron is, and no chip keeps a second copy equal while it learns (weight "
                "transport); give it weights of its own that learn the same, or freeze, which copies them",
            )


def static_weights_fit_8_bits(program: Program) -> Findings:
    """Lava 0.10, utils/weightutils.py: 0..255, -255..0, or even numbers of -256..254 if signs are mixed."""
    for synapse in program.synapses:
        wrong = off_grid(synapse.weights, sign_mode(synapse))
        if synapse.plasticity is None and wrong.any():
            mode = sign_mode(synapse)
            low, high = STATIC_RANGE[mode]
            yield (
                _named(synapse),
                f"{np.count_nonzero(wrong)} of {wrong.size} static weights, such as "
                f"{synapse.weights[wrong][0]}, need a ninth bit; weights of {mode.name.lower()} sign are "
                f"{'even, ' if mode == SignMode.MIXED else ''}{low}..{high}: round them first",
            )


def one_decimation(program: Program) -> Findings:
    """Lava 0.10, learning_rule.py: one k for all u_k of a connection."""
    for synapse in program.synapses:
        rule = synapse.plasticity
        rules = (rule.dw, rule.dd, rule.dt) if rule else ()
        exponents = {one.decimate_exponent for one in rules if one and one.decimate_exponent is not None}
        if len(exponents) > 1:
            yield (
                _named(synapse),
                f"its rules use u_k with k = {sorted(exponents)}; a connection has one k: use one",
            )


def payloads_fit_pre_traces(program: Program) -> Findings:
    """Lava 0.10, connection.py: x1 takes payload / 2, rounded, modulo 256, cut to 7 bits."""
    low, high = PAYLOAD_RANGE
    for synapse in program.synapses:
        rule = synapse.plasticity
        if rule is None or rule.graded_spike == GradedSpike.USE_REGULAR_IMPULSE:
            continue
        least, most, even = _range_at(program, synapse.name, "s_in", synapse.shape[1])
        if least.min(initial=0) < low or most.max(initial=0) > high or not even.all():
            yield (
                f"{_named(synapse)}, s_in",
                f"can receive {'' if even.all() else 'odd '}payloads of {least.min()}..{most.max()}; a "
                f"pre-trace takes even ones of {low}..{high}: send twice an activity of 0..{TRACE_RANGE[1]}",
            )


def post_traces_fit_7_bits(program: Program) -> Findings:
    """Lava 0.10, connection.py: a three-factor rule takes y1, y2, y3 as they come, and checks no range."""
    low, high = TRACE_RANGE
    for synapse in program.synapses:
        if synapse.plasticity is None or not synapse.plasticity.three_factor:
            continue
        for port in ("s_in_y1", "s_in_y2", "s_in_y3"):
            least, most, _ = _range_at(program, synapse.name, port, synapse.shape[0])
            if least.min(initial=0) < low or most.max(initial=0) > high:
                yield (
                    f"{_named(synapse)}, {port}",
                    f"can receive {least.min()}..{most.max()}; a post-trace has {low}..{high}: "
                    "send signed values as 64 + value",
                )


def _range_at(program: Program, name: str, port: str, size: int) -> tuple[Array, Array, Array]:
    """Least and most that each element of an input port can receive, and whether all of it is even."""
    least, most, even = np.zeros(size, np.int64), np.zeros(size, np.int64), np.ones(size, bool)
    for link in program.links_to(name, port):
        low, high, is_even = _range_of(program, *link.source)
        index = np.arange(size) if link.index is None else np.asarray(link.index)
        linked = index >= 0
        least[linked] += low[index[linked]]
        most[linked] += high[index[linked]]
        even[linked] &= is_even[index[linked]]
    return least, most, even


def _range_of(program: Program, name: str, port: str) -> tuple[Array, Array, Array]:
    """Least and most of each element of an output port, zero included, and whether it is always even."""
    node = program[name]
    size = node.outputs[port]
    if isinstance(node, Source):
        frames = node.frames[port]
        return frames.min(axis=0, initial=0), frames.max(axis=0, initial=0), (frames % 2 == 0).all(axis=0)
    if isinstance(node, Population):
        (variable,) = (v for v in node.law.outputs if v.name == port)
        return np.full(size, min(variable.low, 0)), np.full(size, variable.high), np.full(size, variable.even)
    return np.full(size, -(2**31)), np.full(size, 2**31 - 1), np.zeros(size, bool)


def reset_interval_is_a_power_of_two(program: Program) -> Findings:
    """Loihi 2's compiler, as the NetX tutorial of lava-dl says (netx/mnist)."""
    for node in program.populations:
        interval = int(node.parameters["reset_interval"][0]) if "reset_interval" in node.parameters else 1
        if interval & (interval - 1):
            below = 1 << (interval.bit_length() - 1)
            yield (
                f"population '{node.name}'",
                f"reset_interval = {interval}; Loihi 2 resets at powers of two: use {below} or {2 * below}",
            )


def delays_fit_netx(program: Program) -> Findings:
    """lava-dl, netx/hdf5.py: longer delays become 62 when a NetX file is loaded (six bits would hold 63)."""
    for synapse in program.synapses:
        longest = 0 if synapse.delays is None else int(synapse.delays.max(initial=0))
        if longest > MAX_NETX_DELAY:
            yield (
                _named(synapse),
                f"a delay of {longest} steps; NetX cuts it to {MAX_NETX_DELAY}: use at most that",
            )


def learning_can_pause(program: Program) -> Findings:
    """Plasticity is always on; only a rule that has a neuron's y3 in each product can be silenced."""
    for synapse in program.synapses:
        why = why_never_paused(program, synapse)
        if why:
            yield (
                _named(synapse),
                f"learns for ever, for it {why}; freeze it for inference, or multiply by y3",
            )


def nothing_from_outside(program: Program) -> Findings:
    """An artifact holds a network whole: what is fed to a simulation (Lava's Injector, Extractor) is no part of it."""
    for node in program.nodes:
        if isinstance(node, Outside):
            yield f"'{node.name}'", "takes part from outside of the network; use a source of frames or a sink in its place"


ChipRule = Callable[[Program], Findings]
REQUIRED: tuple[ChipRule, ...] = (
    nothing_from_outside,
    no_weight_transport,
    static_weights_fit_8_bits,
    one_decimation,
    payloads_fit_pre_traces,
    post_traces_fit_7_bits,
    reset_interval_is_a_power_of_two,
)
ADVISED: tuple[ChipRule, ...] = (delays_fit_netx, learning_can_pause)
