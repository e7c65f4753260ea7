"""What `neuromorph bench lava` measures: graphs of Lava's processes, and what a user does with each.

Each is built from fixed seeds. `drive` makes steps by `run(n)`, which is Lava's `process.run` or `neuromorph.simulate`: nothing else
differs between the two sides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.proc.conv.process import Conv
from lava.proc.dense.process import Dense, LearningDense
from lava.proc.io import sink, source
from lava.proc.learning_rules.stdp_learning_rule import STDPLoihi
from lava.proc.lif.process import LIF
from lava.proc.sdn.process import ActivationMode, Delta, Sigma, SigmaDelta

from neuromorph.data import load
from neuromorph.errors import DataError
from neuromorph.networks import DyadicMLP, recipe_for
from neuromorph.processes import rebuild
from neuromorph.program import Array

Run = Callable[[int], None]


class Workload:
    """A graph around `process`. `steps`: how many a measured run makes, at least."""

    name: ClassVar[str]
    steps: ClassVar[int]
    process: AbstractProcess

    def __init__(self, data_dir: Path | None) -> None:
        raise NotImplementedError

    def drive(self, run: Run, steps: int) -> int:
        """Make about `steps` steps; returns how many."""
        run(steps)
        return steps


def _pixels(data_dir: Path | None, count: int) -> tuple[Array, Array]:
    """MNIST's first images and labels; where it is absent scikit-learn's digits, laid into 28 x 28."""
    try:
        mnist = load("mnist", data_dir)
        return mnist.train_images[:count], mnist.train_labels[:count]
    except DataError:
        digits = load("digits")
        images = digits.train_images[:count].reshape(-1, 8, 8).repeat(3, axis=1).repeat(3, axis=2)
        return np.pad(images, ((0, 0), (2, 2), (2, 2))), digits.train_labels[:count]


class PlasticMLP(Workload):
    """784-256-10 with learned feedback, plastic at every step (y3 > 0 from age 0 on), on MNIST."""

    name, steps = "plastic MLP, 784-256-10", 300

    def __init__(self, data_dir: Path | None) -> None:
        network = DyadicMLP((784, 256, 10), feedback="learned", seed=0, recipe=recipe_for("mnist", 1))
        program = network.program(*_pixels(data_dir, 100))
        always = [replace(p, parameters={**p.parameters, "learn_from": np.zeros(1)}) for p in program.populations]
        self.process = rebuild(program.with_nodes(*always))["readout"]


class Stdp(Workload):
    """300 x 300 synapses that learn by Lava's STDPLoihi, every neuron before and behind them spiking in about 2 % of the steps."""

    name, steps = "STDP, 300-300", 300

    def __init__(self, data_dir: Path | None) -> None:
        rule = STDPLoihi(learning_rate=1, A_plus=1, A_minus=-1, tau_plus=10, tau_minus=10, t_epoch=2, rng_seed=8)
        rng = np.random.default_rng(1)
        learned = LearningDense(weights=rng.integers(0, 60, (300, 300)), learning_rule=rule, weight_exp=-6)
        spikes = source.RingBuffer(data=rng.random((300, 400)) < 0.02)
        self.process = LIF(shape=(300,), du=4095, dv=0, vth=80, bias_mant=rng.integers(0, 200, 300))
        spikes.s_out.connect(learned.s_in)
        learned.a_out.connect(self.process.a_in)
        self.process.s_out.connect(learned.s_in_bap)


