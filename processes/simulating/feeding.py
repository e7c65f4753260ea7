"""`feed`: what an Injector sends, and what an Extractor gets, while a graph is simulated."""

from __future__ import annotations

from typing import Any

from lava.proc.io.extractor import Extractor
from lava.proc.io.injector import Injector

from neuromorph.engine.engine import Engine
from neuromorph.errors import RangeError
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.lowering.lower import Lowered
from neuromorph.processes.stepping.pipes import Inlet, Outlet, inlet_of, outlet_of


def feed(process: Injector | Extractor, data: Any) -> None:
    """Give an Injector its messages for the steps to come, or an Extractor somebody who takes what it gets.

    Of an Injector, `data` is an array (steps, *shape), a row a step, of which nothing is copied but the rows that a block of steps
    needs; or a callable. `data(step, count)` is asked for the messages of `step` (Lava's time_step: the first is 1) and of those that
    follow, up to `count` steps, and gives an array of one row a step, or one message. It is asked again when these steps are made and
    what they brought has been handed over, so one that gives one message a time closes a loop. What is fed counts from the next step
    on, in place of what was fed before. Where data end, an error says so, or zeros are sent
    (ChannelConfig(receive_empty=NON_BLOCKING_ZEROS)).

    Of an Extractor, `data` is a callable: `data(step, messages)` gets what came at `step` and at those that followed, a row a step.

    Without `feed`, `injector.send` and `extractor.receive` work between calls of `simulate` as between runs of Lava;
    `simulate(process, 0)` stands where `create_runtime` does. Raises RangeError for data of another shape.
    """
    if isinstance(process, Injector):
        inlet_of(process.in_port).feed(data)
    elif not isinstance(process, Extractor):
        raise RangeError(
            f"{getattr(process, 'name', process)!r} is no Injector or Extractor of lava.proc.io; feed takes one of these"
        )
    elif not callable(data):
        raise RangeError(
            f"{describe(process)}: {type(data).__name__} cannot take messages; give a callable (step, messages)"
        )
    else:
        outlet_of(process.out_port).hand_to(data)


class Feeds:
    """What goes into a graph and comes out of it while it runs, block by block."""

    def __init__(self, lowered: Lowered) -> None:
        ports = [(p, port) for p in lowered.graph.processes for port in (*p.in_ports.members, *p.out_ports.members)]
        piped = [(process, port) for process, port in ports if port.external_pipe_flag]
        into = {process: inlet_of(port) for process, port in piped if port in process.in_ports.members}
        out = {process: outlet_of(port) for process, port in piped if port in process.out_ports.members}
        self._all: list[Inlet | Outlet] = [*into.values(), *out.values()]
        self._into = [(lowered.names[p], inlet) for p, inlet in into.items() if p in lowered.names]
        self._out = [(lowered.names[p], outlet) for p, outlet in out.items() if p in lowered.names]
        self._room = min((outside.ahead for outside in lowered.program.ahead), default=1)

    def __bool__(self) -> bool:
        return bool(self._all)

    def check(self, steps: int) -> None:
        """Raises SimulationError where it is known that so many steps cannot be made."""
        for pipe in self._all:
            pipe.check(steps)

    def put(self, engine: Engine, steps: int, at_once: int | None = None) -> int:
        """Messages for the next steps into the engine; for how many of `steps`."""
        count = min(steps, at_once or self._room)
        offers = [(name, inlet.offer(engine.step + 1, steps)) for name, inlet in self._into]
        count = min(count, *(len(rows) for _, rows in offers)) if offers else count
        for name, rows in offers:
            engine.feed(name, "out_port", rows[:count])
        return count

    def hand_over(self, engine: Engine, count: int) -> None:
        """What came in the last steps, which have been made."""
        for _, inlet in self._into:
            inlet.drop(count)
        for name, outlet in self._out:
            messages = engine.came(name, "in_port", count)
            outlet.put(engine.step - count + 1, messages.reshape(count, *outlet.shape))
