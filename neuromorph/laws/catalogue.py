"""Our neuron laws by name: what a file may say that a population obeys."""

from neuromorph.laws.dyad import DYAD
from neuromorph.laws.law import Law
from neuromorph.laws.lif import LIF, LIF_RESET, TERNARY_LIF
from neuromorph.laws.readout import READOUT

LAWS: dict[str, Law] = {law.name: law for law in (LIF, LIF_RESET, TERNARY_LIF, DYAD, READOUT)}
