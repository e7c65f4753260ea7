"""`neuromorph demo`: from a Lava graph to a chip artifact, on handwritten digits, in a minute or two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.check_bits import check_model
from neuromorph.commands.compile import compile_model
from neuromorph.commands.options import AsJson
from neuromorph.commands.run import run_artifact
from neuromorph.errors import OutputError

if TYPE_CHECKING:
    from neuromorph.console import Talk

BITS = 60
RUNTIME_LIMIT = 120.0


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for run, artifact and picture.")] = Path("demo"),
    json: AsJson = False,
) -> None:
    """Handwritten digits, learned at chip precision, checked against Lava, compiled, and drawn."""
    from neuromorph.console import Talk

    talk = Talk(json)
    talk.result(play(out, talk))


def play(out: Path, talk: Talk) -> dict[str, Any]:
    """Train, check against Lava (its models at every step, its runtime at the end), compile, run the artifact, draw."""
    from neuromorph.runs.chip_seeds import train_all

    folder = _fresh(out)
    talk.say("1. A network of dyadic neurons, wired as Lava processes, learns scikit-learn's digits with integers only")
    trained = train_all(
        data="digits", layers=None, feedback="learned", epochs=None, validation=0, data_dir=None, seeds=[0],
        folder=folder / "run", bits=BITS, talk=talk,
    )  # fmt: skip
    run = str(folder / "run")
    talk.say("\n2. The trained network, still learning, against Lava's own runtime")
    bits = check_model(run, BITS, runtime=True, time_limit=RUNTIME_LIMIT, data_dir=None, talk=talk)
    talk.say("\n3. An artifact for a Loihi-class chip, and what it answers")
    net = folder / "net.h5"
    compile_model(run, net, freeze=False, overwrite=False, talk=talk)
    answered = run_artifact(net, data="digits", limit=None, steps=None, learn=False, out=None, data_dir=None, talk=talk)
    picture = draw(folder)
    talk.say(f"\n4. A picture of what happened: {picture}")
    return {**trained, "bits_equal": bits["equal"], "artifact": str(net), "artifact_accuracy": answered["accuracy"],
            "picture": str(picture)}  # fmt: skip


def _fresh(out: Path) -> Path:
    """`out`, or out-2, out-3, ... when a demo lies there already."""
    folder, count = out, 1
    while folder.exists():
        count += 1
        folder = out.with_name(f"{out.name}-{count}")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"'{folder}' cannot be written: {error.strerror}; give another folder with -o") from None
    return folder


def draw(folder: Path) -> Path:
    """Learning curve, raster of one sample, weights as images, into demo.png."""
    import matplotlib
    import numpy as np

    matplotlib.use("agg")
    from matplotlib import pyplot

    from neuromorph.data import load
    from neuromorph.plots import learning_curve, raster, receptive_fields
    from neuromorph.runs.folder import RunFolder

    run = RunFolder.open(folder / "run")
    network, data = run.network(), load("digits")
    figure, axes = pyplot.subplots(1, 3, figsize=(16, 5), layout="constrained")
    learning_curve(axes[0], run.history, run.description.get("test_accuracy"))
    wrong = np.flatnonzero(network.predict(data.test_images) != data.test_labels)
    shown = slice(int(wrong[0]), int(wrong[0]) + 1) if wrong.size else slice(0, 1)
    raster(axes[1], network.run(data.test_images[shown], data.test_labels[shown]), network.steps)
    receptive_fields(axes[2], network.forward_weights[0], side=8)
    path = folder / "demo.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
