"""The sum-of-products learning rule as data: its reader, its writer, and its learning rate.

A rule changes one synaptic variable z (weight w, tag_2 = d, tag_1 = t) by

    dz = sum_i S_i * D_i * prod_j F_ij      S = mantissa * 2^exponent,  F = v + c or sgn(v + c)

D is x0 (y0), 1 when a pre (post) spike fell into the epoch, or u_k, 1 in every 2^k-th epoch. Lava accepts
strings that it reads as something else than they say (`x0*(2*y1)` as y1 + 2, `u10*x1` as 0*x1); `read_rule`
takes only those that mean what they say, and reads them as Lava does.
Source: Lava 0.10, magma/core/learning/{symbolic_equation,product_series,learning_rule_applier}.py.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction

from neuromorph.errors import RuleError

# Bits a factor adds to the product (Lava: W_TRACE, W_WEIGHTS_S, W_TAG_2_S and W_TAG_1_S in constants.py).
FACTOR_BITS = {"x1": 7, "x2": 7, "y1": 7, "y2": 7, "y3": 7, "w": 9, "d": 9, "t": 9}
SYNAPTIC = ("w", "d", "t")
DEPENDENCIES = ("x0", "y0", "u")
MANTISSA_BITS = 4
ACCUMULATOR_BITS = 15
# With the mantissa, factors of 28 bits are the most that always fit the int32 in which Lava multiplies.
PRODUCT_BITS = 28


class GradedSpike(IntEnum):
    """What a pre-synaptic payload does to x1; names and values are those of Lava's GradedSpikeCfg."""

    USE_REGULAR_IMPULSE = 0
    OVERWRITE = 1
    ADD_WITH_SATURATION = 2
    ADD_WITHOUT_SATURATION = 3


@dataclass(frozen=True)
class Factor:
    """variable + constant, or sgn(variable + constant), clipped to `bounds` before it is multiplied.

    Traces x1 x2 y1 y2 y3 have 7 bits, synaptic variables w d t 9; |constant| <= 2^bits - 1. sgn takes w d t
    only, and still counts their 9 bits. Raises RuleError.
    """

    variable: str
    constant: int = 0
    sign: bool = False

    def __post_init__(self) -> None:
        if self.variable not in FACTOR_BITS:
            raise RuleError(f"{self.variable!r} is not a variable; use one of {', '.join(FACTOR_BITS)}")
        if self.sign and self.variable not in SYNAPTIC:
            raise RuleError(f"'sgn({self.variable})' does not exist; sgn takes one of {', '.join(SYNAPTIC)}")
        limit = 2**self.bits - 1
        if abs(self.constant) > limit:
            raise RuleError(
                f"'{self}' has a constant outside -{limit}..{limit}, the range of {self.variable}, "
                "and would be clipped at run time; use a smaller constant"
            )

    def __str__(self) -> str:
        inside = f"{self.variable}{self.constant:+}" if self.constant else self.variable
        if self.sign:
            return f"sgn({inside})"
        return f"({inside})" if self.constant else inside

    @property
    def bits(self) -> int:
        return FACTOR_BITS[self.variable]

    @property
    def bounds(self) -> tuple[int, int]:
        """Smallest and largest value. For integers, sgn is clipping to -1..1."""
        return (-1, 1) if self.sign else (-(2**self.bits), 2**self.bits - 1)


