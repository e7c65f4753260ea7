"""The links of a Program as connections of Lava's ports: straight, transposed, or several laid side by side."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import numpy as np
from lava.magma.core.process.ports.ports import AbstractPort
from lava.magma.core.process.process import AbstractProcess

from neuromorph.errors import RebuildingError
from neuromorph.program import LEARNING_INPUTS, Array, Link, Program, Synapse


def connect(program: Program, processes: dict[str, AbstractProcess]) -> None:
    """Connect the processes of the nodes as the links say. Raises RebuildingError naming a link that Lava's ports cannot carry."""
    times = Counter((link.source, link.target) for link in program.links)
    for link in program.links:
        _check_learning(program, link)
        if times[link.source, link.target] > 1:
            raise _refusal(link, "is there twice, and Lava would deliver it once; send it through another node")
    for _, links in groupby(sorted(program.links, key=lambda link: link.target), lambda link: link.target):
        _connect_target(list(links), processes)


def _check_learning(program: Program, link: Link) -> None:
    node = program[link.target[0]]
    plasticity = node.plasticity if isinstance(node, Synapse) else None
    if plasticity and not plasticity.three_factor and link.target[1] in LEARNING_INPUTS[1:]:
        raise _refusal(link, "leads to a trace that a two-factor rule makes itself; Lava never receives there")


def _refusal(link: Link, why: str) -> RebuildingError:
    return RebuildingError(f"the link {'.'.join(link.source)} -> {'.'.join(link.target)} {why}")


def _connect_target(links: list[Link], processes: dict[str, AbstractProcess]) -> None:
    """All links of one input port. Those that reach a part of it only are joined to chains that reach all of it."""
    node, port = links[0].target
    target = getattr(processes[node], port)
    parts = []
    for link in links:
        sender = getattr(processes[link.source[0]], link.source[1])
        index = np.arange(sender.size) if link.index is None else np.asarray(link.index)
        reached = np.flatnonzero(index >= 0)
        sent = _arranged(sender, index[reached])
        if sent is None or (np.diff(reached) != 1).any():
            raise _refusal(link, "selects elements in a way that no reshape, transpose or concat of Lava's ports does")
        parts.append((int(reached[0]), int(reached[-1]) + 1, sent, link))
    while parts:
        _chained(parts, target.size).connect(target)


def _chained(parts: list[tuple[int, int, AbstractPort, Link]], size: int) -> AbstractPort:
    """Takes as many ports out of `parts` as lie side by side in 0..size, and joins them."""
    chain, end = [], 0
    while end < size:
        found = next((part for part in parts if part[0] == end), None)
        if found is None:
            raise _refusal(
                parts[0][3], f"and its like leave element {end} of the port without a sender; Lava's ports send to all"
            )
        parts.remove(found)
        chain.append(found[2])
        end = found[1]
    return chain[0] if len(chain) == 1 else chain[0].concat_with(chain[1:], axis=0)


def _arranged(sender: AbstractPort, index: Array) -> AbstractPort | None:
    """The port whose element i is element index[i] of the sender, or None where index is no transposition of all of them."""
    if index.size != sender.size:
        return None
    if (index == np.arange(index.size)).all():
        return sender
    axes = _axes(index)
    if not axes:
        return None
    strides = sorted((stride for _, stride in axes), reverse=True)
    shape = [length for _, length in sorted((-stride, length) for length, stride in axes)]
    if strides != [int(np.prod(shape[k + 1 :])) for k in range(len(shape))]:
        return None
    return sender.reshape(tuple(shape)).transpose(tuple(strides.index(stride) for _, stride in axes)).flatten()


def _axes(index: Array) -> list[tuple[int, int]]:
    """(length, stride) of the axes, outermost first, along which index runs from 0 in even steps; [] where it does not."""
    axes: list[tuple[int, int]] = []
    if index[0] != 0:
        return []
    while index.size > 1:
        stride = index[1] - index[0]
        uneven = np.flatnonzero(np.diff(index) != stride)
        length = int(uneven[0]) + 1 if uneven.size else index.size
        heads = index[::length]
        if index.size % length or (index.reshape(-1, length) != heads[:, None] + stride * np.arange(length)).any():
            return []
        axes.insert(0, (length, int(stride)))
        index = heads
    return axes
