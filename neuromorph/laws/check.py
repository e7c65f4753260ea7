"""What a Law must be before anything is derived from it: every complaint at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from types import FunctionType
from typing import TYPE_CHECKING

import numpy as np

from neuromorph.laws.trial import trial

if TYPE_CHECKING:
    from neuromorph.laws.law import Law

OF_PROCESSES = {
    "compile", "create_runtime", "folded_view", "folded_view_inst_id", "id", "in_ports", "is_compiled", "is_sub_proc_of", "law",
    "load", "log", "log_config", "model", "model_class", "name", "out_ports", "parent_proc", "pause", "proc_params", "procs",
    "propagate_folded_views", "ref_ports", "register_sub_procs", "run", "runtime", "save", "shape", "signed", "stop",
    "validate_var_aliases", "var_ports", "vars", "wait",
}  # fmt: skip
OF_MODELS = {
    "Phase", "Response", "add_ports_for_polling", "advance_to_time_step", "implements_process", "implements_protocol", "join",
    "lrn_guard", "on_var_update", "post_guard", "pre_guard", "required_resources", "run", "run_lrn",
    "run_post_mgmt", "run_pre_mgmt", "run_spk", "start", "tags",
}  # fmt: skip
OF_RUNNING_MODELS = {
    "log", "model_id", "phase", "process_to_service", "py_ports", "service_to_process", "time_step", "var_id_to_var_map", "var_ports",
}  # fmt: skip
"""Attributes of Lava's Processes, of its models, and of a model that runs; those last may still name a port, for a model keeps its
ports as <name>_port."""


def complaints(law: Law) -> Iterator[str]:
    """Why `law` is no law; nothing where it is one."""
    found = [*_names(law), *_ranges(law), *_references(law)]
    yield from found or [*_defaults(law), *trial(law)]


def _names(law: Law) -> Iterator[str]:
    if not law.name.isidentifier():
        proposed = re.sub(r"\W|^(?=\d)", "_", law.name) or "mine"
        yield f"a name is letters, digits and _, no digit first; call it '{proposed}'"
    ports, values = [v.name for v in law.inputs + law.outputs], [v.name for v in law.states + law.parameters]
    for name, count in Counter([*(f"{port}_port" for port in ports), *ports, *values]).items():
        if count > 1:
            yield f"'{name}' names two things (a model keeps port x as x_port); rename one"
    for name in dict.fromkeys([*ports, *values]):
        if not name.isidentifier() or name.startswith("_"):
            yield f"'{name}' is no name of Python's without a leading underscore; rename it"
    taken = OF_PROCESSES | OF_MODELS
    for name in [*sorted(taken & {*ports}), *sorted((taken | OF_RUNNING_MODELS) & {*values})]:
        yield f"Lava needs the name '{name}' itself; rename it"


def _ranges(law: Law) -> Iterator[str]:
    for v in law.states + law.parameters:
        if not isinstance(v.default, int) or not v.low <= v.default <= v.high:
            yield f"{v.name} has the default {v.default}, no integer of {v.low}..{v.high}"
        elif v.even and v.default & 1:
            yield f"{v.name} has the default {v.default}, and is even"
    for v in law.outputs + law.states:
        if v.shared:
            yield f"{v.name} is shared, and every neuron has its own outputs and states"


def _references(law: Law) -> Iterator[str]:
    if not isinstance(law.make, FunctionType):
        yield f"its make is a {type(law.make).__name__}; write it as a function"
    states, outputs = {v.name for v in law.states}, {v.name for v in law.outputs}
    if law.answer is not None and law.answer not in states:
        yield f"its answer '{law.answer}' is none of its states"
    if law.silence and not (law.silence.state in states and outputs.issuperset(law.silence.outputs)):
        yield f"its silence {law.silence} names no state and outputs of it"
    if not law.outputs:
        yield "it has no output"


def _defaults(law: Law) -> Iterator[str]:
    defaults = {v.name: np.array([v.default]) for v in law.states + law.parameters}
    for condition in law.conditions:
        if complaint := condition(defaults):
            yield f"its defaults break its own condition: {complaint}"
