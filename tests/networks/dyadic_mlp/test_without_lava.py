"""A DyadicMLP trains, predicts, is saved and loaded, frozen and compiled where Lava cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NO_LAVA = "import sys\nsys.modules['lava'] = None\n"
LEARNS = """
import numpy as np
from neuromorph import DyadicMLP, load, save
from neuromorph.data import load as load_data
from neuromorph.deploy import Provenance, compile_program, freeze
from neuromorph.engine import accuracy, predict
from neuromorph.networks import Recipe

digits = load_data("digits")
network = DyadicMLP((64, 32, 10), feedback=sys.argv[1], recipe=Recipe())
network.fit(digits.train_images, digits.train_labels, 2)
reached = network.evaluate(digits.test_images, digits.test_labels)
answers = network.predict(digits.test_images)
save(network.program(), "net.h5", Provenance())
program = load("net.h5").program
samples = network.samples(digits.test_images)
assert (predict(program, samples) == answers).all()
assert accuracy(freeze(program)[0], samples, digits.test_labels) > 0.5
if sys.argv[1] != "tied":
    compile_program(program)
again = DyadicMLP((64, 32, 10), feedback=sys.argv[1], recipe=Recipe())
again.take_weights(program)
assert (again.predict(digits.test_images) == answers).all()
assert network.run(digits.test_images[:1])["hidden1.s_out"].any()
print(reached)
"""


BUILDS = """
from neuromorph.networks import DyadicMLP, Recipe
DyadicMLP((6, 4, 3), feedback="tied", recipe=Recipe()).build()
"""


def without_lava(code: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", NO_LAVA + code, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)


def test_it_learns_predicts_is_saved_and_loaded(tmp_path: Path) -> None:
    done = without_lava(LEARNS, "learned", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0.6


def test_its_graph_needs_lava_and_nothing_else_does(tmp_path: Path) -> None:
    done = without_lava(BUILDS, cwd=tmp_path)
    assert "MissingError: neuromorph.processes.rebuild needs lava, which is not installed" in done.stderr
