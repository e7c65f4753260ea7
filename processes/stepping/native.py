"""The part of a graph that the engine runs, as one more member of every step beside Lava's models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from neuromorph.engine.engine import Engine
from neuromorph.processes.stepping.channels import RecvPort, SendPort
from neuromorph.processes.stepping.scheduler import Later
from neuromorph.program import Turn

Key = tuple[str, str]
"""A node and one of its ports."""


@dataclass(frozen=True)
class Sending:
    """Where the engine's messages from a port go, in the shape that the port has in Lava."""

    key: Key
    shape: tuple[int, ...]
    port: SendPort


class NativePart:
    """Runs each turn of the engine's step as soon as all that it waits for has come.

    So the engine waits for no message longer than the neurons that need it do, whatever the other processes wait for: it ends every
    step that Lava ends.
    """

    def __init__(self, engine: Engine, receiving: dict[Key, RecvPort], sending: list[Sending]) -> None:
        self.engine = engine
        self._receiving = receiving
        self._turns = engine.turns
        self._sending = [[s for s in sending if s.key[0] in names] for names in self._senders()]
        self._ahead = [self._turns_ahead(number) for number in range(len(self._turns))]
        self._arrived: set[Key] = set()
        self._done: set[int] = set()

    def _senders(self) -> Iterator[set[str]]:
        """For each turn the nodes that have sent when it has ended. Synapses send at the beginning of a step."""
        synapses = {synapse.name for synapse in self.engine.program.synapses}
        for number, turn in enumerate(self._turns):
            own = {node.name for node in turn.nodes} - synapses
            yield own | synapses if number == 0 else own

    def _turns_ahead(self, number: int) -> list[int]:
        """The turns that have to be made before this one: what waits for less, and before the last one all."""
        waits = self._turns[number].waits
        last = number == len(self._turns) - 1
        return [k for k, turn in enumerate(self._turns[:number]) if last or turn.waits <= waits]

    def functions(self) -> Iterator[Later]:
        """The turns of the next step."""
        self._arrived.clear()
        self._done.clear()
        for number, turn in enumerate(self._turns):
            yield Later(partial(self._is_ready, number, turn), partial(self._reason, turn), partial(self._run, number))

    def _is_ready(self, number: int, turn: Turn) -> bool:
        if not self._done.issuperset(self._ahead[number]):
            return False
        return all(key in self._arrived or self._receiving[key].probe() for key in turn.waits)

    def _reason(self, turn: Turn) -> str:
        routes = [self._receiving[key].route for key in sorted(turn.waits) if key not in self._arrived]
        return "; ".join(f"{route}: empty, nobody sends" for route in routes)

    def _run(self, number: int) -> None:
        for key in self._turns[number].waits - self._arrived:
            self.engine.take(*key, self._receiving[key].recv())
            self._arrived.add(key)
        self.engine.run_turn(number)
        self._done.add(number)
        for sending in self._sending[number]:
            sending.port.send(self.engine.get(*sending.key).reshape(sending.shape))
