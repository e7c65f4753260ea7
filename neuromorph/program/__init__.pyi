from .kernel import Kernel
from .lookers import Looker, Read, Reset
from .neurons import Outside, Population, Sink, Source
from .program import Link, Node, Probe, Program, Turn, variables
from .synapse import LEARNING_INPUTS, POST_STATES, PRE_STATES, TRACES, Plasticity, Synapse
from .values import Array
from .wiring import Wiring, plastic

__all__ = [
    "LEARNING_INPUTS",
    "POST_STATES",
    "PRE_STATES",
    "TRACES",
    "Array",
    "Kernel",
    "Link",
    "Looker",
    "Node",
    "Outside",
    "Plasticity",
    "Population",
    "Probe",
    "Program",
    "Read",
    "Reset",
    "Sink",
    "Source",
    "Synapse",
    "Turn",
    "Wiring",
    "plastic",
    "variables",
]
