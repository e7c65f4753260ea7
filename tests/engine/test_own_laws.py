"""A user's law natively: compiled once, found again by the next process, compiled anew when edited, and watched while it runs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neuromorph.engine.engine import Engine
from neuromorph.errors import LawError, RangeError, SimulationError
from neuromorph.laws.law import Law
from neuromorph.program import Population, Program
from neuromorph.user_file import module_of

FACTOR = "FACTOR = 3\n"
LAW = """
from factor import FACTOR
from neuromorph.laws.law import Law, Variable


def make(ops):
    clip = ops.clip

    def step(t, a_in, v, gain):
        v = v + gain * FACTOR + t
        return v, v > 5

    return ops.function(step)


MINE = Law("NAME", (Variable("a_in", -9, 9, ""),), (Variable("s_out", 0, 1, ""),), (Variable("v", 0, 99, ""),),
           (Variable("gain", 0, 9, "", default=1, shared=True),), make)
"""

RUN = """
import sys
compiled = []
from numba.core import event
class Listener(event.Listener):
    def on_start(self, happened):
        compiled.append(happened.data["dispatcher"].py_func.__name__)
    def on_end(self, happened):
        pass
event.register("numba:compile", Listener())
from neuromorph.engine.engine import Engine
from neuromorph.program import Population, Program
for file in sys.argv[1:]:
    law = __import__(file).MINE
    engine = Engine(Program((Population("p", law, 2, {"gain": 2}, {"v": 0}),), ()))
    engine.run(3)
    print(engine.get("p", "v")[0], "neurons" in compiled)
    compiled.clear()
"""


def write(folder: Path, name: str, text: str = LAW) -> Path:
    (folder / "factor.py").write_text(FACTOR)
    path = folder / f"{name}.py"
    path.write_text(text.replace("NAME", name))
    return path


def runs(folder: Path, *names: str) -> list[str]:
    """In a new process, for each law: v after three steps, and whether its kernel was compiled."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{RUN}", *names],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def test_an_unedited_law_compiles_nothing_and_an_edited_one_alone(tmp_path: Path) -> None:
    one, _ = write(tmp_path, "one"), write(tmp_path, "two")
    one.write_text(f"# {tmp_path}\n{one.read_text()}")  # known to no cache
    assert runs(tmp_path, "one", "two")[0] == "24 True"
    assert runs(tmp_path, "one", "two") == ["24 False", "24 False"]
    text = one.read_text()
    one.write_text(text.replace("+ t", "- t + 4"))
    assert runs(tmp_path, "one", "two") == ["24 True", "24 False"]
    one.write_text(text)
    assert runs(tmp_path, "one") == ["24 False"]


def test_a_constant_of_another_file_of_the_folder_is_part_of_the_law(tmp_path: Path) -> None:
    write(tmp_path, "three")
    assert runs(tmp_path, "three")[0].startswith("24 ")
    (tmp_path / "factor.py").write_text("FACTOR = 4\n")
    assert runs(tmp_path, "three")[0].startswith("30 ")


def law(folder: Path, name: str, changes: dict[str, str] | None = None) -> Law:
    text = LAW.replace("from factor import FACTOR", "FACTOR = 3")
    for before, after in (changes or {}).items():
        assert before in text
        text = text.replace(before, after)
    return module_of(write(folder, name, text), "a law").MINE  # type: ignore[no-any-return]


def population(law: Law, v: int = 0) -> Program:
    return Program((Population("p", law, 2, {"gain": np.array([1])}, {"v": np.array([v, 0])}),), ())


def test_a_result_that_leaves_its_range_is_an_error(tmp_path: Path) -> None:
    engine = Engine(population(law(tmp_path, "four"), 90))
    with pytest.raises(
        SimulationError, match=r"step 3, 'p', neuron 0: v leaves 0\.\.99; widen its range, or let the law clip it"
    ):
        engine.run(10)


def test_a_step_that_numba_cannot_compile_is_one_line(tmp_path: Path) -> None:
    """What can be seen is refused when the law is made, the rest when it is compiled."""
    names_ops = {"clip = ops.clip": "clip = ops.function(lambda x: ops.clip(x, 0, 9))", "v > 5": "clip(v) > 5"}
    with pytest.raises(RangeError, match=r"law 'five': its step names ops, which no compiled step can"):
        law(tmp_path, "five", names_ops)
    bad = law(tmp_path, "mixing", {"v > 5": "v > 5 + len({0: 1, 1: 'a'})"})
    with pytest.raises(LawError, match=r"law 'mixing' cannot be compiled: .*; write its step with what") as caught:
        Engine(population(bad))
    assert "\n" not in str(caught.value)
