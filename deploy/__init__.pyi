from .artifact.file import Artifact, load, save
from .artifact.inspect import describe, summary
from .artifact.provenance import Provenance
from .check.rules import Compiled, Complaint, compile_program, complaints
from .freeze import FreezeReport, freeze, pause

__all__ = [
    "Artifact",
    "Compiled",
    "Complaint",
    "FreezeReport",
    "Provenance",
    "compile_program",
    "complaints",
    "describe",
    "freeze",
    "load",
    "pause",
    "save",
    "summary",
]
