"""Lava sets multiprocessing's start method when it is imported: that must go well whatever was imported or made before."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("lava")

LOWER = """
import numpy as np
from neuromorph.processes import lower
from lava.proc.lif.process import LIF
assert len(lower(LIF(shape=(2,), vth=3)).populations) == 1
"""


def run(tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "script.py"
    file.write_text(code)
    return subprocess.run([sys.executable, str(file)], cwd=tmp_path, capture_output=True, text=True, timeout=250)


@pytest.mark.parametrize(
    "before",
    [
        "import multiprocessing; multiprocessing.Lock()",
        "import multiprocessing; multiprocessing.set_start_method('fork')",
        "import neuromorph.processes, multiprocessing; multiprocessing.Lock()",
        "import lava.proc.lif.process",
        "import neuromorph.learning, multiprocessing; multiprocessing.Lock()",
    ],
)
def test_lava_is_imported_in_any_order(before: str, tmp_path: Path) -> None:
    done = run(tmp_path, f"{before}\n{LOWER}")
    assert done.returncode == 0, done.stderr


def test_another_start_method_is_refused_with_the_reason(tmp_path: Path) -> None:
    done = run(tmp_path, f"import multiprocessing; multiprocessing.set_start_method('spawn')\n{LOWER}")
    assert "LavaRunError: Lava starts its workers by fork, and multiprocessing's start method is spawn" in done.stderr
