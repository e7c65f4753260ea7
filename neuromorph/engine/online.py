"""Learning and prediction one sample at a time, on any Program that has a presenter and a readout.

A presenter is a source whose port `s_phase` opens every sample (1: free, 2: nudged); a readout is a population whose law names a
state as its answer: the network's at the last step of a sample. The label is its argmax (the lowest on ties).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from neuromorph.data.labels import check_labels
from neuromorph.data.order import sample_order
from neuromorph.engine.engine import Engine
from neuromorph.errors import ProgramError
from neuromorph.laws.phase import FREE, NUDGED
from neuromorph.program import Array, Population, Probe, Program, Source
from neuromorph.program.given import check_program
from neuromorph.program.presenting import presenter

Progress = Callable[[int], None]
ANSWER = "answer"


def presenter_of(program: Program) -> Source:
    """The source that presents samples."""
    check_program(program, "neuromorph.engine")
    found = [n for n in program.nodes if isinstance(n, Source) and "s_phase" in n.pulses]
    if len(found) != 1:
        raise ProgramError(f"this Program has {len(found)} presenters (sources that open phases); exactly one is needed")
    return found[0]


def readout_of(program: Program) -> Population:
    """The population that answers."""
    check_program(program, "neuromorph.engine")
    found = [p for p in program.populations if p.law.answer]
    if len(found) != 1:
        raise ProgramError(f"this Program has {len(found)} readouts; exactly one is needed")
    return found[0]


def present(program: Program, samples: Array, targets: Array | None = None, order: Array | None = None) -> Program:
    """The Program with these samples (n, inputs) and targets (n, outputs) in its presenter; free phases without targets.

    Raises ProgramError for shapes that its presenter does not send, RangeError for what is no whole number of 24 bits.
    """
    source = presenter_of(program)
    sizes = source.outputs
    shape, wanted = np.shape(samples), (len(samples), sizes["s_target"])
    if shape != (len(samples), sizes["s_out"]):
        raise ProgramError(f"samples have shape {shape}; '{source.name}' presents (n, {sizes['s_out']})")
    if targets is not None and np.shape(targets) != wanted:
        raise ProgramError(f"targets have shape {np.shape(targets)}, not {wanted}")
    shown = np.zeros(wanted, np.int32) if targets is None else targets
    opening = FREE if targets is None else NUDGED
    return program.with_nodes(presenter(source.name, samples, shown, steps=source.hold, opening=opening, order=order))


def paused(program: Program) -> Program:
    """The Program with every population silenced, as its law says: no weight moves (and none is rounded)."""
    silenced = [(p, p.law.silence.state) for p in program.populations if p.law.silence]
    return program.with_nodes(*(replace(p, states={**p.states, state: np.zeros(p.size)}) for p, state in silenced))


def answers(program: Program, samples: Array, progress: Progress | None = None) -> Array:
    """The readout's answer (n, outputs) at the last step of every sample, in free phases, with learning paused."""
    hold, readout = presenter_of(program).hold, readout_of(program)
    probe = Probe(ANSWER, readout.name, readout.law.answer or "", length=len(samples), every=hold, offset=hold - 1)
    trial = replace(present(paused(program), samples), probes=(probe,), step=0)
    engine = Engine(trial)
    engine.run(hold * len(samples), progress)
    return engine.get(ANSWER, "data")


def predict(program: Program, samples: Array, progress: Progress | None = None) -> Array:
    """Labels of the samples."""
    labels: Array = np.argmax(answers(program, samples, progress), axis=1)
    return labels


def accuracy(program: Program, samples: Array, labels: Array, progress: Progress | None = None) -> float:
    """Fraction of samples whose label is predicted. labels: (n,), 0..outputs - 1; raises DataError for others."""
    readout = readout_of(program)
    wanted = check_labels(labels, len(samples), readout.size, f"readout '{readout.name}'")
    return float(np.mean(predict(program, samples, progress) == wanted))


def _by_samples(progress: Progress, hold: int, step: int) -> Progress:
    """Steps in, samples out: those that have ended since the last call. A block may end in the middle of a sample."""
    at = step

    def told(steps: int) -> None:
        nonlocal at
        before, at = at // hold, at + steps
        progress(at // hold - before)

    return told


@dataclass
class OnlineTraining:
    """Presents a training set again and again, in a new order each time; weights live in the engine.

    Where it stands follows from the step count alone, and every order from `seed` and the number of the epoch: so a
    training that is resumed from `snapshot()` makes the same bits as one that never stopped.
    """

    program: Program
    samples: Array
    targets: Array
    seed: int
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self._hold = presenter_of(self.program).hold
        self.engine = Engine(present(self.program, self.samples, self.targets))

    @property
    def samples_seen(self) -> int:
        return self.engine.step // self._hold

    @property
    def epoch(self) -> int:
        """Epochs completed."""
        return self.samples_seen // len(self.samples)

    def order(self, epoch: int) -> Array:
        """In which an epoch presents the samples."""
        return sample_order(self.seed, epoch, len(self.samples))

    def beginning(self, steps: int) -> Program:
        """The Program whose first `steps` steps are those of the whole training; it holds only the samples that they show."""
        count = -(-steps // self._hold)
        shown = np.concatenate([self.order(epoch) for epoch in range(-(-count // len(self.samples)))])[:count]
        return present(self.program, self.samples[shown], self.targets[shown])

    def run_epoch(self, progress: Progress | None = None) -> None:
        """Finish the running epoch, or make a whole one. `progress(samples)` after every block."""
        self.engine.set(presenter_of(self.program).name, "order", self.order(self.epoch))
        left = (self.epoch + 1) * len(self.samples) * self._hold - self.engine.step
        self.engine.run(left, progress and _by_samples(progress, self._hold, self.engine.step))

    def snapshot(self) -> Program:
        """The Program as it stands, without the training set: its presenter holds one blank sample."""
        blank = np.zeros((1, presenter_of(self.program).outputs["s_out"]), np.int32)
        return present(self.engine.snapshot(), blank)
