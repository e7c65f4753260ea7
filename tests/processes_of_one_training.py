"""A training that several processes share: run as a script in each of them, or called in one that is alone."""

import math
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from neuromorph.data import Dataset
from neuromorph.errors import DivergenceError
from neuromorph.learning.network.network import Network
from neuromorph.learning.registry import RULES, make_rule
from neuromorph.learning.rule import Batch, Outcome, Rule, Settings
from neuromorph.learning.rules.backpropagation import Backpropagation
from neuromorph.learning.training import trainer as training
from neuromorph.learning.training.distributed import Ranks, processes_of_torchrun
from neuromorph.learning.training.trainer import Trainer

SETTINGS = Settings(rate=1e-3, batch=8, optimizer="sgd", momentum=0.9, weight_decay=1e-3, schedule="cosine", epochs=3)
CASES: dict[str, tuple[Rule, str | None]] = {
    "kolen-pollack": (make_rule("dp", order="random", iterations=5), "kolen-pollack"),
    "particles": (make_rule("ep", persistent=True, free_steps=5, nudged_steps=3), None),
}
MORE = {
    "cross-entropy": make_rule("dyadic", lam=0.3, loss="cross-entropy"),
    "lpom-inverted": make_rule("lpom-inverted", beta=0.05),  # diverges with the stronger one
    "resistive": make_rule("resistive", gain=10.0),  # and at so many volts
}
"""Beside every rule as it is."""


def data() -> Dataset:
    """25 images to train on, in batches of 8, 8, 8 and 1: one of two processes has no sample of the last."""
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (49, 4, 4), dtype=np.uint8), random.integers(0, 10, 49)
    labels[:10] = range(10)
    return Dataset("small", images[:29], labels[:29], images[29:], labels[29:], 10)


def trainer_of(rule: Rule, feedback: str | None, ranks: Ranks) -> Trainer:
    """Every process draws other weights, and takes those of the first."""
    network = rule.build((16, 6, 10), feedback, seed=ranks.rank).double()
    return Trainer(network, replace(rule), data(), SETTINGS, validation=4, ranks=ranks, device="cpu")


def train(folder: Path, ranks: Ranks) -> None:
    """Two epochs, a checkpoint, and another trainer that goes on from it."""
    for name, (rule, feedback) in CASES.items():
        for epochs, path, start in ((2, "half", None), (1, "whole", "half")):
            trainer = trainer_of(rule, feedback, ranks)
            if start is not None:
                trainer.load(folder / f"{name}-{start}.h5")
            trainer.fit(epochs)
            trainer.save(folder / f"{name}-{path}.h5")
            ranks.gather(None)  # until the first process has written


def weights_by_rule(ranks: Ranks) -> dict[str, dict[str, Tensor]]:
    """After an epoch of every rule that is not refused."""
    rules = {name: make_rule(name) for name in RULES} | MORE
    found = {}
    for name, rule in rules.items():
        if not rule.indivisible:
            trainer = trainer_of(rule, None, ranks)
            trainer.fit(1)
            found[name] = {parameter: p.detach() for parameter, p in trainer.network.named_parameters()}
    return found


@dataclass(kw_only=True)
class Losing(Backpropagation):
    """In the second of two processes, the second step gives something that is not finite."""

    what: str
    is_second: bool
    steps: int = 0

    def step(self, network: Network, batch: Batch) -> Outcome:
        outcome = super().step(network, batch)
        self.steps += 1
        if self.is_second and self.steps == 2:
            lost = {"output": outcome.output, "update": outcome.updates["connections.0.bias"]}[self.what]
            lost.view(-1)[0] = math.nan
        return outcome


def diverge(folder: Path, ranks: Ranks) -> None:
    """The first process reports its progress, and looks, at every step; the second one never."""
    training.REPORTED = 0.0
    for what in ("output", "update"):
        trainer = trainer_of(Losing(what=what, is_second=ranks.rank == 1), None, ranks)
        try:
            trainer.run_epoch(None if ranks.rank else lambda count, accuracy: None)
        except DivergenceError as error:
            (folder / f"{what}-{ranks.rank}").write_text(str(error))
        ranks.gather(None)


def threads() -> int:
    """Of this process, those of C++ too."""
    return len(os.listdir("/proc/self/task"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    alone = threads()
    with processes_of_torchrun(torch.device("cpu")) as found:
        train(Path(sys.argv[1]), found)
        torch.save(weights_by_rule(found), Path(sys.argv[1]) / f"weights-{found.rank}")
        diverge(Path(sys.argv[1]), found)
    assert threads() == alone, "the group of processes outlives its end"
