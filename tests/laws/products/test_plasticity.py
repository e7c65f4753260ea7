"""The laws of plasticity, over NumPy arrays and compiled, equal Lava's arithmetic bit for bit."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule
from lava.magma.core.learning.learning_rule_applier import LearningRuleApplierBitApprox
from lava.magma.core.model.py.connection import LearningConnectionModelBitApproximate as Lava
from lava.utils.weightutils import SignMode as LavaSignMode

from neuromorph.arithmetic.compiled import COMPILED
from neuromorph.arithmetic.fixed import FIXED
from neuromorph.laws.products.plasticity import (
    ACCUMULATOR_HIGH,
    ACCUMULATOR_LOW,
    FRACTION_BITS,
    TAG_1_RANGE,
    TAG_2_RANGE,
    WEIGHT_RANGE,
    SignMode,
    Step,
    decay_factor,
    make_accumulate,
    make_add_impulse,
    make_decay_trace,
    make_factor_value,
    make_half_payload,
    make_product_term,
    make_receive,
    make_round_weight,
    rounding_threshold,
    split_impulse,
)
from neuromorph.laws.products.rule import FACTOR_BITS, SYNAPTIC, Factor, GradedSpike, Product, write_rule

VARIABLES = {
    SignMode.MIXED: ("weights", LavaSignMode.MIXED, WEIGHT_RANGE[SignMode.MIXED]),
    SignMode.EXCITATORY: ("weights", LavaSignMode.EXCITATORY, WEIGHT_RANGE[SignMode.EXCITATORY]),
    SignMode.INHIBITORY: ("weights", LavaSignMode.INHIBITORY, WEIGHT_RANGE[SignMode.INHIBITORY]),
    "tag_1": ("tag_1", LavaSignMode.MIXED, TAG_1_RANGE),
    "tag_2": ("tag_2", LavaSignMode.MIXED, TAG_2_RANGE),
}


def each(compiled: Step, outputs: int = 1) -> Step:
    """A compiled law of single values, applied to every element."""
    return np.vectorize(compiled, otypes=[np.int64] * outputs)


def laws_of(make: Any, *extra: Any, outputs: int = 1) -> list[Step]:
    return [make(FIXED, *extra), each(make(COMPILED, *extra), outputs)]


FACTOR_VALUE, PRODUCT_TERM, ACCUMULATE, ROUND_WEIGHT, DECAY_TRACE, ADD_IMPULSE, HALF_PAYLOAD = (
    laws_of(make)
    for make in (
        make_factor_value,
        make_product_term,
        make_accumulate,
        make_round_weight,
        make_decay_trace,
        make_add_impulse,
        make_half_payload,
    )
)
RECEIVE = {mode: laws_of(make_receive, mode, outputs=2) for mode in GradedSpike}
REPEATABLE = settings(deadline=None, derandomize=True)
ARITHMETIC = pytest.mark.parametrize("a", [0, 1], ids=["numpy", "compiled"])
SEED = st.integers(0, 2**32 - 1)

# ----------------------------------------------------------------------------- the rule


def factors_of(variable: str) -> st.SearchStrategy[Factor]:
    limit = 2 ** FACTOR_BITS[variable] - 1
    sign = st.booleans() if variable in SYNAPTIC else st.just(False)
    return st.builds(Factor, st.just(variable), st.just(0) | st.integers(-limit, limit), sign)


FACTOR = st.sampled_from(list(FACTOR_BITS)).flatmap(factors_of)
FACTORS = st.lists(FACTOR, max_size=4).map(tuple).filter(lambda fs: sum(f.bits for f in fs) <= 28)
SCALE = st.tuples(st.integers(-7, 7).filter(bool), st.integers(-7, 8)) | st.just((-8, 8))
PRODUCT = st.builds(lambda d, s, f: Product(d, s[0], s[1], f), st.sampled_from(["x0", "y0", "u"]), SCALE, FACTORS)
PRODUCTS = st.lists(PRODUCT, min_size=1, max_size=4).map(tuple)


def lava_arguments(rng: np.random.Generator, post: int, pre: int) -> dict[str, Any]:
    """Values of all variables, broadcast as Lava broadcasts them; extremes are frequent."""

    def some(low: int, high: int, *shape: int) -> Any:
        extreme = rng.choice([low, high], shape)
        return np.where(rng.random(shape) < 0.3, extreme, rng.integers(low, high + 1, shape))

    arguments = {
        "shape": (post, pre),
        "x0": rng.random((1, pre)) < 0.7,
        "y0": rng.random((post, 1)) < 0.7,
        "u": int(rng.integers(0, 2)),
        "weights": some(-256, 255, post, pre),
        "tag_2": some(*TAG_2_RANGE, post, pre),
        "tag_1": some(*TAG_1_RANGE, post, pre),
    }
    for dependency in ("x0", "y0", "u"):
        for trace in ("x1", "x2"):
            arguments[f"{trace}_{dependency}"] = some(0, 127, 1, pre)
        for trace in ("y1", "y2", "y3"):
            arguments[f"{trace}_{dependency}"] = some(0, 127, post, 1)
    return arguments


def accumulator_after(products: tuple[Product, ...], arguments: dict[str, Any], acc: Any, a: int) -> Any:
    names = {"w": "weights", "d": "tag_2", "t": "tag_1"}
    for product in products:
        value = np.full(arguments["shape"], product.mantissa, dtype=np.int64) * arguments[product.dependency]
        for factor in product.factors:
            of = arguments[names.get(factor.variable, f"{factor.variable}_{product.dependency}")]
            value = value * FACTOR_VALUE[a](of, factor.constant, *factor.bounds)
        acc = ACCUMULATE[a](acc, PRODUCT_TERM[a](value, product.shift, product.exponent))
    return acc


@ARITHMETIC
@given(PRODUCTS, SEED, st.sampled_from(list(VARIABLES)))
@REPEATABLE
def test_a_rule_changes_every_variable_as_lava_does(a: int, products: tuple[Product, ...], seed: int, which: Any) -> None:
    """From the variable, through all products, sign clamp, rounding and range, to the new variable."""
    rng = np.random.default_rng(seed)
    arguments = lava_arguments(rng, 3, 4)
    name, sign_mode, (low, high) = VARIABLES[which]
    arguments[name] = np.clip(arguments[name], low, high)
    r = rng.random()

    k = 0 if any(p.dependency == "u" for p in products) else None
    applier = LearningRuleApplierBitApprox(Loihi2FLearningRule(dw=write_rule(products, k), rng_seed=1).dw)
    lava_acc = applier.apply(arguments[name] << 7, **arguments)
    connection: Any = SimpleNamespace(sign_mode=sign_mode)
    lava = Lava._saturate_synaptic_variable_accumulator(connection, name, lava_acc)
    lava = Lava._stochastic_round_synaptic_variable(name, lava, r) >> 7
    lava = Lava._saturate_synaptic_variable(connection, name, lava)

    acc = accumulator_after(products, arguments, arguments[name] << FRACTION_BITS, a)
    np.testing.assert_array_equal(acc, lava_acc)
    np.testing.assert_array_equal(ROUND_WEIGHT[a](acc, rounding_threshold(r), low, high), lava)


@ARITHMETIC
def test_rounding_equals_lavas_for_every_accumulator_and_threshold(a: int) -> None:
    acc = np.arange(ACCUMULATOR_LOW, ACCUMULATOR_HIGH + 1)
    thresholds = range(128) if a == 0 else (0, 1, 64, 127)
    for threshold in thresholds:
        for r in (threshold / 128, np.nextafter((threshold + 1) / 128, 0)):
            assert rounding_threshold(r) == threshold
            lava = Lava._stochastic_round_synaptic_variable("weights", acc, r) >> 7
            np.testing.assert_array_equal(ROUND_WEIGHT[a](acc, threshold, -300, 300), lava)


@pytest.mark.parametrize("which", list(VARIABLES))
def test_the_range_does_what_lavas_sign_clamp_and_range_do(which: Any) -> None:
    name, sign_mode, (low, high) = VARIABLES[which]
    connection: Any = SimpleNamespace(sign_mode=sign_mode)
    acc = np.arange(ACCUMULATOR_LOW, ACCUMULATOR_HIGH + 1)
    for r in np.random.default_rng(5).random(50):
        lava = Lava._saturate_synaptic_variable_accumulator(connection, name, acc)
        lava = Lava._stochastic_round_synaptic_variable(name, lava, r) >> 7
        lava = Lava._saturate_synaptic_variable(connection, name, lava)
        np.testing.assert_array_equal(ROUND_WEIGHT[0](acc, rounding_threshold(r), low, high), lava)


def test_sign_modes_are_numbered_as_lavas() -> None:
    assert {mode.name: mode.value for mode in SignMode} == {
        mode.name: mode.value for mode in LavaSignMode if mode is not LavaSignMode.NULL
    }


# ----------------------------------------------------------------------------- the traces


def test_decay_factors_are_lavas_to_the_last_bit() -> None:
    taus = np.array([*np.arange(1, 65536), 0.3, 1.5, 1e-3, 12.34])
    np.testing.assert_array_equal([decay_factor(float(tau)) for tau in taus], np.exp(-1 / taus))
    pair = np.array([[2.0], [65535.0]])
    np.testing.assert_array_equal([[decay_factor(2.0)], [decay_factor(65535.0)]], np.exp(-1 / pair))
    assert decay_factor(0) == 0.0


@ARITHMETIC
@given(st.floats(0.05, 70_000) | st.sampled_from([1.0, 65535.0]), st.floats(0, 1, exclude_max=True))
@settings(REPEATABLE, max_examples=50)
def test_traces_decay_as_lavas(a: int, tau: float, r: float) -> None:
    x = np.arange(256)
    np.testing.assert_array_equal(DECAY_TRACE[a](x, decay_factor(tau), r), Lava._decay_trace(x, 1, tau, r))


@ARITHMETIC
def test_a_trace_decays_up_where_the_random_number_is_below_its_fraction_and_down_at_it(a: int) -> None:
    x = np.arange(128)
    for tau in (0.5, 2.0, 10.0, 65535.0):
        for value in x:
            fraction = decay_factor(tau) * value % 1
            for r in (fraction, np.nextafter(fraction, 0), 0.0):
                expected = Lava._decay_trace(x, 1, tau, r)
                np.testing.assert_array_equal(DECAY_TRACE[0](x, decay_factor(tau), r), expected)
    assert (DECAY_TRACE[a](x, decay_factor(0), 0.0) == 0).all()


@ARITHMETIC
@given(st.floats(0, 200), st.integers(0, 127))
@REPEATABLE
def test_impulses_are_added_as_lavas(a: int, impulse: float, r: int) -> None:
    whole, fraction = split_impulse(impulse)
    lava_whole, lava_fraction = Lava._decompose_impulses(np.array([impulse]))
    assert (whole, fraction) == (lava_whole[0], lava_fraction[0])
    x = np.arange(256)
    lava = Lava._add_impulse(x, r, lava_whole, lava_fraction)
    np.testing.assert_array_equal(ADD_IMPULSE[a](x, whole, fraction, r), lava)


@pytest.mark.parametrize("impulse", [0.001953125, 0.005859375, 0.999, 0.5, 3.75, 0.0])
def test_the_fraction_of_an_impulse_is_rounded_half_to_even(impulse: float) -> None:
    whole, fraction = Lava._decompose_impulses(np.array([impulse]))
    assert split_impulse(impulse) == (whole[0], fraction[0])


@ARITHMETIC
def test_half_payloads_are_lavas(a: int) -> None:
    payload = np.arange(-600, 1200)
    lava = np.round(payload / 2).astype(np.int64).astype(np.uint8)
    np.testing.assert_array_equal(HALF_PAYLOAD[a](payload), lava)
    pinned = {1: 0, 2: 1, 3: 2, 4: 2, 5: 2, 6: 3, 7: 4, 254: 127, 511: 0, 512: 0}
    assert {p: int(HALF_PAYLOAD[a](np.int64(p))) for p in pinned} == pinned


@ARITHMETIC
@pytest.mark.parametrize("mode", list(GradedSpike))
def test_payloads_change_x1_and_count_as_lavas(a: int, mode: GradedSpike) -> None:
    """For every x1 and payload of the chip's ranges and beyond, in the first step of an epoch."""
    x1, payload = (m.ravel() for m in np.meshgrid(np.arange(129), [*range(0, 521, 1 + 6 * a)]))
    model: Any = SimpleNamespace(
        tx=np.zeros(x1.size, dtype=int),
        x1=x1.copy(),
        x2=np.zeros(x1.size, dtype=int),
        _graded_spike_cfg=GradedSpikeCfg(mode),
        _add_impulse=Lava._add_impulse,
        _x_impulses_int=np.zeros(2, dtype=int),
        _x_impulses_frac=np.zeros(2, dtype=int),
        _within_epoch_time_step=lambda: 1,
    )
    Lava._process_pre_spikes(model, payload)
    new, counts = RECEIVE[mode][a](x1, payload)
    np.testing.assert_array_equal(new, model.x1)
    np.testing.assert_array_equal(counts, model.tx)


def test_graded_spike_modes_are_numbered_as_lavas() -> None:
    assert {mode.name: mode.value for mode in GradedSpike} == {m.name: m.value for m in GradedSpikeCfg}
