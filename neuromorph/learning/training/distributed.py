"""Several processes that train one network: the same weights in all of them, updates averaged over the samples of all.

Started by torchrun, a process finds its rank, their number and the meeting point in the environment. Each infers its share of a
batch (batches.py); an update is the sum over processes of (part of the batch) x (mean over the share), so that one process
alone would take the same step, but for rounding. One all-reduce a step carries updates and what one process alone may know: a Ctrl-C,
which reaches each at another moment, ends all of them after the same batch, and so does an output that is not finite.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.interrupt import deferred_interrupt
from neuromorph.learning.network.network import Updates

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Ranks:
    """This process among `world` ones."""

    rank: int = 0
    world: int = 1
    pressed: Callable[[], bool] | None = None
    """Of several: whether this process has met a Ctrl-C."""

    def interruptible(self) -> AbstractContextManager[Callable[[], bool]]:
        """Yields a question: has Ctrl-C been pressed? One process raises it at the end, of several each waits for all to agree."""
        return deferred_interrupt() if self.pressed is None else nullcontext(self.pressed)

    def mean(
        self, updates: Updates, parameters: Mapping[str, nn.Parameter], part: float, *known: bool
    ) -> tuple[Updates, list[bool]]:
        """Updates over the whole batch, and of each thing known whether any process knows it. A parameter that none names stays
        unnamed."""
        if self.world == 1:
            return updates, list(known)
        like = next(iter(parameters.values()))
        pieces = [updates[n].flatten() * part if n in updates else p.new_zeros(p.numel()) for n, p in parameters.items()]
        flags = torch.tensor([*[n in updates for n in parameters], *known], dtype=like.dtype, device=like.device)
        together = torch.cat([*pieces, flags])
        distributed.all_reduce(together)
        *summed, flags = torch.split(together, [*[p.numel() for p in parameters.values()], len(flags)])
        met = (flags > 0).tolist()
        found = zip(parameters.items(), summed, met[: len(summed)], strict=True)
        return {name: total.view_as(p) for (name, p), total, is_named in found if is_named}, met[len(summed) :]

    def sum(self, number: Tensor) -> Tensor:
        if self.world > 1:
            number = number.clone()
            distributed.all_reduce(number)
        return number

    def gather(self, value: Any) -> list[Any]:
        """What every process has, by rank."""
        found = [value] * self.world
        if self.world > 1:
            distributed.all_gather_object(found, value)
        return found

    def share_weights(self, network: nn.Module) -> None:
        """Give all processes the weights of the first."""
        if self.world > 1:
            for weights in network.state_dict().values():
                distributed.broadcast(weights, 0)


def chosen_device(name: str) -> torch.device:
    """ "auto" is a GPU when there is one, torchrun's own for each process of a machine. Raises RangeError."""
    if name not in DEVICES:
        raise RangeError(f"unknown device {name!r}; {did_you_mean(name, DEVICES)}")
    if name == "cuda" and not torch.cuda.is_available():
        raise RangeError("device cuda was asked for, and PyTorch sees no GPU here; use --device cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


@contextmanager
def processes_of_torchrun(device: torch.device) -> Iterator[Ranks]:
    """The processes that torchrun started, or this one alone."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield Ranks()
        return
    # Its defaults are the group of the moment it is imported. An optimiser would import it later, and the group, with threads that now
    # and then abort a process at its end, would outlive us.
    from torch.distributed.nn import functional  # noqa: F401

    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        with deferred_interrupt() as pressed:
            yield Ranks(distributed.get_rank(), distributed.get_world_size(), pressed)
    finally:
        distributed.destroy_process_group()
