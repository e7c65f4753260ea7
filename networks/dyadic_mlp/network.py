"""A multi-layer perceptron of dyads: trained one sample at a time by dual propagation, at chip precision."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from neuromorph.data import Scaling, pixels_as_payloads
from neuromorph.data.images import as_images
from neuromorph.data.labels import Labels, check_labels
from neuromorph.engine.online import OnlineTraining, accuracy, predict, present
from neuromorph.errors import RangeError, check_count, is_count
from neuromorph.networks.dyadic_mlp.calibration import Health, HealthWarning, calibrated, health
from neuromorph.networks.dyadic_mlp.recipe import GENERAL, Recipe
from neuromorph.networks.dyadic_mlp.wiring import wired
from neuromorph.program import Array, Program, Synapse
from neuromorph.program.equality import ByValue

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


@dataclass(eq=False, repr=False)
class DyadicMLP(ByValue):
    """layers[0] inputs, dyads in between, layers[-1] readout dyads; fully connected.

    `forward_weights[k]`: [post, pre] of layer k -> k+1; `feedback_weights[k]`: [post, pre] of layer k+2 -> k+1, one per hidden
    layer. feedback: "learned" (own weights, own seed, learned by the chip's rule: no weight transport), "random" (fixed),
    "tied" (the transposed forward weights: simulation only). Weights are integers of -256..255, activities 0..127.

    recipe: None has `calibrate` find one for the first training samples that the network is given. scaling: how samples become
    payloads of its `inputs`; None: what suits those samples, or, with a recipe, bytes as they are. Of a table of features with both
    signs every feature has two inputs, so there are 2 * layers[0].

    It *is* its `program()`, with the current weights; `build()` is that Program as a Lava process graph.
    Raises RangeError for layer sizes or a feedback that make no sense, and where a recipe is needed that is not there yet.
    """

    layers: Sequence[int]
    feedback: str = "learned"
    seed: int = 0
    recipe: Recipe | None = None
    scaling: Scaling | None = None
    forward_weights: list[Array] = field(init=False, default_factory=list)
    feedback_weights: list[Array] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        sizes = list(self.layers) if isinstance(self.layers, Iterable) else []
        if len(sizes) < 3 or not all(map(is_count, sizes)):
            raise RangeError(
                f"layers = {self.layers!r}: give at least three positive sizes, such as [784, 512, 10] (inputs, hidden, outputs)"
            )
        if self.feedback not in FEEDBACK:
            raise RangeError(f"feedback = {self.feedback!r} is none of {', '.join(FEEDBACK)}")
        check_count("seed", self.seed, 0)
        self.layers = tuple(int(n) for n in sizes)
        if self.scaling and self.scaling.size != self.layers[0]:
            raise RangeError(
                f"layers begin with {self.layers[0]}, and the scaling is of samples of {self.scaling.size} values"
            )
        if self.recipe:
            self.forward_weights, self.feedback_weights = self._first_weights(self.recipe)

    def __repr__(self) -> str:
        sizes, ready = "-".join(map(str, self.layers)), "" if self.recipe else ", no recipe yet"
        return f"<DyadicMLP {sizes}, {self.feedback} feedback, seed {self.seed}{ready}>"

    def _first_weights(self, recipe: Recipe) -> tuple[list[Array], list[Array]]:
        pairs = list(zip(self.layers[1:], (self.inputs, *self.layers[1:]), strict=False))
        last = len(pairs) - 1
        spreads = [recipe.spread_out if k == last else recipe.spread for k in range(len(pairs))]
        forward = [even_normal(self._rng(FORWARD_STREAM, k), spreads[k], pair) for k, pair in enumerate(pairs)]
        if self.feedback == "random":
            spreads = [recipe.spread_random] * len(pairs)
        feedback = [even_normal(self._rng(FEEDBACK_STREAM, k), spreads[k], pairs[k][::-1]) for k in range(1, len(pairs))]
        return forward, feedback

    def _rng(self, stream: int, layer: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream, layer])

    @property
    def inputs(self) -> int:
        """Input axons."""
        return self.scaling.inputs if self.scaling else self.layers[0]

    @property
    def known_recipe(self) -> Recipe:
        """The recipe. Raises RangeError while there is none."""
        if self.recipe is None:
            raise RangeError(
                "this DyadicMLP has no recipe yet, and so no weights: fit it, calibrate it with training samples, or give one, such as "
                "recipe=recipe_for('mnist', 1)"
            )
        return self.recipe

    def calibrate(self, images: Array) -> DyadicMLP:
        """Find the recipe for these training samples (n, ...), and draw the first weights anew; of a recipe that there is, keep what does
        not depend on data (calibration.py). Raises DataError and RangeError for samples that do not fit."""
        checked = self._checked(images)
        fresh = replace(self, recipe=self.recipe or GENERAL, scaling=self.scaling or Scaling.of("", checked))
        recipe = calibrated(fresh.forward_weights, fresh.samples(checked), fresh.known_recipe)
        self.recipe, self.scaling = recipe, fresh.scaling
        self.forward_weights, self.feedback_weights = fresh.forward_weights, fresh.feedback_weights
        return self

    def health(self, images: Array) -> list[Health]:
        """Of each hidden layer, the shares of neurons that are silent or saturated at these samples."""
        return health(self.forward_weights, self.samples(images), self.known_recipe)

    @property
    def steps(self) -> int:
        """Steps a sample is shown."""
        return self.known_recipe.steps_for(len(self.layers) - 2)

    def targets(self, labels: Array, count: int | None = None) -> Array:
        """(n, outputs): target_on for the label, target_off for the others. labels: (n,), 0..outputs - 1, of `count` samples where that is
        given; raises DataError for others."""
        wanted, recipe = self._checked_labels(labels, count), self.known_recipe
        return np.where(np.arange(self.layers[-1]) == wanted[:, None], recipe.target_on, recipe.target_off)

    def samples(self, images: Array) -> Array:
        """Samples (n, ...) as payloads (n, inputs). Raises DataError for values that do not fit the scaling."""
        found = self._checked(images)
        return self.scaling.encode(found) if self.scaling else pixels_as_payloads(found)

    def _checked(self, images: Array) -> Array:
        found = as_images(images, "samples")
        if (size := math.prod(found.shape[1:])) != self.layers[0]:
            raise RangeError(f"samples have {size} values, the network {self.layers[0]} inputs")
        return found

    def _checked_labels(self, labels: Array, count: int | None) -> Labels:
        return check_labels(labels, count, self.layers[-1], f"a network of {self.layers[-1]} outputs")

    def program(
        self, images: Array | None = None, labels: Array | None = None, *, learning: bool = True, rate_interval: int = 0
    ) -> Program:
        """The network with its present weights, to the last bit; it shows the images, or one blank sample.

        Without labels the phases are free. `learning` False starts with y3 = 0. `rate_interval`: samples between two falls of
        the rate.
        """
        samples = np.zeros((1, self.inputs), np.int32) if images is None else self.samples(images)
        targets = None if labels is None else self.targets(labels, len(samples))
        return present(wired(self, learning=learning, rate_interval=rate_interval), samples, targets)

    def build(
        self, images: Array | None = None, labels: Array | None = None, *, learning: bool = True, rate_interval: int = 0
    ) -> DyadicGraph:
        """`program()` as a Lava process graph: `graph.presenter`, `.hidden`, `.readout`, `.forward`, `.feedback`.

        Lava's LearningDense cuts the low bit of its weights before its first step, so a trained network begins without it there.
        Raises MissingError where Lava is not installed.
        """
        from neuromorph.networks.dyadic_mlp.graph import DyadicGraph

        return DyadicGraph.of(self.program(images, labels, learning=learning, rate_interval=rate_interval))

    def training(self, images: Array, labels: Array, epochs: int, start: Program | None = None) -> OnlineTraining:
        """A training of `epochs` epochs, ready to run; `start`: a Program to go on from (of the same training). Raises as `fit`."""
        check_count("epochs", epochs, 1)
        interval = self.known_recipe.rate_interval(len(images) * epochs)
        program = start if start is not None else self.program(rate_interval=interval)
        return OnlineTraining(program, self.samples(images), self.targets(labels, len(images)), self.seed)

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

        A network without a recipe is calibrated first. HealthWarning where many neurons are silent or saturated. `progress(n)` after
        every n samples, `epoch_end(training)` after every epoch. Ctrl-C keeps the weights of the last epoch that was finished; a training
        that is to go on from there to the bit is `training()`'s. Raises DataError for samples and labels that do not go together,
        RangeError for less than one epoch.
        """
        if epochs is not None:
            check_count("epochs", epochs, 1)
        self._checked_labels(labels, len(self._checked(images)))
        if self.recipe is None:
            self.calibrate(images)
        self._warn_of_ill(images)
        wanted = self.known_recipe.epochs if epochs is None else epochs
        training = self.training(images, labels, wanted)
        for _ in range(wanted):
            training.run_epoch(progress)
            self.take_weights(training.snapshot())
            if epoch_end:
                epoch_end(training)
        return self

    def _warn_of_ill(self, images: Array) -> None:
        for layer in self.health(images):
            if layer.is_ill:
                warnings.warn(
                    f"{layer}, before training; calibrate() fits the recipe to the data", HealthWarning, stacklevel=3
                )

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

        targets = None if labels is None else self.targets(labels, len(images))
        program = present(self.program(learning=False), self.samples(images), targets)
        steps = self.steps * len(images)
        ports = [("presenter", "s_out")]
        for name in [*(f"hidden{k + 1}" for k in range(len(self.layers) - 2)), "readout"]:
            ports += [(name, "s_out"), (name, "s_error")]
        probes = tuple(Probe(f"{node}.{port}", node, port, length=steps) for node, port in ports)
        engine = Engine(Program(program.nodes, program.links, probes))
        engine.run(steps)
        return {probe.name: engine.get(probe.name, "data") for probe in probes}
