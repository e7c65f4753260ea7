"""Connections with weights, and how they learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuromorph.errors import ProgramError, RangeError
from neuromorph.laws.products.plasticity import TAG_1_RANGE, TAG_2_RANGE, TRACE_RANGE, WEIGHT_RANGE, SignMode
from neuromorph.laws.products.rule import GradedSpike, Rule
from neuromorph.laws.synapse import (
    DELAY_RANGE,
    EPOCH_RANGE,
    EXPONENT_RANGE,
    IMPULSE_RANGE,
    SEED_RANGE,
    TAU_RANGE,
)
from neuromorph.program.equality import ByValue
from neuromorph.program.kernel import Kernel
from neuromorph.program.values import INT32, Array, whole

PRE_STATES = ("x0", "tx", "x1", "x2")
POST_STATES = ("y0", "ty", "y1", "y2", "y3")
TRACES = ("x1", "x2", "y1", "y2", "y3")
LEARNING_INPUTS = ("s_in_bap", "s_in_y1", "s_in_y2", "s_in_y3")


def entries(matrix: Any) -> tuple[Array, Array]:
    """Of a SciPy sparse matrix[post, pre]: (post, pre) of what it stores, zeros included, and the values, sorted by pre, then post."""
    stored = matrix.tocoo()
    order = np.lexsort((stored.row, stored.col))
    return np.stack([stored.row[order], stored.col[order]]).astype(np.int64), stored.data[order]


@dataclass(frozen=True)
class Plasticity:
    """A learning rule on a synapse, as Lava's Loihi2FLearningRule or Loihi3FLearningRule (three_factor) holds it.

    taus, impulses: by trace name, in steps and trace units. rng_seed starts the four rounding streams of the traces
    (x decay, x impulse, y decay, y impulse at rng_seed + 0..3); weights round from stream 2, whatever the seed (as Lava).
    """

    dw: Rule | None
    dd: Rule | None
    dt: Rule | None
    three_factor: bool
    taus: Mapping[str, float]
    impulses: Mapping[str, float]
    t_epoch: int
    rng_seed: int
    graded_spike: GradedSpike
    sign_mode: SignMode

    def check(self, owner: str) -> None:
        for trace in TRACES:
            for kind, values, (low, high) in (
                ("tau", self.taus, TAU_RANGE),
                ("impulse", self.impulses, IMPULSE_RANGE),
            ):
                if not low <= values[trace] <= high:
                    raise RangeError(f"{owner}: {trace}_{kind} = {values[trace]} is outside {low}..{high}")
        whole(np.array(self.t_epoch), owner, "t_epoch", EPOCH_RANGE)
        whole(np.array(self.rng_seed), owner, "rng_seed", SEED_RANGE)
        if not isinstance(self.graded_spike, GradedSpike) or not isinstance(self.sign_mode, SignMode):
            raise RangeError(
                f"{owner}: graded_spike = {self.graded_spike!r}, sign_mode = {self.sign_mode!r}; give members of "
                "neuromorph.laws.GradedSpike and SignMode"
            )
        if self.dw is None and self.dd is None and self.dt is None:
            raise ProgramError(f"{owner}: a plastic synapse without a rule")


@dataclass(frozen=True, eq=False)
class Synapse(ByValue):
    """Connections from `s_in` (pre) to `a_out` (post): a_out(t+1) = weights . s_in(t), scaled by 2^exponent (floor).

    `index` None: weights[post, pre], dense. Otherwise sparse: weights[k] of the pair (post, pre) = index[:, k], sorted by
    pre, then post. `delays` (same shape as weights) adds 0..63 steps. graded False: any non-zero payload counts 1.
    `tied_to` names a dense synapse whose transposed weights this one uses (simulation only: weight transport).
    `kernel`: weights (out, kx, ky, in) that pairs share, static, without delays or exponent; a_out wraps to 24 bits, as Lava's Conv.
    states: a_buff (post, max delay + 1), and for plastic synapses the traces, spike times and tags.
    """

    name: str
    shape: tuple[int, int]
    weights: Array
    index: Array | None = None
    exponent: int = 0
    graded: bool = True
    delays: Array | None = None
    plasticity: Plasticity | None = None
    tied_to: str | None = None
    states: Mapping[str, Array] = field(default_factory=dict)
    kernel: Kernel | None = None

    def __post_init__(self) -> None:
        owner = f"synapse '{self.name}'"
        if not isinstance(self.plasticity, Plasticity | None):
            raise ProgramError(
                f"{owner}: learning = {self.plasticity!r} is no Plasticity; make one, as plastic('x0*y1') does"
            )
        mode = self.plasticity.sign_mode if self.plasticity else SignMode.MIXED
        checked = whole(self.weights, owner, "weights", WEIGHT_RANGE[mode]).astype(np.int16)
        expected: tuple[int, ...] = self.shape if self.index is None else (np.shape(self.index)[1],)
        if self.tied_to is not None:
            expected = (0,)
        if self.kernel is not None:
            self._check_kernel(self.kernel, owner, checked.shape)
            expected = checked.shape
        if checked.shape != expected:
            raise ProgramError(f"{owner}: weights have shape {checked.shape}, not {expected}")
        object.__setattr__(self, "weights", checked)
        whole(np.array(self.exponent), owner, "weight_exp", EXPONENT_RANGE)
        if self.index is not None:
            self._check_index(owner)
        if self.delays is not None:
            object.__setattr__(self, "delays", whole(self.delays, owner, "delays", DELAY_RANGE))
            if np.shape(self.delays) != checked.shape:
                raise ProgramError(f"{owner}: delays have shape {np.shape(self.delays)}, its weights {checked.shape}")
        if self.plasticity:
            self.plasticity.check(owner)
            if self.tied_to is not None:
                raise ProgramError(f"{owner}: tied to '{self.tied_to}' and plastic; only the weights it reads may learn")
        object.__setattr__(self, "states", self._complete_states(owner))

    def _check_kernel(self, kernel: object, owner: str, weights: tuple[int, ...]) -> None:
        if not isinstance(kernel, Kernel):
            raise ProgramError(f"{owner}: kernel = {kernel!r} is no Kernel; give one, or None")
        given = {name: getattr(self, name) for name in ("index", "delays", "plasticity", "tied_to")}
        if self.exponent or any(one is not None for one in given.values()):
            raise ProgramError(f"{owner}: a kernel's weights are static, and have no index, no delays, no exponent, no tie")
        kernel.check(owner, weights, self.shape)

    def _check_index(self, owner: str) -> None:
        post, pre = (
            whole(row, owner, "index", (0, n - 1)) for row, n in zip(np.asarray(self.index), self.shape, strict=True)
        )
        if (np.diff(pre * self.shape[0] + post) <= 0).any():
            raise ProgramError(f"{owner}: its index must be sorted by pre, then post, every pair once")

    def _complete_states(self, owner: str) -> dict[str, Array]:
        post, pre = self.shape
        depth = 1 if self.delays is None else int(self.delays.max(initial=0)) + 1
        buffer = np.asarray(self.states.get("a_buff", 0))
        if buffer.ndim == 2 and buffer.shape[1] > depth and self.delays is not None:
            depth = buffer.shape[1]  # a longer buffer than these delays need, as Lava's max_delay asks for
        shapes: dict[str, tuple[int, ...]] = {"a_buff": (post, depth)}
        bounds = {"a_buff": INT32}
        if self.plasticity:
            shapes |= dict.fromkeys(PRE_STATES, (pre,)) | dict.fromkeys(POST_STATES, (post,))
            shapes |= {"tag_1": self.weights.shape, "tag_2": self.weights.shape}
            bounds |= {"x0": (0, 1), "y0": (0, 1), "tag_1": TAG_1_RANGE, "tag_2": TAG_2_RANGE}
            bounds |= {"tx": (0, self.plasticity.t_epoch), "ty": (0, self.plasticity.t_epoch)}
        unknown = set(self.states) - set(shapes)
        if unknown:
            raise ProgramError(f"{owner}: unknown states {sorted(unknown)}; it has {sorted(shapes)}")
        states = {}
        for name, shape in shapes.items():
            values = np.asarray(self.states.get(name, 0))
            if name == "a_buff" and values.size != post * depth and values.size != 1:
                raise ProgramError(f"{owner}: a_buff has {values.size} values, not {post} x {depth}")
            values = np.broadcast_to(values.reshape(shape) if values.size > 1 else values.reshape(-1)[:1], shape)
            states[name] = whole(values, owner, name, bounds.get(name, TRACE_RANGE)).astype(np.int32)
        return states

    @property
    def inputs(self) -> dict[str, int]:
        learning = dict.fromkeys(LEARNING_INPUTS, self.shape[0]) if self.plasticity else {}
        return {"s_in": self.shape[1], **learning}

    @property
    def outputs(self) -> dict[str, int]:
        return {"a_out": self.shape[0]}
