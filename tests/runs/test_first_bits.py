"""The bits that a run at chip precision compares with Lava are those of its own training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call

from neuromorph.engine.engine import Engine
from neuromorph.processes.equivalence import check
from neuromorph.processes.equivalence.result import BitCheck
from neuromorph.processes.simulating.simulate import lower
from neuromorph.program import Program

STEPS = 40
PORTS = ("s_out", "s_target", "s_phase")


def test_lava_is_shown_the_samples_that_the_training_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven training images for six steps each: those of the first epoch, in the order of this seed."""
    compared: list[Program] = []
    sent: list[list[np.ndarray]] = []
    whole = Engine.run

    def compare(process: Any, steps: int, **options: Any) -> BitCheck:
        compared.append(lower(process))
        assert steps == STEPS
        return BitCheck(steps, 1, None)

    def run(engine: Engine, steps: int, progress: Any = None) -> None:
        for _ in range(steps):
            whole(engine, 1)
            sent.append([engine.get("presenter", port) for port in PORTS])

    monkeypatch.setattr(check, "check_bits", compare)
    monkeypatch.setattr(Engine, "run", run)
    options = ["--layers", "64-8-10", "--epochs", "1", "--validation", "1430", "--seed", "4", "--bits", str(STEPS)]
    assert call(monkeypatch, "train", *options, "-o", str(tmp_path / "run")) == 0
    trained = sent[:STEPS]
    sent.clear()
    Engine(compared[0]).run(STEPS)
    for ours, wanted in zip(sent, trained, strict=True):
        for a, b in zip(ours, wanted, strict=True):
            np.testing.assert_array_equal(a, b)
