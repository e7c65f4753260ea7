"""Graded vectors: Lava's GradedVec, GradedReluVec, NormVecDelay, InvSqrt and ProdNeuron.

Equation (fixed point, modulo 2^32; >> rounds down)::

    GradedVec:      x = v + a_in;             s_out = x where |x| > vth, else 0;  v <- 0
    GradedReluVec:  x = v + a_in;             s_out = x where x > vth, else 0;    v <- 0
    ProdNeuron:     x = (a_in1 * a_in2) >> exp;  s_out = x where |x| > vth, else 0
    NormVecDelay:   v2 <- v;  v <- a_in1;  x = v2 * a_in2
                    s_out = x where |x| > vth, else 0;  s2_out = a_in1^2
    InvSqrt:        s_out = 2^12 / sqrt(a_in / 2^12), 0 for 0, by five steps of Goldschmidt's method from a table

Order: thresholds are strict; v2 is the v before this step.

Odd, and so here too: |-2^31| is -2^31 in 32 bits. v of GradedVec holds 0 after every step, so only a value that is set counts. Nothing
reads `exp` but ProdNeuron, nothing its `v`, and InvSqrt has 12 fraction bits whatever its `fp_base` says.

Ranges: whatever 32 bits hold; InvSqrt takes 24 bits without sign. Of a population of more than one InvSqrt Lava computes nothing but 0.

Source: Lava 0.10.0 proc/graded/models.py, proc/prodneuron/models.py. In floats Lava has InvSqrt only, 1 / sqrt(x).
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import REGISTER, Law, Step, Variable

FRACTION_BITS = 12
INPUT_BITS = 24
ITERATIONS = 5
CENTRE = 1.238982962
"""Of the octave of a table entry, as Lava has it."""

A_IN, A_IN1, A_IN2 = (Variable(name, *REGISTER, "graded input") for name in ("a_in", "a_in1", "a_in2"))
S_OUT = Variable("s_out", *REGISTER, "graded spike")
VTH = Variable("vth", *REGISTER, "threshold", default=1, shared=True)
UNREAD_EXP = Variable("exp", *REGISTER, "nothing", shared=True)


def make_graded(ops: Arithmetic) -> Step:
    word, select = ops.word, ops.select

    def graded(t, a_in, v, vth, exp):  # type: ignore[no-untyped-def]
        x = word(v + a_in)
        return x - x, select(word(abs(x)) > vth, x, 0)

    return ops.function(graded)


def make_graded_relu(ops: Arithmetic) -> Step:
    word, select = ops.word, ops.select

    def graded_relu(t, a_in, v, vth, exp):  # type: ignore[no-untyped-def]
        x = word(v + a_in)
        return x - x, select(x > vth, x, 0)

    return ops.function(graded_relu)


def make_norm_delay(ops: Arithmetic) -> Step:
    word, select = ops.word, ops.select

    def norm_delay(t, a_in1, a_in2, v, v2, vth, exp):  # type: ignore[no-untyped-def]
        x = word(v * a_in2)
        return a_in1, v, select(word(abs(x)) > vth, x, 0), word(a_in1 * a_in1)

    return ops.function(norm_delay)


def make_product(ops: Arithmetic) -> Step:
    word, select, shift = ops.word, ops.select, ops.floor_down

    def product(t, a_in1, a_in2, vth, exp, v):  # type: ignore[no-untyped-def]
        x = shift(word(a_in1 * a_in2), exp)
        return (select(word(abs(x)) > vth, x, 0),)

    return ops.function(product)


def first_guesses() -> tuple[int, ...]:
    """2^12 / sqrt(x / 2^12) for x of 1, 2, ... 24 bits, to begin with."""
    one = 2**FRACTION_BITS
    return tuple(2 * int(one / (2 ** ((m - FRACTION_BITS) / 2) * CENTRE)) for m in range(INPUT_BITS))


def make_inverse_root(ops: Arithmetic) -> Step:
    select, down = ops.select, ops.floor_down
    guesses, three = first_guesses(), 3 * 2**FRACTION_BITS

    def inverse_root(t, a_in, fp_base):  # type: ignore[no-untyped-def]
        factor = guesses[0]
        for k in range(1, INPUT_BITS):
            factor = select(a_in >= 2**k, guesses[k], factor)
        rest, root = a_in, down(factor, 1)
        for _ in range(ITERATIONS):
            rest = down(down(rest * factor, FRACTION_BITS + 1) * factor, FRACTION_BITS + 1)
            factor = three - rest
            root = down(root * factor, FRACTION_BITS + 1)
        return (select(a_in == 0, 0, root),)

    return ops.function(inverse_root)


V = Variable("v", *REGISTER, "0 after a step")
GRADED = Law("graded", (A_IN,), (S_OUT,), (V,), (VTH, UNREAD_EXP), make_graded)
GRADED_RELU = Law("graded_relu", (A_IN,), (S_OUT,), (V,), (VTH, UNREAD_EXP), make_graded_relu)

NORM_DELAY = Law(
    name="norm_delay",
    inputs=(A_IN1, A_IN2),
    outputs=(S_OUT, Variable("s2_out", *REGISTER, "square of the input")),
    states=(
        Variable("v", *REGISTER, "input of the last step"),
        Variable("v2", *REGISTER, "input of the step before it"),
    ),
    parameters=(VTH, UNREAD_EXP),
    make=make_norm_delay,
)

PRODUCT = Law(
    name="product",
    inputs=(A_IN1, A_IN2),
    outputs=(S_OUT,),
    states=(),
    parameters=(
        VTH,
        Variable("exp", 0, 31, "how far the product is shifted down", shared=True),
        Variable("v", *REGISTER, "nothing"),
    ),
    make=make_product,
)

INVERSE_ROOT = Law(
    name="inverse_root",
    inputs=(Variable("a_in", 0, 2**INPUT_BITS - 1, "24 bits, without sign"),),
    outputs=(S_OUT,),
    states=(),
    parameters=(Variable("fp_base", *REGISTER, "nothing", default=FRACTION_BITS, shared=True),),
    make=make_inverse_root,
)
