"""The Lava process graph of a DyadicMLP, wired as a user would by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromorph.laws.phase import FREE
from neuromorph.program import Array

if TYPE_CHECKING:
    from lava.magma.core.process.process import AbstractProcess

    from neuromorph.networks.dyadic_mlp.network import DyadicMLP
    from neuromorph.processes.dyads.process import Dyads
    from neuromorph.processes.presenter.process import Presenter
    from neuromorph.processes.readout.process import NudgedReadout


@dataclass(frozen=True)
class DyadicGraph:
    """The processes of a DyadicMLP. `forward[k]` connects layer k to k+1, `feedback[k]` layer k+2 to k+1."""

    presenter: Presenter
    hidden: list[Dyads]
    readout: NudgedReadout
    forward: list[AbstractProcess]
    feedback: list[AbstractProcess]


def learning_rule(exponent: int, decay: int | None) -> str:
    """dw = 2^exponent * rate * pre * (post's y1 - 64), at events; bottom-up that is mean * delta, top-down |delta| * +-mean/2.

    At every second event also -2^decay * rate * w, the same decay on forward and feedback weights, which then forget their
    different beginnings (Kolen and Pollack), and a constant against the floors of both products.
    """
    gradient = f"2^{exponent}*x0*x1*y3*(y1-64)"
    return gradient if decay is None else f"{gradient} - 2^{decay}*x0*w*y2*y3 + 2^{decay}*x0*y2"


def plastic(name: str, weights: Array, rule: str, seed: int) -> AbstractProcess:
    """Lava's LearningDense with a three-factor rule whose pre-trace is the payload of the last spike.

    Its weights are cut to even numbers here, as Lava would do in the first step.
    """
    from lava.magma.core.learning.constants import GradedSpikeCfg
    from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
    from lava.proc.dense.process import LearningDense

    return LearningDense(
        name=name,
        weights=weights & ~1,
        num_message_bits=8,
        learning_rule=Loihi3FLearningRule(dw=rule, x1_tau=65535, t_epoch=1, rng_seed=seed),
        graded_spike_cfg=GradedSpikeCfg.OVERWRITE,
    )


BASAL = {"s_out_bap": "s_in_bap", "s_out_y1": "s_in_y1", "s_out_y2": "s_in_y2", "s_out_y3": "s_in_y3"}
APICAL = {"s_out_bap": "s_in_bap", "s_apical_y1": "s_in_y1", "s_apical_y2": "s_in_y2", "s_apical_y3": "s_in_y3"}
"""Learning ports of a dyad and where they go: for bottom-up and for top-down connections."""


def connect_learning(post: AbstractProcess, synapse: AbstractProcess, ports: dict[str, str]) -> None:
    """The learning ports of a dyad, of one side, to one of its plastic connections."""
    for sends, takes in ports.items():
        getattr(post, sends).connect(getattr(synapse, takes))


def build_graph(
    network: DyadicMLP, samples: Array, targets: Array | None, *, learning: bool, rate_interval: int
) -> DyadicGraph:
    from neuromorph.processes.dyads.process import Dyads
    from neuromorph.processes.presenter.process import Presenter
    from neuromorph.processes.readout.process import NudgedReadout

    recipe, sizes = network.recipe, network.layers
    shared: dict[str, Any] = {
        "alpha": recipe.alpha,
        "limit": recipe.limit,
        "learn_from": network.steps - 2,
        "rate_interval": rate_interval,
        "rate_shift": recipe.rate_shift,
    }
    shown = np.zeros((len(samples), sizes[-1]), np.int32) if targets is None else targets
    presenter = Presenter(name="presenter", samples=samples, targets=shown, steps=network.steps)
    if targets is None:
        presenter.opening.init = FREE
    hidden = [
        Dyads(
            name=f"hidden{k + 1}",
            shape=(n,),
            shift=recipe.shift[min(k, len(recipe.shift) - 1)],
            shift_error=recipe.shift_error[min(k, len(recipe.shift_error) - 1)],
            nudge_from=3 * len(sizes) - 5 - 2 * k,
            rate=recipe.rate if learning else 0,
            **shared,
        )
        for k, n in enumerate(sizes[1:-1])
    ]
    readout = NudgedReadout(
        name="readout",
        shape=(sizes[-1],),
        shift=recipe.shift_out,
        bias=recipe.offset,
        beta=recipe.beta,
        margin=recipe.margin,
        nudge_from=len(hidden) + 1,  # before, it answers the last sample
        rate=recipe.rate if learning else 0,
        **shared,
    )
    graph = DyadicGraph(presenter, hidden, readout, [], [])
    _wire_forward(network, graph)
    _wire_feedback(network, graph)
    for layer in (*hidden, readout):
        presenter.s_phase.connect(layer.phase)
    presenter.s_target.connect(readout.a_target)
    return graph


def _wire_forward(network: DyadicMLP, graph: DyadicGraph) -> None:
    recipe = network.recipe
    layers = [*graph.hidden, graph.readout]
    pre = graph.presenter
    for k, (weights, post) in enumerate(zip(network.forward_weights, layers, strict=True)):
        rule = learning_rule(recipe.exponent, recipe.decay)
        synapse = plastic(f"forward{k + 1}", weights, rule, seed=network.seed * 64 + 4 * k + 1)
        pre.s_out.connect(synapse.s_in)
        synapse.a_out.connect(post.a_in)
        connect_learning(post, synapse, BASAL)
        graph.forward.append(synapse)
        pre = post


def _wire_feedback(network: DyadicMLP, graph: DyadicGraph) -> None:
    above = [*graph.hidden[1:], graph.readout]
    for k, (weights, post, pre) in enumerate(zip(network.feedback_weights, graph.hidden, above, strict=True)):
        synapse = _feedback_synapse(network, graph, k, weights)
        pre.s_error.connect(synapse.s_in)
        synapse.a_out.connect(post.a_in_error)
        graph.feedback.append(synapse)


def _feedback_synapse(network: DyadicMLP, graph: DyadicGraph, k: int, weights: Array) -> AbstractProcess:
    name = f"feedback{k + 1}"
    if network.feedback == "learned":
        rule = learning_rule(network.recipe.exponent_feedback, network.recipe.decay)
        synapse = plastic(name, weights, rule, seed=network.seed * 64 + 32 + 4 * k + 1)
        connect_learning(graph.hidden[k], synapse, APICAL)
        return synapse
    if network.feedback == "random":
        from lava.proc.dense.process import Dense

        return Dense(name=name, weights=weights, num_message_bits=8)
    from neuromorph.processes.tied.process import TiedDense

    return TiedDense(name=name, forward=graph.forward[k + 1])
