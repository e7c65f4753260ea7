"""Presenter: shows samples and their targets, one after the other, and opens a phase with each."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess, LogConfig
from lava.magma.core.process.variable import Var

from neuromorph.errors import RangeError
from neuromorph.laws.phase import FREE, NUDGED
from neuromorph.processes.from_law import Array, numbers, owner_of


class Presenter(AbstractProcess):
    """At step t (from 1), with k = order[((t - 1) // steps) mod len(order)]::

        s_out = samples[k],   s_target = targets[k]                       at every step
        s_phase = opening where (t - 1) mod steps == 0, else 0            once a sample

    samples: payloads (n, size); targets: (n, outputs), or None: zeros of shape (n, 1). Whole numbers of 32
    bits in fixed point. opening: the phase spike, 2 (nudged) when there are targets, else 1 (free). steps:
    steps a sample, at least 1. order: which samples, 0..n-1; default all in turn. Ports: s_out (size,),
    s_target (outputs,), s_phase (1,). All data are Vars, so that samples, targets, order and opening may be
    set between runs.

    Raises RangeError for shapes and numbers that do not fit together.
    Equals neuromorph.program.Source with hold = steps and pulses = ("s_phase",).
    """

    def __init__(
        self,
        *,
        samples: Any,
        targets: Any = None,
        steps: int,
        order: Any = None,
        name: str | None = None,
        log_config: LogConfig | None = None,
    ) -> None:
        super().__init__(name=name, log_config=log_config)
        owner = owner_of(self)
        shown = self._table("samples", samples)
        count = len(shown)
        wanted = np.zeros((count, 1)) if targets is None else self._table("targets", targets)
        if len(wanted) != count:
            raise RangeError(f"{owner}: {count} samples and {len(wanted)} targets; give as many of each")
        hold = numbers(steps, "steps", owner)
        if hold.size != 1 or hold.item() < 1 or hold.item() % 1:
            raise RangeError(f"{owner}: steps = {steps} is no whole number from 1 on")
        turns = np.arange(count) if order is None else numbers(order, "order", owner)
        if turns.ndim != 1 or not turns.size or ((turns < 0) | (turns >= count) | (turns % 1 != 0)).any():
            raise RangeError(f"{owner}: order = {order} is no list of whole numbers in 0..{count - 1}, one or more")
        self.proc_params["owner"] = owner
        self.proc_params["values"] = {"samples": shown, "targets": wanted}
        self.s_out = OutPort(shape=shown.shape[1:])
        self.s_target = OutPort(shape=wanted.shape[1:])
        self.s_phase = OutPort(shape=(1,))
        self.samples = Var(shape=shown.shape, init=shown)
        self.targets = Var(shape=wanted.shape, init=wanted)
        self.order = Var(shape=turns.shape, init=turns.astype(np.int64))
        self.steps = Var(shape=(1,), init=int(hold.item()))
        self.opening = Var(shape=(1,), init=FREE if targets is None else NUDGED)

    def _table(self, name: str, given: Any) -> Array:
        table = numbers(given, name, owner_of(self))
        if table.ndim != 2 or not table.size:
            raise RangeError(f"{owner_of(self)}: {name} has shape {table.shape}; give one row a sample")
        return table
