"""Rules that infer states by repeating one step until nothing moves any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.network import States, largest_changes
from neuromorph.learning.rule import Rule

LOOK = 5
"""Steps from one look at the tolerance to the next: a look waits for the device."""


@dataclass(kw_only=True)
class SettlingRule(Rule):
    """Nudging strength and the numbers of a relaxation. eps is the share of the way to its drive that a state moves in a step."""

    beta: float = field(default=0.5, metadata={"help": "nudging strength"})
    eps: float | None = field(
        default=None, metadata={"help": "share of the way that a state moves in a step; None: by norms"}
    )
    steps: int = field(default=20, metadata={"help": "of a relaxation, at most"})
    tolerance: float = field(default=0.0, metadata={"help": f"stop when no state moves further, seen every {LOOK} steps"})

    broadcasts: ClassVar[tuple[str, ...]] = ("norm", "residual")

    def check(self) -> None:
        if self.beta <= 0:
            raise RangeError(f"beta = {self.beta} nudges nothing or uphill; give beta > 0")
        if self.eps is not None and not 0 < self.eps <= 1:
            raise RangeError(f"eps = {self.eps} is outside 0..1 (0 excluded): a state moves by that share of the way")
        if self.steps < 1 or self.tolerance < 0:
            raise RangeError(f"steps = {self.steps}, tolerance = {self.tolerance}: give at least one step, tolerance >= 0")

    @property
    def indivisible(self) -> str:
        return "with a tolerance all samples of a batch stop together" if self.tolerance else super().indivisible

    def settle(self, moving: Sequence[States], step: Callable[[], None], steps: int | None = None) -> Tensor:
        """Repeat `step`, which assigns the `moving` states; gives the largest change of a state of each layer in the last one."""
        residual, steps = torch.zeros(0), self.steps if steps is None else steps
        for t in range(1, steps + 1):
            is_last, looks = t == steps, self.tolerance > 0 and t % LOOK == 0
            before = [s for states in moving for s in states[1:]] if is_last or looks else []
            step()
            if before:
                residual = largest_changes(before, [s for states in moving for s in states[1:]], len(moving))
            if looks and float(residual.max()) <= self.tolerance:
                break
        return residual
