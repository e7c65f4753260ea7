"""What is read (as Lava reads it and as it is written), what is refused, rates, and rules that never move."""

import itertools
import random
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lava.magma.core.learning.constants import GradedSpikeCfg
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
from lava.magma.core.learning.learning_rule_applier import LearningRuleApplierBitApprox
from lava.proc.dense.models import PyLearningDenseModelBitApproximate

from neuromorph.errors import RuleError
from neuromorph.laws.products.rule import (
    FACTOR_BITS,
    SYNAPTIC,
    Factor,
    GradedSpike,
    Product,
    Rule,
    check_moves,
    rate_of,
    read_rule,
    scale_for,
    write_rule,
)

TRACES = ("x1", "x2", "y1", "y2", "y3")
LAVA_REFUSES = (ValueError, AttributeError, IndexError, TypeError, SyntaxError)


def reading(rule: Rule) -> tuple[object, int | None]:
    products = tuple(
        (p.dependency, p.mantissa, p.exponent, tuple((f.variable, f.constant, f.sign) for f in p.factors))
        for p in rule.products
    )
    return products, rule.decimate_exponent


def lava_reading(text: str) -> tuple[object, int | None]:
    rule = Loihi2FLearningRule(dw=text, rng_seed=1)
    assert rule.decimate_exponent == rule.dw.decimate_exponent
    products = tuple(
        (
            p.dependency,
            p.s_mantissa,
            p.s_exp - 7,
            tuple((f.state_var, f.const or 0, f.is_sgn) for f in p.factors),
        )
        for p in rule.dw.products
    )
    return products, rule.decimate_exponent


VALUES = {"x0": 3, "y0": 5, "x1": 7, "x2": 11, "y1": 13, "y2": 17, "y3": 19, "w": -23, "d": 29, "t": -31}
VALUES |= {f"u{k}": 37 for k in range(10)}


def sgn(value: int) -> int:
    return (value > 0) - (value < 0)


def what_it_says(text: str) -> float:
    """The value of the string as ordinary arithmetic, for pairwise coprime variables."""
    return float(eval(text.replace(" ", "").replace("^", "**"), {"sgn": sgn} | VALUES))


def what_was_read(rule: Rule) -> float:
    total = Fraction(0)
    for product in rule.products:
        value = product.mantissa * Fraction(2) ** product.exponent
        value *= VALUES[product.dependency if product.dependency != "u" else "u0"]
        for factor in product.factors:
            inside = VALUES[factor.variable] + factor.constant
            value *= sgn(inside) if factor.sign else inside
        total += value
    return float(total)


def assert_read_as_lava_and_as_written(text: str) -> None:
    rule = read_rule(text)
    assert reading(rule) == lava_reading(text)
    assert what_was_read(rule) == what_it_says(text)


# --------------------------------------------------------------------------- generated rules

REPEATABLE = settings(deadline=None, derandomize=True)
DEPENDENCY = st.sampled_from(["x0", "y0", "u"])


def factors_of(variable: str) -> st.SearchStrategy[Factor]:
    limit = 2 ** FACTOR_BITS[variable] - 1
    sign = st.booleans() if variable in SYNAPTIC else st.just(False)
    return st.builds(Factor, st.just(variable), st.just(0) | st.integers(-limit, limit), sign)


FACTOR = st.sampled_from(list(FACTOR_BITS)).flatmap(factors_of)
FACTORS = st.lists(FACTOR, max_size=4).map(tuple).filter(lambda fs: sum(f.bits for f in fs) <= 28)
SCALE = st.tuples(st.integers(-7, 7).filter(bool), st.integers(-7, 8)) | st.just((-8, 8))
PRODUCT = st.builds(lambda d, s, f: Product(d, s[0], s[1], f), DEPENDENCY, SCALE, FACTORS)
PRODUCTS = st.lists(PRODUCT, min_size=1, max_size=4).map(tuple)


@given(PRODUCTS, st.integers(0, 9))
@REPEATABLE
def test_written_rules_are_read_back_by_us_and_by_lava(products: tuple[Product, ...], k: int) -> None:
    decimate = k if any(p.dependency == "u" for p in products) else None
    text = write_rule(products, decimate)
    assert read_rule(text) == Rule(text, products, decimate)
    assert reading(read_rule(text)) == lava_reading(text)


