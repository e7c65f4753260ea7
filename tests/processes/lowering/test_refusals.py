"""Whatever the chip cannot hold, or Lava would change in silence, is refused: what, where, why."""

from collections.abc import Callable

import numpy as np
import pytest
from connections import KINDS, NEURONS, STATIC, connection, learning, rule
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import LoihiLearningRule
from lava.magma.core.process.process import AbstractProcess
from lava.proc.conv_in_time.process import ConvInTime
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.io import sink, source
from lava.proc.lif.process import LIF, LIFRefractory, TernaryLIF
from lava.proc.monitor.process import Monitor
from lava.proc.sparse.process import DelaySparse, LearningSparse, Sparse
from lava.utils.weightutils import SignMode
from scipy.sparse import csr_matrix

from neuromorph.errors import LoweringError, ProgramError, RangeError, RuleError
from neuromorph.laws import lif as laws
from neuromorph.laws.law import Variable
from neuromorph.laws.synapse import (
    DELAY_RANGE,
    EPOCH_RANGE,
    EXPONENT_RANGE,
    IMPULSE_RANGE,
    MESSAGE_BITS_RANGE,
    PAYLOAD_RANGE,
    SEED_RANGE,
    TAU_RANGE,
    WEIGHT_BITS_RANGE,
)
from neuromorph.processes.lowering.values import QuantizationWarning
from neuromorph.processes.simulating.simulate import lower, simulate
from neuromorph.program import TRACES

THRESHOLDS = laws.TERNARY_LIF.parameters[-2:]


def refused(process: AbstractProcess, error: type[Exception], *words: str) -> None:
    """Lowering raises `error`, whose text has all the words."""
    with pytest.raises(error) as raised:
        lower(process)
    for word in words:
        assert word in str(raised.value)


# ---- every Variable of every law ----------------------------------------------------------------------

VARIABLES = [(p, v) for p, law in NEURONS.items() for v in (*law.parameters, *law.states)]


def neurons(process: type[AbstractProcess], name: str, value: float) -> AbstractProcess:
    """Two neurons with one parameter or state as given, after Lava has looked at the others."""
    legal = {v.name: v.default for v in (*NEURONS[process].parameters, *NEURONS[process].states)}
    if process is TernaryLIF:
        legal["vth_hi"], legal["vth_lo"] = (v.high if v.name == "vth_hi" else v.low for v in THRESHOLDS)
    made = process(shape=(2,), name="here", **legal)
    if name in made.vars.member_names:
        getattr(made, name).init = value
    else:
        made.proc_params.overwrite(name, value)
    return made


@pytest.mark.parametrize(("process", "variable"), VARIABLES, ids=lambda x: getattr(x, "name", None) or x.__name__)
def test_every_parameter_and_state_of_a_neuron(process: type[AbstractProcess], variable: Variable) -> None:
    for value in (variable.low, variable.high):
        lower(neurons(process, variable.name, value))
    for value in (variable.low - 1, variable.high + 1):
        words = ("'here'", f"{variable.name} = {value}", f"{variable.low}..{variable.high}")
        refused(neurons(process, variable.name, value), RangeError, *words)
    fraction = variable.default + 0.5
    refused(
        neurons(process, variable.name, fraction),
        RangeError,
        f"'here' ({process.__name__}): {variable.name} = {fraction}",
    )


def test_one_neuron_of_many() -> None:
    refused(
        LIF(shape=(2, 2), bias_mant=np.array([[1, 2], [3, 4096]]), name="here"),
        RangeError,
        "bias_mant = 4096",
    )


def test_thresholds_in_the_wrong_order() -> None:
    made = TernaryLIF(shape=(1,), name="here")
    made.vth_lo.init = 11
    refused(made, RangeError, "'here'", "vth_lo = 11 is above vth_hi = 10")


def test_more_values_than_neurons_or_other_shapes() -> None:
    refused(
        LIF(shape=(2,), vth=np.array([3, 4]), name="here"),
        LoweringError,
        "'here'",
        "vth has shape (2,)",
        "(1,)",
    )
    refused(LIF(shape=(2,), u=np.zeros(3), name="here"), LoweringError, "u has shape (3,)", "(2,)")


# ---- connections --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("mode", "wrong"),
    [
        ("MIXED", -257),
        ("MIXED", 256),
        ("EXCITATORY", 256),
        ("EXCITATORY", -1),
        ("INHIBITORY", -256),
        ("INHIBITORY", 1),
    ],
)
def test_a_weight_that_its_sign_mode_does_not_allow(kind: type[AbstractProcess], mode: str, wrong: int) -> None:
    made = connection(kind, [[wrong, 0]], sign_mode=SignMode[mode])
    refused(made, RangeError, f"'here' ({kind.__name__}): weights = {wrong} is outside", mode)


