"""The Program: a network as frozen data, between the process graph and everything downstream of it."""

from neuromorph.program.program import (
    LEARNING_INPUTS,
    POST_STATES,
    PRE_STATES,
    TRACES,
    Array,
    Link,
    Node,
    Plasticity,
    Population,
    Probe,
    Program,
    Sink,
    Source,
    Synapse,
    variables,
)

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
