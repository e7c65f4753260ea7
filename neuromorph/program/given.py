"""What was given where a Program is wanted."""

from __future__ import annotations

from os import PathLike

from neuromorph.errors import ProgramError
from neuromorph.program.program import Program


def check_program(given: object, taker: str) -> None:
    """Raise ProgramError for anything but a Program; it says how to make one of what was given."""
    if isinstance(given, Program):
        return
    how = "Wiring.program(), a network's program(), lower() and load().program give one"
    if callable(getattr(type(given), "program", None)):
        how = "give its .program()"
    elif isinstance(getattr(given, "__dict__", {}).get("program"), Program):
        how = "give its .program"
    elif isinstance(given, str | PathLike):
        how = f"give neuromorph.load({str(given)!r}).program"
    kind = type(given).__name__
    raise ProgramError(f"{taker} takes a Program, not {'an' if kind[0] in 'AEIO' else 'a'} {kind}; {how}")