@st.composite
def spelled_literals(draw: st.DrawFn) -> list[str]:
    """No, one or two literals whose product is a legal scale."""
    m, e = draw(st.integers(1, 7)), draw(st.integers(-4, 4))
    forms = [f"{m}", f"{m}*2^{e}", f"2^{e}", f"({m})", f"(-{m}*2^{e})", f"(+2^{e})"]
    first = draw(st.sampled_from(forms))
    second = draw(st.sampled_from(["2^-3", "2^3", "(-1)", "4", "8", "(-2)", "1"]))
    return [first, second][: draw(st.integers(0, 2))]


@st.composite
def spelled_factors(draw: st.DrawFn) -> str:
    v = draw(st.sampled_from(list(FACTOR_BITS)))
    c = draw(st.sampled_from(["0", "1", "64", "127", "2^6", "2^0", "3*2^4", "0*2^2"]))
    a, b = draw(st.sampled_from("+-")), draw(st.sampled_from(["", "+", "-"]))
    brackets = [v, f"({v})", f"(+{v})", f"({b}{v}{a}{c})", f"({b}{c}{a}{v})"]
    signs = [f"sgn({v})", f"sgn({v}{a}{c})", f"sgn({b}{c}+{v})"] if v in SYNAPTIC else []
    return draw(st.sampled_from(brackets + signs))


@st.composite
def spelled_rules(draw: st.DrawFn) -> str:
    """Legal strings in all spellings: literals anywhere, constants on both sides, blanks around operators."""
    k = draw(st.integers(0, 9))
    terms = []
    for _ in range(draw(st.integers(1, 3))):
        dependency = draw(st.sampled_from(["x0", "y0", f"u{k}"]))
        factors = draw(st.lists(spelled_factors(), max_size=3))
        terms.append("*".join(draw(st.permutations([dependency, *factors, *draw(spelled_literals())]))))
    text = draw(st.sampled_from(["", "-", "+"])) + draw(st.sampled_from(["+", "-", " - "])).join(terms)
    return text.replace("*", " * ") if draw(st.booleans()) else text


@given(spelled_rules())
@settings(REPEATABLE, max_examples=500)
def test_every_legal_spelling_is_read_as_lava_does_and_as_written(text: str) -> None:
    assert_read_as_lava_and_as_written(text)


# ------------------------------------------------------------------------- the known strings

ACCEPTED = """
x0*(x1-64)*y1 | y0*(x1-64)*y1 | u0*(x1-64)*y1 | u0*(x1-64)*(y1-64) | (y1-64)*x0 | x0*(64-y1) | x0*(y1-2^6)
x0*4*(y1-64) | x0*y1*y2 | x0*y1*y1*y1*y1 | u0*x1*y1 - u0*x1*y2 | x0*w | x0*(w-4) | u0*t*y2
x0*t*(y2-64) | x0*d | x0*sgn(w-5)*y1 | x0*x1
2^-7*x0*y1 | 2^8*x0*y1 | 3*2^-3*x0*y1 | (-1) * 2 ^ -3*x0*y1 | 16*x0*y1 | -x0*y1 | +x0*y1
x0*4*2^2 | x0*(4) | 2^3*x0*2^-2 | x0*(y1-127)*(w+511) | -16*2^7*x0 | x0 | x0*(-y1+64) | x0*(-64-y1)
x0*x1 + x0*x2 - y0*y1 + y0*y2 - x0*y3 + y0*w - x0*d + x0*t - y0*x1*y1
"""


@pytest.mark.parametrize("text", re.split(r" \| |\n", ACCEPTED.strip()))
def test_accepted_as_intended(text: str) -> None:
    assert_read_as_lava_and_as_written(text)


