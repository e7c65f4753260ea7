"""Lava models of Dyads."""

from neuromorph.processes.dyads.process import Dyads
from neuromorph.processes.from_law import models_of

PyDyadsModelFixed, PyDyadsModelFloat = models_of(Dyads)
