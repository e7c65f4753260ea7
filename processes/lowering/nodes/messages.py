"""Sources and sinks: what sends data into a network, and what keeps what comes out."""

from __future__ import annotations

from lava.magma.core.process.process import AbstractProcess

from neuromorph.processes.lowering.values import Names, number, value, whole
from neuromorph.program import Sink, Source
from neuromorph.program.presenting import presenter


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