# What Lava reads otherwise than written: string, then what our message must say.
MISREAD = {
    "x0*(2*y1)": r"'\(2\*y1\)' .* variable \+ literal",
    "x0*(y1*2)": r"'\(y1\*2\)' .* variable \+ literal",
    "x0*sgn(2*w)": r"'sgn\(2\*w\)' .* variable \+ literal",
    "x0*(-y1)": r"'\(-y1\)' loses its sign .* \(-1\)\*v",
    "x0*sgn(-w)": r"'sgn\(-w\)' .* negative variable",
    "x0*((y1-64))": r"'\(\(y1-64\)\)' .* bracket in a bracket",
    "x0*((2))": r"bracket in a bracket",
    "x0*(y0)": r"'\(y0\)' has a dependency in the bracket",
    "x0*(x0-1)": r"'\(x0-1\)' has a dependency in the bracket",
    "x0*(y1-64-1)": r"'\(y1-64-1\)' is more than \(v-c\)",
    "x0*(y1-64*2)": r"'\(y1-64\*2\)' is more than \(v-c\)",
    "x0*(y1-2^2*3)": r"'\(y1-2\^2\*3\)' is more than \(v-c\)",
    "x0*(y1-64-y2)": r"more than one variable",
    "x0*(y1-2^-1)": r"not an integer",
    "u10*x1": r"'u10' has a k of several digits",
    "x0*y12": r"'y12' is a name and a literal",
    "x00*y1": r"'x00' is a name and a literal",
    "x0*w2^3": r"'w2\^3' is a name and a literal",
    "x0*-y0": r"'x0\*' has a '\*' without a factor",
    "x0*-2*y0*y1": r"'x0\*' has a '\*' without a factor",
    "x0*y1*": r"'x0\*y1\*' has a '\*' without a factor",
    "x0**y1": r"'x0\*\*y1' has a '\*' without a factor",
    "x0*y0*x1": r"'x0\*y0\*x1' has 2 dependencies",
    "u0*u0*x1": r"'u0\*u0\*x1' has 2 dependencies",
    "u0*x0*x1": r"'u0\*x0\*x1' has 2 dependencies",
    "u 1*x1": r"'u 1' has a blank",
    "x0*y1 2": r"'y1 2' has a blank",
    "x0y1": r"'x0y1' is unknown",
    "2x0": r"'2x0' is unknown",
    "x0(y1-64)": r"'x0\(y1-64\)' are two factors",
    "x0*(y1-64)(y2-64)": r"'\(y1-64\)\(y2-64\)' are two factors",
    "x0*(y1-1000)": r"'\(y1-1000\)' has a constant outside -127..127",
    "x0*(w+512)": r"'\(w\+512\)' has a constant outside -511..511",
    "x0*sgn(t-600)": r"'sgn\(t-600\)' has a constant outside",
    "0*x0*y1": r"scale 0\*2\^0 is zero",
    "x0*y1*y1*y1*y1*y1": r"35 bits .* overflow",
}

# What Lava refuses as well, often with a message that does not help.
REFUSED = {
    "(x1 - 64) * y1": r"'\(x1-64\)\*y1' has 0 dependencies",
    "2^-8*x0*y1": r"scale 1\*2\^-8 .* write 1\*2\^-7 or 2\*2\^-7",
    "16*2^-10*x0": r"scale 4\*2\^-8 .* write 2\*2\^-7",
    "2^9*x0": r"scale 1\*2\^9 .* write 4\*2\^7",
    "2^-3*2^-3*2^-3*x0": r"scale 1\*2\^-9",
    "9*x0": r"scale 9\*2\^0 .* write 4\*2\^1 or 5\*2\^1",
    "15*x0*y1": r"scale 15\*2\^0 .* write 4\*2\^2 or 7\*2\^1",
    "8*2^8*x0": r"scale 8\*2\^8 .* write 7\*2\^8",
    "99999*2^99*2^99*x0": r"does not fit mantissa",
    "x0*(y1+y2)": r"'\(y1\+y2\)' has more than one variable; expand",
    "x0*(y1-y2)": r"'\(y1-y2\)' has more than one variable; expand",
    "0.5*x0": r"'0.5' is not an integer",
    "x0/2": r"'x0/2' is not an integer",
    "x0*x3": r"'x3' is unknown",
    "u*x1": r"'u' has no k",
    "": r"a term is empty",
    ")": r"bracket without its partner",
    "x0)": r"bracket without its partner",
    "x0*(y1-64": r"bracket without its partner",
    "x0*-y1": r"'x0\*' has a '\*' without a factor .* \(-1\)",
    "x0*-1": r"'x0\*' has a '\*' without a factor .* \(-1\)",
    "(x0-1)*y1": r"'\(x0-1\)' has a dependency",
    "u0*x1 + u1*x2": r"several k, \[0, 1\]",
    "x0*sgn(x1)": r"'sgn\(x1\)' .* one of w, d, t",
    "x0*sgn(5-w)": r"'sgn\(5-w\)' .* negative variable",
    "x0++y0": r"a term is empty",
    "x0*y1+": r"a term is empty",
    "3^2*x0": r"'3\^2' is a power of something else",
    "02*x0": r"'02' .* starts with 0",
    "x0*()": r"'\(\)' is empty",
    "x0*\ty1": r"'\\ty1' is unknown",
}


