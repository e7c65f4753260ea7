from .atrlif import ATRLIF
from .catalogue import LAWS
from .dyad import DYAD
from .graded import GRADED, GRADED_RELU, INVERSE_ROOT, NORM_DELAY, PRODUCT
from .law import Law, Silence, Variable
from .lif import LIF, LIF_RESET, TERNARY_LIF
from .noise import make_draw
from .phase import FREE, NUDGED
from .products.plasticity import SignMode
from .products.rule import GradedSpike, read_rule, write_rule
from .readout import READOUT
from .resonate import RESONATE, RESONATE_RESET, RESONATE_ZERO
from .sigma_delta import DELTA, SIGMA, SIGMA_DELTA

__all__ = [
    "ATRLIF",
    "DELTA",
    "DYAD",
    "FREE",
    "GRADED",
    "GRADED_RELU",
    "INVERSE_ROOT",
    "LAWS",
    "LIF",
    "LIF_RESET",
    "NORM_DELAY",
    "NUDGED",
    "PRODUCT",
    "READOUT",
    "RESONATE",
    "RESONATE_RESET",
    "RESONATE_ZERO",
    "SIGMA",
    "SIGMA_DELTA",
    "TERNARY_LIF",
    "GradedSpike",
    "Law",
    "SignMode",
    "Silence",
    "Variable",
    "make_draw",
    "read_rule",
    "write_rule",
]
