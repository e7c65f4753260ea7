"""What is in an artifact: as data (`summary`) and as text (`describe`)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from io import StringIO
from typing import Any

from rich.box import ASCII2
from rich.console import Console
from rich.table import Table

from neuromorph.deploy.artifact.file import Artifact
from neuromorph.deploy.check.rules import weight_bits
from neuromorph.errors import ArtifactError
from neuromorph.laws.products.rule import FACTOR_BITS
from neuromorph.program import Looker, Node, Outside, Population, Sink, Synapse

DELAY_BITS = 6
TAG_BITS = {"dd": 8, "dt": 9}
"""Lava 0.10, learning/constants.py: tag_2, which dd changes, is unsigned; tag_1 has a sign."""
MEMORY = ("weights", "delays", "tags", "traces", "states", "parameters")
WIDTH = 110


def summary(artifact: Artifact) -> dict[str, Any]:
    """Nodes, learning rules, memory and provenance, in what JSON has.

    memory_bits counts what neurons and synapses hold, by kind, at the widths of the laws and of Lava's
    learning engine: weights of 8 bits (9 where plastic and of mixed sign), delays of 6, traces that a rule
    uses of 7, tags that a rule changes, and the states and parameters of neurons. Buffers, indices and frames
    are not in it.
    """
    if not isinstance(artifact, Artifact):
        kind = type(artifact).__name__
        raise ArtifactError(
            f"what is described is an Artifact, as load() gives it, not a {kind}; save a Program, and load the file"
        )
    program = artifact.program
    nodes = [{"kind": type(n).__name__.lower(), "name": n.name, **_node(n)} for n in program.nodes]
    memory: Counter[str] = Counter(dict.fromkeys(MEMORY, 0))
    for node in nodes:
        memory.update(node.get("memory_bits", {}))
    return {
        "schema": artifact.schema,
        "step": program.step,
        "neurons": sum(p.size for p in program.populations),
        "synapses": sum(int(s.weights.size) for s in program.synapses),
        "memory_bits": dict(memory),
        "nodes": nodes,
        "links": [f"{'.'.join(link.source)} -> {'.'.join(link.target)}" for link in program.links],
        "probes": [asdict(probe) for probe in program.probes],
        "provenance": asdict(artifact.provenance),
    }


def _node(node: Node) -> dict[str, Any]:
    if isinstance(node, Population):
        return _population(node)
    if isinstance(node, Synapse):
        return _synapse(node)
    if isinstance(node, Sink):
        return {"size": int(node.data.shape[0]), "length": int(node.data.shape[1])}
    if isinstance(node, Looker):
        return {"of": f"{node.node}.{node.variable}", "every": node.every, "offset": node.offset}
    if isinstance(node, Outside):
        return {"ports": dict(node.outputs)}
    frames = next(iter(node.frames.values()))
    steps = node.hold * (0 if node.order is None else int(node.order.size))
    return {"ports": node.outputs, "frames": int(frames.shape[0]), "hold": node.hold, "steps": steps}


def _population(node: Population) -> dict[str, Any]:
    law = node.law
    bits = {v.name: v.bits for v in law.states}
    parameters = sum(v.bits * int(node.parameters[v.name].size) for v in law.parameters)
    return {
        "law": law.name,
        "size": node.size,
        "state_bits": bits,
        "memory_bits": {"states": node.size * sum(bits.values()), "parameters": parameters},
    }


def _synapse(node: Synapse) -> dict[str, Any]:
    count, (post, pre) = int(node.weights.size), node.shape
    memory = {
        "weights": count * weight_bits(node),
        "delays": 0 if node.delays is None else count * DELAY_BITS,
    }
    rules: dict[str, str] = {}
    if node.plasticity:
        named = {name: getattr(node.plasticity, name) for name in ("dw", "dd", "dt")}
        rules = {name: rule.text for name, rule in named.items() if rule}
        used = {f.variable for rule in named.values() if rule for p in rule.products for f in p.factors}
        ends = {"x": pre, "y": post}
        memory["traces"] = sum(FACTOR_BITS[name] * ends[name[0]] for name in used if name[0] in ends)
        memory["tags"] = sum(bits * count for name, bits in TAG_BITS.items() if name in rules)
    return {
        "post": post,
        "pre": pre,
        "synapses": count,
        "weight_bits": weight_bits(node),
        "exponent": node.exponent,
        "longest_delay": None if node.delays is None else int(node.delays.max(initial=0)),
        "tied_to": node.tied_to,
        "rules": rules,
        "memory_bits": memory,
    }


def describe(artifact: Artifact) -> str:
    """The summary as plain text, at most 110 columns wide."""
    content = summary(artifact)
    text = StringIO()
    console = Console(file=text, width=WIDTH, color_system=None, highlight=False, markup=False)
    console.print(
        f"neuromorph artifact, schema {content['schema']}, after step {content['step']}: "
        f"{content['neurons']} neurons, {content['synapses']} synapses"
    )
    for name, value in content["provenance"].items():
        console.print(f"{name}: {json.dumps(value)}")
    rows = {kind: [n for n in content["nodes"] if n["kind"] == kind] for kind in COLUMNS}
    for kind, columns in COLUMNS.items():
        if rows[kind]:
            console.print(_table(kind, columns, rows[kind]))
    for node in rows["synapse"]:
        for name, rule in node["rules"].items():
            console.print(f"{_cell(node['name'])}: {name} = {rule}")
    bits = content["memory_bits"]
    console.print("memory, bits: " + ", ".join(f"{kind} {bits[kind]:,}" for kind in MEMORY))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


COLUMNS = {
    "population": ("name", "law", "size", "state_bits", "memory_bits"),
    "synapse": (
        "name",
        "pre",
        "post",
        "synapses",
        "weight_bits",
        "exponent",
        "longest_delay",
        "tied_to",
        "memory_bits",
    ),
    "source": ("name", "ports", "frames", "hold", "steps"),
    "sink": ("name", "size", "length"),
    "read": ("name", "of", "every", "offset"),
    "reset": ("name", "of", "every", "offset"),
}


def _table(kind: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> Table:
    table = Table(title=kind, title_justify="left", box=ASCII2)
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    text = "" if value is None else str(value)
    return text if text.isprintable() else repr(text)
