"""Presenter in Lava's models, against its formula."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer

from neuromorph.errors import LavaRunError, RangeError
from neuromorph.processes.presenter.process import Presenter
from neuromorph.processes.stepping.stepper import LavaStepper

TAGS = ["floating_pt", "fixed_pt"]


def shown(presenter: Presenter, tag: str, run: int) -> dict[str, np.ndarray]:
    """What its ports send in `run` steps, (run, size)."""
    sinks = {}
    for port in presenter.out_ports.members:
        sinks[port.name] = RingBuffer(shape=port.shape, buffer=run)
        port.connect(sinks[port.name].a_in)
    stepper = LavaStepper(presenter, tag)
    stepper.step(run)
    return {name: stepper.get(sink, "data").T for name, sink in sinks.items()}


@st.composite
def presentations(draw: Any) -> dict[str, Any]:
    count, size, outputs = (draw(st.integers(1, 4)) for _ in range(3))
    payloads = st.integers(-(2**31), 2**31 - 1)
    targets = npst.arrays(np.int64, (count, outputs), elements=payloads)
    return {
        "samples": draw(npst.arrays(np.int64, (count, size), elements=payloads)),
        "targets": draw(st.none() | targets),
        "steps": draw(st.integers(1, 5)),
        "order": draw(st.none() | st.lists(st.integers(0, count - 1), min_size=1, max_size=6)),
    }


@pytest.mark.parametrize("tag", TAGS)
@settings(max_examples=25, deadline=None)
@given(what=presentations(), run=st.integers(1, 30))
def test_it_plays_the_samples_in_order_and_opens_a_phase_with_each(tag: str, what: dict[str, Any], run: int) -> None:
    seen = shown(Presenter(**what), tag, run)
    order = range(len(what["samples"])) if what["order"] is None else what["order"]
    for t in range(1, run + 1):
        k = order[((t - 1) // what["steps"]) % len(order)]
        np.testing.assert_array_equal(seen["s_out"][t - 1], what["samples"][k])
        np.testing.assert_array_equal(seen["s_target"][t - 1], 0 if what["targets"] is None else what["targets"][k])
        opens = (t - 1) % what["steps"] == 0
        assert seen["s_phase"][t - 1] == opens * (1 if what["targets"] is None else 2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"samples": [1, 2]}, r"samples has shape \(2,\); give one row a sample"),
        ({"samples": np.zeros((0, 3))}, "samples has shape"),
        ({"targets": [[1]]}, "2 samples and 1 targets; give as many of each"),
        ({"targets": [["a"], ["b"]]}, "targets = .* is no number"),
        ({"steps": 0}, "steps = 0 is no whole number from 1 on"),
        ({"steps": 2.5}, "steps = 2.5 is no whole number from 1 on"),
        ({"order": [0, 2]}, r"order = \[0, 2\] is no list of whole numbers in 0..1"),
        ({"order": [0.5]}, "order"),
        ({"order": []}, "order"),
    ],
)
def test_what_does_not_fit_together_is_refused_at_once(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(RangeError, match=rf"^process 'retina' \(Presenter\): {message}"):
        Presenter(**({"samples": [[1, 2], [3, 4]], "steps": 3, "name": "retina"} | wrong))


@pytest.mark.parametrize("name", ["samples", "targets"])
@pytest.mark.parametrize(("value", "message"), [(0.5, "0.5 is not an integer"), (2**31, "2147483648 is outside")])
def test_payloads_that_fixed_point_cannot_send_are_refused_by_its_model_only(name: str, value: float, message: str) -> None:
    presenter = Presenter(**({"samples": [[1]], "targets": [[1]], "steps": 1, "name": "retina"} | {name: [[value]]}))
    LavaStepper(presenter, tag="floating_pt").step()
    with pytest.raises(LavaRunError, match=rf"process 'retina' \(Presenter\): {name} = {message}"):
        LavaStepper(presenter, tag="fixed_pt")


@pytest.mark.lava
@pytest.mark.filterwarnings("ignore:pandas not found:ImportWarning")  # from networkx, which Lava's compiler uses
def test_samples_order_and_opening_can_be_set_between_runs() -> None:
    presenter = Presenter(samples=[[10], [20]], targets=[[1], [2]], steps=1)
    seen, phases = RingBuffer(shape=(1,), buffer=6), RingBuffer(shape=(1,), buffer=6)
    presenter.s_out.connect(seen.a_in)
    presenter.s_phase.connect(phases.a_in)
    try:
        presenter.run(condition=RunSteps(num_steps=2), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        presenter.order.set(np.array([1, 0]))
        presenter.opening.set(np.array([1]))
        presenter.run(condition=RunSteps(num_steps=2))
        presenter.samples.set(np.array([[30], [40]]))
        presenter.run(condition=RunSteps(num_steps=2))
        assert seen.data.get()[0].tolist() == [10, 20, 20, 10, 40, 30]
        assert phases.data.get()[0].tolist() == [2, 2, 1, 1, 1, 1]
    finally:
        presenter.stop()
