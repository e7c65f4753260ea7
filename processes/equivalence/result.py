"""What holding Lava and the engine against each other finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """The first place where Lava and the engine disagree.

    Lava's recorded bits (recorded.py) tell step and variable only: there index, lava and native are None.
    """

    step: int
    population: str
    variable: str
    index: tuple[int, ...] | None = None
    lava: int | None = None
    native: int | None = None

    def __str__(self) -> str:
        where = f"step {self.step}, '{self.population}', {self.variable}"
        if self.index is None:
            return f"{where}: the engine has not what Lava was recorded to have"
        return f"{where}[{', '.join(map(str, self.index))}]: Lava has {self.lava}, the engine {self.native}"


@dataclass(frozen=True)
class BitCheck:
    """What a comparison found. `variables`: how many were compared in each step. `against`: what the engine was held against."""

    steps: int
    variables: int
    first_difference: Difference | None
    against: str = "Lava's models"

    @property
    def equal(self) -> bool:
        return self.first_difference is None
