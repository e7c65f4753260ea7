"""Compiled kernels: kept between processes, and never run after their sources were edited."""

import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from neuromorph.engine import cache
from neuromorph.engine.cache import cache_folder, sources_hash

COUNT = """
import sys; sys.path.insert(0, sys.argv[1])
compiled = []
from numba.core import event
class Listener(event.Listener):
    def on_start(self, happened):
        compiled.append(happened.data["dispatcher"].py_func.__qualname__)
    def on_end(self, happened):
        pass
event.register("numba:compile", Listener())
from small_program import learner
from neuromorph.engine.engine import Engine
from neuromorph.engine.kernel import run_steps
Engine(learner()).run(20)
print(compiled, sum(run_steps.stats.cache_hits.values()))
"""


def in_a_new_process() -> str:
    tests = str(Path(__file__).resolve().parents[1])
    done = subprocess.run([sys.executable, "-c", COUNT, tests], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_second_process_compiles_nothing() -> None:
    in_a_new_process()  # it compiles what no process has needed so far
    nothing = in_a_new_process()
    assert nothing == "[] 1"


def test_kernels_lie_in_the_folder_of_their_sources() -> None:
    in_a_new_process()
    assert str(cache_folder()) == numba.config.CACHE_DIR
    assert cache_folder().name == sources_hash()
    assert list(cache_folder().rglob("kernel.run_steps-*.nbi"))


def test_where_the_cache_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NEUROMORPH_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path / sources_hash()
    monkeypatch.delenv("NEUROMORPH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "neuromorph" / sources_hash()


@pytest.fixture
def copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The sources that are compiled, in a tree of their own that the hash is taken of."""
    for folder in cache.SIGNATURE_FOLDERS:
        shutil.copytree(cache.ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = sources_hash()
    monkeypatch.setattr(cache, "ROOT", tmp_path)
    assert sources_hash() == before
    return tmp_path


@pytest.mark.parametrize("edited", ["laws/lif.py", "arithmetic/compiled.py", "engine/drive.py"])
def test_an_edited_source_gets_a_folder_of_its_own(copy: Path, edited: str) -> None:
    before = cache_folder()
    path = copy / edited
    text = path.read_text()
    path.write_text(text.replace("1", "2", 1))
    assert cache_folder() != before
    path.write_text(text)
    assert cache_folder() == before


def test_a_new_and_a_renamed_source_too(copy: Path) -> None:
    seen = {sources_hash()}
    (copy / "laws" / "new.py").write_text("")
    seen.add(sources_hash())
    (copy / "laws" / "new.py").rename(copy / "laws" / "newer.py")
    seen.add(sources_hash())
    assert len(seen) == 3


def test_another_numba_gets_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sources_hash()
    monkeypatch.setattr(cache, "version", lambda package: f"{package} from tomorrow")
    assert sources_hash() != before