@pytest.mark.parametrize("kind", STATIC)
def test_a_weight_that_the_inferred_sign_mode_does_not_allow(kind: type[AbstractProcess]) -> None:
    lower(connection(kind, [[-256, 2]]))
    refused(connection(kind, [[-256, 0]]), RangeError, "'here'", "-256", "INHIBITORY")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", [SignMode.NULL, None])
def test_no_sign_mode_of_the_chip(kind: type[AbstractProcess], mode: SignMode | None) -> None:
    if mode is None and kind in STATIC:
        lower(connection(kind, [[2, 4]], sign_mode=mode))  # inferred
    else:
        refused(connection(kind, [[2, 4]], sign_mode=mode), LoweringError, "'here'", "none of MIXED")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "bounds", "variable"),
    [
        ("weight_exp", EXPONENT_RANGE, False),
        ("num_weight_bits", WEIGHT_BITS_RANGE, False),
        ("num_message_bits", MESSAGE_BITS_RANGE, True),
    ],
)
def test_settings_of_a_connection(kind: type[AbstractProcess], name: str, bounds: tuple[int, int], variable: bool) -> None:
    for value in bounds:
        lower(connection(kind, [[-256]], **{name: value}, sign_mode=SignMode.MIXED))
    for value in (bounds[0] - 1, bounds[1] + 1):
        words = (f"'here' ({kind.__name__}): {name} = {value}", f"{bounds[0]}..{bounds[1]}")
        refused(connection(kind, [[-256]], **{name: value}, sign_mode=SignMode.MIXED), RangeError, *words)
    refused(connection(kind, [[2]], **{name: 1.5}), RangeError, f"'here' ({kind.__name__}): {name} = 1.5")


@pytest.mark.parametrize("kind", KINDS)
def test_fractional_weights(kind: type[AbstractProcess]) -> None:
    refused(connection(kind, [[0.5, 2]]), RangeError, f"'here' ({kind.__name__}): weights = 0.5 is not an integer")
    lower(connection(kind, [[4.0, 2.0]]))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_lose_bits_warn(kind: type[AbstractProcess]) -> None:
    with pytest.warns(QuantizationWarning, match=r"'here'.*2 weights lose low bits.*multiples of 2"):
        program = lower(connection(kind, [[101, -101, 4]], sign_mode=SignMode.MIXED))
    assert sorted(program["here"].weights.ravel()) == [-102, 4, 100]
    with pytest.warns(QuantizationWarning, match=r"'here'.*4-bit.*multiples of 32"):
        lower(connection(kind, [[33, -32]], sign_mode=SignMode.MIXED, num_weight_bits=4))


@pytest.mark.parametrize("kind", [DelayDense, DelaySparse])
def test_delays(kind: type[AbstractProcess]) -> None:
    high = DELAY_RANGE[1]
    lower(connection(kind, [[2, 2]], delays=high))
    refused(
        connection(kind, [[2, 2]], delays=high + 1),
        RangeError,
        "'here'",
        f"delays = {high + 1}",
        f"0..{high}",
    )
    delays = np.array([[3, 1]])
    given = csr_matrix(delays) if kind is DelaySparse else delays
    words = ("'here'", "a delay of 3 does not fit max_delay = 2")
    refused(connection(kind, [[2, 2]], delays=given, max_delay=2), LoweringError, *words)
    made = connection(kind, [[2, 2]], delays=given)
    made.delays.init = given * 0.5
    refused(made, RangeError, "'here'", "delays = ", "not an integer")
    made.delays.init = -given
    refused(made, RangeError, "'here'", "delays = -3", f"0..{high}")


def test_a_sparse_matrix_with_two_entries_for_one_synapse() -> None:
    twice = csr_matrix((np.array([2, 4]), np.array([0, 0]), np.array([0, 2])), shape=(1, 1))
    refused(Sparse(weights=twice, name="here"), LoweringError, "'here'", "two entries for one synapse")


