"""Finds the ProcessModel of a Process, among the same candidates as Lava's compiler.

Lava executes every file beside a Process, each time it compiles one, under a bare module name, and warns
where that fails. Here the modules of the package are imported once, under their own names, and a failure is
told only when it matters.
"""

import functools
import importlib
import pkgutil
import sys
from types import ModuleType
from typing import Any, cast

from lava.magma.core.model.model import AbstractProcessModel
from lava.magma.core.model.py.model import PyAsyncProcessModel
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_configs import Loihi2SimCfg, RunConfig

from neuromorph.errors import LoweringError


def describe(process: AbstractProcess) -> str:
    """`process 'name' (ClassName)`, as every error of this package calls it."""
    return f"process '{process.name}' ({type(process).__name__})"


def run_config(chosen: RunConfig | str) -> RunConfig:
    """A run configuration, or the one of Loihi2SimCfg with this tag. Raises LoweringError for what is neither."""
    if isinstance(chosen, str):
        return Loihi2SimCfg(select_tag=chosen)
    if isinstance(chosen, type) or not callable(getattr(chosen, "select", None)):
        given = f"the class {chosen.__name__}" if isinstance(chosen, type) else f"a {type(chosen).__name__}"
        raise LoweringError(
            f"{given} is no run configuration; give one, such as Loihi2SimCfg(select_tag='fixed_pt'), or none"
        )
    return chosen


def select_model(process: AbstractProcess, config: RunConfig) -> type[AbstractProcessModel]:
    """The ProcessModel class that the run configuration selects for the process.

    Raises LoweringError if there is none: no model beside the Process, or none that the configuration takes.
    """
    given = getattr(config, "exception_proc_model_map", None) or {}
    if type(process) in given:
        return _with_steps(process, cast("type[AbstractProcessModel]", given[type(process)]))
    module = sys.modules[type(process).__module__]
    package = "" if module.__spec__ is None or module.__name__ == "__main__" else module.__spec__.parent
    siblings, failures = _modules_of(package) if package else ((), ())
    models = [model for m in dict.fromkeys((module, *siblings)) for model in _models_in(m, type(process))]
    because = "".join(f"; {failure}" for failure in failures)
    if not models:
        raise LoweringError(
            f"{describe(process)} has no ProcessModel in {module.__name__}"
            f"{f' or beside it in the package {package}' if package else ''}{because}. "
            "Put the Process and its model in one file or in a package"
        )
    stepped = [model for model in models if not issubclass(model, PyAsyncProcessModel)]
    try:
        selected: Any = config.select(process, stepped or models)
    except (AssertionError, NotImplementedError) as error:
        found = ", ".join(f"{model.__name__} {model.tags}" for model in models)
        tag = getattr(config, "select_tag", None)
        raise LoweringError(
            f"{describe(process)} has no ProcessModel with the tag '{tag}', only {found}{because}. "
            f"Write one with @tag('{tag}'), or choose one of these tags"
        ) from error
    if not (isinstance(selected, type) and issubclass(selected, AbstractProcessModel)):
        raise LoweringError(
            f"{describe(process)}: {type(config).__name__}.select gives {selected!r}, which is no ProcessModel"
        )
    return _with_steps(process, selected)


def _with_steps(process: AbstractProcess, model: type[AbstractProcessModel]) -> type[AbstractProcessModel]:
    if issubclass(model, PyAsyncProcessModel):
        raise LoweringError(
            f"{describe(process)}: its model {model.__name__} runs asynchronously, without steps that others could wait for; give "
            "it one of the Loihi protocol (PyLoihiProcessModel)"
        )
    return model


def _models_in(module: ModuleType, process_class: type[AbstractProcess]) -> list[type[AbstractProcessModel]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and issubclass(value, AbstractProcessModel)
        and getattr(value, "implements_process", None) is process_class
    ]


@functools.cache
def _modules_of(package: str) -> tuple[tuple[ModuleType, ...], tuple[str, ...]]:
    """The package's modules in alphabetical order, and what went wrong with those that cannot be imported."""
    modules, failures = [], []
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if info.ispkg or info.name.endswith(".__main__"):
            continue
        try:
            modules.append(importlib.import_module(info.name))
        except Exception as error:
            failures.append(f"{info.name} cannot be imported ({type(error).__name__}: {error})")
    return tuple(modules), tuple(failures)