@pytest.mark.parametrize("text", MISREAD)
def test_what_lava_misreads_is_refused(text: str) -> None:
    Loihi2FLearningRule(dw=text, rng_seed=1)  # does not raise: that is the trap
    with pytest.raises(RuleError, match=MISREAD[text]) as refusal:
        read_rule(text)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize("text", REFUSED)
def test_what_lava_refuses_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(LAVA_REFUSES):
        lava_reading(text)
    with pytest.raises(RuleError, match=REFUSED[text]):
        read_rule(text)


# -------------------------------------------------------------------------------------- fuzz

WORDS = re.findall(r"\S+", "x0 y0 u0 u1 x1 x2 y1 y3 w d t sgn( ( ( ) ) * * * * + - - ^ 2^ 2^- 0 1 2 3 7 64")
FORMS = re.findall(r"\S+", "x1 y2 w (y1-64) (64-w) sgn(t) sgn(d+5) 2^-3 3*2^2 (-1) 4 (2*y1) (-w) (x0) u3")


def token_soup(rng: random.Random) -> str:
    return "".join(rng.choices([*WORDS, " "], k=rng.randint(1, 7)))


def nearly_legal(rng: random.Random) -> str:
    terms = ["*".join(["x0", *rng.choices(FORMS, k=rng.randint(0, 3))]) for _ in range(rng.randint(1, 2))]
    text = rng.choice("+-").join(terms)
    for _ in range(rng.randint(0, 2)):
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice([*WORDS, *FORMS, ""]) + text[at + rng.randint(0, 2) :]
        text = text or "x0"
    return text


@pytest.mark.parametrize(("make", "seed"), [(token_soup, 1), (nearly_legal, 2)])
def test_whatever_is_accepted_is_read_as_lava_does_and_as_written(make: Callable[[random.Random], str], seed: int) -> None:
    rng = random.Random(seed)
    accepted = 0
    for text in (make(rng) for _ in range(15_000)):
        try:
            read_rule(text)
        except RuleError:
            continue
        assert_read_as_lava_and_as_written(text)
        accepted += 1
    assert accepted > 100


def test_what_lava_reads_as_written_is_refused_only_for_its_spelling() -> None:
    """Refusals do not go too far: one term of known pieces, '*' between, is refused only where Lava errs."""
    pieces = [
        "x1",
        "(y1-64)",
        "(64-w)",
        "sgn(t)",
        "sgn(5+d)",
        "2^-3",
        "3*2^2",
        "(-1)",
        "4",
        "(2*y1)",
        "(-w)",
        "(x0)",
    ]
    for chosen in itertools.product(pieces, repeat=2):
        text = "*".join(["x0", *chosen])
        if {"(2*y1)", "(-w)", "(x0)"}.isdisjoint(chosen) and text != "x0*3*2^2*3*2^2":
            assert_read_as_lava_and_as_written(text)
        else:
            with pytest.raises(RuleError):
                read_rule(text)


# --------------------------------------------------------------------------- values at birth


