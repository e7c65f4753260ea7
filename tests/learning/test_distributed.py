"""Two processes on one machine, as torchrun starts them, end with the weights of one, and go on from their checkpoint."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import processes_of_one_training as training
import torch

from neuromorph.learning.checkpoint import load
from neuromorph.learning.distributed import Ranks


def test_two_processes_give_the_weights_of_one(tmp_path: Path) -> None:
    """An uneven last batch, momentum, a schedule, learned feedback, a rule's random order, particles; and a checkpoint between."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    alone, pair = tmp_path / "alone", tmp_path / "pair"
    pair.mkdir()
    alone.mkdir()
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", training.__file__, str(pair)]
    started = [
        subprocess.Popen(command, env=os.environ | together | {"RANK": rank}, stderr=subprocess.PIPE, text=True)
        for rank in "01"
    ]
    try:
        training.train(alone, Ranks())
        for process in started:
            _, error = process.communicate(timeout=120)
            assert process.returncode == 0, error
    finally:
        for process in started:
            process.kill()
    for name in training.CASES:
        one, two = load(alone / f"{name}-whole.h5"), load(pair / f"{name}-whole.h5")
        for parameter, values in one["parameters"].items():
            torch.testing.assert_close(two["parameters"][parameter], values, rtol=0, atol=1e-6)
        for entry, other in zip(one["history"], two["history"], strict=True):
            assert entry["train_accuracy"] == other["train_accuracy"]
            assert entry["validation_accuracy"] == other["validation_accuracy"]
