"""Sources and sinks: what sends data into a network, and what keeps what comes out."""

from __future__ import annotations

from lava.magma.core.process.process import AbstractProcess

from neuromorph.engine.layout import BLOCK
from neuromorph.processes.lowering.values import Names, number, value, whole
from neuromorph.program import Outside, Sink, Source
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


AT_ONCE = 1 << 18
"""Numbers that are fed to a graph, or taken from it, at once."""


def injector(process: AbstractProcess, names: Names, fresh: bool) -> Outside:
    return Outside(names[process], {"out_port": process.out_port.size}, ahead=_steps_at_once(process.out_port.size))


def extractor(process: AbstractProcess, names: Names, fresh: bool) -> Outside:
    return Outside(names[process], {}, {"in_port": process.in_port.size}, ahead=_steps_at_once(process.in_port.size))


def _steps_at_once(size: int) -> int:
    return min(BLOCK, max(1, AT_ONCE // size))
