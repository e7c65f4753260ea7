"""The engine: a Program in memory, run in blocks of steps, each one compiled call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from neuromorph.engine import fields as f
from neuromorph.engine.kernel import operations, run_steps
from neuromorph.engine.layout import BLOCK, Layout, Place, Stream
from neuromorph.errors import ProgramError, RangeError, SimulationError, did_you_mean
from neuromorph.interrupt import deferred_interrupt
from neuromorph.laws.synapse import PAYLOAD_RANGE
from neuromorph.program import Array, Node, Outside, Population, Program, Read, Reset, Sink, Source, Synapse, Turn
from neuromorph.program.given import check_program

Progress = Callable[[int], None]


NOTES = {
    f.NOTED_PAYLOAD: "took payloads that are no even numbers of 0..254: half of each, rounded to even, modulo 256",
    f.NOTED_TRACE: "took post-traces outside 0..127 as they are",
}


class RandomStream:
    """One of Lava's random streams, read forward in blocks. `position`: numbers drawn so far."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._generator = np.random.default_rng(stream.seed)
        self._position = 0

    def _draw(self, count: int) -> Array:
        self._position += count
        if self.stream.kind == "impulse":
            return self._generator.integers(0, 128, size=count, dtype=int)
        return self._generator.random(count)

    def fill(self, real: Array, start: int, steps: int) -> None:
        """The numbers that Lava uses in steps start+1 .. start+steps; it draws one when born, then two a step
        (one an epoch for rounding weights)."""
        per_step = 1 if self.stream.kind == "round" else 2
        done, after = (
            per_step * (start // self.stream.epoch),
            per_step * ((start + steps) // self.stream.epoch),
        )
        self._skip_to(done + 1)
        numbers = self._draw(after - done)
        spacing = 1 if self.stream.kind == "round" else 2
        real[self.stream.offset : self.stream.offset + spacing * numbers.size : spacing] = numbers

    def _skip_to(self, position: int) -> None:
        if position < self._position:
            self._generator, self._position = np.random.default_rng(self.stream.seed), 0
        while self._position < position:
            self._draw(min(position - self._position, 1 << 16))


class Engine:
    """Runs a Program. State lives in the engine until `snapshot()` gives a Program again.

    Every variable of every node is readable and writable between runs (`get`, `set`), by the names of the Program.
    """

    def __init__(self, program: Program) -> None:
        check_program(program, "Engine")
        self.program = program
        self.step = program.step
        self._layout = Layout(program)
        self._arenas = {"mem": self._layout.mem.joined(), "syn": self._layout.syn.joined()}
        self._real = self._layout.real.joined()
        with deferred_interrupt():
            self._operations = operations([kernel for kernel, _, _ in self._layout.operations])
        rows = [row for _, row, _ in self._layout.operations]
        self._rows = np.array([number for row in rows for number in row], dtype=np.int64)
        self._starts = np.cumsum([0, *map(len, rows)], dtype=np.int64)
        self._drawn = program.step
        self._streams = [RandomStream(s) for s in self._layout.streams]
        self.probes = {probe.name for probe in program.probes}
        self._fed = {(outside.name, port): self.step for outside in program.ahead for port in outside.outputs}

    def __repr__(self) -> str:
        return f"<Engine of {len(self.program.populations)} populations, {len(self.program.synapses)} synapses, step {self.step}>"

    def run(self, steps: int, progress: Progress | None = None) -> None:
        """Make `steps` steps. `progress(n)` is called after every block with the number of steps made in it; Ctrl-C takes
        effect there, so that the engine can be read and run on after it.

        Raises SimulationError when a value leaves the range that the chip (and Lava's arithmetic) can take; the engine
        then stands in the middle of that step and should be thrown away.
        """
        if steps < 0:
            raise RangeError(f"steps = {steps}; an engine does not run backwards")
        if any(turn.waits for turn in self.turns):
            raise ProgramError("this Program waits for messages from outside; take them and run its turns")
        for (name, port), last in self._fed.items():
            if last < self.step + steps:
                raise ProgramError(
                    f"'{name}': {port} is fed to step {last}, and is to send to step {self.step + steps}; feed it more"
                )
        while steps > 0:
            block = min(steps, BLOCK)
            with deferred_interrupt():
                self._draw(block)
                self._operate(0, len(self._starts) - 1, block)
                self.step += block
            steps -= block
            if progress:
                progress(block)

    def be_lenient(self, lenient: bool) -> None:
        """Whether learning synapses take any payload and any post-trace, as Lava does, or (at first) only those that a chip holds."""
        for place in self._layout.leniences.values():
            self._arenas["mem"][place] = lenient

    def take_notes(self) -> list[str]:
        """What has left the chip's range since the last call, and what was done."""
        noted = []
        for name, place in self._layout.leniences.items():
            found, self._arenas["mem"][place + 1] = self._arenas["mem"][place + 1], 0
            noted += [f"synapse '{name}' {text}" for bit, text in NOTES.items() if found & bit]
        return noted

    @property
    def turns(self) -> list[Turn]:
        """The parts of a step, as the Program has them."""
        return [turn for turn, _, _ in self._layout.turns]

    def take(self, name: str, port: str, message: Array) -> None:
        """What an Outside sends from a port in this step. Raises SimulationError for what 32 bits do not hold."""
        place = self._layout.place(name, port)
        self._at(place)[:] = self._integers(name, port, message).ravel()

    def feed(self, name: str, port: str, messages: Array) -> None:
        """What an Outside sends from a port in the steps that come, a row a step, no more than it has room for. Raises as `take`."""
        frames = self._frames(name, port)
        integers = self._integers(name, port, messages).reshape(-1, frames.shape[1])
        if len(integers) > len(frames):
            raise ProgramError(
                f"'{name}': {port} has room for {len(frames)} steps, and {len(integers)} are given; feed them in parts"
            )
        frames[_turning(self.step, len(integers), len(frames))] = integers
        self._fed[name, port] = self.step + len(integers)

    def came(self, name: str, port: str, steps: int) -> Array:
        """What came to a port of an Outside in the last `steps` steps, a row a step."""
        frames = self._frames(name, port)
        if steps > len(frames):
            raise ProgramError(f"'{name}': {port} keeps {len(frames)} steps, not {steps}; run fewer at once")
        return frames[_turning(self.step - steps, steps, len(frames))].copy()

    def _frames(self, name: str, port: str) -> Array:
        """The messages of a port of an Outside that has room for them, in place."""
        place = self._place(name, f"{port}.frames")
        return self._at(place).reshape(place.shape)

    def _integers(self, name: str, port: str, message: Array) -> Array:
        if np.issubdtype(message.dtype, np.integer) and np.can_cast(message.dtype, np.int32):
            return message
        integers: Array = message.astype(np.int32)
        if np.any(wrong := message != integers):
            raise SimulationError(
                f"step {self.step + 1}, '{name}': {port} sends {message[wrong].flat[0]}, which is no integer of 32 bits"
            )
        return integers

    def run_turn(self, number: int) -> None:
        """Make one turn of the next step, by its place in `turns`; the last one ends the step. Raises what `run` raises."""
        _, first, last = self._layout.turns[number]
        if number == 0 and self.step >= self._drawn:
            self._draw(BLOCK)
        self._operate(first, last, 1)
        if number == len(self._layout.turns) - 1:
            self.step += 1

    def _draw(self, steps: int) -> None:
        """The random numbers of the next steps."""
        self._real[0] = self.step
        self._drawn = self.step + steps
        for stream in self._streams:
            stream.fill(self._real, self.step, steps)

    def _operate(self, first: int, last: int, steps: int) -> None:
        code, t, k = run_steps(
            self._operations,
            first,
            last,
            self.step,
            steps,
            self._rows,
            self._starts,
            self._arenas["mem"],
            self._arenas["syn"],
            self._real,
        )
        if code:
            raise SimulationError(self._complaint(code, t, k))

    def _complaint(self, code: int, t: int, k: int) -> str:
        name, neuron = self._layout.operations[k][2], int(self._arenas["mem"][f.STATUS])
        where = f"step {t}, '{name}', neuron {neuron}"
        if code == f.BAD_PAYLOAD:
            value = self.get(name, "s_in")[neuron]
            return f"{where}: payload {value} into a learning synapse; a pre-trace takes even payloads of 0..254"
        if code == f.BAD_TRACE:
            values = [int(self.get(name, f"s_in_y{i}")[neuron]) for i in (1, 2, 3)]
            return f"{where}: post-traces y1, y2, y3 = {values}; the chip holds 0..127"
        if code == f.BAD_WIDTH:
            value = self.get(name, "s_in")[neuron]
            return f"{where}: payload {value} is outside {PAYLOAD_RANGE[0]}..{PAYLOAD_RANGE[1]} (24 bits)"
        if code in (f.BAD_DRIVE, f.BAD_SUM):
            what = "its drive a_buff" if code == f.BAD_DRIVE else "the sum of what arrives at one of its ports"
            return f"{where}: {what} leaves 32 bits; send smaller payloads or lower weight_exp"
        population = next(p for p in self.program.populations if p.name == name)
        law = population.law
        if code >= f.BAD_RESULT:
            variable = law.results[code - f.BAD_RESULT]
            return (
                f"{where}: {variable.name} leaves {variable.low}..{variable.high}; widen its range, or let the law clip it"
            )
        variable = law.inputs[code - f.BAD_INPUT]
        value = self.get(name, variable.name)[neuron]
        top = variable.top(population.size)
        return f"{where}: {variable.name} = {value} is outside {variable.low}..{top} ({variable.meaning})"

    def _place(self, name: str, variable: str) -> Place:
        try:
            return self._layout.place(name, variable)
        except KeyError:
            known = sorted(v for n, v in self._layout.places if n == name)
            if not known:
                there = dict.fromkeys(n for n, _ in self._layout.places)
                raise ProgramError(f"no node or probe is called '{name}'; {did_you_mean(name, there)}") from None
            raise ProgramError(f"'{name}' has no variable '{variable}'; it has {known}") from None

    def get(self, name: str, variable: str) -> Array:
        """A copy of a variable: states, parameters, weights[post, pre], ports, a probe's `data` (rows, neurons)."""
        place = self._place(name, variable)
        return self._at(place).reshape(place.shape).swapaxes(place.turned, -1).copy()

    def set(self, name: str, variable: str, values: Array | int) -> None:
        """Overwrite a variable. Raises what a Program with this value would raise."""
        place = self._place(name, variable)
        shape = self.get(name, variable).shape
        try:
            full = np.broadcast_to(np.asarray(values), shape)
        except ValueError:
            raise ProgramError(f"'{name}': {variable} has shape {shape}, not {np.shape(values)}") from None
        self._check(name, variable, full)
        stored = full.swapaxes(place.turned, -1)
        self._at(place)[:] = stored.ravel()
        if name in self._layout.dirty:  # the last sum no longer holds, be it of other weights or overwritten
            self._arenas["mem"][self._layout.dirty[name]] = 1

    def _check(self, name: str, variable: str, values: Array) -> None:
        if name in self.probes:
            return
        node = self.program[name]
        if isinstance(node, Population):
            named = {v.name: v for v in (*node.law.states, *node.law.parameters)}
            if variable in named:
                named[variable].check(values, f"population '{name}'")
        elif isinstance(node, Synapse):
            changed = {"weights": values} if variable == "weights" else {"states": {**node.states, variable: values}}
            replace(node, **changed)
        elif isinstance(node, Source) and variable == "order":
            replace(node, order=values)
        elif isinstance(node, Read):
            replace(node, counter=values) if variable == "counter" else replace(node, data=values)

    def saved(self) -> list[Array]:
        """Copies of all that steps change, for `restored`."""
        return [self._at(place).copy() for place in self._layout.states]

    def _at(self, place: Place) -> Array:
        return self._arenas[place.arena][place.offset : place.offset + place.size]

    def restored(self, saved: list[Array], step: int) -> Engine:
        """An engine that stands where this one stood when its variables were saved, after `step`."""
        engine = Engine(replace(self.program, step=step))
        constants = [(place, self._at(place)) for place in self._layout.constants]
        for place, values in [*zip(self._layout.states, saved, strict=True), *constants]:
            engine._at(place)[:] = values
        return engine

    def snapshot(self) -> Program:
        """The Program as it stands now: running on from it gives the same bits as running on here."""
        return replace(self.program.with_nodes(*(self._now(n) for n in self.program.nodes)), step=self.step)

    def _now(self, node: Node) -> Node:
        if isinstance(node, Population):
            return replace(
                node,
                states={v: self.get(node.name, v) for v in node.states},
                parameters={v: self.get(node.name, v) for v in node.parameters},
            )
        if isinstance(node, Synapse):
            weights = node.weights if node.tied_to else self.get(node.name, "weights")
            return replace(node, weights=weights, states={v: self.get(node.name, v) for v in node.states})
        if isinstance(node, Sink):
            return replace(node, data=self.get(node.name, "data"))
        if isinstance(node, Read):
            return replace(node, data=self.get(node.name, "data"), counter=self.get(node.name, "counter"))
        return node if isinstance(node, Outside | Reset) else replace(node, order=self.get(node.name, "order"))


def _turning(first: int, count: int, length: int) -> slice | Array:
    """`count` rows from `first` on of so many that are used in turns."""
    row = first % length
    return slice(row, row + count) if row + count <= length else np.arange(row, row + count) % length
