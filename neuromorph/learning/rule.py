"""What a learning rule is: from a batch, a change of every parameter, downhill, computed from states and never by autograd.

A rule is a dataclass whose fields are its options. It infers states, and returns in an `Outcome` the mean over the batch of
what each synapse would change by at rate 1; the trainer hands minus that to an optimiser of torch.optim as the gradient.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.learning.network.activations import Activation, clip_of
from neuromorph.learning.network.connections import Start
from neuromorph.learning.network.feedback import Direct
from neuromorph.learning.network.losses import LossName
from neuromorph.learning.network.network import Network, Updates, mlp


class Batch(NamedTuple):
    """Samples x (batch, ...), targets y (batch, classes; one-hot), and the samples' places in the training set.

    Of a part of a batch (`only`, or what one of several processes takes): `whole`, the targets of all its samples, and `own`, which of
    them are these.
    """

    x: Tensor
    y: Tensor
    places: Tensor
    whole: Tensor | None = None
    own: Tensor | slice = slice(None)

    @property
    def targets(self) -> Tensor:
        """Of the whole batch."""
        return self.y if self.whole is None else self.whole

    @property
    def size(self) -> int:
        """Of the whole batch."""
        return len(self.targets)

    def only(self, some: Sequence[int]) -> Batch:
        """Some of these samples."""
        if len(some) == len(self.x):
            return self
        index = torch.tensor(some)
        x, y, places = (t.index_select(0, index.to(t.device)) for t in (self.x, self.y, self.places))
        return Batch(x, y, places, self.targets, torch.arange(self.size)[self.own][index])


Own = TypeVar("Own", bound="Rule")
CLASSES = 10
"""Of data that nobody has named."""
LEAST = 1000
"""Updates of a training: a rule's own epochs are for MNIST."""
NUMBERS: dict[Any, tuple[type, str]] = {
    bool: (bool, "True or False"),
    int: (Integral, "a whole number"),
    float: (Real, "a finite number"),
}
"""What options of these types are."""
ScheduleName = Literal["constant", "cosine", "warmup-cosine", "exponential"]


@dataclass(frozen=True)
class Settings:
    """How a rule is trained when the user says nothing: the optimiser (a name of torch.optim, lower case) and its numbers.

    `rate`: one learning rate, or one per connection from the bottom up. `schedule`: how it falls over the epochs (trainer.py).
    `first`: how first weights are drawn.
    """

    optimizer: str = "adam"
    rate: float | tuple[float, ...] = 1e-3
    batch: int = 100
    epochs: int = 20
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: ScheduleName = "constant"
    first: Start = "glorot"


@dataclass
class Outcome:
    """What one batch gave.

    `updates`: change of each parameter, downhill, mean over the batch. `output`: the free prediction (scores of classes) before
    the update. `residual`: the largest change of a state of each layer in the last iteration of the relaxation; empty where
    nothing is iterated.
    """

    updates: Updates
    output: Tensor
    residual: Tensor = torch.zeros(0)  # noqa: RUF009 (never written to)


