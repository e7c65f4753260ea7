"""The global random numbers (`np.random`, `random`) of models that share one Python: each draws from a copy of its own, as in Lava."""

from __future__ import annotations

import inspect
import random
import sys
from typing import Any

import numpy as np
from lava.magma.core.process.process import AbstractProcess

_OF_GENERATORS = ("lava", "neuromorph", "builtins", "abc", "typing")
"""Packages whose classes draw from generators of their own, or not at all."""


class RandomStates:
    """Lava forks a worker for each process, with a copy of the global states as they are when the run starts. Here they are exchanged
    where the turn goes from one to another: to a model that draws (`draws`), or back to whoever runs the graph, None."""

    def __init__(self) -> None:
        self._owner: AbstractProcess | None = None
        self._states: dict[AbstractProcess | None, Any] = {}
        self._beginning = _state()

    @property
    def owner(self) -> AbstractProcess | None:
        """Whose turn it is."""
        return self._owner

    def take(self, owner: AbstractProcess | None) -> None:
        """Its turn; it costs what exchanging the states costs, and nothing where it has it already."""
        if owner is self._owner:
            return
        self._states[self._owner] = _state()
        self._owner = owner
        of_numpy, of_python = self._states.get(owner, self._beginning)
        np.random.set_state(of_numpy)
        random.setstate(of_python)

    def adopt(self, other: RandomStates, process: AbstractProcess) -> None:
        """Let a process go on as it stands in another run of its graph."""
        if process in other._states:
            self._states[process] = other._states[process]


def draws(model: type) -> bool:
    """Whether a model may draw global random numbers: its module, or that of a class that it extends, says `random` or cannot be read."""
    return any(_says_random(name) for name in {kind.__module__ for kind in model.__mro__})


def _says_random(module: str) -> bool:
    if module.partition(".")[0] in _OF_GENERATORS:
        return False
    try:
        return "random" in inspect.getsource(sys.modules[module])
    except (OSError, TypeError, KeyError):
        return True


def _state() -> tuple[Any, Any]:
    return np.random.get_state(), random.getstate()
