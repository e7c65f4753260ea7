"""What users import: the names of every package, and nothing else; loaded only when they are used."""

import ast
import subprocess
import sys
from importlib import import_module, util
from pathlib import Path
from typing import Any

import pytest

from neuromorph.extras import EXTRAS, has
from neuromorph.lazy import needed

MODULES = {
    "data", "deploy", "engine", "errors", "judges", "laws", "learning", "networks", "phases", "plots", "processes", "program",
}  # fmt: skip
PUBLIC = {
    "neuromorph": {
        "DyadicMLP", "Dyads", "Law", "NudgedReadout", "Presenter", "Program", "Variable", "Wiring", "check_bits", "feed", "load", "lower",
        "rebuild", "restart", "save", "simulate",
        *MODULES,
    },
    "neuromorph.engine": {"Engine", "OnlineTraining", "accuracy", "answers", "predict", "present"},
    "neuromorph.networks": {"DyadicMLP", "Recipe", "recipe_for"},
    "neuromorph.processes": {
        "BitCheck", "Difference", "Dyads", "LavaStepper", "LawProcess", "NudgedReadout", "Presenter", "TiedDense", "check_bits",
        "feed", "lava_run", "lower", "models_of", "rebuild", "restart", "simulate",
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
        "Variable", "make_draw", "read_rule", "write_rule", "SIGMA", "DELTA", "SIGMA_DELTA", "GRADED", "GRADED_RELU", "NORM_DELAY",
        "INVERSE_ROOT", "PRODUCT", "RESONATE", "RESONATE_RESET", "RESONATE_ZERO", "ATRLIF",
    },
    "neuromorph.program": {
        "Array", "Kernel", "LEARNING_INPUTS", "Link", "Looker", "Node", "Outside", "POST_STATES", "PRE_STATES", "Plasticity", "Population",
        "Probe", "Program", "Read", "Reset", "Sink", "Source", "Synapse", "TRACES", "Turn", "Wiring", "plastic", "variables",
    },
}  # fmt: skip
"""By package. A change here is a change for every user: say so in CHANGELOG.md."""


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
    here = {name for name in PUBLIC[package] if not (wanted := needs(package, name)) or has(wanted)}
    assert set(dir(found)) == set(found.__all__) == here
    assert set(homes(package)) == PUBLIC[package]


def needs(package: str, name: str) -> str | None:
    """The package of EXTRAS that the home of a name imports."""
    return None if package == "neuromorph" and name in MODULES else needed(homes(package)[name])


def named(package: str, name: str) -> Any:
    """A name of a package, for a test that needs what its home needs."""
    wanted = needs(package, name)
    return pytest.param(package, name, marks=[pytest.mark.needs(wanted)] if wanted else [])


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
    """Which names the nearest, also where the extra of that one is missing."""
    import neuromorph

    with pytest.raises(AttributeError, match=r"neuromorph has no lowre; did you mean lower[?] known are DyadicMLP, "):
        _ = neuromorph.lowre


CORE_ALONE = """
import sys
from importlib import import_module

sys.modules["lava"] = sys.modules["torch"] = None
package = import_module(sys.argv[1])
exec(f"from {package.__name__} import *")
assert set(package.__all__) <= set(globals())
for name in sys.argv[2:]:
    try:
        getattr(package, name)
        print(name)
    except ImportError as error:
        print(name, type(error).__name__, error, sep="|")
"""


@pytest.mark.parametrize("package", PUBLIC)
def test_without_extras_a_package_offers_what_is_there_and_says_what_the_rest_needs(package: str, tmp_path: Path) -> None:
    names = sorted(PUBLIC[package])
    run = [sys.executable, "-c", CORE_ALONE, package, *names]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    said = {line.partition("|")[0]: line for line in done.stdout.splitlines()}
    assert list(said) == names
    for name in names:
        wanted = needs(package, name)
        if not wanted:
            assert said[name] == name
            continue
        assert said[name].startswith(f"{name}|MissingError|{package}.{name} needs {wanted}, which is not installed; ")
        assert said[name].endswith(f"pip install 'neuromorph[{EXTRAS[wanted]}]'")


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