@dataclass(kw_only=True)
class Rule(ABC):
    """One learning rule with its options. Subclasses add fields; `check` refuses what makes no sense."""

    loss: LossName = field(default="squared", metadata={"help": "what the output is pulled down"})

    name: ClassVar[str]
    """As the user types it; of a class that gives itself none, that of the class."""
    source: ClassVar[str] = "no source given"
    """Paper and equations."""
    hidden: ClassVar[Activation] = "relu"
    has_output: ClassVar[bool] = True
    """Whether the last layer gives the scores of the classes; if not, `predict` finds them in another way, for as many as `classes`,
    which the trainer sets to those of its data."""
    unit_inputs: ClassVar[bool] = False
    """Whether every layer sees states of length 1: first weights then are sqrt(inputs) times larger."""
    feedback: ClassVar[str] = "tied"
    """How errors come down when the user says nothing."""
    settings: ClassVar[Settings] = Settings()
    learns_within: ClassVar[bool] = False
    """Whether weights move within a step, at `rates_now`: those of the optimiser by name of a parameter, which the trainer sets."""
    broadcasts: ClassVar[tuple[str, ...]] = ()
    """Signals that reach every unit beside its neighbours' states; judges/locality.py knows "norm" (of weights), "layer" (a
    sum over one) and "residual", and holds a rule that reads these undeclared for not local."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "name" not in vars(cls):
            cls.name = cls.__name__

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for option in self.options():
            self._check_number(option, *NUMBERS.get(kinds[option], (object, "a finite number")))
        for option, choices in self.choices().items():
            if (value := getattr(self, option)) not in choices:
                raise RangeError(f"unknown {option} {value!r} of rule {self.name}; {did_you_mean(value, choices)}")
        self.rates_now: Mapping[str, float] = {}
        self.classes = CLASSES
        self.check()

    def _check_number(self, option: str, kind: type, what: str) -> None:
        value = getattr(self, option)
        if isinstance(value, np.generic):
            value = value.item()  # the same number, as files and torch's generators know it
            setattr(self, option, value)
        is_of_kind = isinstance(value, kind) and (kind in (bool, object) or not isinstance(value, bool))
        if not is_of_kind or (isinstance(value, float) and not math.isfinite(value)):
            raise RangeError(f"{option} = {value!r}: this option of rule {self.name} is {what}")

    @property
    def indivisible(self) -> str:
        """Why several processes cannot share a batch: what makes its update another than the mean of its samples' own. "" if nothing
        does; the trainer refuses the rule otherwise."""
        return ""

    @property
    def output(self) -> Activation:
        """Of the last layer."""
        return "linear"

    def check(self) -> None:  # noqa: B027 (most rules have nothing to refuse)
        """Raise RangeError for options that make no sense together: what, why, what to do."""

    def fits(self, network: Network) -> None:  # noqa: B027
        """Raise RangeError for a network that this rule cannot train."""

    def settings_for(self, network: Network, samples: int) -> Settings:
        """How this network is trained on so many samples when the user says nothing.

        Rates that are too few go on by the ratio of the last two; small data are seen until there have been LEAST updates.
        """
        epochs = math.ceil(LEAST * self.settings.batch / samples)
        own, wanted = replace(self.settings, epochs=max(self.settings.epochs, epochs)), len(network.connections)
        if not isinstance(own.rate, tuple):
            return own
        rates = list(own.rate[:wanted])
        while len(rates) < wanted:
            rates.append(rates[-1] * own.rate[-1] / own.rate[-2])
        return replace(own, rate=tuple(rates))

    def build(self, sizes: Sequence[int], feedback: str | None = None, seed: int = 0, first: Start | None = None) -> Network:
        """A network of the given layers that this rule trains; None: as the rule itself prefers.

        Raises RangeError for sizes or a feedback with which the rule makes no sense.
        """
        return mlp(
            sizes,
            hidden=self.hidden,
            output=self.output,
            feedback=feedback or self.feedback,
            start=first or self.settings.first,
            seed=seed,
        )

    def begin_epoch(self, epoch: int) -> None:  # noqa: B027
        """Before pass number `epoch` (from 0) over the training set: schedules of the rule's own."""

    @abstractmethod
    def step(self, network: Network, batch: Batch) -> Outcome:
        """Infer, and say what to change. Changes nothing itself."""

    def constrain(self, network: Network) -> None:  # noqa: B027
        """Put parameters back where they are allowed; the trainer calls it after each step of the optimiser."""

    @contextmanager
    def inferring(self, network: Network) -> Iterator[None]:
        """Within, parameters hold the weights that the rule infers with."""
        yield

    def predict(self, network: Network, x: Tensor) -> Tensor:
        """Scores of the classes, (batch, classes), without a target."""
        found: Tensor = network(x)
        return found

    def state_dict(self) -> dict[str, Any]:
        """What must be saved, besides parameters, to go on exactly: particles, running moments, streams of random numbers."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if state:
            raise RangeError(f"rule {self.name} keeps no state, and was given {', '.join(state)}")

    @contextmanager
    def as_it_was(self) -> Iterator[None]:
        """Within, the rule may infer and learn; afterwards its state is as before."""
        kept = copy.deepcopy(self.state_dict())
        try:
            yield
        finally:
            self.load_state_dict(kept)

    def fresh(self: Own) -> Own:
        """One with the same options that has not seen anything yet."""
        return replace(self)

    @classmethod
    def options(cls) -> dict[str, Any]:
        """Names and defaults."""
        return {f.name: f.default for f in fields(cls)}

    @classmethod
    def choices(cls) -> dict[str, tuple[str, ...]]:
        """What the options may be that are one of a few words."""
        return {name: get_args(kind) for name, kind in get_type_hints(cls).items() if get_origin(kind) is Literal}


def check_share(name: str, value: float, what: str) -> None:
    """Raise RangeError unless 0 <= value <= 1."""
    if not 0 <= value <= 1:
        raise RangeError(f"{name} = {value} is outside 0..1: {what}")


def check_bounds(rule: str, network: Network) -> None:
    """Raise RangeError for activations without bounds, between which a rule settles states."""
    for k in range(1, network.depth + 1):
        clip_of(network.activations[k], f"rule {rule}")


def check_discount(rule: str, option: str, discount: float, network: Network) -> None:
    """Raise RangeError where feedback that is weaker by `discount` a layer, as a rule's rates take it to be, skips layers."""
    if discount < 1 and network.depth > 2 and isinstance(network.feedback, Direct):
        raise RangeError(
            f"{rule} multiplies updates by {option}^(k - L), as feedback grows weaker from layer to layer, and direct feedback reaches all "
            f"{network.depth - 1} hidden layers at once: take another feedback, or {option} = 1"
        )
