"""What is fed to a graph, sent to it and received from it: as from a source of the same frames, and as through Lava's pipes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.extractor import Extractor, PyLoihiExtractorModel
from lava.proc.io.injector import Injector, PyLoihiInjectorModel, PyLoihiInjectorModelAsync
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.io.utils import ChannelConfig, ReceiveEmpty, ReceiveNotEmpty, SendFull
from lava.proc.lif.process import LIF

from neuromorph.engine import Engine
from neuromorph.errors import LoweringError, ProgramError, RangeError, SimulationError
from neuromorph.processes.lowering.nodes import messages
from neuromorph.processes.simulating.feeding import feed
from neuromorph.processes.simulating.simulate import lower, simulate
from neuromorph.processes.simulating.simulation import SteppedWarning

ZEROS = ChannelConfig(receive_empty=ReceiveEmpty.NON_BLOCKING_ZEROS)
ADDED_UP = ChannelConfig(receive_empty=ReceiveEmpty.NON_BLOCKING_ZEROS, receive_not_empty=ReceiveNotEmpty.ACCUMULATE)
DROPPED = ChannelConfig(send_full=SendFull.NON_BLOCKING_DROP, receive_empty=ReceiveEmpty.NON_BLOCKING_ZEROS)


class Net:
    """Injector, Dense, LIF, Extractor; or a source and a sink in place of the first and the last."""

    def __init__(
        self, size: int = 3, frames: Any = None, graded: bool = True, config: ChannelConfig | None = None, **options: Any
    ) -> None:
        weights = 2 * np.random.default_rng(size).integers(-20, 40, (size, size))
        self.dense, self.lif = (
            Dense(weights=weights, num_message_bits=8 * graded),
            LIF(shape=(size,), vth=300, du=1500, dv=400),
        )
        self.dense.a_out.connect(self.lif.a_in)
        if frames is None:
            self.into = Injector(shape=(size,), channel_config=config, **options)
            self.out = Extractor(shape=(size,), channel_config=config, **options)
            self.into.out_port.connect(self.dense.s_in)
            self.lif.s_out.connect(self.out.in_port)
        else:
            self.sink = Sink(shape=(size,), buffer=len(frames))
            Source(data=np.transpose(frames)).s_out.connect(self.dense.s_in)
            self.lif.s_out.connect(self.sink.a_in)

    def vars(self) -> list[Any]:
        return [self.lif.u.get(), self.lif.v.get(), self.dense.a_buff.get()]


def frames_of(steps: int, size: int, seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 100, (steps, size)) * (
        np.random.default_rng(seed + 1).random((steps, size)) < 0.4
    )


@settings(deadline=None, max_examples=60, derandomize=True, database=None)
@given(
    data=st.data(), seed=st.integers(0, 1000), room=st.integers(1, 40), how=st.sampled_from(["array", "callable", "sent"])
)
def test_what_is_fed_gives_the_bits_of_a_source_however_it_is_cut(data: Any, seed: int, room: int, how: str) -> None:
    """In calls of any length, blocks of any length, and answers of any number of steps."""
    steps, size = 40, 3
    frames = frames_of(steps, size, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "AT_ONCE", room * size)
        net, other = Net(size, buffer_size=steps), Net(size, frames)
        got: list[Any] = []
        asked: list[int] = []

        def ask(step: int, count: int) -> Any:
            asked.append(step)
            return frames[step - 1 : step - 1 + data.draw(st.integers(1, count))]

        simulate(net.lif, 0)
        if how == "sent":
            for frame in frames:
                net.into.send(frame)
        else:
            feed(net.into, frames if how == "array" else ask)
            feed(net.out, lambda step, came: got.extend(enumerate(came, step)))
        made = 0
        while made < steps:
            count = data.draw(st.integers(1, steps - made))
            simulate(net.lif, count)
            simulate(other.lif, count)
            made += count
            for mine, theirs in zip(net.vars(), other.vars(), strict=True):
                np.testing.assert_array_equal(mine, theirs)
    if how == "sent":
        got = list(enumerate((net.out.receive() for _ in range(steps)), 1))
    assert [step for step, _ in got] == list(range(1, steps + 1))
    np.testing.assert_array_equal(np.transpose([message for _, message in got]), other.sink.data.get())
    assert asked == sorted(set(asked))


def test_a_callable_sees_what_its_last_answer_did() -> None:
    """A loop that is closed through Python, in one call: x' = f(what came of x)."""
    net, spikes, answers = Net(size=2), [np.zeros(2)], []

    def answer(step: int, count: int) -> Any:
        assert len(spikes) == step
        assert lower(net.lif).step == step - 1
        answers.append(np.where(spikes[-1] > 0, 0, 60))
        return answers[-1]

    feed(net.into, answer)
    feed(net.out, lambda step, came: spikes.append(came[-1]))
    simulate(net.lif, 30)
    other = Net(2, np.array(answers))
    simulate(other.lif, 30)
    np.testing.assert_array_equal(np.transpose(spikes[1:]), other.sink.data.get())
    assert other.sink.data.get().any()
    np.testing.assert_array_equal(net.lif.v.get(), other.lif.v.get())


