"""A training that several processes share: run as a script in each of them, or called in one that is alone."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from neuromorph.data import Dataset
from neuromorph.learning.distributed import Ranks, processes_of_torchrun
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Rule, Settings
from neuromorph.learning.trainer import Trainer

SETTINGS = Settings(rate=0.05, batch=8, optimizer="sgd", momentum=0.9, weight_decay=1e-3, schedule="cosine", epochs=3)
CASES: dict[str, tuple[Rule, str | None]] = {
    "kolen-pollack": (make_rule("dp", schedule="random", iterations=5), "kolen-pollack"),
    "particles": (make_rule("ep", free_steps=5, nudged_steps=3), None),
}


def data() -> Dataset:
    """25 images to train on, in batches of 8, 8, 8 and 1: one of two processes has no sample of the last."""
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (49, 4, 4), dtype=np.uint8), random.integers(0, 10, 49)
    return Dataset("small", images[:29], labels[:29], images[29:], labels[29:], 10)


def train(folder: Path, ranks: Ranks) -> None:
    """Two epochs, a checkpoint, and another trainer that goes on from it."""
    for name, (rule, feedback) in CASES.items():
        for epochs, path, start in ((2, "half", None), (1, "whole", "half")):
            # every process draws other weights, and takes those of the first
            network = rule.build((16, 6, 10), feedback, seed=ranks.rank).double()
            trainer = Trainer(network, replace(rule), data(), SETTINGS, validation=4, ranks=ranks, device="cpu")
            if start is not None:
                trainer.load(folder / f"{name}-{start}.h5")
            trainer.fit(epochs)
            trainer.save(folder / f"{name}-{path}.h5")
            ranks.gather(None)  # until the first process has written


if __name__ == "__main__":
    torch.set_num_threads(1)
    with processes_of_torchrun(torch.device("cpu")) as found:
        train(Path(sys.argv[1]), found)
