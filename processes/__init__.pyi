from .dyads.process import Dyads
from .equivalence.check import check_bits
from .equivalence.result import BitCheck, Difference
from .equivalence.runtime import lava_run
from .from_law import LawProcess, models_of
from .presenter.process import Presenter
from .readout.process import NudgedReadout
from .rebuilding.rebuild import rebuild
from .simulating.feeding import feed
from .simulating.simulate import lower, restart, simulate
from .stepping.stepper import LavaStepper
from .tied.process import TiedDense

__all__ = [
    "BitCheck",
    "Difference",
    "Dyads",
    "LavaStepper",
    "LawProcess",
    "NudgedReadout",
    "Presenter",
    "TiedDense",
    "check_bits",
    "feed",
    "lava_run",
    "lower",
    "models_of",
    "rebuild",
    "restart",
    "simulate",
]
