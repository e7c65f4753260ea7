from .catalogue import LAWS
from .dyad import DYAD
from .law import Law, Silence, Variable
from .lif import LIF, LIF_RESET, TERNARY_LIF
from .noise import make_draw
from .phase import FREE, NUDGED
from .products.plasticity import SignMode
from .products.rule import GradedSpike, read_rule, write_rule
from .readout import READOUT

__all__ = [
    "DYAD",
    "FREE",
    "LAWS",
    "LIF",
    "LIF_RESET",
    "NUDGED",
    "READOUT",
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
