"""The Program of a DyadicMLP: presenter, dyads, readout, and the connections up and down."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromorph.laws.dyad import DYAD
from neuromorph.laws.products.rule import GradedSpike
from neuromorph.laws.readout import READOUT
from neuromorph.program import Plasticity, Program
from neuromorph.program.wiring import Part, Wiring, plastic

if TYPE_CHECKING:
    from neuromorph.networks.dyadic_mlp.network import DyadicMLP

APICAL = {"s_in_bap": "s_out_bap", "s_in_y1": "s_apical_y1", "s_in_y2": "s_apical_y2", "s_in_y3": "s_apical_y3"}
"""What teaches a top-down synapse of dyads."""


def learning_rule(exponent: int, decay: int | None) -> str:
    """dw = 2^exponent * rate * pre * (post's y1 - 64), at events; bottom-up that is mean * delta, top-down |delta| * +-mean/2.

    At every second event also -2^decay * rate * w, the same decay on forward and feedback weights, which then forget their
    different beginnings (Kolen and Pollack), and a constant against the floors of both products. Without decay, the constant is half a
    unit of the gradient's product an event, just what its floor takes away.
    """
    gradient = f"2^{exponent}*x0*x1*y3*(y1-64)"
    if decay is None:
        return f"{gradient} + 2^{exponent}*x0*y2"
    return f"{gradient} - 2^{decay}*x0*w*y2*y3 + 2^{decay}*x0*y2"


def wired(network: DyadicMLP, *, learning: bool, rate_interval: int) -> Program:
    """The network with its present weights, and one blank sample in its presenter. `learning` False: rates of 0."""
    recipe, sizes, net = network.known_recipe, network.layers, Wiring()
    blank = np.zeros((1, network.inputs), np.int32), np.zeros((1, sizes[-1]), np.int32)
    shown = net.presenter("presenter", *blank, steps=network.steps)
    shared: dict[str, Any] = {
        "alpha": 256 * recipe.alpha,
        "nudge": 256 * recipe.alpha,
        "limit": recipe.limit,
        "learn_from": network.steps - 2,
        "rate": (recipe.rate if learning else 0) << 16,
        "rate_interval": rate_interval,
        "rate_shift": recipe.rate_shift,
    }
    hidden = [
        net.population(
            f"hidden{k + 1}",
            DYAD,
            size,
            nudge_from=3 * len(sizes) - 5 - 2 * k,
            **recipe.hidden(k),
            **shared,
        )
        for k, size in enumerate(sizes[1:-1])
    ]
    readout = net.population(
        "readout",
        READOUT,
        sizes[-1],
        shift=recipe.shift_out,
        bias=recipe.offset,
        beta=256 * recipe.beta,
        margin=recipe.margin,
        nudge_from=len(hidden) + 1,  # before, it answers the last sample
        **shared,
    )
    layers = [*hidden, readout]
    forward = _connect_forward(net, network, [shown, *layers])
    _connect_feedback(net, network, layers, forward)
    for layer in layers:
        net.link(shown.s_phase, layer.phase)
    net.link(shown.s_target, readout.a_target)
    return net.program()


def _connect_forward(net: Wiring, network: DyadicMLP, layers: list[Part]) -> list[Part]:
    rule = learning_rule(network.known_recipe.exponent, network.known_recipe.decay)
    seeds = [network.seed * 64 + 4 * k + 1 for k in range(len(layers) - 1)]
    return [
        net.synapse(f"forward{k + 1}", pre.s_out, post.a_in, network.forward_weights[k], _of_dyads(rule, seeds[k]))
        for k, (pre, post) in enumerate(pairwise(layers))
    ]


def _connect_feedback(net: Wiring, network: DyadicMLP, layers: list[Part], forward: list[Part]) -> None:
    rule = learning_rule(network.known_recipe.exponent_feedback, network.known_recipe.decay)
    for k, (post, pre) in enumerate(pairwise(layers)):
        name, ends = f"feedback{k + 1}", (pre.s_error, post.a_in_error)
        if network.feedback == "tied":
            net.tied(name, *ends, forward[k + 1])
            continue
        learning = _of_dyads(rule, network.seed * 64 + 4 * k + 33) if network.feedback == "learned" else None
        net.synapse(name, *ends, network.feedback_weights[k], learning, taught_by=APICAL)


def _of_dyads(rule: str, seed: int) -> Plasticity:
    """Three factors, and a pre-trace that is the payload of the last spike."""
    return plastic(rule, x1_tau=65535, rng_seed=seed, graded_spike=GradedSpike.OVERWRITE)
