"""`neuromorph compile`: a model becomes a chip artifact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuromorph.commands.model import graph_of, is_folder
from neuromorph.commands.options import AsJson, Model, typed_command
from neuromorph.errors import OutputError

if TYPE_CHECKING:
    from neuromorph.console import Talk
    from neuromorph.runs.folder import RunFolder


def compile_(
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", help="The artifact to write, such as net.h5.")],
    freeze: Annotated[bool, typer.Option("--freeze", help="Static weights: no learning, even weights.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    json: AsJson = False,
) -> None:
    """Compile a model to a chip artifact (HDF5)."""
    from neuromorph.console import Talk

    talk = Talk(json)
    talk.result(compile_model(model, out, freeze=freeze, overwrite=overwrite, talk=talk))


def compile_model(model: str, out: Path, *, freeze: bool, overwrite: bool, talk: Talk) -> dict[str, Any]:
    """Write the artifact of a MODEL; with `freeze` say what it loses."""
    from neuromorph.deploy.artifact.file import save
    from neuromorph.deploy.check.rules import compile_program

    if out.exists() and not overwrite:
        raise OutputError(f"'{out}' exists already; choose another name, or --overwrite")
    program, provenance = _program_of(model)
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
        if is_folder(model):
            _say_loss(_run(model), result, talk)
    talk.say(f"wrote {out}")
    return result


def _run(model: str) -> RunFolder:
    from neuromorph.runs.folder import RunFolder

    return RunFolder.open(Path(model))


def _program_of(model: str) -> tuple[Any, Any]:
    """The Program, and where it comes from."""
    if is_folder(model):
        from neuromorph.runs.chip import network_of, provenance_of

        run = _run(model)
        return network_of(run).program(), provenance_of(run)
    graph = graph_of(model)
    from neuromorph.deploy.artifact.provenance import Provenance
    from neuromorph.processes.simulating.simulate import lower

    return lower(graph), Provenance(command=typed_command())


def _say_loss(run: RunFolder, result: dict[str, Any], talk: Talk) -> None:
    known = run.description.get("results", {})
    if "test_accuracy" in known:
        result["test_accuracy"], result["test_accuracy_frozen"] = known["test_accuracy"], known["test_accuracy_frozen"]
        lost = 100 * (known["test_accuracy"] - known["test_accuracy_frozen"])
        talk.say(f"freezing loses {lost:.2f} points of test accuracy: {100 * known['test_accuracy_frozen']:.2f} % remain")
