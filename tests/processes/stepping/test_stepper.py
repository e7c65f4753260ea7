"""LavaStepper against Lava's runtime, and what it says when something goes wrong."""

import gc
import threading
import time

import numpy as np
import pytest
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
from lava.proc.dense.process import Dense, LearningDense
from lava.proc.io import sink, source
from lava.proc.io.extractor import VarWire
from lava.proc.io.reset import Reset
from lava.proc.lif.process import LIF
from lava.proc.monitor.process import Monitor
from lava.proc.sparse.process import Sparse
from scipy.sparse import csr_matrix
from specimens import Deaf, Layer, Odd, loop

from neuromorph.errors import LavaRunError
from neuromorph.processes.equivalence.runtime import lava_run
from neuromorph.processes.stepping.stepper import LavaStepper

STEPS = 40


def rule(factors):
    if factors == 2:
        return Loihi2FLearningRule(
            dw="2^-2 * x1 * y0 - 2^-3 * y1 * x0",
            x1_impulse=40,
            x1_tau=10,
            y1_impulse=30,
            y1_tau=8,
            rng_seed=5,
            t_epoch=2,
        )
    return Loihi3FLearningRule(
        dw="2^-7 * x0 * x1 * y1 * y3 - 2^-3 * x0 * y2", x1_impulse=40, x1_tau=20, rng_seed=7, t_epoch=1
    )


