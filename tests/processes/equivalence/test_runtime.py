"""lava_run: always an end, always a reason, nothing left behind."""

import multiprocessing
import threading
import time

import numpy as np
import pytest
from lava.proc.io import sink, source
from lava.proc.lif.process import LIF
from specimens import Odd, loop

from neuromorph.errors import LavaRunError
from neuromorph.processes.equivalence.runtime import lava_run

pytestmark = [pytest.mark.lava, pytest.mark.timeout(60)]


@pytest.fixture(autouse=True)
def _nothing_left_behind():
    before = {thread for thread in threading.enumerate() if thread.name != "neuromorph-step"}
    yield
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and {t for t in threading.enumerate() if t.name != "neuromorph-step"} - before:
        time.sleep(0.01)
    assert {t for t in threading.enumerate() if t.name != "neuromorph-step"} <= before
    assert multiprocessing.active_children() == []


def failure(process, time_limit, within=None, steps=10):
    """What lava_run says when it fails: within the limit, or earlier, and with Lava stopped."""
    start = time.monotonic()
    with pytest.raises(LavaRunError) as error:
        lava_run(process, steps, time_limit=time_limit, after=lambda: pytest.fail("must not get here"))
    assert time.monotonic() - start < (within or time_limit)
    process.stop()
    if isinstance(process, Odd):
        with pytest.raises(RuntimeError, match="has not started"):
            process.seen.get()
    assert f"process '{process.name}' ({type(process).__name__})" in str(error.value)
    return str(error.value)


def test_it_returns_what_after_reads_and_stops(monkeypatch):
    data, record = source.RingBuffer(data=np.arange(5)[None]), sink.RingBuffer(shape=(1,), buffer=5)
    data.s_out.connect(record.a_in)
    stopped = []
    monkeypatch.setattr(data, "stop", lambda: stopped.append(type(data).stop(data)))
    assert np.array_equal(lava_run(data, 5, time_limit=20, after=lambda: record.data.get()), np.arange(5)[None])
    with pytest.raises(RuntimeError, match="has not started"):
        record.data.get()
    assert stopped == [None]
    data.stop()


def test_it_works_outside_of_the_main_thread():
    results = []
    odd = loop("fine")
    thread = threading.Thread(target=lambda: results.append(lava_run(odd, 10, time_limit=20, after=lambda: odd.seen.get())))
    thread.start()
    thread.join(20)
    assert [result.shape for result in results] == [(3,)]


def test_a_graph_runs_once():
    lif = LIF(shape=(2,))
    lava_run(lif, 1, time_limit=20, after=lambda: None)
    assert "compiled before" in failure(lif, 20)


@pytest.mark.parametrize("how", ["raise an error", "raise late"])
def test_an_exception_in_a_connected_model_is_told_with_its_traceback(how):
    odd = loop(how)
    text = failure(odd, 40, within=10)
    assert f"'{odd.name}' (Odd) raised ValueError\nTraceback" in text
    assert text.strip().endswith("ValueError: as ordered")
    assert "specimens.py" in text


@pytest.mark.parametrize("how", ["raise an error", "raise late"])
def test_an_exception_in_a_model_without_neighbours_is_told_too(how):
    text = failure(Odd(how), 40, within=10)
    assert "(Odd) raised ValueError\nTraceback" in text


def test_a_model_that_cannot_be_built_is_told():
    text = failure(loop("cannot be built"), 40, within=10)
    assert "ValueError: no such model" in text


def test_an_exception_that_cannot_be_unpickled_is_told():
    assert "(Odd) raised TypeError" in failure(loop("raise unpicklable"), 40, within=10)


def test_a_worker_that_dies_is_told():
    text = failure(loop("die"), 40, within=10)
    assert "(Odd) died with exit code 7" in text
    assert "A worker that runs LavaStepper dies too" in text


def test_a_deadlock_is_explained():
    text = failure(loop("receive twice"), 4)
    assert "no end within 4 s" in text
    assert "deadlock in step 3" in text
    assert "(Odd) 's_in': empty, nobody sends" in text


def test_a_model_that_computes_for_ever_is_told():
    text = failure(loop("compute for ever"), 4)
    assert "LavaStepper does not end either" in text


def test_reading_a_var_for_which_lava_never_answers_is_told():
    odd = loop("fine")
    with pytest.raises(LavaRunError, match=r"\(Odd\): reading did not end within 3 s.*None"):
        lava_run(odd, 3, time_limit=3, after=lambda: odd.nothing.get())


def test_an_exception_of_after_comes_through():
    with pytest.raises(ZeroDivisionError):
        lava_run(loop("fine"), 3, time_limit=20, after=lambda: 1 // 0)
