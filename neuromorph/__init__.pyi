from . import data, deploy, engine, errors, judges, laws, learning, networks, phases, plots, processes, program
from .deploy.artifact.file import load, save
from .laws.law import Law, Variable
from .networks.dyadic_mlp.network import DyadicMLP
from .processes.dyads.process import Dyads
from .processes.equivalence.check import check_bits
from .processes.presenter.process import Presenter
from .processes.readout.process import NudgedReadout
from .processes.rebuilding.rebuild import rebuild
from .processes.simulating.feeding import feed
from .processes.simulating.simulate import lower, restart, simulate
from .program.program import Program
from .program.wiring import Wiring

__version__: str

__all__ = [
    "DyadicMLP",
    "Dyads",
    "Law",
    "NudgedReadout",
    "Presenter",
    "Program",
    "Variable",
    "Wiring",
    "check_bits",
    "data",
    "deploy",
    "engine",
    "errors",
    "feed",
    "judges",
    "laws",
    "learning",
    "load",
    "lower",
    "networks",
    "phases",
    "plots",
    "processes",
    "program",
    "rebuild",
    "restart",
    "save",
    "simulate",
]
