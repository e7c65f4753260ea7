"""A DyadicMLP as a Lava process graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuromorph.program import Program

if TYPE_CHECKING:
    from lava.magma.core.process.process import AbstractProcess

    from neuromorph.processes.dyads.process import Dyads
    from neuromorph.processes.presenter.process import Presenter
    from neuromorph.processes.readout.process import NudgedReadout


@dataclass(frozen=True)
class DyadicGraph:
    """The processes of a DyadicMLP. `forward[k]` connects layer k to k+1, `feedback[k]` layer k+2 to k+1."""

    presenter: Presenter
    hidden: list[Dyads]
    readout: NudgedReadout
    forward: list[AbstractProcess]
    feedback: list[AbstractProcess]

    @classmethod
    def of(cls, program: Program) -> DyadicGraph:
        """The processes of the Program of a DyadicMLP, by what their names begin with."""
        from neuromorph.processes import rebuild

        processes = rebuild(program)

        def called(kind: str) -> list[Any]:
            return [process for name, process in processes.items() if name.startswith(kind)]

        (presenter,), (readout,) = called("presenter"), called("readout")
        return cls(presenter, called("hidden"), readout, called("forward"), called("feedback"))
