"""A multi-layer perceptron of dyads: trained one sample at a time by dual propagation, at chip precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from neuromorph.data import pixels_as_payloads
from neuromorph.data.labels import check_labels
from neuromorph.engine.online import OnlineTraining, accuracy, predict, present
from neuromorph.errors import RangeError
from neuromorph.networks.dyadic_mlp.recipe import Recipe
from neuromorph.networks.dyadic_mlp.wiring import wired
from neuromorph.program import Array, Program, Synapse

if TYPE_CHECKING:
    from neuromorph.networks.dyadic_mlp.graph import DyadicGraph

FEEDBACK = ("learned", "random", "tied")
FORWARD_STREAM, FEEDBACK_STREAM = 0, 1
"""Forward and feedback weights are drawn from different streams of the seed, so they share nothing at the start."""

Progress = Callable[[int], None]
EpochEnd = Callable[[OnlineTraining], None]


def even_normal(rng: np.random.Generator, spread: float, shape: tuple[int, int]) -> Array:
    """Normal numbers on the even integers of -254..254: the grid on which weights of mixed sign start."""
    numbers: Array = np.clip(2 * np.round(rng.normal(0, spread / 2, shape)), -254, 254).astype(np.int64)
    return numbers


@dataclass
class DyadicMLP:
    """layers[0] inputs, dyads in between, layers[-1] readout dyads; fully connected.

    `forward[k]`: weights[post, pre] of layer k -> k+1; `feedback[k]`: weights[post, pre] of layer k+2 -> k+1, one per hidden
    layer. feedback: "learned" (own weights, own seed, learned by the chip's rule: no weight transport), "random" (fixed),
    "tied" (the transposed forward weights: simulation only). Weights are integers of -256..255, activities 0..127.

    It *is* its `program()`, with the current weights; `build()` is that Program as a Lava process graph.
    Raises RangeError for layer sizes or a feedback that make no sense.
    """

    layers: Sequence[int]
    feedback: str = "learned"
    seed: int = 0
    recipe: Recipe = field(default_factory=Recipe)
    forward_weights: list[Array] = field(init=False)
    feedback_weights: list[Array] = field(init=False)

    def __post_init__(self) -> None:
        sizes = list(self.layers)
        if len(sizes) < 3 or any(not isinstance(n, int | np.integer) or n < 1 for n in sizes):
            raise RangeError(
                f"layers = {sizes}: give at least three positive sizes, such as [784, 512, 10] (inputs, hidden, outputs)"
            )
        if self.feedback not in FEEDBACK:
            raise RangeError(f"feedback = {self.feedback!r} is none of {', '.join(FEEDBACK)}")
        self.layers = tuple(int(n) for n in sizes)
        self.forward_weights, self.feedback_weights = self._first_weights()

    def _first_weights(self) -> tuple[list[Array], list[Array]]:
        pairs = list(zip(self.layers[1:], self.layers, strict=False))
        last = len(pairs) - 1
        spreads = [self.recipe.spread_out if k == last else self.recipe.spread for k in range(len(pairs))]
        forward = [even_normal(self._rng(FORWARD_STREAM, k), spreads[k], pair) for k, pair in enumerate(pairs)]
        if self.feedback == "random":
            spreads = [self.recipe.spread_random] * len(pairs)
        feedback = [even_normal(self._rng(FEEDBACK_STREAM, k), spreads[k], pairs[k][::-1]) for k in range(1, len(pairs))]
        return forward, feedback

    def _rng(self, stream: int, layer: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream, layer])

    @property
    def steps(self) -> int:
        """Steps a sample is shown."""
        return self.recipe.steps_for(len(self.layers) - 2)

    def targets(self, labels: Array) -> Array:
        """(n, outputs): target_on for the label, target_off for the others. labels: (n,), 0..outputs - 1; raises DataError for others."""
        outputs = self.layers[-1]
        wanted = check_labels(labels, np.size(labels), outputs, f"a network of {outputs} outputs")
        return np.where(np.arange(outputs) == wanted[:, None], self.recipe.target_on, self.recipe.target_off)

    def samples(self, images: Array) -> Array:
        """Images of bytes as payloads (n, inputs)."""
        payloads = pixels_as_payloads(images)
        if payloads.shape[1] != self.layers[0]:
            raise RangeError(f"images have {payloads.shape[1]} pixels, the network {self.layers[0]} inputs")
        return payloads

    def program(
        self, images: Array | None = None, labels: Array | None = None, *, learning: bool = True, rate_interval: int = 0
    ) -> Program:
        """The network with its present weights, to the last bit; it shows the images, or one blank sample.

        Without labels the phases are free. `learning` False starts with y3 = 0. `rate_interval`: samples between two falls of
        the rate.
        """
        samples = np.zeros((1, self.layers[0]), np.int32) if images is None else self.samples(images)
        targets = None if labels is None else self.targets(labels)
        return present(wired(self, learning=learning, rate_interval=rate_interval), samples, targets)

    def build(
        self, images: Array | None = None, labels: Array | None = None, *, learning: bool = True, rate_interval: int = 0
    ) -> DyadicGraph:
        """`program()` as a Lava process graph: `graph.presenter`, `.hidden`, `.readout`, `.forward`, `.feedback`.

        Lava's LearningDense cuts the low bit of its weights before its first step, so a trained network begins without it there.
        """
        from neuromorph.networks.dyadic_mlp.graph import DyadicGraph

        return DyadicGraph.of(self.program(images, labels, learning=learning, rate_interval=rate_interval))

    def training(self, images: Array, labels: Array, epochs: int, start: Program | None = None) -> OnlineTraining:
        """A training of `epochs` epochs, ready to run; `start`: a Program to go on from (of the same training)."""
        interval = self.recipe.rate_interval(len(images) * epochs)
        program = start if start is not None else self.program(rate_interval=interval)
        return OnlineTraining(program, self.samples(images), self.targets(labels), self.seed)

    def fit(
        self,
        images: Array,
        labels: Array,
        epochs: int | None = None,
        *,
        progress: Progress | None = None,
        epoch_end: EpochEnd | None = None,
    ) -> DyadicMLP:
        """Train natively, one sample at a time; the weights end in `forward_weights` and `feedback_weights`.

        `progress(n)` after every n samples, `epoch_end(training)` after every epoch. Ctrl-C leaves the weights as they
        were before; use `training()` to keep what was reached.
        """
        training = self.training(images, labels, self.recipe.epochs if epochs is None else epochs)
        for _ in range(self.recipe.epochs if epochs is None else epochs):
            training.run_epoch(progress)
            self.take_weights(training.snapshot())
            if epoch_end:
                epoch_end(training)
        return self

    def take_weights(self, program: Program) -> None:
        """Adopt the weights of a Program of this network."""

        def of(name: str) -> Array:
            node = program[name]
            if not isinstance(node, Synapse):
                raise RangeError(f"'{name}' is no synapse of this Program")
            return node.weights.astype(np.int64)

        count = len(self.layers) - 1
        self.forward_weights = [of(f"forward{k + 1}") for k in range(count)]
        if self.feedback != "tied":
            self.feedback_weights = [of(f"feedback{k + 1}") for k in range(count - 1)]

    def predict(self, images: Array) -> Array:
        """Labels, natively, in free phases."""
        return predict(self.program(learning=False), self.samples(images))

    def evaluate(self, images: Array, labels: Array) -> float:
        """Accuracy, natively, in free phases."""
        return accuracy(self.program(learning=False), self.samples(images), labels)

    def alignment(self) -> list[float]:
        """Cosine between every feedback matrix and the transposed forward weights it stands for."""
        if self.feedback == "tied":
            return [1.0] * (len(self.layers) - 2)
        return [
            float(np.vdot(b, w.T)) / max(float(np.linalg.norm(b) * np.linalg.norm(w)), 1e-12)
            for b, w in zip(self.feedback_weights, self.forward_weights[1:], strict=True)
        ]

    def run(self, images: Array, labels: Array | None = None) -> dict[str, Array]:
        """Present the images once, natively, weights frozen; what every layer sends at every step, by port.

        Returns {"presenter.s_out": (steps, neurons), "hidden1.s_out": ..., "hidden1.s_error": ..., "readout.s_out", ...};
        with labels the phases are nudged, so errors flow.
        """
        from neuromorph.engine.engine import Engine
        from neuromorph.program import Probe

        targets = None if labels is None else self.targets(labels)
        program = present(self.program(learning=False), self.samples(images), targets)
        steps = self.steps * len(images)
        ports = [("presenter", "s_out")]
        for name in [*(f"hidden{k + 1}" for k in range(len(self.layers) - 2)), "readout"]:
            ports += [(name, "s_out"), (name, "s_error")]
        probes = tuple(Probe(f"{node}.{port}", node, port, length=steps) for node, port in ports)
        engine = Engine(Program(program.nodes, program.links, probes))
        engine.run(steps)
        return {probe.name: engine.get(probe.name, "data") for probe in probes}

    def arguments(self) -> dict[str, Any]:
        """What makes this network again: `DyadicMLP(**arguments)` with `recipe` as a Recipe."""
        return {"layers": list(self.layers), "feedback": self.feedback, "seed": self.seed, "recipe": self.recipe.as_dict()}