# ---- learning -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trace", TRACES)
@pytest.mark.parametrize(("kind", "bounds"), [("tau", TAU_RANGE), ("impulse", IMPULSE_RANGE)])
def test_taus_and_impulses(trace: str, kind: str, bounds: tuple[int, int]) -> None:
    text = "2^-1*x0*y1 + 2^-1*u0*(w-4)"  # moves whatever the traces do
    name = f"{trace}_{kind}"
    for value in bounds:
        lower(learning(learned=rule(text, **{name: value})))
    refused(
        learning(learned=rule(text, **{name: bounds[1] + 1})),
        RangeError,
        "'plastic'",
        f"{name} = {bounds[1] + 1}",
    )
    for value in (-1, float("nan"), float("inf")):
        made = rule(text)
        setattr(made, f"_{name}", value)
        refused(learning(learned=made), RangeError, "'plastic'", f"{name} = {value}")


@pytest.mark.parametrize(("name", "bounds"), [("t_epoch", EPOCH_RANGE), ("rng_seed", SEED_RANGE)])
def test_epoch_and_seed(name: str, bounds: tuple[int, int]) -> None:
    for value in (*bounds, bounds[0] - 1, bounds[1] + 1, bounds[0] + 1.5):
        made = rule()
        setattr(made, f"_{name}", value)
        if value in bounds:
            lower(learning(learned=made))
        else:
            refused(learning(learned=made), RangeError, "'plastic'", f"{name} = {value}")


@pytest.mark.parametrize("state", ["x1", "x2", "y1", "y2", "y3"])
def test_traces_have_seven_bits(state: str) -> None:
    for value in (-1, 128):
        made = learning()
        getattr(made, state).init = value
        refused(made, RangeError, "'plastic'", f"{state} = {value}", "0..127")


@pytest.mark.parametrize(("tag", "low"), [("tag_1", -257), ("tag_2", 0)])
def test_tags(tag: str, low: int) -> None:
    for value in (low - 1, 256):
        refused(
            learning(**{tag: np.full((2, 3), value)}),
            RangeError,
            "'plastic'",
            f"{tag} = {value}",
            f"{low}..255",
        )


def test_a_spike_time_after_the_epoch() -> None:
    made = learning()
    made.tx.init = 2
    refused(made, RangeError, "'plastic'", "tx = 2", "0..1")


@pytest.mark.parametrize("target", ["dw", "dd", "dt"])
@pytest.mark.parametrize("text", ["x0*(2*y1)", "x0*(-y1)", "2^-1*x0*((y1-64))", "x0*y0*x1", "x0*(y1-1000)"])
def test_a_rule_that_lava_reads_as_another(target: str, text: str) -> None:
    made = learning(learned=rule(**{"dw": "x0*y1", target: text}))
    refused(made, RuleError, "'plastic'", f"{target} = '{text}'")


def test_a_rule_that_can_never_move() -> None:
    refused(learning(learned=rule("x0*x2")), RuleError, "'plastic'", "x2 stays 0", "x2_impulse")
    still = {"learned": rule("x0*x1*y1", x1_tau=0), "graded_spike_cfg": GradedSpikeCfg.OVERWRITE}
    refused(learning(**still, num_message_bits=8), RuleError, "'plastic'", "x1 is cleared before use")
    binary = {"learned": rule("x0*x1*y1"), "graded_spike_cfg": GradedSpikeCfg.OVERWRITE}
    refused(learning(**binary), RuleError, "'plastic'", "x1 stays 0", "num_message_bits")


def test_a_rule_without_post_synaptic_spikes() -> None:
    plain = LoihiLearningRule(dw="x0*x1", x1_tau=10, x1_impulse=16, rng_seed=1)
    refused(learning(learned=plain), LoweringError, "'plastic'", "LoihiLearningRule", "Loihi2FLearningRule")


@pytest.mark.parametrize("port", ["s_in_y1", "s_in_y2", "s_in_y3"])
def test_a_port_that_a_two_factor_rule_never_reads(port: str) -> None:
    made = learning()
    source.RingBuffer(data=np.ones((2, 3), int)).s_out.connect(getattr(made, port))
    refused(made, LoweringError, "'plastic'", port, "hangs")


@pytest.mark.parametrize("text", ["x0*w*y1", "x0*(w-4)", "x0*sgn(w)*y1", "x0*(t-1)", "x0*(d+1)*y1"])
def test_what_lava_s_sparse_learning_cannot_run(text: str) -> None:
    lower(learning(learned=rule(text)))
    refused(
        learning(LearningSparse, rule(text), tag_1=INTEGERS, tag_2=INTEGERS),
        LoweringError,
        "'plastic'",
        "Lava cannot",
    )


INTEGERS = np.full((2, 3), 7)