@dataclass(frozen=True)
class Product:
    """mantissa * 2^exponent * dependency * factors, with dependency 'x0', 'y0' or 'u'.

    Mantissa -8..7 but not 0, exponent -7..8, at most 28 bits of factors. Mantissa -8 exists with exponent 8
    only: elsewhere Lava halves it. The mantissa multiplies before the floor and the exponent shifts after it,
    so 4*2^-2 has finer steps than 1*2^0. Raises RuleError.
    """

    dependency: str
    mantissa: int
    exponent: int
    factors: tuple[Factor, ...]

    def __post_init__(self) -> None:
        if self.dependency not in DEPENDENCIES:
            raise RuleError(f"{self.dependency!r} is not a dependency; use one of {', '.join(DEPENDENCIES)}")
        scale = f"the scale {self.mantissa}*2^{self.exponent}"
        if self.mantissa == 0:
            raise RuleError(f"{scale} is zero, so the term never changes anything; leave the term out")
        if not (-8 <= self.mantissa <= 7 and -7 <= self.exponent <= 8):
            raise RuleError(
                f"{scale} does not fit mantissa -8..7 and exponent -7..8; write {_forms_near(self.mantissa, self.exponent)}"
            )
        if self.mantissa == -8 and self.exponent < 8:
            raise RuleError(f"{scale} is read by Lava as -4*2^{self.exponent + 1}; write that")
        if self._factor_bits > PRODUCT_BITS:
            raise RuleError(
                f"'{'*'.join(map(str, self.factors))}' has {self._factor_bits} bits and can overflow the "
                f"int32 in which Lava multiplies; use at most {PRODUCT_BITS} bits (7 a trace, 9 for w, d, t)"
            )

    @property
    def _factor_bits(self) -> int:
        return sum(factor.bits for factor in self.factors)

    @property
    def shift(self) -> int:
        """Bits by which mantissa * factors is shifted right (floored) before the exponent acts."""
        return max(0, self._factor_bits + MANTISSA_BITS - ACCUMULATOR_BITS)


@dataclass(frozen=True)
class Rule:
    """A learning rule. `decimate_exponent` is the k of u_k, None in a rule without u_k. Raises RuleError."""

    text: str
    products: tuple[Product, ...]
    decimate_exponent: int | None

    def __post_init__(self) -> None:
        if not self.products:
            raise RuleError("a rule without terms changes nothing; write at least one, such as x0*y1")
        k = self.decimate_exponent
        if any(product.dependency == "u" for product in self.products) != (k is not None):
            raise RuleError(f"decimate_exponent = {k} does not match the terms; give k if, and only if, one uses u_k")
        if k is not None and not 0 <= k <= 9:
            raise RuleError(f"u_k has k = {k}; k is one digit, 0 to 9")


# Every scale that can be written, in the form with the largest mantissa, whose products are floored least.
_SCALES: dict[float, tuple[int, int]] = {-8 * 2.0**8: (-8, 8)}
_SCALES |= {m * 2.0**e: (m, e) for e in range(8, -8, -1) for m in range(-7, 8) if m}


def rate_of(product: Product) -> float:
    """c in dz ~ c * (product of the factors' values), in steps of z per event, before floor and rounding.

    acc = z << 7, acc += (mantissa * factors >> shift) << (exponent + 7), z = acc >> 7; so
    c = mantissa * 2^(exponent - shift).
    """
    return math.ldexp(product.mantissa, product.exponent - product.shift)


def scale_for(rate: float, factors: tuple[Factor, ...]) -> tuple[int, int]:
    """(mantissa, exponent) that give a product of these factors exactly this rate: the inverse of `rate_of`.

    Of several forms, the one with the largest mantissa, whose products are floored least. Raises RuleError,
    naming the two nearest rates, when the rate cannot be represented.
    """
    if rate == 0 or not math.isfinite(rate):
        raise RuleError(f"a learning rate of {rate} has no scale; use a finite rate, or leave the term out for 0")
    shift = Product("x0", 1, 0, factors).shift
    scale = Fraction(rate) * 2**shift
    if scale not in _SCALES:
        near = " and ".join(repr(math.ldexp(s, -shift)) for s in _nearest(scale))
        raise RuleError(f"the learning rate {rate!r} cannot be represented; the two nearest are {near}; use one")
    return _SCALES[float(scale)]


def _nearest(scale: Fraction) -> list[float]:
    """The two nearest representable scales of the same sign."""
    return sorted((s for s in _SCALES if (s > 0) == (scale > 0)), key=lambda s: abs(Fraction(s) - scale))[:2]


def _forms_near(mantissa: int, exponent: int) -> str:
    scale = mantissa * Fraction(2) ** exponent
    candidates = [float(scale)] if scale in _SCALES else _nearest(scale)
    return " or ".join("{}*2^{}".format(*_SCALES[s]) for s in candidates)


