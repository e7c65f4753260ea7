"""Optimisers and schedules of torch.optim for local updates.

An update points downhill, as minus a gradient does. So p.grad = update, and the optimiser is told to maximise: the same step as
p.grad = -update without copying a sign into every weight. Weight decay still shrinks.

Schedules are factors of the rate, of the step t = 0, 1, ... (batches) of all T of the planned epochs::

    constant       1
    cosine         (1 + cos(pi t / T)) / 2
    warmup-cosine  from 1/5 to 1 in a straight line over the first tenth, then the cosine to 0
    exponential    0.99 an epoch
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from neuromorph.errors import RangeError, did_you_mean
from neuromorph.learning.network.feedback import KolenPollack
from neuromorph.learning.network.network import Network
from neuromorph.learning.rule import Settings

WARM_UP, WARM_FROM = 0.1, 0.2
DECAY = 0.99
OPTIMIZERS: dict[str, type[Optimizer]] = {
    name.lower(): found
    for name, found in vars(torch.optim).items()  # not those that want a closure or sparse gradients
    if inspect.isclass(found)
    and issubclass(found, Optimizer)
    and {"maximize", "foreach"} <= inspect.signature(found).parameters.keys()
}


def make_optimizer(network: Network, parameters: Mapping[str, nn.Parameter], settings: Settings) -> Optimizer:
    """The optimiser of these settings. Raises RangeError for unknown names and numbers that do not fit."""
    if settings.optimizer not in OPTIMIZERS:
        raise RangeError(f"unknown optimizer {settings.optimizer!r}; {did_you_mean(settings.optimizer, sorted(OPTIMIZERS))}")
    if isinstance(network.feedback, KolenPollack) and not settings.weight_decay:
        raise RangeError(
            "kolen-pollack feedback approaches the forward weights only as both decay; give a weight decay such as 5e-4"
        )
    kind = OPTIMIZERS[settings.optimizer]
    known = inspect.signature(kind).parameters
    options: dict[str, Any] = {"maximize": True}
    for name in ("momentum", "weight_decay"):
        if name in known:
            options[name] = getattr(settings, name)
        elif getattr(settings, name):
            raise RangeError(
                f"optimizer {settings.optimizer} has no {name}, and {getattr(settings, name)} was asked for; use 0"
            )
    if "fused" in known:
        options["fused"] = True
    rates = settings.rate if isinstance(settings.rate, tuple) else (settings.rate,)
    if min(rates, default=0) <= 0 or not all(map(math.isfinite, rates)):
        raise RangeError(f"rate {settings.rate} trains nothing or uphill; give positive rates")
    return kind(_groups(network, parameters, settings.rate), **options)


def _groups(
    network: Network, parameters: Mapping[str, nn.Parameter], rate: float | tuple[float, ...]
) -> list[dict[str, Any]]:
    if not isinstance(rate, tuple):
        return [{"params": list(parameters.values()), "lr": rate}]
    connections = len(network.connections)
    if len(rate) != connections:
        raise RangeError(f"{len(rate)} rates for {connections} connections; give one, or one for each from the bottom up")
    return [
        {"params": [p for name, p in parameters.items() if connection_of(name) == k], "lr": own}
        for k, own in enumerate(rate)
    ]


def connection_of(name: str) -> int:
    """The connection, 0..L-1, to which a parameter belongs; feedback of layer k + 1 learns with the connection above it."""
    owner = name.partition(".")[0]
    return next((int(part) for part in name.split(".") if part.isdigit()), 0) + (owner == "feedback")


def make_schedule(optimizer: Optimizer, settings: Settings, batches: int) -> LambdaLR:
    """`batches`: of one epoch."""
    total = max(settings.epochs * batches, 1)
    warm = WARM_UP * total

    def cosine(t: float, start: float = 0.0) -> float:
        return (1 + math.cos(math.pi * min((t - start) / (total - start), 1.0))) / 2

    factors: dict[str, Callable[[int], float]] = {
        "constant": lambda t: 1.0,
        "cosine": cosine,
        "warmup-cosine": lambda t: WARM_FROM + (1 - WARM_FROM) * t / warm if t < warm else cosine(t, warm),
        "exponential": lambda t: float(DECAY ** (t / batches)),
    }
    if settings.schedule not in factors:
        raise RangeError(f"unknown schedule {settings.schedule!r}; {did_you_mean(settings.schedule, factors)}")
    return LambdaLR(optimizer, factors[settings.schedule])


def set_rates(optimizer: Optimizer, schedule: LambdaLR) -> None:
    """Rates of the step that comes next as the schedule has them; one that was loaded may be of more epochs than before."""
    for group, first, factor in zip(optimizer.param_groups, schedule.base_lrs, schedule.lr_lambdas, strict=True):
        group["lr"] = first * factor(schedule.last_epoch)
