"""The wheel holds every source file under its installed name, and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "neuromorph": "neuromorph",
    "processes": "neuromorph/processes",
    "networks": "neuromorph/networks",
    "deploy": "neuromorph/deploy",
}


def test_the_wheel_holds_every_source_file(tmp_path: Path) -> None:
    """Built from a copy, because setuptools would carry deleted files over from an old build folder."""
    for top in PACKAGES:
        shutil.copytree(ROOT / top, tmp_path / top, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", "dist", "."], cwd=tmp_path, check=True)

    (wheel,) = (tmp_path / "dist").glob("*.whl")
    packaged = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        f"{installed}/{path.relative_to(ROOT / top).as_posix()}"
        for top, installed in PACKAGES.items()
        for path in (ROOT / top).rglob("*")
        if path.suffix in (".py", ".pyi", ".npz") or path.name == "py.typed"
    }
    assert packaged == expected