def write_rule(products: tuple[Product, ...], decimate_exponent: int | None = None) -> str:
    """The safest string: terms S*dep*f1*f2 with S as m*2^e and factors v, (v-c), (v+c), sgn(...).

    read_rule returns the same products and k. Raises RuleError if the products and k make no rule.
    """
    Rule("", products, decimate_exponent)
    text = "".join(_write_term(product, decimate_exponent) for product in products)
    return text.removeprefix(" + ").lstrip()


def _write_term(product: Product, decimate_exponent: int | None) -> str:
    dependency = f"u{decimate_exponent}" if product.dependency == "u" else product.dependency
    scale = f"{abs(product.mantissa)}*2^{product.exponent}"
    return (" - " if product.mantissa < 0 else " + ") + "*".join([scale, dependency, *map(str, product.factors)])


_INTEGER = r"(?:0|[1-9][0-9]{0,4})"
_EXPONENT = r"(?:0|[1-9][0-9]?)"
_CONSTANT = rf"(?:(?:{_INTEGER}\*)?2\^{_EXPONENT}|{_INTEGER})"
_LITERAL = rf"(?:(?:{_INTEGER}\*)?2\^-?{_EXPONENT}|{_INTEGER})"
_VARIABLE = r"(?:x[12]|y[123]|[wdt])"

_READ_LITERAL = re.compile(rf"(?P<bare>{_LITERAL})|\((?P<sign>[+-]?)(?P<inner>{_LITERAL})\)")
_READ_DEPENDENCY = re.compile(r"(?P<spike>x0|y0)|u(?P<k>[0-9])")
_VARIABLE_FIRST = rf"(?P<sign>[+-]?)(?P<variable>{_VARIABLE})(?P<csign>[+-])(?P<constant>{_CONSTANT})"
_CONSTANT_FIRST = rf"(?P<csign>[+-]?)(?P<constant>{_CONSTANT})(?P<sign>[+-])(?P<variable>{_VARIABLE})"
_READ_FACTOR = (
    re.compile(rf"(?P<variable>{_VARIABLE})"),
    re.compile(rf"(?P<sgn>sgn)?\(\+?(?P<variable>{_VARIABLE})\)"),
    re.compile(rf"(?P<sgn>sgn)?\({_VARIABLE_FIRST}\)"),
    re.compile(rf"(?P<sgn>sgn)?\({_CONSTANT_FIRST}\)"),
)

# Why a piece between two '*' is refused, and what to write instead: the first pattern found in it speaks.
_REASONS = (
    (
        r"^u[0-9]{2}",
        "has a k of several digits, and Lava multiplies the later ones into the scale; use u0 to u9",
    ),
    (r"^u$", "has no k; write u0 for every epoch, u1 for every second, u_k for every 2^k-th"),
    (r"[./]", "is not an integer; write fractions as powers of two, such as 2^-1"),
    (r"(?<![0-9])(?!2\^)[0-9]+\^", "is a power of something else than 2; write m*2^e"),
    (rf"^({_VARIABLE}|[xy]0)[0-9]", "is a name and a literal, which Lava multiplies; write '*' between them"),
    (
        r"(?<![0-9xyu])0[0-9]|[0-9]{6}|\^-?[0-9]{3}",
        "has a literal that starts with 0 or is too long; shorten it",
    ),
    (r"\).|.(?<!sgn)\(", "are two factors; write '*' between them"),
    (r"\(\)", "is empty; write a variable into the bracket, or take it away"),
    (r"\(.*([xy]0|u[0-9])", "has a dependency in the bracket; write it in front, as in x0*(y1-64)"),
    (r"^sgn\(.*[xy]", "takes the sign of a trace; sgn takes one of w, d, t"),
    (rf"^sgn\(.*-{_VARIABLE}", "takes the sign of a negative variable; write (-1)*sgn(w-c)"),
    (rf"\(-{_VARIABLE}\)", "loses its sign in Lava; write (-1)*v"),
    (rf"{_VARIABLE}.*{_VARIABLE}", "has more than one variable; expand it into one term for each"),
    (rf"\*{_VARIABLE}|{_VARIABLE}\*", "is read by Lava as variable + literal; write the literal in front"),
    (r"\(.*\^-", "has a constant that is not an integer; use an integer"),
    (r"\(.*[0-9]", "is more than (v-c), and Lava ignores or refuses the rest; combine the literals into one"),
    (r"", "is unknown; use literals, x0 y0 u0..u9, x1 x2 y1 y2 y3 w d t, (v-c), sgn(w-c), with '*' between"),
)


