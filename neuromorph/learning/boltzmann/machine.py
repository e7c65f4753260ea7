"""Boltzmann machines of visible and hidden units, trained one sample at a time with phases as flexible as one likes.

Energy (no visible bias; C symmetric, zero diagonal, absent in the restricted machine)::

    E(v, h) = -h^T W v - 1/2 h^T C h - b^T h,    p(v) = sum_h exp(-E(v, h)) / Z,    s_i in {0, 1}

One Gibbs step samples all hidden units (one after the other where C couples them), then all free visible ones. Plasticity adds
gain * h v^T to W, gain * h h^T to C off the diagonal, and gain * h to b (laws/boltzmann.py), with the gain of the phase:

=============  ===============================================================================  ================  ==============
method         phases                                                                           weights change    must be stored
=============  ===============================================================================  ================  ==============
cd             data `length` steps, then free `length` steps from there                         after both        h v^T of the first
pcd            as cd, but the free chain goes on from its own last state                        after both        that, and the chain
isd            positive with probability p, `length` steps, from wherever the last phase ended  at the end        nothing
always-on      as isd                                                                           at every step     nothing
random-length  as always-on, the length geometric with mean `length`                            at every step     nothing
=============  ===============================================================================  ================  ==============

With cd and pcd a change is rate * (first - second); with isd rate * first / p or -rate * second / (1 - p); always-on methods divide
the rate by `length`. Samples come in the order of one permutation, round and round.

Source: Flexible Phase Dynamics section 3, appendix E. Difference: its code accumulates isd phases until one was positive, here every
phase changes the weights, as its equation 3 says; its exact likelihood ignores C, here it does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuromorph.engine.chains import DRAWN, STEPS, run_contrasts, run_phases
from neuromorph.errors import ArtifactError, DivergenceError, RangeError, check_count, did_you_mean
from neuromorph.interrupt import deferred_interrupt
from neuromorph.learning.training.made import check_made, in_json
from neuromorph.phases import Bernoulli, PhasePlan

Array = npt.NDArray[np.float64]
METHODS: dict[str, dict[str, bool]] = {
    "cd": {"periodic": True},
    "pcd": {"periodic": True},
    "isd": {},
    "always-on": {"always_on": True},
    "random-length": {"always_on": True, "random": True},
}
ENUMERABLE = 20
"""Hidden units over which sums are exact."""
AT_ONCE = 2**22
"""Numbers of an array of an exact sum: 32 MiB."""
BLOCK = 20_000
"""Gibbs steps, about, between two looks at progress and Ctrl-C."""


@dataclass
class BoltzmannMachine:
    """weights (hidden, visible), bias (hidden,), couplings (hidden, hidden) or (0, 0) in a restricted machine.

    Arrays of 64-bit floats, in C's order, which learning changes in place. Raises RangeError for others (whole numbers would not move at
    small rates), for other shapes, and for couplings that are not symmetric or have a diagonal.
    """

    weights: Array
    bias: Array
    couplings: Array

    def __post_init__(self) -> None:
        arrays = {name: getattr(self, name) for name in ("weights", "bias", "couplings")}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray) or array.dtype != np.float64 or not array.flags.c_contiguous:
                kind = str(array.dtype) if isinstance(array, np.ndarray) else type(array).__name__
                raise RangeError(
                    f"{name} are {kind}, which learning cannot move in place: give an array of 64-bit floats in C's order"
                )
        hidden = self.bias.size
        for name, axes, sizes in (("weights", 2, {hidden}), ("bias", 1, {hidden}), ("couplings", 2, {hidden, 0})):
            shape = arrays[name].shape
            if len(shape) != axes or shape[0] not in sizes or (name == "couplings" and shape[0] != shape[1]):
                raise RangeError(f"{name} have shape {shape}, which does not go with {hidden} hidden units")
        if (self.couplings != self.couplings.T).any() or self.couplings.diagonal().any():
            raise RangeError("couplings are not symmetric, or couple a unit with itself")
        self.check_finite("a machine")

    def check_finite(self, when: str) -> None:
        """Raise DivergenceError for weights that are not finite; `when`: of which machine, or after what."""
        for name in ("weights", "bias", "couplings"):
            if not np.isfinite(getattr(self, name)).all():
                raise DivergenceError(f"{when}: {name} are not finite; lower the rate, or start from smaller weights")

    @classmethod
    def drawn(
        cls, visible: int, hidden: int, *, coupled: bool = False, scale: float = 0.01, seed: int = 0
    ) -> BoltzmannMachine:
        """All parameters N(0, scale^2)."""
        generator = np.random.default_rng(seed)
        weights, bias = generator.normal(0, scale, (hidden, visible)), generator.normal(0, scale, hidden)
        couplings: Array = np.triu(generator.normal(0, scale, (hidden, hidden)), 1) if coupled else np.zeros((0, 0))
        return cls(weights, bias, couplings + couplings.T)

    def copy(self) -> BoltzmannMachine:
        return BoltzmannMachine(self.weights.copy(), self.bias.copy(), self.couplings.copy())

    def log_likelihoods(self, data: Array) -> Array:
        """log p(v) of every row of `data`, exactly: sums over all hidden states by log-sum-exp, in blocks of about AT_ONCE numbers.

        Raises DivergenceError where weights are so large that a sum is not finite.
        """
        hidden, visible = self.weights.shape
        block = max(1, AT_ONCE // (visible + len(data)))
        with np.errstate(over="ignore", invalid="ignore"):
            parts = [self._block(h, data) for h in blocks_of_states(hidden, block)]
            log_z, joint = (log_sum_exp(np.stack(each)) for each in zip(*parts, strict=True))
            found: Array = joint - log_z
        if not np.isfinite(found).all():
            raise DivergenceError(
                "the likelihood of a machine is not finite: its weights have become too large; lower the rate"
            )
        return found

    def _block(self, h: Array, data: Array) -> tuple[Array, Array]:
        """Over these hidden states: log sum_v exp(-E), and log sum exp(-E) at every row of `data`."""
        own = h @ self.bias
        if self.couplings.size:
            own += 0.5 * np.einsum("nj,jk,nk->n", h, self.couplings, h)
        upward = h @ self.weights
        over_visible = (np.maximum(upward, 0) + np.log1p(np.exp(-np.abs(upward)))).sum(1)
        return log_sum_exp(own + over_visible), log_sum_exp(own[:, None] + upward @ data.T)

    def negative_log_likelihood(self, data: Array) -> float:
        """Summed over the rows of `data`, in nats."""
        return -float(self.log_likelihoods(data).sum())

    def total_variation(self, data: Array) -> float:
        """1/2 sum over all v of |p(v) - q(v)|, where q is the distribution of the rows of `data`."""
        patterns, counts = np.unique(data, axis=0, return_counts=True)
        p = np.exp(self.log_likelihoods(patterns))
        return float(0.5 * (np.abs(p - counts / len(data)).sum() + 1 - p.sum()))


def log_sum_exp(terms: Array) -> Array:
    """Over the first axis; several times as fast as SciPy's, which allows for signs and weights."""
    top = terms.max(0)
    found: Array = np.log(np.exp(terms - top).sum(0)) + top
    return found


