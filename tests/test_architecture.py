"""The house rules, checked on every source file: what may import what, what is packaged, what stays small."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "neuromorph": "neuromorph",
    "processes": "neuromorph.processes",
    "networks": "neuromorph.networks",
    "deploy": "neuromorph.deploy",
}
SOURCES = sorted(path for top in PACKAGES for path in (ROOT / top).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MADE_HERE = {"__pycache__", "build", "dist"}  # by make
MADE_BY_USERS = {ROOT / name for name in ("data", "demo", "runs")}  # and ignored by git
HIDDEN_BUT_OURS = {".ci", ".gitignore"}
MACHINE_PATH = re.compile(r"(?<![\w./~-])/(work|root|home|Users|opt|mnt)\b")
WORKPLACE_WORD = re.compile(
    r"\b(workplace|house rules|sub-?agents?|co-authored-by|(another|other) helpers?"
    r"|(this|that|a|an|earlier|later|previous|next|another|other) sessions?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Import:
    module: str
    """For `from a import b`: `a.b` where that is a module or a folder of ours, otherwise `a`."""
    names: tuple[str, ...]
    line: int
    lazy: bool
    """Inside a function, or only for type checkers."""


def dotted(path: Path) -> str:
    """The import name of a source file: processes/dyads/models.py is neuromorph.processes.dyads.models."""
    top, *rest = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([PACKAGES.get(top, top), *(part for part in rest if part != "__init__")])


MODULES = {dotted(path) for path in SOURCES}


def imports(path: Path) -> Iterator[Import]:
    yield from _imports(ast.parse(path.read_text(encoding="utf-8")), lazy=False)


def _imports(node: ast.AST, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, (), child.lineno, lazy)
        elif isinstance(child, ast.ImportFrom):
            origin = "." * child.level + (child.module or "")
            for alias in child.names:
                member = f"{origin}.{alias.name}"
                if member in MODULES:
                    yield Import(member, (), child.lineno, lazy)
                else:
                    yield Import(origin, (alias.name,), child.lineno, lazy)
        else:
            yield from _imports(child, lazy or _defers(child))


def _defers(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def offences(paths: list[Path], forbidden: Callable[[Path, Import], bool]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{found.line} imports {found.module} {' '.join(found.names)}".rstrip()
        for path in paths
        for found in imports(path)
        if forbidden(path, found)
    ]


def files_of(*packages: str) -> list[Path]:
    return [path for path in SOURCES if within(dotted(path), *packages)]


UPPER = ("neuromorph.processes", "neuromorph.networks", "neuromorph.deploy")
ON_TOP = (
    "neuromorph.benchmarks",
    "neuromorph.experiments",
    "neuromorph.runs",
    "neuromorph.commands",
    "neuromorph.__main__",
)
NO_CORE = {*files_of(*UPPER, *ON_TOP), ROOT / "neuromorph" / "__init__.py"}
CORE = [path for path in files_of("neuromorph") if path not in NO_CORE]


def test_the_core_knows_neither_lava_nor_what_is_built_on_it() -> None:
    def forbidden(_: Path, found: Import) -> bool:
        leads_up = found.module == "neuromorph" and found.names != ("__version__",)  # neuromorph.lower and such
        return leads_up or within(found.module, "lava", *UPPER, *ON_TOP)

    assert offences(CORE, forbidden) == []


def test_laws_and_arithmetic_are_at_the_bottom() -> None:
    above = ("engine", "learning", "judges", "data", "plots")
    bottom = files_of("neuromorph.laws", "neuromorph.arithmetic", "neuromorph.phases", "neuromorph.program")
    assert offences(bottom, lambda _, found: within(found.module, *(f"neuromorph.{name}" for name in above))) == []


def test_processes_import_only_the_core() -> None:
    above = ("neuromorph.networks", "neuromorph.deploy", *ON_TOP)
    assert offences(files_of("neuromorph.processes"), lambda _, found: within(found.module, *above)) == []


def test_what_stands_on_top_has_an_order() -> None:
    """Commands over experiments and benchmarks, these over runs: a run knows no table of a paper."""
    above = {
        "runs": ("experiments", "benchmarks", "commands"),
        "experiments": ("benchmarks", "commands"),
        "benchmarks": ("experiments", "commands"),
    }
    for folder, upper in above.items():
        names = [f"neuromorph.{name}" for name in (*upper, "__main__")]
        assert offences(files_of(f"neuromorph.{folder}"), lambda _, found, names=names: within(found.module, *names)) == []


def families() -> list[Path]:
    return sorted(path.parent for path in (ROOT / "processes").rglob("process.py"))


def test_lava_finds_nothing_beside_a_process_but_its_models() -> None:
    """Lava executes every file beside a Process, several times and under a bare name."""
    allowed = {"__init__.py", "process.py", "models.py", "__pycache__"}
    strangers = [path for family in families() for path in family.iterdir() if path.name not in allowed]
    assert [str(path.relative_to(ROOT)) for path in strangers] == []


def test_lava_models_stay_clear_of_numba_and_torch() -> None:
    """Lava forks its workers, and a forked worker that enters parallel Numba dies silently."""
    core = ("arithmetic.compiled", "engine", "learning", "judges")
    heavy = ("numba", "torch", *(f"neuromorph.{name}" for name in core))
    paths = [path for family in families() for path in family.glob("*.py")]
    assert offences(paths, lambda _, found: within(found.module, *heavy)) == []


def test_networks_import_lava_and_processes_only_when_they_are_built() -> None:
    def forbidden(_: Path, found: Import) -> bool:
        too_early = not found.lazy and within(found.module, "lava", "neuromorph.processes")
        return too_early or within(found.module, "neuromorph.deploy", *ON_TOP)

    assert offences(files_of("neuromorph.networks"), forbidden) == []


def test_deploy_sees_programs_and_only_its_lava_bridge_sees_lava() -> None:
    def forbidden(path: Path, found: Import) -> bool:
        needs_bridge = within(found.module, "lava", "neuromorph.processes") and path.stem != "lava_bridge"
        return needs_bridge or within(found.module, "neuromorph.networks", *ON_TOP)

    assert offences(files_of("neuromorph.deploy"), forbidden) == []


def test_the_command_line_starts_without_what_is_slow_to_load() -> None:
    """What measures Lava is written with Lava's processes; commands import it when they measure."""
    measuring = ("neuromorph.benchmarks.lava", "neuromorph.benchmarks.workloads")

    def forbidden(path: Path, found: Import) -> bool:
        return (
            not found.lazy and within(found.module, "lava", "torch", "norse", *measuring) and dotted(path) not in measuring
        )

    assert offences(files_of(*ON_TOP), forbidden) == []


