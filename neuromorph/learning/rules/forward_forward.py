"""Forward-Forward: every layer learns to be active on images with their right label, and quiet on images with a wrong one.

Layer k = 1..L has no recurrent state and no error from above (G, gap and post: laws/goodness.py)::

    u_0 = x / (|x| + 1e-4),   s_k = f(W_k u_(k-1) + b_k),   u_k = s_k / (|s_k| + 1e-4),   f = ReLU
    G_k = <s_k^2>,   loss_k = softplus(threshold - G_k) of a positive sample + softplus(G_k - threshold) of a negative one
    dW_k = <post_k u_(k-1)^T>,   db_k = <post_k>

The label is written into the image: the first pixels, one a class, are 0 but for the label's, which is 1, the largest pixel. A negative
sample is the same image with the label of another sample of the batch (a random permutation, so now and then the right label; of the
whole batch where processes share it); in a batch of one, with a label drawn from all classes.
Prediction: each label is tried, and the one with the largest sum of G_k over all layers wins. There is no output layer.

Order: the paper's code updates layer k before layer k + 1 learns, but hands s_k from before the update upward. So no layer ever sees
what another one's update changed, and updating all layers together at the end is the same thing. Both signs read the same
weights too: term(+1) and term(-1) do not depend on each other.

Source: Hinton 2022; Flexible Phase Dynamics section 4, appendix E. Differences: the loss is the sum over both signs, its code takes the
mean (Adam does not see the factor 2), so that ff-isd is unbiased for it; batches; the code of the paper leaves out ff-isd's weights
1/p and 1/(1 - p), here they are in (isd.py). The paper's threshold is 2, the default here 10: sigma(gap) then falls to nothing for
negative samples that are quiet enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from neuromorph.arithmetic.tensors import TENSORS
from neuromorph.errors import RangeError
from neuromorph.laws.goodness import make_gap, make_post
from neuromorph.learning.network.activations import Activation
from neuromorph.learning.network.connections import Start
from neuromorph.learning.network.network import Network, States, Updates
from neuromorph.learning.phases.terms import Term, TwoTermRule, added
from neuromorph.learning.rule import Batch, Outcome, Settings, check_bounds

gap_of, post_of = make_gap(TENSORS), make_post(TENSORS)

SMALL = 1e-4


@dataclass(kw_only=True)
class ForwardForward(TwoTermRule):
    """Both terms at each update."""

    threshold: float = field(default=10.0, metadata={"help": "goodness between positive and negative samples"})
    seed: int = field(default=0, metadata={"help": "of the negative samples' labels"})

    name: ClassVar[str] = "ff"
    source: ClassVar[str] = "Hinton 2022; Flexible Phase Dynamics appendix E"
    has_output: ClassVar[bool] = False
    unit_inputs: ClassVar[bool] = True
    settings: ClassVar[Settings] = Settings(rate=0.1, batch=100, epochs=12, schedule="cosine", first="he")
    broadcasts: ClassVar[tuple[str, ...]] = ("layer",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._labels = torch.Generator().manual_seed(self.seed)

    def check(self) -> None:
        if self.threshold <= 0:
            raise RangeError(f"threshold = {self.threshold}: a goodness is never below 0; give a threshold above it")
        if self.loss != "squared":
            raise RangeError(f"{self.name} has no output and a loss of its own in every layer; leave out loss {self.loss}")

    def fits(self, network: Network) -> None:
        check_bounds(self.name, network)
        if any(network.bounds(k)[0] != 0 for k in range(1, network.depth + 1)):
            raise RangeError(
                f"{self.name} rewards activity of layers that can be silent: build the network with output relu"
            )
        if network.feedback.state_dict():
            raise RangeError(f"{self.name} sends nothing down: build the network with feedback tied, which has no weights")

    @property
    def output(self) -> Activation:
        return "relu"

    def build(self, sizes: Sequence[int], feedback: str | None = None, seed: int = 0, first: Start | None = None) -> Network:
        """Layers 784, 500, 500 say: no output layer. First weights are sqrt(inputs) times what `first` draws, since inputs have
        length 1: goodness begins near the threshold, where the paper's smaller ones have to climb there first."""
        if feedback not in (None, "tied"):
            raise RangeError(f"{self.name} sends nothing down; leave out feedback {feedback!r}")
        network = super().build(sizes, None, seed, first)
        with torch.no_grad():
            for k in range(1, network.depth + 1):
                weight = network.connection(k).weight
                weight.mul_(math.sqrt(weight[0].numel()))
        return network

    @torch.no_grad()
    def step(self, network: Network, batch: Batch) -> Outcome:
        updates = added(self._infer(network, batch, +1)[0], self._infer(network, batch, -1)[0])
        return Outcome(updates, self.predict(network, batch.x))

    def term(self, network: Network, batch: Batch, sign: int, start: States | None = None) -> Term:
        """One sweep from the bottom up: nothing is iterated, so it begins nowhere and has one length."""
        updates, states = self._infer(network, batch, sign)
        return Term(updates, states, states[-1])

    def _infer(self, network: Network, batch: Batch, sign: int) -> tuple[Updates, States]:
        y = batch.y if sign > 0 else self._others(batch)
        phase = "positive" if sign > 0 else "negative"
        u = network.states(f"direction, {phase}", _direction(overlaid(batch.x, y)))
        s, post = network.states(phase, batch.x), network.states(f"post, {phase}", batch.x)
        updates: Updates = {}
        for k in range(1, network.depth + 1):
            s[k] = network.activate(k, network.up(k, u))
            u[k] = _direction(s[k])
            strength = gap_of(_goodness(s[k]), self.threshold, sign).sigmoid_()
            post[k] = post_of(s[k], strength[:, None], sign, 2 / s[k][0].numel())
            updates |= network.pair(k, post, u, 1 / len(y))
        return updates, s

    def _others(self, batch: Batch) -> Tensor:
        """The labels in another order; to a sample that is alone, the label of any class."""
        y = batch.targets
        if len(y) > 1:
            return y[torch.randperm(len(y), generator=self._labels)[batch.own].to(y.device)]
        return torch.eye(y.shape[1]).to(y)[torch.randint(y.shape[1], (1,), generator=self._labels)]

    def predict(self, network: Network, x: Tensor) -> Tensor:
        """The goodness of all layers together under each label."""
        labels = torch.eye(self.classes, dtype=x.dtype, device=x.device)
        return torch.stack([self._goodness_with(network, x, y) for y in labels], dim=1)

    def _goodness_with(self, network: Network, x: Tensor, y: Tensor) -> Tensor:
        u, total = network.states("direction", _direction(overlaid(x, y.expand(len(x), -1)))), x.new_zeros(len(x))
        for k in range(1, network.depth + 1):
            s = network.activate_(k, network.up(k, u))
            total += _goodness(s)
            u[k] = _direction(s)
        return total

    def state_dict(self) -> dict[str, Any]:
        return {"labels": self._labels.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._labels.set_state(state["labels"])


def overlaid(x: Tensor, y: Tensor) -> Tensor:
    """Images (batch, ...) as rows, with the one-hot labels y (batch, classes) in their first pixels."""
    rows = x.flatten(1)
    return torch.cat([y.to(rows.dtype), rows[:, y.shape[1] :]], dim=1)


def _direction(s: Tensor) -> Tensor:
    return s.div(s.norm(dim=1, keepdim=True) + SMALL)


def _goodness(s: Tensor) -> Tensor:
    return s.square().mean(1)