def binary_states(units: int) -> Array:
    """All 2^units states, (2^units, units)."""
    return next(blocks_of_states(units, 2**units))


def blocks_of_states(units: int, block: int) -> Iterator[Array]:
    """The same, `block` at a time."""
    if units > ENUMERABLE:
        raise RangeError(f"{units} units have 2^{units} states; exact sums go up to {ENUMERABLE} units")
    for start in range(0, 2**units, block):
        numbers = np.arange(start, min(start + block, 2**units))
        yield (numbers[:, None] >> np.arange(units) & 1).astype(np.float64)


class Sampler:
    """A machine in training: chains, random numbers and place in the data go on from run to run.

    `rate`: learning rate. `p`: the share of positive phases; None (isd only): p* from running moments (phases.py). `machine` is
    changed in place. Any cut of a run into pieces, with `state_dict` and `load_state_dict` in between (the machine saved beside
    them), gives the same bits.
    """

    def __init__(
        self,
        machine: BoltzmannMachine,
        data: npt.ArrayLike,
        method: str,
        *,
        rate: float,
        length: int,
        p: float | None = 0.5,
        seed: int = 0,
    ) -> None:
        if method not in METHODS:
            raise RangeError(f"unknown method {method!r}; {did_you_mean(method, METHODS)}")
        if p is None and method != "isd":
            raise RangeError(f"p from running moments needs the one change at the end of a phase: method isd, not {method}")
        if not 0 <= rate < np.inf:
            raise RangeError(f"rate = {rate}: give a finite number, at least 0")
        self.machine, self.method, self.rate = machine, method, rate
        self.plan = PhasePlan(length=length, p=0.5 if p is None else p, **METHODS[method])
        self.phases = Bernoulli(p, seed)
        samples = np.asarray(data, dtype=np.float64)
        hidden, visible = machine.weights.shape
        if samples.ndim != 2 or samples.shape[1] != visible or not len(samples) or not np.isin(samples, (0, 1)).all():
            raise RangeError(
                f"data must be rows of {visible} zeros and ones, one for each visible unit; these are {samples.shape}"
            )
        first, second = np.random.SeedSequence(seed).spawn(2)
        digest = hashlib.sha256(samples.tobytes()).hexdigest()
        given = {"method": method, "rate": rate, "length": length, "p": p, "seed": seed, "samples, by SHA-256,": digest}
        self._made = in_json({**given, "hidden units": hidden, "coupled": bool(machine.couplings.size)})
        self._data = np.ascontiguousarray(samples[np.random.default_rng(first).permutation(len(samples))])
        self._key = second.generate_state(1, np.uint64)[0]
        self._clock = np.zeros(3, dtype=np.int64)
        self.v, self.h = np.zeros(visible), np.zeros(hidden)
        self._fantasy = np.zeros(visible), np.zeros(hidden)

    @property
    def steps(self) -> int:
        """Gibbs steps made so far."""
        return int(self._clock[STEPS])

    @property
    def drawn(self) -> int:
        """Random numbers drawn so far."""
        return int(self._clock[DRAWN])

    def run(self, changes: int, progress: Callable[[int], None] | None = None) -> None:
        """Make `changes` of the weights (cd, pcd) or phases (the others), in blocks; `progress(n)` after each with its number.

        Ctrl-C takes effect between blocks, where all is consistent. Raises DivergenceError after the block in which weights stopped being
        finite.
        """
        check_count("changes", changes, 0)
        block = max(1, BLOCK // (self.plan.length * (2 if self.plan.periodic else 1)))
        while changes > 0:
            count = min(block, changes)
            with deferred_interrupt():
                self._block(count)
                self.machine.check_finite(f"method {self.method}, after {self.steps} Gibbs steps")
                if progress:
                    progress(count)
            changes -= count

    def _block(self, count: int) -> None:
        plan = self.plan
        up, down = (self.rate * factor for factor in plan.rates)
        if plan.periodic:
            persistent = int(self.method == "pcd")
            run_contrasts(
                count, *self._arrays, *self._fantasy, self._data, plan.length, persistent, up, down, self._key, self._clock
            )
        elif self.phases.p is None:
            for _ in range(count):
                phase = self.phases.draw()
                self._run(1, float(phase.positive), *2 * (self.rate * phase.weight,))
                self.phases.observe(phase, self._square())
        else:
            self._run(count, plan.p, up, down)

    @property
    def _arrays(self) -> tuple[Array, ...]:
        return self.machine.weights, self.machine.bias, self.machine.couplings, self.v, self.h

    def _run(self, count: int, p: float, up: float, down: float) -> None:
        plan = self.plan
        run_phases(
            count, *self._arrays, self._data, plan.length, int(plan.random), int(plan.always_on), p,
            up, down, self._key, self._clock,
        )  # fmt: skip

    def _square(self) -> float:
        """|g|^2 of the term that was just learned: as many ones as pairs of active units."""
        visible, hidden = float(self.v.sum()), float(self.h.sum())
        return hidden * (visible + 1 + (hidden - 1 if self.machine.couplings.size else 0))

    def state_dict(self) -> dict[str, Any]:
        """All but the machine; of what the constructor was given, enough to know it again."""
        chains = {
            "v": self.v,
            "h": self.h,
            "fantasy_v": self._fantasy[0],
            "fantasy_h": self._fantasy[1],
            "clock": self._clock,
        }
        return {"made": self._made, "phases": self.phases.state_dict()} | {
            name: array.copy() for name, array in chains.items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where that sampler stood. Raises ArtifactError, naming what differs, when it was made with anything else."""
        check_made(state["made"], self._made)
        chains = {
            "v": self.v,
            "h": self.h,
            "clock": self._clock,
            "fantasy_v": self._fantasy[0],
            "fantasy_h": self._fantasy[1],
        }
        for name, array in chains.items():
            if np.shape(state[name]) != array.shape:
                raise ArtifactError(
                    f"the chain's {name} has shape {np.shape(state[name])}, here {array.shape}; it is of another machine"
                )
            array[:] = state[name]
        self.phases.load_state_dict(state["phases"])