def test_every_import_is_absolute_and_by_its_installed_name() -> None:
    """`import processes` would give a second set of classes, which Lava tells apart from the first."""

    def forbidden(_: Path, found: Import) -> bool:
        return found.module.startswith(".") or within(found.module, "processes", "networks", "deploy")

    assert offences(SOURCES + TESTS, forbidden) == []


FOLDER_OF = {dotted(path): path.parent for path in SOURCES}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_nobody_imports_the_private_names_of_another_folder() -> None:
    def forbidden(path: Path, found: Import) -> bool:
        private = any(map(is_private, (*found.module.split("."), *found.names)))
        return private and within(found.module, "neuromorph") and FOLDER_OF.get(found.module) != path.parent

    assert offences(SOURCES + TESTS, forbidden) == []


def test_importing_neuromorph_loads_nothing_heavy(tmp_path: Path) -> None:
    heavy = {"torch", "lava", "numba", "matplotlib"}
    code = f"import sys, neuromorph; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_package_list_is_what_is_on_disk() -> None:
    """A folder that is not listed imports in an editable install and is missing from the wheel."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {path.parent for path in SOURCES}
    assert sorted(setuptools["packages"]) == sorted(dotted(folder / "__init__.py") for folder in folders)
    assert setuptools["package-dir"] == {name: top for top, name in PACKAGES.items()}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_the_makefile_installs_extras_that_there_are(version: str) -> None:
    """pip only warns of one that it does not know, and installs nothing for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # not what `make test PYTHON=...` hands on
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))}
    for target in ("demo", "test"):
        said = ["make", "-n", "-B", f".venv/.{target}-{version}", f"FOUND={version} python"]
        done = subprocess.run(said, cwd=ROOT, env=own, capture_output=True, text=True, check=True, timeout=60)
        (extras,) = re.findall(r"--editable '\.\[(.*)\]'", done.stdout)
        assert set(extras.split(",")) <= project["optional-dependencies"].keys()
        assert ("all" in extras) == (target == "test" and version == "3.10")


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES + TESTS}
    limit = dict.fromkeys(SOURCES, 400) | dict.fromkeys(TESTS, 500)
    assert {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > limit[path]} == {}


def test_functions_are_short() -> None:
    """At most 60 lines from `def` to the end, docstring apart."""
    lengths = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": _lines(node)
        for path in SOURCES + TESTS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {where: n for where, n in lengths.items() if n > 60} == {}


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    docstring = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) is not None else 0
    return node.end_lineno - node.lineno + 1 - docstring


def repository_files(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in MADE_HERE or path in MADE_BY_USERS or path.name.endswith(".egg-info"):
            continue
        if path.name.startswith(".") and path.name not in HIDDEN_BUT_OURS:
            continue
        if path.is_dir():
            yield from repository_files(path)
        elif path.suffix not in (".h5", ".npz"):
            yield path


@pytest.mark.parametrize("pattern", [MACHINE_PATH, WORKPLACE_WORD], ids=["machine path", "workplace word"])
def test_the_repository_does_not_say_where_it_was_made(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number} {match[0]}"
        for path in repository_files()
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        for match in pattern.finditer(line)
    ]
    assert found == []