class Inference(Workload):
    """784-64-64-10 of LIFs, one image after the other for 128 steps: before each, pixels become biases and all neurons rest."""

    name, steps = "inference with reset, 784-64-64-10", 512
    per_image = 128

    def __init__(self, data_dir: Path | None) -> None:
        self.images, rng = _pixels(data_dir, 40)[0].reshape(40, -1), np.random.default_rng(3)
        self.layers = [LIF(shape=(784,), bias_exp=6, vth=255)]
        for pre, post in pairwise((784, 64, 64, 10)):
            dense = Dense(weights=2 * rng.integers(-20, 24, (post, pre)))
            self.layers[-1].s_out.connect(dense.s_in)
            self.layers.append(LIF(shape=(post,), du=4095, dv=0, vth=1200 if pre == 784 else 100))
            dense.a_out.connect(self.layers[-1].a_in)
        self.process, self.shown = self.layers[-1], 0

    def drive(self, run: Run, steps: int) -> int:
        count = max(1, steps // self.per_image)
        for _ in range(count):
            for layer in self.layers:
                layer.u.set(np.zeros(layer.u.shape, int))
                layer.v.set(np.zeros(layer.v.shape, int))
            self.layers[0].bias_mant.set((16 * self.images[self.shown % 40]).astype(int))
            self.shown += 1
            run(self.per_image)
        return count * self.per_image


class ExcitatoryInhibitory(Workload):
    """400 LIFs, one in five inhibitory, each connected to all, kept active by their biases."""

    name, steps = "excitatory/inhibitory, 400", 500

    def __init__(self, data_dir: Path | None) -> None:
        rng = np.random.default_rng(4)
        weights = 2 * rng.integers(0, 4, (400, 400)) * np.where(np.arange(400) < 320, 1, -4)
        self.process = LIF(shape=(400,), du=800, dv=200, vth=200, bias_mant=rng.integers(0, 2000, 400), bias_exp=0)
        recurrent = Dense(weights=weights)
        self.process.s_out.connect(recurrent.s_in)
        recurrent.a_out.connect(self.process.a_in)


class SigmaDeltaConv(Workload):
    """Two convolutions of sigma-delta neurons, 32 x 32 x 3 to 8 to 16 channels, and ten sums, on a picture that changes slowly."""

    name, steps = "sigma-delta convolutions", 60

    def __init__(self, data_dir: Path | None) -> None:
        rng = np.random.default_rng(5)
        walk = 128 + np.cumsum(rng.integers(-8, 9, (32, 32, 3, 100)) * (rng.random((32, 32, 3, 100)) < 0.1), axis=-1)
        spikes, encoder = source.RingBuffer(data=walk), Delta(shape=(32, 32, 3), vth=8)
        first = Conv(
            weight=rng.integers(-8, 9, (8, 3, 3, 3)), input_shape=(32, 32, 3), padding=1, stride=2, num_message_bits=16
        )
        hidden = SigmaDelta(shape=(16, 16, 8), vth=64, act_mode=ActivationMode.RELU)
        second = Conv(
            weight=rng.integers(-8, 9, (16, 3, 3, 8)), input_shape=(16, 16, 8), padding=1, stride=2, num_message_bits=16
        )
        upper = SigmaDelta(shape=(8, 8, 16), vth=512, act_mode=ActivationMode.RELU)
        readout = Dense(weights=2 * rng.integers(-20, 21, (10, 1024)), num_message_bits=24)
        self.process = Sigma(shape=(10,))
        spikes.s_out.connect(encoder.a_in)
        encoder.s_out.connect(first.s_in)
        first.a_out.connect(hidden.a_in)
        hidden.s_out.connect(second.s_in)
        second.a_out.connect(upper.a_in)
        upper.s_out.flatten().connect(readout.s_in)
        readout.a_out.connect(self.process.a_in)


class ClosedLoop(Workload):
    """A point that four neurons see and two steer: in every step biases are set, one step is made, and spikes are read."""

    name, steps = "closed loop, one step a call", 100

    def __init__(self, data_dir: Path | None) -> None:
        weights = np.random.default_rng(6).integers(-60, 61, (2, 4)) * 2
        self.senses, steer = LIF(shape=(4,), bias_exp=6, vth=100), Dense(weights=weights)
        self.process, self.out = LIF(shape=(2,), du=4095, dv=400, vth=20), sink.RingBuffer(shape=(2,), buffer=1)
        self.senses.s_out.connect(steer.s_in)
        steer.a_out.connect(self.process.a_in)
        self.process.s_out.connect(self.out.a_in)
        self.place = np.array([100, -50])

    def drive(self, run: Run, steps: int) -> int:
        for _ in range(steps):
            seen = np.concatenate([np.maximum(self.place, 0), np.maximum(-self.place, 0)])
            self.senses.bias_mant.set(np.minimum(seen, 4000))
            run(1)
            left, right = self.out.data.get().astype(int).ravel()
            self.place = self.place + np.array([right - left, 7 - 3 * (right + left)])
        return steps


class ManyPopulations(Workload):
    """A ring of 24 populations of eight LIFs, each driving the next."""

    name, steps = "24 populations of 8", 300

    def __init__(self, data_dir: Path | None) -> None:
        rng = np.random.default_rng(7)
        ring = [LIF(shape=(8,), du=2000, dv=300, vth=200, bias_mant=rng.integers(0, 400, 8)) for _ in range(24)]
        for pre, post in zip(ring, ring[1:] + ring[:1], strict=True):
            dense = Dense(weights=2 * rng.integers(-20, 20, (8, 8)))
            pre.s_out.connect(dense.s_in)
            dense.a_out.connect(post.a_in)
        self.process = ring[0]


WORKLOADS: tuple[type[Workload], ...] = (
    PlasticMLP,
    Stdp,
    Inference,
    ExcitatoryInhibitory,
    SigmaDeltaConv,
    ClosedLoop,
    ManyPopulations,
)
