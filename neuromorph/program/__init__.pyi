from .neurons import Population, Sink, Source
from .program import Link, Node, Probe, Program, variables
from .synapse import LEARNING_INPUTS, POST_STATES, PRE_STATES, TRACES, Plasticity, Synapse
from .values import Array
from .wiring import Wiring, plastic

__all__ = [
    "LEARNING_INPUTS",
    "POST_STATES",
    "PRE_STATES",
    "TRACES",
    "Array",
    "Link",
    "Node",
    "Plasticity",
    "Population",
    "Probe",
    "Program",
    "Sink",
    "Source",
    "Synapse",
    "Wiring",
    "plastic",
    "variables",
]