@pytest.mark.parametrize(
    "make",
    [
        lambda: Factor("x0"),
        lambda: Factor("y1", 128),
        lambda: Factor("w", -512),
        lambda: Factor("x1", sign=True),
        lambda: Product("u0", 1, 0, ()),
        lambda: Product("x0", 0, 0, ()),
        lambda: Product("x0", 8, 0, ()),
        lambda: Product("x0", -8, 7, ()),
        lambda: Product("x0", 1, 9, ()),
        lambda: Product("x0", 1, -8, ()),
        lambda: Product("x0", 1, 0, (Factor("w"),) * 4),
        lambda: Rule("", (), None),
        lambda: Rule("", (Product("u", 1, 0, ()),), None),
        lambda: Rule("", (Product("x0", 1, 0, ()),), 1),
        lambda: Rule("", (Product("u", 1, 0, ()),), 10),
        lambda: write_rule((Product("u", 1, 0, ()),)),
    ],
)
def test_what_the_chip_cannot_hold_is_refused_at_birth(make: Callable[[], object]) -> None:
    with pytest.raises(RuleError):
        make()


def test_shift_of_the_number_of_factors() -> None:
    shifts = {"x0*y1": 0, "x0*x1*y1": 3, "x0*x1*y1*y3": 10, "x0*x1*y1*y2*y3": 17, "x0*x1*w": 5, "x0*w*t": 7}
    assert {text: read_rule(text).products[0].shift for text in shifts} == shifts


# ----------------------------------------------------------------------------- learning rate


@given(PRODUCT)
@REPEATABLE
def test_scale_is_the_inverse_of_rate_and_has_the_finest_form(product: Product) -> None:
    mantissa, exponent = scale_for(rate_of(product), product.factors)
    again = Product(product.dependency, mantissa, exponent, product.factors)
    assert rate_of(again) == rate_of(product)
    assert exponent <= product.exponent


@given(PRODUCT, st.data())
@REPEATABLE
def test_lava_changes_a_weight_by_rate_times_factors_floored(product: Product, data: st.DataObject) -> None:
    """Lava's accumulator moves by rate * factors * 128, rounded down by less than 2^(exponent + 7)."""
    values = {v: data.draw(st.integers(0, 127) if v in TRACES else st.integers(-255, 255)) for v in FACTOR_BITS}
    k = 0 if product.dependency == "u" else None
    series = Loihi2FLearningRule(dw=write_rule((product,), k), rng_seed=1).dw
    arguments: dict[str, Any] = {f"{v}_{product.dependency}": np.array([[values[v]]]) for v in TRACES}
    arguments |= {"weights": np.array([[values["w"]]]), "tag_2": np.array([[values["d"]]])}
    arguments |= {"tag_1": np.array([[values["t"]]]), "shape": (1, 1), product.dependency: 1}
    moved = int(LearningRuleApplierBitApprox(series).apply(np.zeros((1, 1), dtype=int), **arguments)[0, 0])
    exact = rate_of(product) * 128
    for f in product.factors:
        exact *= np.clip(values[f.variable] + f.constant, *f.bounds)
    step = 2.0 ** (product.exponent + 7)
    assert np.clip(exact - step, -32_769, 32_767) <= moved <= np.clip(exact, -32_769, 32_767)


def test_a_rate_without_a_scale_names_its_two_neighbours() -> None:
    factors = (Factor("x1"), Factor("y3"), Factor("y1", -64))
    rates = sorted({m * 2.0 ** (e - 10) for m in range(-7, 8) if m for e in range(-7, 9)} | {-2.0})
    for wanted in (0.3, -0.3, 1e-9, 17.0, 0.0123, rates[-1] + 0.1, 1e300):
        same_sign = [r for r in rates if r * wanted > 0]
        near = sorted(same_sign, key=lambda r: abs(Fraction(r) - Fraction(wanted)))[:2]
        with pytest.raises(RuleError, match=f"{re.escape(repr(near[0]))} and {re.escape(repr(near[1]))}"):
            scale_for(wanted, factors)


@pytest.mark.parametrize("rate", [0.0, float("nan"), float("inf")])
def test_no_rate_no_scale(rate: float) -> None:
    with pytest.raises(RuleError, match="no scale"):
        scale_for(rate, ())


# --------------------------------------------------------------------- rules that never move


