"""Where something was made: machine and versions, as every result, run and artifact says beside it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

CORE = ("neuromorph", "numpy", "numba")
PACKAGES = (*CORE, "torch", "norse", "lava-nc")
"""As installed; one that is not is left out."""


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Of the packages that are installed, by name."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def surroundings() -> dict[str, Any]:
    """Machine, Python and versions."""
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_processor()}",
        "python": platform.python_version(),
        "versions": versions(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
