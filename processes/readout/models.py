"""Lava models of NudgedReadout."""

from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neuromorph.laws.readout import READOUT
from neuromorph.processes.from_law import FixedModel, FloatingModel
from neuromorph.processes.readout.process import NudgedReadout


@implements(proc=NudgedReadout, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyNudgedReadoutModelFloat(FloatingModel, law=READOUT):
    pass


@implements(proc=NudgedReadout, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyNudgedReadoutModelFixed(FixedModel, law=READOUT):
    pass
