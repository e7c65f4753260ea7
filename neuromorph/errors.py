"""Everything neuromorph raises on purpose. Each message says what, which object, why, and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Integral
from typing import Any

LONGEST = 60
"""Characters of a value that are shown."""


class NeuromorphError(Exception):
    """Base of all errors raised by neuromorph; the command line prints it as one line."""


class RangeError(NeuromorphError, ValueError):
    """A parameter lies outside what the chip (and Lava's fixed-point arithmetic) can hold."""


class RuleError(NeuromorphError, ValueError):
    """A learning rule that the chip cannot express, that Lava would read differently from what it says, or that fails in use."""


class LawError(NeuromorphError, ValueError):
    """A Law that contradicts itself, is missing, or is another one than it says."""


class ProgramError(NeuromorphError, ValueError):
    """A Program that is not well formed."""


class LoweringError(NeuromorphError):
    """A process graph that cannot become a Program."""


class RebuildingError(NeuromorphError):
    """A Program that no process graph of Lava can hold."""


class SimulationError(NeuromorphError, RuntimeError):
    """A value left its legal range while running; names population and step."""


class DivergenceError(SimulationError):
    """States or updates of a training that are no longer finite; names layer, step and the last finite checkpoint."""


class LavaRunError(NeuromorphError, RuntimeError):
    """Lava's runtime died or did not answer in time."""


class ArtifactError(NeuromorphError, ValueError):
    """A file that is not, or not any more, a readable neuromorph artifact."""


class CompileError(NeuromorphError, ValueError):
    """A Program that no chip of the target family can hold; lists every reason at once."""


class DataError(NeuromorphError, FileNotFoundError):
    """A data set that is not where it was looked for, cannot be read, or does not hold what it must."""


class MissingError(NeuromorphError, ImportError):
    """A package that is not installed, and that only some things need; names the extra that brings it."""


class Interrupted(NeuromorphError):
    """Ctrl-C, after what was reached has been saved; says how to go on."""


class OutputError(NeuromorphError, OSError):
    """An output path that cannot be written."""


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """How an error about an unknown name ends: the known one that is nearest in spelling, if any is near, and all of them.

    "did you mean mnist? known are digits, mnist" of "MNITS"; without one that is near "known are digits, mnist".
    """
    names = list(known)
    by_spelling = {each.lower(): each for each in names}
    near = get_close_matches(str(name).lower(), by_spelling, n=1, cutoff=0.5)
    guess = f"did you mean {by_spelling[near[0]]}? " if near else ""
    return f"{guess}known are {', '.join(names)}"


def is_count(value: Any, least: int = 1) -> bool:
    """Whether it is a whole number of at least so many, and no bool."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def check_count(name: str, value: Any, least: int) -> None:
    """Raise RangeError unless it is a whole number of at least so many."""
    if not is_count(value, least):
        raise RangeError(f"{name} = {in_a_line(value)}: give a whole number, at least {least}")


def in_a_line(value: Any) -> str:
    """A value as an error shows it: the beginning of a long one."""
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