def read_rule(text: str) -> Rule:
    """Reads a rule as Lava does, or raises RuleError: which piece, why, and what to write instead.

    A rule is a sum of terms. A term is a '*'-product of one dependency (x0, y0, u0 to u9; one k a rule),
    literals (7, 2^-3, 3*2^2, (-1); multiplied together) and factors: v, (v), (v-c), (c-v), or sgn of w, d, t,
    with v one of x1 x2 y1 y2 y3 w d t and c an integer or m*2^e. The sign of (c-v) moves to the scale.
    Mantissa and exponent are those Lava keeps: it halves the mantissa while it is even and above 7.
    """
    try:
        _check_blanks_and_brackets(text)
        terms = [_read_term(sign, body) for sign, body in _split_terms(text.replace(" ", ""))]
        exponents = {k for _, k in terms if k is not None}
        if len(exponents) > 1:
            raise RuleError(f"u_k has several k, {sorted(exponents)}; use one k in a rule")
        return Rule(text, tuple(product for product, _ in terms), max(exponents, default=None))
    except RuleError as error:
        raise RuleError(f"learning rule {text!r}: {error}") from None


def _check_blanks_and_brackets(text: str) -> None:
    if blank := re.search(r"\w+ +\w+", text):
        # Lava's parser joins the two, but its epoch counter does not: 'u 1' would never fire.
        raise RuleError(f"{blank[0]!r} has a blank in a name or literal; take it out, or write an operator")
    if nested := re.search(r"\([^()]*\(.*\)", text):
        raise RuleError(f"{nested[0]!r} has a bracket in a bracket; Lava drops it; write one pair, as in (y1-64)")
    rest = re.sub(r"\([^()]*\)", "", text)
    if "(" in rest or ")" in rest:
        raise RuleError(f"{text!r} has a bracket without its partner; close it, or take it away")


def _split_terms(text: str) -> list[tuple[int, str]]:
    """Signs and bodies of the terms: split at + and - that are not in a bracket or exponent."""
    first, *rest = re.split(r"(?<!\^)([+-])(?![^()]*\))", text)
    parts = rest if first == "" and rest else ["+", first, *rest]
    return [(-1 if sign == "-" else 1, body) for sign, body in zip(parts[::2], parts[1::2], strict=True)]


def _read_term(sign: int, body: str) -> tuple[Product, int | None]:
    """One term's product, and the k of its u_k."""
    if body == "":
        raise RuleError("a term is empty; write one sign between two terms, and a term after each sign")
    mantissa, exponent = sign, 0
    dependencies: list[re.Match[str]] = []
    factors: list[Factor] = []
    pieces = re.split(r"\*(?![^()]*\))", body)
    if "" in pieces:
        # Lava ignores a lone '*', and takes a sign after '*' for the start of a new term.
        raise RuleError(f"{body!r} has a '*' without a factor on each side; write a negative literal as (-1)")
    for piece in pieces:
        if match := _READ_LITERAL.fullmatch(piece):
            m, e = _literal(match["bare"] or match["inner"])
            mantissa *= -m if match["sign"] == "-" else m
            exponent += e
        elif match := _READ_DEPENDENCY.fullmatch(piece):
            dependencies.append(match)
        else:
            flip, factor = _read_factor(piece)
            mantissa *= flip
            factors.append(factor)
    if len(dependencies) != 1:
        raise RuleError(f"{body!r} has {len(dependencies)} dependencies; write one of x0, y0, u0 to u9 in each term")
    # Lava halves in floating point: exact below 2^53. Product refuses the larger ones, which stay.
    while 7 < abs(mantissa) < 2**53 and mantissa % 2 == 0 and exponent < 8:
        mantissa, exponent = mantissa // 2, exponent + 1
    (dependency,) = dependencies
    k = int(dependency["k"]) if dependency["k"] else None
    return Product(dependency["spike"] or "u", mantissa, exponent, tuple(factors)), k


