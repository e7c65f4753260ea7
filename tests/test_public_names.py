"""What users import: the names of every package, and nothing else; loaded only when they are used."""

import ast
import subprocess
import sys
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest

PUBLIC = {
    "neuromorph": {
        "DyadicMLP", "Dyads", "Law", "NudgedReadout", "Presenter", "Program", "Variable", "Wiring", "check_bits", "load", "lower",
        "rebuild", "restart", "save", "simulate",
        "data", "deploy", "engine", "errors", "judges", "laws", "learning", "networks", "phases", "plots", "processes", "program",
    },
    "neuromorph.engine": {"Engine", "OnlineTraining", "accuracy", "answers", "predict", "present"},
    "neuromorph.networks": {"DyadicMLP", "Recipe", "recipe_for"},
    "neuromorph.processes": {
        "BitCheck", "Difference", "Dyads", "LavaStepper", "LawProcess", "NudgedReadout", "Presenter", "TiedDense", "check_bits",
        "lava_run", "lower", "models_of", "rebuild", "restart", "simulate",
    },
    "neuromorph.deploy": {
        "Artifact", "Compiled", "Complaint", "FreezeReport", "Provenance", "compile_program", "complaints", "describe",
        "freeze", "load", "pause", "save", "summary",
    },
    "neuromorph.learning": {
        "Batch", "BoltzmannMachine", "Network", "Outcome", "RULES", "Rule", "Sampler", "Settings", "Trainer", "convolutional",
        "make_loss", "make_rule", "mlp", "rule_class", "small_vgg", "vgg16",
    },
    "neuromorph.data": {"Dataset", "Scaling", "check_labels", "load", "pixels_as_payloads"},
    "neuromorph.judges": {"LayerComparison", "LocalityReport", "check_gradient", "check_locality", "specimen", "worst_angle"},
    "neuromorph.laws": {
        "DYAD", "FREE", "GradedSpike", "LAWS", "LIF", "LIF_RESET", "Law", "NUDGED", "READOUT", "SignMode", "Silence", "TERNARY_LIF",
        "Variable", "make_draw", "read_rule", "write_rule",
    },
    "neuromorph.program": {
        "Array", "LEARNING_INPUTS", "Link", "Node", "POST_STATES", "PRE_STATES", "Plasticity", "Population", "Probe", "Program",
        "Sink", "Source", "Synapse", "TRACES", "Wiring", "plastic", "variables",
    },
}  # fmt: skip
"""By package. A change here is a change for every user: say so in CHANGELOG.md."""
NEEDS = {"neuromorph.processes.": "lava", "neuromorph.learning.": "torch", "neuromorph.judges.": "torch"}
"""What the homes of some names import."""


def homes(package: str) -> dict[str, str]:
    """Name -> the module that a stub says it comes from."""
    spec = util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    stub = ast.parse(Path(spec.origin).with_suffix(".pyi").read_text(encoding="utf-8"))
    return {
        alias.name: f"{package}.{node.module}" if node.module else f"{package}.{alias.name}"
        for node in ast.walk(stub)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("package", PUBLIC)
def test_a_package_shows_its_public_names_and_nothing_else(package: str) -> None:
    found = import_module(package)
    assert set(dir(found)) == set(found.__all__) == set(homes(package)) == PUBLIC[package]


def named(package: str, name: str) -> Any:
    """A name of a package, for a test that needs what its home needs."""
    needs = next((extra for part, extra in NEEDS.items() if homes(package)[name].startswith(part)), None)
    return pytest.param(package, name, marks=[pytest.mark.needs(needs)] if needs else [])


@pytest.mark.parametrize(
    ("package", "name"), [named(package, name) for package in PUBLIC for name in sorted(PUBLIC[package])]
)
def test_a_name_is_the_one_of_its_home(package: str, name: str) -> None:
    """Also after the home has been imported: a function `freeze` of a module `freeze` stays the function."""
    home = import_module(homes(package)[name])
    found = getattr(import_module(package), name)
    assert found is (
        home if homes(package)[name] == f"{package}.{name}" and package == "neuromorph" else getattr(home, name)
    )


def test_an_unknown_name_is_an_attribute_error() -> None:
    import neuromorph

    with pytest.raises(AttributeError, match="lowre"):
        _ = neuromorph.lowre


HEAVY = {"torch", "lava", "numba", "matplotlib", "numpy", "norse", "scipy"}


@pytest.mark.parametrize(
    "package", ["neuromorph", "neuromorph.networks", "neuromorph.processes", "neuromorph.learning", "neuromorph.data"]
)
def test_importing_a_package_loads_nothing_heavy_and_is_quick(package: str, tmp_path: Path) -> None:
    code = f"""
import sys, time
began = time.process_time()
import {package}
print(time.process_time() - began, *sorted({HEAVY!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    seconds, *loaded = done.stdout.split()
    assert loaded == []
    assert float(seconds) < 0.3
