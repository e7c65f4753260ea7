"""`neuromorph demo`: from a Lava graph to a chip artifact, on handwritten digits, in a minute or two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.check_bits import check_model
from neuromorph.commands.compile import compile_model
from neuromorph.commands.options import AsJson, typed_command
from neuromorph.commands.run import run_artifact
from neuromorph.errors import OutputError
from neuromorph.extras import has, need

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from neuromorph.console import Talk
    from neuromorph.program import Array

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
    from neuromorph.runs.runner import kind_of, train

    need("matplotlib", "demo")
    folder = _fresh(out)
    talk.say("1. A network of dyadic neurons, wired as Lava processes, learns scikit-learn's digits with integers only")
    trained = train(kind_of("chip"), {"data": "digits", "bits": BITS}, [0], folder / "run", typed_command(), talk)
    run = str(folder / "run")
    talk.say("\n2. The trained network, still learning, against Lava's own runtime, or what is recorded of Lava")
    bits = check_model(run, BITS, runtime=has("lava"), time_limit=RUNTIME_LIMIT, data_dir=None, talk=talk)
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
    """What a demo's run learned, in demo.png: how learning went, what one test image set off, weights as images."""
    import numpy as np
    from matplotlib.figure import Figure

    from neuromorph.data import load
    from neuromorph.runs.chip import network_of
    from neuromorph.runs.folder import RunFolder

    run = RunFolder.open(folder / "run")
    network, data = network_of(run), load("digits")
    answers = network.predict(data.test_images)
    wrong = np.flatnonzero(answers != data.test_labels)
    shown = int(wrong[0]) if wrong.size else 0
    recorded = network.run(data.test_images[shown : shown + 1], data.test_labels[shown : shown + 1])
    figure = Figure(figsize=(10, 9), layout="constrained")
    panels(
        figure, run.history, run.description["results"]["test_accuracy"], recorded, network.steps, network.forward_weights[0]
    )
    figure.axes[2].set_title(
        f"One test image: a {data.test_labels[shown]}, taken for a {answers[shown]}\ndarker: larger payload"
    )
    path = folder / "demo.png"
    figure.savefig(path, dpi=110)
    return path


def panels(
    figure: Figure, history: list[dict[str, Any]], test: float, recorded: dict[str, Array], steps: int, weights: Array
) -> None:
    """Accuracy and cosine against the epoch, payloads of one sample, weights (neurons, 64) as images, into an empty figure."""
    from neuromorph.plots import curves, raster, receptive_fields

    (accuracy, cosine), (spikes, images) = figure.subplots(2, 2, height_ratios=(2, 3))
    curves(accuracy, history)
    accuracy.axhline(100 * test, color="C1", linestyle="--", label=f"test, at the end: {100 * test:.2f} %")
    accuracy.legend(fontsize=8)
    accuracy.set_title("Accuracy while learning, integers only")
    cosine.set(title="Alignment of learned feedback", ylim=(0, 1.05))
    curves(cosine, history, "cosine")
    raster(spikes, recorded, steps)
    receptive_fields(images, weights, side=8)
    images.set_title("Input weights of the strongest hidden neurons")