def _literal(text: str) -> tuple[int, int]:
    """Mantissa and exponent of m, 2^e or m*2^e."""
    if "^" not in text:
        return int(text), 0
    mantissa, exponent = text.split("2^")
    return int(mantissa.removesuffix("*") or 1), int(exponent)


def _read_factor(piece: str) -> tuple[int, Factor]:
    """The sign that moves to the scale, and the factor: -v + c = -(v - c)."""
    for pattern in _READ_FACTOR:
        if match := pattern.fullmatch(piece):
            parts = match.groupdict(default="")
            flip = -1 if parts.get("sign") == "-" else 1
            is_sign = parts.get("sgn") == "sgn"
            if is_sign and flip < 0:
                break
            mantissa, exponent = _literal(parts.get("constant", "0"))
            constant = (-1 if parts.get("csign") == "-" else 1) * mantissa * 2**exponent
            return flip, Factor(parts["variable"], flip * constant, is_sign)
    reason = next(reason for pattern, reason in _REASONS if re.search(pattern, piece))
    raise RuleError(f"{piece!r} {reason}")


def check_moves(
    rule: Rule,
    taus: Mapping[str, float],
    impulses: Mapping[str, float],
    mode: GradedSpike,
    *,
    payloads: bool,
    three_factor: bool,
) -> None:
    """Raises RuleError when no term can ever change anything, because a trace each needs stays at zero.

    taus, impulses: by trace name, 0 where missing (Lava's default). payloads: pre spikes carry payloads
    (num_message_bits > 0). three_factor: the post-neuron writes y1, y2, y3, whatever their taus and impulses.

    Lava decays the traces in every step of the epoch by exp(-1/tau), or clears them where tau is 0, then adds
    the impulses of that step's spikes, and applies the rule to the result. So for every t_epoch, dependency
    and initial trace 0: a trace fed by impulses is non-zero at its spike whatever its tau, if the impulse
    rounds to 1/256 or more; x1 fed by payloads (every mode but 0; its impulse is taken away) needs a tau, and
    payloads, because a binary spike is payload 1, whose half rounds to 0. Such spikes never overflow x1 in
    mode 3, which then counts no x0 and gives x2 no impulse. A factor with a constant never stays at zero.
    """
    stuck = _stuck(taus, impulses, mode, payloads, three_factor)
    reasons = {}
    for product in rule.products:
        needed = [product.dependency, *(f.variable for f in product.factors if f.constant == 0)]
        dead = [name for name in needed if name in stuck]
        if not dead:
            return
        reasons[dead[0]] = stuck[dead[0]]
    raise RuleError(f"learning rule {rule.text!r} can never change anything: {'; '.join(reasons.values())}")


def _stuck(
    taus: Mapping[str, float],
    impulses: Mapping[str, float],
    mode: GradedSpike,
    payloads: bool,
    three_factor: bool,
) -> dict[str, str]:
    """The traces (and x0) that stay at zero: why, and what to do."""
    graded = mode != GradedSpike.USE_REGULAR_IMPULSE
    by_impulse = (["x2"] if graded else ["x1", "x2"]) + ([] if three_factor else ["y1", "y2", "y3"])
    stuck = {
        trace: f"{trace} stays 0, for {trace}_impulse is {impulses.get(trace, 0)}; give it 1 or more"
        for trace in by_impulse
        if round(impulses.get(trace, 0) * 256) == 0
    }
    tau = taus.get("x1", 0)
    if graded and (tau == 0 or math.exp(-1 / tau) == 0):
        stuck["x1"] = f"x1 is cleared before use, for x1_tau is {tau}; set x1_tau=65535 and t_epoch=1"
    if graded and not payloads:
        names = ["x1", "x0", "x2"] if mode == GradedSpike.ADD_WITHOUT_SATURATION else ["x1"]
        stuck |= {name: f"{name} stays 0, for {mode.name} needs payloads; set num_message_bits" for name in names}
    return stuck
