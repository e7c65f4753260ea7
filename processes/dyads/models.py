"""Lava models of Dyads."""

from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neuromorph.laws.dyad import DYAD
from neuromorph.processes.dyads.process import Dyads
from neuromorph.processes.from_law import FixedModel, FloatingModel


@implements(proc=Dyads, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyDyadsModelFloat(FloatingModel, law=DYAD):
    pass


@implements(proc=Dyads, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyDyadsModelFixed(FixedModel, law=DYAD):
    pass