def network(factors, tag):
    """Source, Dense, LIF, LearningDense, LIF, sink in a row, recurrence, virtual ports, probes, a Reset."""
    rng = np.random.default_rng(3)
    data = source.RingBuffer(data=rng.integers(0, 4, (12, STEPS)) // 3)
    first = Dense(weights=rng.integers(-40, 45, (6, 12)))
    hidden = LIF(shape=(2, 3), vth=5, du=1000, dv=200) if tag == "fixed_pt" else LIF(shape=(2, 3), vth=60, du=0.3)
    plastic = LearningDense(weights=rng.integers(-30, 45, (4, 6)), learning_rule=rule(factors))
    output = LIF(shape=(4,), vth=9, du=2000, dv=900) if tag == "fixed_pt" else LIF(shape=(4,), vth=45, du=0.8, dv=0.4)
    back = Sparse(weights=csr_matrix(rng.integers(-20, 20, (6, 4))))
    record = sink.RingBuffer(shape=(2, 2), buffer=STEPS)
    of_var, of_port, read, reset = (
        Monitor(),
        Monitor(),
        sink.Read(buffer=STEPS),
        Reset(reset_value=2, interval=7),
    )
    data.s_out.connect(first.s_in)
    first.a_out.reshape((3, 2)).transpose().connect(hidden.a_in)
    hidden.s_out.flatten().connect(plastic.s_in)
    plastic.a_out.connect(output.a_in)
    output.s_out.reshape((2, 2)).connect(record.a_in)
    output.s_out.connect(plastic.s_in_bap)
    output.s_out.connect(back.s_in)
    back.a_out.reshape((2, 3)).connect(hidden.a_in)
    of_var.probe(output.v, STEPS)
    of_port.probe(hidden.s_out, STEPS)
    read.connect_var(hidden.u)
    reset.connect_var(output.u)
    processes = [data, first, hidden, plastic, output, back, record, of_var, of_port, read, reset]
    if factors == 3:
        for port in (plastic.s_in_y1, plastic.s_in_y2, plastic.s_in_y3):
            trace = source.RingBuffer(data=rng.integers(0, 128, (4, STEPS)))
            trace.s_out.connect(port)
            processes.append(trace)
    return processes


def same(value, other):
    """Equal to the last bit, NaN included; strings and sparse matrices too."""
    value, other = (x.toarray() if isinstance(x, csr_matrix) else np.asarray(x) for x in (value, other))
    return np.array_equal(value, other) if value.dtype.kind == "U" else np.array_equal(value, other, equal_nan=True)


@pytest.mark.lava
@pytest.mark.timeout(60)
@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
@pytest.mark.parametrize("factors", [2, 3])
def test_every_var_equals_that_of_lava_s_runtime(factors, tag):
    theirs = network(factors, tag)

    def values():
        unreadable = (type(None), float)  # Lava never answers
        readable = [[var for var in p.vars if not isinstance(var.init, unreadable)] for p in theirs]
        return [{var.name: var.get() for var in variables} for variables in readable]

    expected = lava_run(theirs[0], STEPS, time_limit=30, tag=tag, after=values)
    ours = network(factors, tag)
    stepper = LavaStepper(ours[4], tag)
    for _ in range(STEPS // 2):
        stepper.step()
    stepper.step(STEPS - STEPS // 2)
    for process, wanted in zip(ours, expected, strict=True):
        for name, value in wanted.items():
            assert same(value, stepper.get(process, name)), (process.name, type(process).__name__, name)
    plastic, record = ours[3], ours[6]
    assert not np.array_equal(stepper.get(plastic, "weights"), plastic.weights.init)
    assert 0.02 < stepper.get(record, "data").mean() < 0.98


@pytest.mark.lava
@pytest.mark.timeout(60)
def test_a_hierarchical_graph_and_a_narrow_port_equal_lava_s_runtime():
    def build():
        rng = np.random.default_rng(1)
        odd, layer, record = Odd(), Layer(rng.integers(0, 90, (3, 3))), sink.RingBuffer(shape=(3,), buffer=20)
        odd.s_out.connect(layer.s_in)
        odd.s_out.connect(record.a_in)
        layer.s_out.connect(odd.s_in)
        return odd, layer, record

    odd, layer, record = build()
    LavaStepper(odd).step(3)  # leaves the graph to Lava as it was
    expected = lava_run(odd, 20, time_limit=20, after=lambda: [odd.seen.get(), layer.u.get(), record.data.get()])
    odd, layer, record = build()
    stepper, second = LavaStepper(layer), LavaStepper(odd)
    stepper.step(20)
    assert np.array_equal(stepper.get(odd, "seen"), expected[0])
    assert np.array_equal(stepper.get(layer, "u"), expected[1])
    assert np.array_equal(stepper.get(record, "data"), expected[2])
    assert expected[0].any()
    assert expected[2][0, 0] == 300 - 256
    assert odd.proc_params["steps"] == []
    assert np.array_equal(second.get(layer, "u"), np.zeros(3))


def test_concatenated_ports_arrive_side_by_side():
    parts = [source.RingBuffer(data=np.full((2, 1), value)) for value in (3, 4)]
    record = sink.RingBuffer(shape=(4,), buffer=2)
    parts[0].s_out.concat_with(parts[1].s_out, axis=0).connect(record.a_in)
    stepper = LavaStepper(record)
    stepper.step(2)
    assert np.array_equal(stepper.get(record, "data"), np.array([[3, 3], [3, 3], [4, 4], [4, 4]]))


def test_steppers_of_one_graph_do_not_touch_each_other_or_the_graph():
    processes = network(2, "fixed_pt")
    plastic = processes[3]
    one, two = LavaStepper(plastic), LavaStepper(plastic)
    one.step(STEPS)
    before = two.get(plastic, "weights")
    two.step(STEPS)
    assert np.array_equal(before, plastic.weights.init)
    assert np.array_equal(one.get(plastic, "weights"), two.get(plastic, "weights"))
    copy = one.get(plastic, "weights")
    copy[:] = 0
    assert one.get(plastic, "weights").any()
    assert (one.time_step, one.models[plastic].time_step) == (STEPS, STEPS)


@pytest.mark.parametrize(("how", "phase"), [("raise an error", "spiking"), ("raise late", "post-management")])
def test_a_model_s_exception_is_shown_with_process_step_and_phase(how, phase):
    odd = loop(how)
    stepper = LavaStepper(odd)
    start = time.monotonic()
    with pytest.raises(LavaRunError, match=rf"'{odd.name}' \(Odd\) raised ValueError in step 3, {phase}.*as ordered") as e:
        stepper.step(10)
    assert time.monotonic() - start < 2
    assert e.value.__cause__.__traceback__.tb_next.tb_next is not None
    with pytest.raises(LavaRunError, match=r"failed in step 3\. Make a new one"):
        stepper.step()
    assert stepper.get(odd, "seen").shape == (3,)


def test_a_deadlock_names_who_waits_for_whom():
    odd = loop("receive twice")
    with pytest.raises(LavaRunError) as error:
        LavaStepper(odd).step(10)
    assert "deadlock in step 3, spiking phase" in str(error.value)
    assert f"'{odd.name}' (Odd) 's_in': empty, nobody sends" in str(error.value)
    assert "(Odd) 's_out' -> " in str(error.value)


def test_a_full_channel_is_a_deadlock_at_the_step_at_which_lava_hangs():
    data, deaf = source.RingBuffer(data=np.ones((3, 5))), Deaf()
    data.s_out.connect(deaf.a_in)
    stepper = LavaStepper(data)
    stepper.step(64)
    with pytest.raises(LavaRunError, match=r"step 65.*\(RingBuffer\) 's_out' -> .*\(Deaf\) 'a_in': full"):
        stepper.step()


def test_threads_are_used_again_and_none_is_left_waiting():
    def count():
        return sum(thread.name == "neuromorph-step" for thread in threading.enumerate())

    before = count()
    for how in ("receive twice", "raise an error", "fine"):
        for _ in range(20):
            stepper = LavaStepper(loop(how))
            try:
                stepper.step(4)
            except LavaRunError:
                assert how != "fine"
    gc.collect()
    assert count() <= max(before, 6)


def test_an_order_of_sending_and_receiving_does_not_matter():
    """Two LIFs linked both ways by six Dense: no order of the processes runs each one to its end at once."""
    rng = np.random.default_rng(2)
    weights = [rng.integers(-30, 60, (3, 3)) for _ in range(6)]
    results = []
    for order in (range(6), reversed(range(6))):
        lifs = [LIF(shape=(3,), vth=2, du=500, dv=500, bias_mant=40 * i, bias_exp=2) for i in range(2)]
        for i in order:
            dense = Dense(weights=weights[i])
            lifs[i % 2].s_out.connect(dense.s_in)
            dense.a_out.connect(lifs[1 - i % 2].a_in)
        stepper = LavaStepper(lifs[0])
        stepper.step(100)
        results.append([stepper.get(lif, name) for lif in lifs for name in ("u", "v")])
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))
    assert any(a.any() for a in results[0])


def test_what_cannot_be_stepped_is_refused():
    lif, wire = LIF(shape=(2,)), VarWire()
    wire.connect_var(lif.v)
    with pytest.raises(LavaRunError, match=r"\(VarWire\): its parameter pm_to_p_src_port is a channel of Lava's runtime"):
        LavaStepper(lif)
    with pytest.raises(LavaRunError, match=r"\(Odd\): cannot build its model PyOddModel: ValueError: no such model"):
        LavaStepper(Odd("cannot be built"))
    stepper = LavaStepper(LIF(shape=(2,)))
    other = LIF(shape=(2,))
    with pytest.raises(LavaRunError, match=r"\(LIF\) has no Var 'w', only \['bias_exp'"):
        stepper.get(other, "w")
    with pytest.raises(LavaRunError, match=rf"'{other.name}'.*no leaf process of this stepper's graph"):
        stepper.get(other, "u")