class Port:
    """Stands in for a Lava port: holds what the next recv returns."""

    def __init__(self, shape: int) -> None:
        self.value = np.zeros(shape, dtype=int)

    def recv(self) -> Any:
        return self.value

    def send(self, value: Any) -> None:
        pass


def lava_moves(
    text: str,
    taus: dict[str, float],
    impulses: dict[str, float],
    mode: int,
    payloads: bool,
    three: bool,
    epoch: int,
) -> bool:
    """Whether 60 steps of random, strong activity change any of Lava's weights."""
    names = {f"{t}_tau": v for t, v in taus.items()} | {f"{t}_impulse": v for t, v in impulses.items()}
    if three:
        names = {name: value for name, value in names.items() if name[0] == "x"}
    cls = Loihi3FLearningRule if three else Loihi2FLearningRule
    rule = cls(dw=text, t_epoch=epoch, rng_seed=1, **names)
    if mode:
        rule.x1_impulse = 0  # as LearningDense does
    model = PyLearningDenseModelBitApproximate(
        {"learning_rule": rule, "shape": (4, 4), "graded_spike_cfg": GradedSpikeCfg(mode)}
    )
    for name in ("x0", "tx", "x1", "x2", "y0", "ty", "y1", "y2", "y3"):
        setattr(model, name, np.zeros(4, dtype=bool if name in ("x0", "y0") else int))
    for port in ("s_in", "a_out", "s_in_bap", "s_in_y1", "s_in_y2", "s_in_y3"):
        setattr(model, port, Port(4))
    start = np.full((4, 4), 100)
    model.weights, model.weights_set, model.a_buff = start.copy(), True, np.zeros(4, dtype=int)
    model.tag_1, model.tag_2 = np.zeros((4, 4), dtype=int), np.zeros((4, 4), dtype=int)
    model.num_message_bits = np.array([8 if payloads else 0])
    rng = np.random.default_rng(3)
    for step in range(1, 61):
        model.time_step = step
        model.s_in.value = rng.integers(0, 2, 4) * rng.integers(2, 400, 4)
        model.s_in_bap.value = rng.integers(0, 2, 4)
        for port in (model.s_in_y1, model.s_in_y2, model.s_in_y3):
            port.value = rng.integers(1, 128, 4)
        model.run_spk()
        if model.lrn_guard():
            model.run_lrn()
        if not np.array_equal(model.weights, start):
            return True
    return False


@pytest.mark.parametrize("text", ["x0*x1", "y0*x1*2^4", "u0*x1", "x0*x2", "4*x0*y1", "u1*y2", "x0*(x1-64)", "x0*y1+y0*x1"])
@pytest.mark.parametrize("epoch", [1, 3])
def test_a_rule_is_refused_exactly_when_lava_never_moves_a_weight(text: str, epoch: int) -> None:
    rule, seen = read_rule(text), set()
    for tau, impulse in itertools.product((0.0, 0.001, 65535.0), (0.0, 0.001, 0.25)):
        taus, impulses = dict.fromkeys(TRACES, tau), dict.fromkeys(TRACES, impulse)
        for mode, payloads, three in itertools.product(GradedSpike, (False, True), (False, True)):
            try:
                check_moves(rule, taus, impulses, mode, payloads=payloads, three_factor=three)
                moves = True
            except RuleError:
                moves = False
            with np.errstate(over="ignore"):
                lava = lava_moves(text, taus, impulses, int(mode), payloads, three, epoch)
            assert moves == lava, (tau, impulse, mode, payloads, three)
            seen.add(moves)
    assert seen == {False, True}


def test_the_reason_a_rule_never_moves_is_named() -> None:
    rule = read_rule("x0*x1*y3*(y1-64) - y0*x2")
    with pytest.raises(RuleError, match=r"x1_tau is 0; set x1_tau=65535.*; x2_impulse|x1_tau is 0.*x2 stays 0"):
        check_moves(rule, {}, {}, GradedSpike.OVERWRITE, payloads=True, three_factor=True)
    with pytest.raises(RuleError, match=r"x1 stays 0, for OVERWRITE needs payloads; set num_message_bits"):
        check_moves(rule, {"x1": 65535}, {}, GradedSpike.OVERWRITE, payloads=False, three_factor=True)
