"""Lava models of NudgedReadout."""

from neuromorph.processes.from_law import models_of
from neuromorph.processes.readout.process import NudgedReadout

PyNudgedReadoutModelFixed, PyNudgedReadoutModelFloat = models_of(NudgedReadout)