def test_what_lava_s_sparse_learning_cannot_hold() -> None:
    one_way = {"sign_mode": SignMode.EXCITATORY}
    refused(learning(LearningSparse, **one_way), LoweringError, "'plastic'", "Lava cannot", "EXCITATORY")
    nothing = csr_matrix((2, 3), dtype=int)
    refused(
        learning(LearningSparse, weights=nothing),
        LoweringError,
        "'plastic'",
        "Lava cannot",
        "without a synapse",
    )
    tagged = rule(dt="x0*y1")
    refused(learning(LearningSparse, tagged), LoweringError, "'plastic'", "tag_1 has an entry")
    refused(learning(LearningSparse, tagged, tag_1=INTEGERS + 0.0), LoweringError, "'plastic'", "integer")
    lower(learning(LearningSparse, tagged, tag_1=INTEGERS))
    few = csr_matrix(np.eye(2, 3, dtype=int) * 4)
    refused(learning(LearningSparse, weights=few, tag_1=INTEGERS), LoweringError, "'plastic'", "no synapse")


# ---- graphs -------------------------------------------------------------------------------------------


def test_payloads_of_a_source_have_24_bits() -> None:
    for value in PAYLOAD_RANGE:
        lower(source.RingBuffer(data=np.array([[value]])))
    for value in (PAYLOAD_RANGE[0] - 1, PAYLOAD_RANGE[1] + 1, 2**31, 2**40):
        made = source.RingBuffer(data=np.array([[0, value]]))
        refused(made, RangeError, f"'{made.name}'", f"s_out = {value}")
    made = source.RingBuffer(data=np.array([[0, 0.25]]))
    refused(made, RangeError, f"'{made.name}'", "data = 0.25 is not an integer")


def test_a_sink_begins_with_32_bits() -> None:
    made = sink.RingBuffer(shape=(1,), buffer=2)
    made.data.init = np.array([[2**31, 0]])
    refused(made, RangeError, f"'{made.name}'", f"data = {2**31}")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ConvInTime(weights=np.ones((2, 1, 1), int), name="here"),
    ],
)
def test_a_process_without_a_native_form(make: Callable[[], AbstractProcess]) -> None:
    made = make()
    refused(made, LoweringError, f"'{made.name}' ({type(made).__name__})", "no native form", "use one of LIF,")


def test_a_process_without_a_fixed_point_model() -> None:
    made = LIFRefractory(shape=(1,), refractory_period=1, name="here")
    refused(made, LoweringError, "'here' (LIFRefractory)", "no ProcessModel with the tag 'fixed_pt'")


def test_two_processes_of_one_name() -> None:
    one, two = LIF(shape=(1,), name="twin"), LIF(shape=(1,), name="twin")
    one.s_out.connect(two.a_in)
    assert [node.name for node in lower(one).nodes] == ["twin", "twin#2"]


def test_a_loop_without_delay() -> None:
    one, two = LIF(shape=(1,), name="one"), LIF(shape=(1,), name="two")
    one.s_out.connect(two.a_in)
    two.s_out.connect(one.a_in)
    refused(one, ProgramError, "one", "two", "wait for each other within one step")


def test_who_reads_through_a_ref_port() -> None:
    neurons, reader = LIF(shape=(1,), name="seen"), sink.Read(buffer=3)
    reader.connect_var(neurons.bias_mant)
    refused(neurons, LoweringError, f"'{reader.name}' (Read)", "no native form", "seen.bias_mant, which is no state")


def test_a_monitor_of_a_sparse_matrix() -> None:
    made, monitor = connection(Sparse, [[2, 4]]), Monitor()
    monitor.probe(made.weights, 5)
    refused(made, LoweringError, f"'{monitor.name}'", "weights of process 'here' (Sparse)", "sparse")


def test_a_monitor_of_what_no_node_has() -> None:
    made, monitor = connection(Dense, [[2, 4]]), Monitor()
    monitor.probe(made.num_message_bits, 5)
    refused(made, ProgramError, f"'{monitor.name}", "num_message_bits", "it has a_buff, weights")


def test_a_monitor_that_is_too_short() -> None:
    made, monitor = LIF(shape=(1,), name="seen"), Monitor()
    monitor.probe(made.v, 5)
    simulate(made, 3)
    with pytest.raises(LoweringError, match=r"room for 5 steps of seen\.v, and 6 are to be made; probe with a larger"):
        simulate(made, 3)
    simulate(made, 2)


def test_steps_are_counted_forwards() -> None:
    with pytest.raises(RangeError, match="steps = -1"):
        simulate(LIF(shape=(1,)), -1)
