"""What a MODEL on the command line is, and what compile, run and check-bits do with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neuromorph.commands.user_file import named_in_file
from neuromorph.console import Talk
from neuromorph.data import load as load_data
from neuromorph.data import pixels_as_payloads
from neuromorph.deploy.artifact.file import load, save
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.deploy.check.rules import compile_program
from neuromorph.deploy.freeze import pause
from neuromorph.engine.engine import Engine
from neuromorph.engine.online import accuracy, presenter_of
from neuromorph.errors import LoweringError, NeuromorphError, OutputError, RangeError
from neuromorph.program import Program, Sink
from neuromorph.runs.folder import RunFolder

SAMPLES = 100
"""Images shown when the graph of a run folder is checked."""


def graph_of(model: str) -> Any:
    """The Lava process that `file.py:name` names: a process, or what a function of that name returns."""
    from lava.magma.core.process.process import AbstractProcess

    file, _, name = model.rpartition(":")
    found = named_in_file(model, "a run folder, or file.py:name of a process")
    process = found() if callable(found) and not isinstance(found, AbstractProcess) else found
    if not isinstance(process, AbstractProcess):
        raise LoweringError(f"'{name}' in '{file}' is {'missing' if found is None else 'no Lava process'}; name one")
    return process


def _is_folder(model: str) -> bool:
    return ":" not in model or Path(model).is_dir()


def compile_model(model: str, out: Path, *, freeze: bool, overwrite: bool, talk: Talk) -> dict[str, Any]:
    """Write the artifact of a MODEL; with `freeze` say what it loses."""
    if out.exists() and not overwrite:
        raise OutputError(f"'{out}' exists already; choose another name, or --overwrite")
    if _is_folder(model):
        run = RunFolder.open(Path(model))
        program, provenance = run.network().program(), run.provenance()
    else:
        from neuromorph.processes.lowering import lower

        program, provenance = lower(graph_of(model)), Provenance(command=f"compile {model}")
    compiled = compile_program(program, freeze=freeze)
    for complaint in compiled.complaints:
        talk.say(f"note: {complaint}")
    save(compiled.program, out, provenance, overwrite=overwrite)
    result: dict[str, Any] = {"artifact": str(out), "nodes": len(compiled.program.nodes), "frozen": freeze}
    if compiled.freeze_report:
        result["freezing"] = [vars(entry) for entry in compiled.freeze_report.synapses]
        for entry in compiled.freeze_report.synapses:
            talk.say(
                f"{entry.name}: {entry.changed} of {entry.weights} weights lost their low bit "
                f"(RMS error {entry.rms_error:.3f}, at most {entry.max_error})"
            )
        if _is_folder(model):
            _say_loss(RunFolder.open(Path(model)), result, talk)
    talk.say(f"wrote {out}")
    return result


def _say_loss(run: RunFolder, result: dict[str, Any], talk: Talk) -> None:
    known = run.description
    if "test_accuracy" in known:
        result["test_accuracy"], result["test_accuracy_frozen"] = known["test_accuracy"], known["test_accuracy_frozen"]
        lost = 100 * (known["test_accuracy"] - known["test_accuracy_frozen"])
        talk.say(f"freezing loses {lost:.2f} points of test accuracy: {100 * known['test_accuracy_frozen']:.2f} % remain")


def run_artifact(
    artifact: Path,
    *,
    data: str | None,
    limit: int | None,
    steps: int | None,
    learn: bool,
    out: Path | None,
    data_dir: Path | None,
    talk: Talk,
) -> dict[str, Any]:
    """Present a data set's test images, or make steps as the artifact stands."""
    loaded = load(artifact)
    if (data is None) == (steps is None):
        raise RangeError("give either --data, to present a data set, or --steps")
    if data is not None and learn:
        raise RangeError("--learn goes with --steps; test images have no business in training")
    if data is not None:
        return _classify(loaded.program, data, limit, data_dir, talk)
    program = loaded.program if learn else pause(loaded.program)
    engine = Engine(program)
    with talk.bar("steps", steps or 0) as bar:
        engine.run(steps or 0, bar.advance)
    after = engine.snapshot()
    if out is not None:
        save(after, out, loaded.provenance)
    sinks = {n.name: engine.get(n.name, "data").sum(axis=1).tolist() for n in after.nodes if isinstance(n, Sink)}
    talk.say(f"made {steps} steps, learning {'on' if learn else 'paused'}; step {after.step}")
    for name, totals in sinks.items():
        talk.say(f"{name}: sums over its buffer {totals}")
    return {"steps": steps, "step": after.step, "learning": learn, "sinks": sinks}


def _classify(program: Program, data: str, limit: int | None, data_dir: Path | None, talk: Talk) -> dict[str, Any]:
    loaded = load_data(data, data_dir)
    images, labels = loaded.test_images[:limit], loaded.test_labels[:limit]
    samples = pixels_as_payloads(images)
    with talk.bar("steps", presenter_of(program).hold * len(samples)) as bar:
        right = accuracy(program, samples, labels, bar.advance)
    talk.say(f"{data}: {100 * right:.2f} % of {len(labels)} test images")
    return {"data": data, "samples": len(labels), "accuracy": right}


def check_model(
    model: str, steps: int, *, runtime: bool, time_limit: float, data_dir: Path | None, talk: Talk
) -> dict[str, Any]:
    """Compare a MODEL in Lava and natively."""
    from neuromorph.processes.equivalence.check import check_bits

    if model.endswith(".h5"):
        raise NeuromorphError(f"'{model}' is an artifact, which has no Lava graph; give the run folder or file.py:name")
    process = _run_graph(RunFolder.open(Path(model)), data_dir) if _is_folder(model) else graph_of(model)
    with talk.bar("comparing", steps) as bar:
        check = check_bits(process, steps, runtime=runtime, time_limit=time_limit, progress=bar.advance)
    found = check.first_difference
    talk.say(f"{check.steps} steps, {check.variables} variables: {'all bits agree' if check.equal else found}")
    return {"equal": check.equal, "steps": check.steps, "first_difference": None if found is None else vars(found)}


def _run_graph(run: RunFolder, data_dir: Path | None) -> Any:
    """The graph of a run with its present weights, learning on, on its first training images."""
    network = run.network()
    data = load_data(run.description["data"], data_dir or _path(run.description["data_dir"]))
    return network.build(data.train_images[:SAMPLES], data.train_labels[:SAMPLES]).readout


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
