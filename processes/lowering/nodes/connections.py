"""Synapses: Dense, Sparse, convolutions, and connections tied to another's weights."""

from __future__ import annotations

import numpy as np
from lava.magma.core.process.process import AbstractProcess

from neuromorph.errors import LoweringError
from neuromorph.laws.synapse import EXPONENT_RANGE, MESSAGE_BITS_RANGE
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.learning import check_sparse, learning_states, plasticity
from neuromorph.processes.lowering.values import (
    Names,
    matrix,
    number,
    setting,
    sign_mode_of,
    truncated,
    value,
    whole,
    within,
)
from neuromorph.program import Array, Kernel, Synapse


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


def convolution(process: AbstractProcess, names: Names, fresh: bool) -> Synapse:
    """Conv. Lava's model looks at neither weight_exp nor num_weight_bits, and cuts no weights."""
    weights = whole(process, "weight", value(process, "weight"))
    stride, padding, dilation, size = (_pair(process, name) for name in ("stride", "padding", "dilation", "kernel_size"))
    kernel = Kernel(process.s_in.shape, stride, padding, dilation, number(process, "groups"))
    if size != weights.shape[1:3]:
        raise LoweringError(
            f"{describe(process)}: kernel_size = {size}, and its weight has {weights.shape[1:3]}; give these"
        )
    return Synapse(
        name=names[process],
        shape=(process.a_out.size, process.s_in.size),
        weights=weights,
        graded=within(process, "num_message_bits", number(process, "num_message_bits"), MESSAGE_BITS_RANGE) > 0,
        states={"a_buff": whole(process, "a_buf", value(process, "a_buf"))},
        kernel=kernel,
    )


def _pair(process: AbstractProcess, name: str) -> tuple[int, int]:
    x, y = whole(process, name, value(process, name)).tolist()
    return x, y


def _delays(process: AbstractProcess, index: Array | None) -> Array:
    delays = whole(process, "delays", value(process, "delays"))
    depth = process.a_buff.shape[-1]
    if delays.max(initial=0) >= depth:
        raise LoweringError(
            f"{describe(process)}: a delay of {delays.max()} does not fit max_delay = {depth - 1}; Lava would drop those "
            "synapses silently: give a larger max_delay"
        )
    return delays if index is None else delays[tuple(index)]
