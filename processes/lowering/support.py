"""What becomes of every Process of Lava, made from the lowering itself. `python -m neuromorph.processes.lowering.support`"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import lava.proc
from lava.magma.core.model.model import AbstractProcessModel
from lava.magma.core.model.py.model import AbstractPyProcessModel
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.io.extractor import PyLoihiVarWireModel
from lava.proc.monitor.models import PyMonitorModel

from neuromorph.laws.law import Variable
from neuromorph.processes.lowering.nodes.table import SUPPORTED, Support

Class = type[AbstractProcess]
FLOATING = "floating_pt"


def _span(variable: Variable) -> str:
    return f"`{variable.name}` {variable.low}..{variable.high}"


def _row(model: str, support: Support) -> str:
    ranges = ", ".join(_span(v) for v in support.law.parameters if not v.index) if support.law else support.note
    return f"| {support.process} | {model} | {ranges} |"


def support_table() -> str:
    """Markdown: Process, the fixed-point model whose bits the engine gives, and what it takes; below it what becomes of all others."""
    rows = [_row(model.__name__, support) for model, support in SUPPORTED.items()]
    native = "\n".join(["| Process | equals, bit for bit | parameters (integers) |", "|---|---|---|", *rows])
    return f"{native}\n\nOf all Processes in `lava.proc`:\n\n| how they run | which |\n|---|---|\n{_of_all()}"


def _of_all() -> str:
    found: dict[str, list[str]] = {}
    modules = [*_modules()]
    models = [each for module in modules for each in _classes(module, AbstractProcessModel)]
    for module in modules:
        for process in _classes(module, AbstractProcess):
            own = [model for model in models if getattr(model, "implements_process", None) is process]
            found.setdefault(how_it_runs(own), []).append(_short(process))
    return "\n".join(f"| {how} | {', '.join(sorted(found[how]))} |" for how in sorted(found, key=ORDER.index))


NATIVE, STEPPED, IN_FLOATS = (
    "natively",
    "stepped, by Lava's own model",
    "stepped, in floating point (Lava has no other model)",
)
MADE_OF_OTHERS, NO_MODEL = "as the Processes that it is made of", "not at all: without a model in Lava"
REFUSED = "refused: it speaks through a channel of Lava's runtime"
ORDER = (NATIVE, STEPPED, IN_FLOATS, MADE_OF_OTHERS, REFUSED, NO_MODEL)


def how_it_runs(models: list[type[AbstractProcessModel]]) -> str:
    """One of ORDER, for a Process that has these models."""
    if any(model in SUPPORTED or model is PyMonitorModel for model in models):
        return NATIVE
    if PyLoihiVarWireModel in models:
        return REFUSED
    stepped = [m for m in models if issubclass(m, AbstractPyProcessModel) and m.implements_protocol is LoihiProtocol]
    if stepped:
        return IN_FLOATS if all(FLOATING in model.tags for model in stepped) else STEPPED
    return MADE_OF_OTHERS if any(issubclass(model, AbstractSubProcessModel) for model in models) else NO_MODEL


def _modules() -> Iterator[ModuleType]:
    """All of lava.proc: some of its folders are no packages."""
    (root,) = lava.proc.__path__
    for path in sorted(Path(root).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield import_module(".".join(("lava.proc", *(part for part in parts if part != "__init__"))))


def _classes(module: ModuleType, kind: type) -> Iterator[type]:
    for each in vars(module).values():
        if isinstance(each, type) and issubclass(each, kind) and each.__module__ == module.__name__:
            yield each


def _short(process: Class) -> str:
    """Its name, with its module where another has the same: `io.sink.RingBuffer`."""
    place = process.__module__.removeprefix("lava.proc.").removesuffix(".process")
    return f"{place}.{process.__name__}" if place.startswith(("io.", "clp.")) else process.__name__


if __name__ == "__main__":
    print(support_table())
