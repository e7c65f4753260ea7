"""Messages: sources, sinks, links within a step, sending of what synapses accumulated, probes."""

from __future__ import annotations

import numpy as np

from neuromorph.engine.fields import BAD_SUM, STATUS
from neuromorph.engine.kernel import kernel


@kernel
def publish(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """A synapse sends. d: post neurons, depth, a_buff, a_out."""
    n, depth = d[0], d[1]
    mem[d[3] : d[3] + n] = mem[d[2] : d[2] + n * depth : depth]
    return 0


@kernel
def gather(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """An input port sums its links, to no more than 32 bits. d: size, port, links, then per link (source, index or -1)."""
    n, port = d[0], d[1]
    mem[port : port + n] = 0
    for link in range(d[2]):
        source, index = d[3 + 2 * link], d[4 + 2 * link]
        for i in range(n):
            sent = i if index < 0 else mem[index + i]
            if sent < 0:
                continue
            total = np.int64(mem[port + i]) + mem[source + sent]
            if total != np.int32(total):
                mem[STATUS] = i
                return BAD_SUM
            mem[port + i] = total
    return 0


@kernel
def play(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """A source sends. d: ports, hold, length of order, order, then per port (size, frames, narrow, pulse, out)."""
    hold = d[1]
    frame = mem[d[3] + ((t - 1) // hold) % d[2]]
    for port in range(d[0]):
        n, frames, narrow, pulse, out = (
            d[4 + 5 * port],
            d[5 + 5 * port],
            d[6 + 5 * port],
            d[7 + 5 * port],
            d[8 + 5 * port],
        )
        if pulse != 0 and (t - 1) % hold != 0:
            mem[out : out + n] = 0
        elif narrow != 0:
            mem[out : out + n] = syn[frames + frame * n : frames + (frame + 1) * n]
        else:
            mem[out : out + n] = mem[frames + frame * n : frames + (frame + 1) * n]
    return 0


@kernel
def keep(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """A sink stores. d: size, length, in, data (size, length)."""
    n, length = d[0], d[1]
    column = (t - 1) % length
    for i in range(n):
        mem[d[3] + i * length + column] = mem[d[2] + i]
    return 0


@kernel
def read(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """A Read keeps a state. d: size, every, offset, state, length, data (size, length), counter."""
    n, length = d[0], d[4]
    if (t - 1) % d[1] != d[2]:
        return 0
    column = mem[d[6]] % length
    for i in range(n):
        mem[d[5] + i * length + column] = mem[d[3] + i]
    mem[d[6]] += 1
    return 0


@kernel
def reset(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """A Reset sets a state. d: size, every, offset, state, value."""
    if (t - 1) % d[1] == d[2]:
        mem[d[3] : d[3] + d[0]] = d[4]
    return 0


@kernel
def probe(t, d, mem, syn, real):  # type: ignore[no-untyped-def]
    """A probe reads. d: size, where, in syn, every, offset, rows, out, stride."""
    n, every = d[0], d[3]
    if (t - 1) % every != d[4]:
        return 0
    out = d[6] + ((t - 1) // every) % d[5] * n
    if d[2] != 0:
        for i in range(n):
            mem[out + i] = syn[d[1] + i * d[7]]
    else:
        for i in range(n):
            mem[out + i] = mem[d[1] + i * d[7]]
    return 0
