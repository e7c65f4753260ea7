from .catalogue import LAWS
from .dyad import DYAD
from .law import Law, Variable
from .lif import LIF, LIF_RESET, TERNARY_LIF
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
    "Variable",
    "read_rule",
    "write_rule",
]
