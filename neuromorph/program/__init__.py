"""The Program: a network as frozen data, between the process graph and everything downstream of it."""

from neuromorph.program.neurons import Population, Sink, Source
from neuromorph.program.program import Link, Node, Probe, Program, variables
from neuromorph.program.synapse import LEARNING_INPUTS, POST_STATES, PRE_STATES, TRACES, Plasticity, Synapse
from neuromorph.program.values import Array

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
    "variables",
]