class _Recorder:
    """What Lava's runtime gives for the same calls."""

    def __init__(self, net: Net) -> None:
        self.net = net
        config = Loihi2SimCfg(
            select_tag="fixed_pt",
            exception_proc_model_map={Injector: PyLoihiInjectorModel, Extractor: PyLoihiExtractorModel},
        )
        net.lif.create_runtime(run_cfg=config)
        self.config = config

    def run(self, steps: int) -> None:
        self.net.lif.run(RunSteps(steps), self.config)


@pytest.fixture
def stopping() -> Iterator[Callable[[Net], _Recorder]]:
    made: list[Net] = []

    def make(net: Net) -> _Recorder:
        made.append(net)
        return _Recorder(net)

    yield make
    for net in made:
        net.lif.stop()


@pytest.mark.filterwarnings("ignore::ImportWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("config", [ZEROS, ADDED_UP], ids=["first in, first out", "added up"])
def test_policies_are_those_of_lavas_pipes(config: ChannelConfig, stopping: Callable[[Net], _Recorder]) -> None:
    lava, net = (Net(2, graded=False, config=config, buffer_size=8) for _ in range(2))
    runtime = stopping(lava)
    simulate(net.lif, 0)
    seen: list[list[Any]] = []
    for one, run in ((lava, runtime.run), (net, lambda n: simulate(net.lif, n))):
        seen.append([])
        for sent, steps in ((3, 2), (0, 3), (2, 1)):
            for k in range(sent):
                one.into.send(np.array([4.0 + k, 60.0 - k]))
            time.sleep(0.2 if one is lava else 0)
            run(steps)
            seen[-1] += [*one.vars(), one.out.receive(), one.out.receive()]
    for theirs, mine in zip(*seen, strict=True):
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype


def test_where_lava_would_wait_for_ever_an_error_says_what_to_do() -> None:
    net = Net(buffer_size=4)
    simulate(net.lif, 0)
    with pytest.raises(SimulationError, match=r"nothing has come that was not received.*NON_BLOCKING_ZEROS"):
        net.out.receive()
    for _ in range(4):
        net.into.send(np.ones(3))
    with pytest.raises(SimulationError, match=r"its buffer of 4 is full.*buffer_size"):
        net.into.send(np.ones(3))
    with pytest.raises(SimulationError, match="is to send at 5 steps, and has messages for 4"):
        simulate(net.lif, 5)
    simulate(net.lif, 4)
    net.into.send(np.ones(3))
    with pytest.raises(SimulationError, match="its buffer of 4 has room for 0 messages, and 1 steps"):
        simulate(net.lif, 1)
    assert lower(net.lif).step == 4
    net.out.receive()
    simulate(net.lif, 1)


def test_what_finds_no_room_is_dropped_with_lavas_warning() -> None:
    net = Net(config=DROPPED, buffer_size=2)
    simulate(net.lif, 0)
    for k in range(2):
        net.into.send(np.full(3, 10 * k))
    with pytest.warns(UserWarning, match="Send buffer is full. Dropping items"):
        net.into.send(np.full(3, 90))
    with pytest.warns(UserWarning, match="Send buffer is full. Dropping items"):
        simulate(net.lif, 3)
    assert len(net.out.out_port.external_pipe_csp_recv_port._queue) == 2


def test_the_end_of_data_is_an_error_or_zeros() -> None:
    net, quiet = Net(), Net(config=ZEROS)
    frames = frames_of(5, 3, 0)
    for one in (net, quiet):
        feed(one.into, frames)
        feed(one.out, lambda step, came: None)
    with pytest.raises(SimulationError, match=r"\(Injector\) is to send at 6 steps, and has messages for 5"):
        simulate(net.lif, 6)
    assert lower(net.lif).step == 0
    simulate(quiet.lif, 9)
    other = Net(3, np.concatenate([frames, np.zeros((4, 3), int)]))
    simulate(other.lif, 9)
    np.testing.assert_array_equal(quiet.lif.v.get(), other.lif.v.get())
    feed(net.into, lambda step, count: frames[step - 1 : step])
    with pytest.raises(SimulationError, match="its data end before step 6"):
        simulate(net.lif, 6)
    assert lower(net.lif).step == 5


def test_a_callable_that_raises_ends_the_run_between_two_blocks() -> None:
    net = Net()
    feed(net.out, lambda step, came: None)

    def two(step: int, count: int) -> Any:
        if step == 3:
            raise KeyError("gone")
        return np.full((1, 3), 50)

    feed(net.into, two)
    with pytest.raises(KeyError, match="gone"):
        simulate(net.lif, 10)
    assert lower(net.lif).step == 2
    feed(net.into, np.full((1, 3), 50))
    simulate(net.lif, 1)
    other = Net(3, np.full((3, 3), 50))
    simulate(other.lif, 3)
    np.testing.assert_array_equal(net.lif.v.get(), other.lif.v.get())


@pytest.mark.filterwarnings("ignore::neuromorph.processes.simulating.simulation.SteppedWarning")
def test_beside_stepped_processes_the_same_is_sent() -> None:
    """An injector whose messages a model of Lava takes is stepped itself, and may send fractions."""
    results = []
    for threshold in (300, [300, 300, 301]):  # a threshold for each neuron is stepped
        net, got = Net(), []
        net.lif.vth.init = np.array(threshold)
        feed(net.into, frames_of(20, 3, 5))
        feed(net.out, lambda step, came, got=got: got.extend(came))
        simulate(net.lif, 12)
        simulate(net.lif, 8)
        results.append([*net.vars(), got])
    for native, stepped in zip(*results, strict=True):
        np.testing.assert_array_equal(native, stepped)
    assert np.any(results[0][-1])


def test_an_injector_of_fractions_into_a_model_in_floating_point() -> None:
    lif, into = LIF(shape=(2,), vth=3.0, du=0.5, dv=0.25), Injector(shape=(2,))
    into.out_port.connect(lif.a_in)
    feed(into, lambda step, count: np.array([0.25, 1.5]))
    with pytest.warns(SteppedWarning):
        simulate(lif, 2, Loihi2SimCfg(select_tag="floating_pt"))
    np.testing.assert_array_equal(lif.u.get(), [0.375, 2.25])


def test_what_cannot_be_fed_is_refused() -> None:
    net = Net()
    for data in (np.ones((4, 2)), np.ones(()), [1, 2, 3]):
        with pytest.raises(RangeError, match=r"give \(steps, 3\), or a callable"):
            feed(net.into, data)
    with pytest.raises(RangeError, match="is no Injector or Extractor"):
        feed(net.lif, np.ones((4, 3)))  # type: ignore[arg-type]
    with pytest.raises(RangeError, match=r"ndarray cannot take messages; give a callable \(step, messages\)"):
        feed(net.out, np.ones((4, 3)))
    feed(net.into, np.full((4, 3), 0.5))
    with pytest.raises(SimulationError, match=r"out_port sends 0\.5, which is no integer of 32 bits"):
        simulate(net.lif, 4)
    with pytest.raises(SimulationError, match="is fed, and sends nothing else meanwhile"):
        net.into.send(np.ones(3))
    feed(net.into, lambda step, count: np.ones((count + 1, 3)))
    with pytest.raises(RangeError, match=r"asked for step 1 and up to 4 steps, its data have shape \(5, 3\)"):
        simulate(net.lif, 4)
    feed(net.into, np.ones((0, 3)))
    with pytest.raises(RangeError, match=r"a message has shape \(2,\); its port has \(3,\)"):
        net.into.send(np.ones(2))
    net.into.send(np.ones(3))
    with pytest.raises(SimulationError, match="1 messages that were sent to it wait"):
        feed(net.into, np.ones((4, 3)))


def test_asynchronous_models_are_refused_in_one_line() -> None:
    net = Net()
    config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map={Injector: PyLoihiInjectorModelAsync})
    with pytest.raises(LoweringError, match=r"\(Injector\): its model PyLoihiInjectorModelAsync runs asynchronously"):
        simulate(net.lif, 1, config)
    assert not issubclass(PyLoihiInjectorModelAsync, PyLoihiProcessModel)


def test_an_engine_is_fed_by_hand() -> None:
    net, frames = Net(), frames_of(6, 3, 2)
    engine = Engine(lower(net.lif))
    with pytest.raises(ProgramError, match="out_port is fed to step 0, and is to send to step 1; feed it more"):
        engine.run(1)
    engine.feed(net.into.name, "out_port", frames)
    engine.run(6)
    other = Net(3, frames)
    simulate(other.lif, 6)
    np.testing.assert_array_equal(engine.came(net.out.name, "in_port", 6).T, other.sink.data.get())
    room = min(messages.BLOCK, messages.AT_ONCE // 3)
    with pytest.raises(ProgramError, match=f"has room for {room} steps, and {room + 1} are given"):
        engine.feed(net.into.name, "out_port", np.zeros((room + 1, 3), int))
    with pytest.raises(ProgramError, match=f"keeps {room} steps, not {room + 1}"):
        engine.came(net.out.name, "in_port", room + 1)
