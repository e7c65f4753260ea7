"""Sigma-delta coding: Lava's Sigma, Delta and SigmaDelta.

Equation (fixed point, all of it modulo 2^32; >> rounds down)::

    Sigma:       sigma <- sigma + a_in;  s_out = sigma
    Delta:       act'  = a_in << (spike_exp + state_exp)
    SigmaDelta:  sigma <- sigma + a_in;  act' = f(sigma + bias),  f(x) = x or max(x, 0)

    delta   = act' - act + residue
    sent    = delta where |delta| >= vth, else 0
    residue <- delta - sent;  act <- act';  s_out = sent >> state_exp

With `cum_error` error <- error + delta, sent is delta where |error| >= vth, and error <- 0 where |sent| > 0; without it error stays.

Order: sigma first, act' with the new sigma; threshold inclusive. SigmaDelta does not shift its input: its weights carry the exponents.

Odd, and so here too: |-2^31| is -2^31 in 32 bits, below every threshold. Delta has a Var `sigma` that nothing reads.

Ranges: whatever 32 bits hold, in ports, states and thresholds; exponents to 15, where Lava means 3 bits.

Source: Lava 0.10.0 proc/sdn/models.py. In floating point Lava ignores both exponents, and so does this text.
"""

from __future__ import annotations

from neuromorph.arithmetic import Arithmetic
from neuromorph.laws.law import REGISTER, Law, Step, Variable

A_IN = Variable("a_in", *REGISTER, "change of what arrives")
S_OUT = Variable("s_out", *REGISTER, "change of what is sent")
SUM = Variable("sigma", *REGISTER, "sum of what arrived")
CODED = (
    Variable("act", *REGISTER, "activation that the last step saw"),
    Variable("residue", *REGISTER, "what has not been sent yet"),
    Variable("error", *REGISTER, "sum of deltas since something was sent"),
)
EXPONENTS = (
    Variable("spike_exp", 0, 15, "fraction bits of messages", shared=True),
    Variable("state_exp", 0, 15, "fraction bits of states beyond those", shared=True),
    Variable("cum_error", 0, 1, "whether errors add up to the threshold", shared=True),
)
VTH = Variable("vth", *REGISTER, "threshold, in the scale of states", shared=True)


def make_sigma(ops: Arithmetic) -> Step:
    word = ops.word

    def sigma(t, a_in, sigma):  # type: ignore[no-untyped-def]
        sigma = word(sigma + a_in)
        return sigma, sigma

    return ops.function(sigma)


def make_encoder(ops: Arithmetic) -> Step:
    """(new act, act, residue, error, vth, cum_error) -> (residue, error, what is sent)."""
    word, select = ops.word, ops.select

    def encode(new, act, residue, error, vth, cum_error):  # type: ignore[no-untyped-def]
        delta = word(new - act + residue)
        total = select(cum_error != 0, word(error + delta), error)
        judged = select(cum_error != 0, total, delta)
        sent = select(word(abs(judged)) >= vth, delta, 0)
        error = select((cum_error != 0) & (word(abs(sent)) > 0), 0, total)
        return word(delta - sent), error, sent

    return ops.function(encode)


def make_delta(ops: Arithmetic) -> Step:
    word, shift, encode = ops.word, ops.bias, make_encoder(ops)

    def delta(t, a_in, act, residue, error, vth, spike_exp, state_exp, cum_error, sigma):  # type: ignore[no-untyped-def]
        new = word(shift(a_in, spike_exp + state_exp))
        residue, error, sent = encode(new, act, residue, error, vth, cum_error)
        return new, residue, error, shift(sent, -state_exp)

    return ops.function(delta)


def make_sigma_delta(ops: Arithmetic) -> Step:
    word, shift, select, encode = ops.word, ops.bias, ops.select, make_encoder(ops)

    def sigma_delta(t, a_in, sigma, act, residue, error, vth, spike_exp, state_exp, cum_error, bias, act_mode):  # type: ignore[no-untyped-def]
        sigma = word(sigma + a_in)
        new = word(sigma + bias)
        new = select((act_mode != 0) & (new < 0), 0, new)
        residue, error, sent = encode(new, act, residue, error, vth, cum_error)
        return sigma, new, residue, error, shift(sent, -state_exp)

    return ops.function(sigma_delta)


SIGMA = Law(
    name="sigma",
    inputs=(A_IN,),
    outputs=(Variable("s_out", *REGISTER, "sum of what arrived"),),
    states=(SUM,),
    parameters=(),
    make=make_sigma,
)

DELTA = Law(
    name="delta",
    inputs=(Variable("a_in", *REGISTER, "activation"),),
    outputs=(S_OUT,),
    states=CODED,
    parameters=(VTH, *EXPONENTS, Variable("sigma", *REGISTER, "nothing")),
    make=make_delta,
)

SIGMA_DELTA = Law(
    name="sigma_delta",
    inputs=(A_IN,),
    outputs=(S_OUT,),
    states=(SUM, *CODED),
    parameters=(
        VTH,
        *EXPONENTS,
        Variable("bias", *REGISTER, "bias of the activation, in the scale of states"),
        Variable("act_mode", 0, 1, "activation: 0 as it is, 1 rectified", default=1, shared=True),
    ),
    make=make_sigma_delta,
)
