"""A law's key changes with every text and value that the law is made of, and with nothing else."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neuromorph.laws.source import source_hash

FILES = {
    "deep.py": "K = 3\n",
    "helpers.py": "from deep import K\n\n\ndef gain():\n    return K\n",
    "package/__init__.py": "",
    "package/own.py": "from .deeper import K\n",
    "package/deeper.py": "K = 3\n",
    "values.py": "import numpy as np\nN = np.int64(3)\nLIST = [3]\nARRAY = np.array([3])\n\n\nclass C:\n    K = 3\n",
}
LAW = """
import helpers
import package.own
import numpy as np
from values import ARRAY, LIST, N, C


def make(ops):
    BODY
"""
PRINT = "import sys; sys.path.insert(0, ''); import law; from neuromorph.laws.source import source_hash; print(source_hash(law.make, 'x'))"


def key(folder: Path, body: str) -> str:
    """Of the law in a new process."""
    (folder / "law.py").write_text(LAW.replace("BODY", body))
    done = subprocess.run([sys.executable, "-B", "-c", PRINT], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "package").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("body", "edited"),
    [
        ("return helpers.gain()", "deep.py"),
        ("return helpers.gain()", "helpers.py"),
        ("from deep import K; return K", "deep.py"),
        ("import deep; return deep.K", "deep.py"),
        ("return package.own.K", "package/deeper.py"),
        ("return N", "values.py"),
        ("return C.K", "values.py"),
        ("return LIST[0]", "values.py"),
        ("return ARRAY[0]", "values.py"),
    ],
)
def test_an_edited_helper_is_another_law(folder: Path, body: str, edited: str) -> None:
    before = key(folder, body)
    path = folder / edited
    text = path.read_text()
    path.write_text(text.replace("3", "2") if "3" in text else text.replace("return K", "return K + 1"))
    assert key(folder, body) != before
    path.write_text(text)
    assert key(folder, body) == before


@pytest.mark.parametrize("name", ["VALUE", "values.ARRAY", "values.N", "values.C.K"])
def test_a_value_that_was_read_from_data_is_part_of_the_law(folder: Path, name: str) -> None:
    """The texts are the same: only the value tells."""
    text = "import numpy as np\nN = np.load('data.npy')[0]\nARRAY = np.load('data.npy')\nclass C:\n    K = int(N)\n"
    (folder / "values.py").write_text(text)
    (folder / "law.py").write_text(f"import values\nVALUE = {{'a': [values.N]}}\ndef make(ops):\n    return {name}\n")
    said = []
    for number in (3, 2, 3):
        subprocess.run(
            [sys.executable, "-c", f"import numpy as np; np.save('data.npy', [{number}])"], cwd=folder, check=True
        )
        done = subprocess.run([sys.executable, "-B", "-c", PRINT], cwd=folder, capture_output=True, text=True, check=True)
        said.append(done.stdout)
    assert said[0] == said[2] != said[1]


def test_a_file_that_no_part_imports_is_no_part(folder: Path) -> None:
    before = key(folder, "return 1")
    (folder / "other.py").write_text("K = 1\n")
    assert key(folder, "return 1") == before


def by_default(n: int) -> Callable[..., Any]:
    def make(ops: Any, n: int = n) -> int:
        return n

    return make


def by_keyword(n: int) -> Callable[..., Any]:
    def make(ops: Any, *, n: int = n) -> int:
        return n

    return make


def through_two(m: int, n: int) -> Callable[..., Any]:
    one, two = by_default(m), by_default(n)

    def make(ops: Any) -> int:
        return int(one(ops) + 10 * two(ops))

    return make


@pytest.mark.parametrize("family", [by_default, by_keyword, lambda n: through_two(1, n), lambda n: through_two(n, n)])
def test_two_members_of_a_family_are_two_laws(family: Callable[[int], Callable[..., Any]]) -> None:
    assert source_hash(family(2), "x") != source_hash(family(3), "x")
    assert source_hash(family(2), "x") == source_hash(family(2), "x")
