"""The Lava process graph of a DyadicMLP, wired as a user would by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuromorph.laws.dyad import FREE
from neuromorph.program import Array

if TYPE_CHECKING:
    from lava.magma.core.process.process import AbstractProcess

    from neuromorph.networks.dyadic_mlp import DyadicMLP
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


def bottom_up_rule(exponent: int) -> str:
    """dw = 2^exponent * pre mean * post delta * rate, at the post-neuron's error events."""
    return f"2^{exponent}*x0*x1*y3*(y1-64)"


def top_down_rule(exponent: int) -> str:
    """dw = 2^exponent * pre |delta| * (+-post mean / 2) * rate, at the pre-neuron's error events."""
    return f"2^{exponent}*x0*x1*y3*(y2-64)"


def plastic(name: str, weights: Array, rule: str, seed: int) -> AbstractProcess:
    """Lava's LearningDense with a three-factor rule whose pre-trace is the payload of the last spike."""
    from lava.magma.core.learning.constants import GradedSpikeCfg
    from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
    from lava.proc.dense.process import LearningDense

    return LearningDense(
        name=name,
        weights=weights,
        num_message_bits=8,
        learning_rule=Loihi3FLearningRule(dw=rule, x1_tau=65535, t_epoch=1, rng_seed=seed),
        graded_spike_cfg=GradedSpikeCfg.OVERWRITE,
    )


def connect_learning(post: AbstractProcess, synapse: AbstractProcess) -> None:
    """The four learning ports of a dyad to one of its plastic connections."""
    for port in ("bap", "y1", "y2", "y3"):
        getattr(post, f"s_out_{port}").connect(getattr(synapse, f"s_in_{port}"))


def build_graph(
    network: DyadicMLP, samples: Array, targets: Array | None, *, learning: bool, rate_interval: int
) -> DyadicGraph:
    from neuromorph.processes.dyads.process import Dyads
    from neuromorph.processes.presenter.process import Presenter
    from neuromorph.processes.readout.process import NudgedReadout

    recipe, sizes = network.recipe, network.layers
    shared = {
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
            shift=recipe.shift,
            bias=recipe.bias,
            shift_error=recipe.shift_error,
            margin=recipe.margin_hidden,
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
        rate=recipe.rate_out if learning else 0,
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
        rule = bottom_up_rule(recipe.exponent_out if k == len(layers) - 1 else recipe.exponent)
        synapse = plastic(f"forward{k + 1}", weights, rule, seed=network.seed * 64 + 4 * k + 1)
        pre.s_out.connect(synapse.s_in)
        synapse.a_out.connect(post.a_in)
        connect_learning(post, synapse)
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
        rule = top_down_rule(network.recipe.exponent_feedback)
        synapse = plastic(name, weights, rule, seed=network.seed * 64 + 32 + 4 * k + 1)
        connect_learning(graph.hidden[k], synapse)
        return synapse
    if network.feedback == "random":
        from lava.proc.dense.process import Dense

        return Dense(name=name, weights=weights, num_message_bits=8)
    from neuromorph.processes.tied.process import TiedDense

    return TiedDense(name=name, forward=graph.forward[k + 1])
