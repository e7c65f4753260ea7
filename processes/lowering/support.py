"""The table of what can be simulated natively, made from the lowering itself. `python -m neuromorph.processes.lowering.support`"""

from __future__ import annotations

from neuromorph.laws.law import Variable
from neuromorph.processes.lowering.nodes.table import SUPPORTED, Support


def _span(variable: Variable) -> str:
    return f"`{variable.name}` {variable.low}..{variable.high}"


def _row(model: str, support: Support) -> str:
    ranges = ", ".join(_span(v) for v in support.law.parameters) if support.law else support.note
    return f"| {support.process} | {model} | {ranges} |"


def support_table() -> str:
    """Markdown: Process, the fixed-point model whose bits the engine gives, and what it takes."""
    rows = [_row(model.__name__, support) for model, support in SUPPORTED.items()]
    return "\n".join(["| Process | equals, bit for bit | parameters (integers) |", "|---|---|---|", *rows])


if __name__ == "__main__":
    print(support_table())
