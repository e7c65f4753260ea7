"""The options of `neuromorph train`: their types, bounds and help. None: not given."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

MOST_SEED = 2**24
"""Learning rules of a network draw from streams whose seeds are up to 64 times as large, in 32 bits."""

DataName = Annotated[str | None, typer.Option(help="digits, mnist, cifar10, ... (digits).")]
Layers = Annotated[str | None, typer.Option(help="Sizes, such as 784-512-10 (one hidden layer that suits the data).")]
Feedback = Annotated[
    str | None,
    typer.Option(
        help="learned, random or tied (tied: simulation only) (learned); with --rule tied, random, direct, kolen-pollack or sign, of "
        "dyadic-arbitrary also transpose (the rule's)."
    ),
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training set (the recipe's or rule's).", min=1)]
Seed = Annotated[int | None, typer.Option(help="Makes the run repeat bit for bit (0).", min=0, max=MOST_SEED)]
Seeds = Annotated[
    int | None, typer.Option(help="Train this many networks, from seeds SEED, SEED+1, ...; mean and spread (1).", min=1)
]
Validation = Annotated[
    int | None, typer.Option(help="Hold out this many of the last training images (0; a tenth with --rule).", min=0)
]
Samples = Annotated[int | None, typer.Option(help="Learn only the first so many training images (all).", min=1)]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Run folder (runs/DATA-...).")]
Resume = Annotated[
    Path | None,
    typer.Option(
        help="Go on with an interrupted run folder; with --epochs N also with a finished one, until there are N in all (of a Boltzmann "
        "machine: --set changes=N)."
    ),
]
Bits = Annotated[int | None, typer.Option(help="Check this many first steps against Lava's models; 0: none (200).", min=0)]
Backend = Annotated[str | None, typer.Option(help="native: chip precision, torch: batches (native; torch with --rule).")]

_option = partial(typer.Option, rich_help_panel="In batches, with --rule (defaults: the rule's own)")

RuleName = Annotated[
    str | None, _option(help="Learning rule, such as dp, or file.py:Name of your own; an unknown name lists all.")
]
RuleOptions = Annotated[list[str] | None, _option("--set", help="name=value, an option of the rule; repeatable.")]
NetworkName = Annotated[str | None, _option(help="dense, or vgg16 or small-vgg for cifar10 (dense).")]
BatchSize = Annotated[int | None, _option(help="Samples a step.", min=1)]
Rate = Annotated[str | None, _option(help="Learning rate, or one for each connection: 0.1,0.05.")]
OptimizerName = Annotated[str | None, _option(help="Of torch.optim: sgd, adam, ...")]
Momentum = Annotated[float | None, _option(help="Of sgd and rmsprop.", min=0)]
WeightDecay = Annotated[float | None, _option(help="Feedback kolen-pollack needs some.", min=0)]
Schedule = Annotated[str | None, _option(help="constant, cosine, warmup-cosine or exponential.")]
First = Annotated[str | None, _option(help="How first weights are drawn: glorot, lecun, he or uniform.")]
KeepBest = Annotated[bool | None, _option("--keep-best", help="Test the epoch that did best on held out images (the last).")]
Metrics = Annotated[int | None, _option(help="Every N epochs measure layers: angle to the gradient, saturation, ...", min=1)]
TensorBoard = Annotated[Path | None, _option(help="Folder for TensorBoard's event files.")]
Device = Annotated[str | None, _option(help="cpu, cuda or auto (auto).")]
