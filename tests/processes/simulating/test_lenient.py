"""Payloads and post-traces that no chip holds are computed as Lava's models compute them, with a warning; `strict` refuses them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.process import LearningDense
from lava.proc.io.source import RingBuffer

from neuromorph.errors import SimulationError
from neuromorph.processes.simulating.simulate import simulate
from neuromorph.processes.simulating.simulation import BeyondChipWarning
from neuromorph.processes.stepping.stepper import LavaStepper

STEPS = 24
MODES = [GradedSpikeCfg.OVERWRITE, GradedSpikeCfg.ADD_WITH_SATURATION, GradedSpikeCfg.ADD_WITHOUT_SATURATION]


def learning(mode: GradedSpikeCfg, epoch: int, payloads: np.ndarray, traces: np.ndarray, impulse: int) -> AbstractProcess:
    rule = Loihi3FLearningRule(
        dw="2^-4*x0*x1*(y1-3) - 2^-3*y0*x2*y3 + 2^-2*u0*(x1-100)*y2",
        x1_tau=7, x1_impulse=impulse, x2_tau=9, x2_impulse=impulse,
        t_epoch=epoch, rng_seed=3,
    )  # fmt: skip
    made = LearningDense(
        weights=np.arange(-8, 8).reshape(4, 4) * 10, learning_rule=rule, num_message_bits=8, graded_spike_cfg=mode
    )
    RingBuffer(data=payloads).s_out.connect(made.s_in)
    RingBuffer(data=(payloads > 300).astype(int)).s_out.connect(made.s_in_bap)
    for y, data in zip(("y1", "y2", "y3"), traces, strict=True):
        RingBuffer(data=data).s_out.connect(getattr(made, f"s_in_{y}"))
    return made


@pytest.mark.parametrize("impulse", [0, 20])
@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("mode", MODES)
def test_bits_are_lavas(mode: GradedSpikeCfg, epoch: int, impulse: int) -> None:
    rng = np.random.default_rng(1)
    payloads = rng.integers(0, 600, (4, STEPS)) * (rng.random((4, STEPS)) < 0.7)
    traces = rng.integers(-40, 300, (3, 4, STEPS))
    ours, theirs = (learning(mode, epoch, payloads, traces, impulse) for _ in range(2))
    stepper = LavaStepper(theirs)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", BeyondChipWarning)
        for step in range(STEPS):
            stepper.step()
            simulate(ours, 1)
            for name in ("x1", "x2", "tx", "y1", "y2", "y3", "ty", "weights"):
                held, there = getattr(ours, name).get(), stepper.get(theirs, name)
                assert np.array_equal(held, there), (step + 1, name, held, there)
    texts = {str(one.message) for one in told if one.category is BeyondChipWarning}
    assert any("no even numbers of 0..254" in text and "rounded to even" in text for text in texts)
    assert any("post-traces outside 0..127" in text for text in texts)


def test_strict_refuses_them() -> None:
    still = np.zeros((3, 4, STEPS), dtype=int)
    with pytest.raises(SimulationError, match="payload 51 into a learning synapse"):
        simulate(learning(MODES[0], 1, np.full((4, STEPS), 51), still, 5), 3, strict=True)
    with pytest.raises(SimulationError, match=r"post-traces y1, y2, y3 = \[200, 200, 200\]"):
        simulate(learning(MODES[0], 1, np.full((4, STEPS), 50), still + 200, 5), 3, strict=True)
