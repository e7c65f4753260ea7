"""Which function makes a node of a Program of a leaf process, by its ProcessModel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lava.magma.core.model.model import AbstractProcessModel
from lava.magma.core.process.process import AbstractProcess
from lava.proc.atrlif.models import PyATRLIFModelFixed
from lava.proc.clp.novelty_detector.models import PyNoveltyDetectorModel
from lava.proc.clp.nsm.models import PyAllocatorModel
from lava.proc.clp.prototype_lif.models import PrototypeLIFBitAcc
from lava.proc.conv.models import PyConvModelFixed
from lava.proc.dense.models import (
    PyDelayDenseModelBitAcc,
    PyDenseModelBitAcc,
    PyLearningDenseModelBitApproximate,
)
from lava.proc.graded.models import (
    InvSqrtModelFP,
    NormVecDelayModel,
    PyGradedReluVecModelFixed,
    PyGradedVecModelFixed,
)
from lava.proc.io.extractor import PyLoihiExtractorModel
from lava.proc.io.injector import PyLoihiInjectorModel
from lava.proc.io.reset import PyResetFixed
from lava.proc.io.sink import PyReadFixed, PyReceiveModelFixed
from lava.proc.io.source import PySendModelFixed
from lava.proc.lif.models import (
    PyLearningLIFModelFixed,
    PyLifModelBitAcc,
    PyLifResetModelBitAcc,
    PyTernLifModelFixed,
)
from lava.proc.prodneuron.models import PyProdNeuronModelFixed
from lava.proc.resfire.models import PyRFZeroModelFixed
from lava.proc.rf.models import PyRFModelFixed
from lava.proc.rf_iz.models import PyRF_IZModelFixed
from lava.proc.sdn.models import PyDeltaModelFixed, PySigmaDeltaModelFixed, PySigmaModelFixed
from lava.proc.sparse.models import (
    PyDelaySparseModelBitAcc,
    PyLearningSparseModelBitApproximate,
    PySparseModelBitAcc,
)

from neuromorph.laws.atrlif import ATRLIF
from neuromorph.laws.dyad import DYAD
from neuromorph.laws.graded import GRADED, GRADED_RELU, INVERSE_ROOT, NORM_DELAY, PRODUCT
from neuromorph.laws.law import Law
from neuromorph.laws.lif import LIF, LIF_RESET, TERNARY_LIF
from neuromorph.laws.prototypes import ALLOCATOR, NOVELTY_DETECTOR, PROTOTYPE_LIF
from neuromorph.laws.readout import READOUT
from neuromorph.laws.resonate import RESONATE, RESONATE_RESET, RESONATE_ZERO
from neuromorph.laws.sigma_delta import DELTA, SIGMA, SIGMA_DELTA
from neuromorph.processes.dyads.models import PyDyadsModelFixed
from neuromorph.processes.from_law import FixedModel
from neuromorph.processes.lowering.nodes.connections import convolution, synapse, tied
from neuromorph.processes.lowering.nodes.lookers import read, reset
from neuromorph.processes.lowering.nodes.messages import extractor, injector, presenting, ring_sink, ring_source
from neuromorph.processes.lowering.nodes.neurons import adaptive, in_a_row, inverse_root, population
from neuromorph.processes.lowering.values import Names
from neuromorph.processes.presenter.models import PyPresenterModelFixed
from neuromorph.processes.readout.models import PyNudgedReadoutModelFixed
from neuromorph.processes.tied.models import PyTiedDenseModelFixed
from neuromorph.program import Node

Lowering = Callable[[AbstractProcess, Names, bool], Node]
"""(process, the names of all, whether it has made no step yet) -> node."""


@dataclass(frozen=True)
class Support:
    """One row of the table of what can be lowered: the Process's name, its law if it is a neuron, else what it takes. `word`: whether its
    model computes modulo 2^32, as Lava's does while all that it takes has 32 bits."""

    process: str
    lowering: Lowering
    law: Law | None = None
    note: str = ""
    word: bool = False


def _neurons(process: str, law: Law, word: bool = False) -> Support:
    return Support(process, partial(population, law), law, word=word)


def support_of(model: type[AbstractProcessModel]) -> Support | None:
    """How processes of this model become nodes; None where that is unknown. Of a user's law its LawModel says all."""
    obeys = issubclass(model, FixedModel) and model.run_spk is FixedModel.run_spk
    return SUPPORTED.get(model) or (_neurons(model.__name__, model.law) if obeys else None)


STATIC = "weights of 8 bits by `sign_mode` and `num_weight_bits` 1..8, `weight_exp` -8..7, binary or graded"
PLASTIC = (
    "weights in steps of 1 (9 bits with mixed signs), Loihi2F and Loihi3F rules for `dw`, `dd`, `dt`, every GradedSpikeCfg, all "
    "taus and impulses, `t_epoch` 1..63"
)

SUPPORTED: dict[type[AbstractProcessModel], Support] = {
    PyLifModelBitAcc: _neurons("LIF", LIF),
    PyLifResetModelBitAcc: _neurons("LIFReset", LIF_RESET),
    PyTernLifModelFixed: _neurons("TernaryLIF", TERNARY_LIF),
    PyLearningLIFModelFixed: _neurons("LearningLIF", LIF),
    PrototypeLIFBitAcc: Support("clp.PrototypeLIF", partial(in_a_row, PROTOTYPE_LIF), PROTOTYPE_LIF),
    PyNoveltyDetectorModel: _neurons("clp.NoveltyDetector", NOVELTY_DETECTOR),
    PyAllocatorModel: _neurons("clp.Allocator", ALLOCATOR),
    PyATRLIFModelFixed: Support("ATRLIF", adaptive, ATRLIF, word=True),
    PySigmaModelFixed: _neurons("Sigma", SIGMA, word=True),
    PyDeltaModelFixed: _neurons("Delta", DELTA, word=True),
    PySigmaDeltaModelFixed: _neurons("SigmaDelta", SIGMA_DELTA, word=True),
    PyGradedVecModelFixed: _neurons("GradedVec", GRADED, word=True),
    PyGradedReluVecModelFixed: _neurons("GradedReluVec", GRADED_RELU, word=True),
    NormVecDelayModel: _neurons("NormVecDelay", NORM_DELAY, word=True),
    InvSqrtModelFP: Support("InvSqrt", inverse_root, INVERSE_ROOT),
    PyProdNeuronModelFixed: _neurons("ProdNeuron", PRODUCT, word=True),
    PyRFModelFixed: _neurons("RF", RESONATE, word=True),
    PyRF_IZModelFixed: _neurons("RF_IZ", RESONATE_RESET, word=True),
    PyRFZeroModelFixed: _neurons("RFZero", RESONATE_ZERO, word=True),
    PyDenseModelBitAcc: Support("Dense", synapse, note=STATIC),
    PySparseModelBitAcc: Support("Sparse", synapse, note=STATIC),
    PyDelayDenseModelBitAcc: Support("DelayDense", synapse, note=f"{STATIC}; delays 0..63"),
    PyDelaySparseModelBitAcc: Support("DelaySparse", synapse, note=f"{STATIC}; delays 0..63"),
    PyConvModelFixed: Support(
        "Conv",
        convolution,
        note="weights -256..255, `stride`, `dilation` 1..127, `padding` 0..127, `groups`; binary or graded",
    ),
    PyLearningDenseModelBitApproximate: Support("LearningDense", synapse, note=PLASTIC),
    PyLearningSparseModelBitApproximate: Support(
        "LearningSparse", synapse, note=f"{PLASTIC}; MIXED, no factor w, d, t (Lava runs no other)"
    ),
    PySendModelFixed: Support("io.source.RingBuffer", ring_source, note="payloads of 32 bits"),
    PyReceiveModelFixed: Support("io.sink.RingBuffer", ring_sink, note="any buffer"),
    PyLoihiInjectorModel: Support("io.injector.Injector", injector, note="integers of 32 bits: `send`, `neuromorph.feed`"),
    PyLoihiExtractorModel: Support("io.extractor.Extractor", extractor, note="`receive`, `neuromorph.feed`"),
    PyReadFixed: Support(
        "io.sink.Read", read, note="of a state of neurons, such as `v`: any `buffer`, `interval`, `offset`"
    ),
    PyResetFixed: Support("io.reset.Reset", reset, note="of a state of neurons, such as `v`: any `interval`, `offset`"),
    PyPresenterModelFixed: Support("Presenter", presenting, note="samples, targets, order, steps per sample"),
    PyDyadsModelFixed: _neurons("Dyads", DYAD),
    PyNudgedReadoutModelFixed: _neurons("NudgedReadout", READOUT),
    PyTiedDenseModelFixed: Support("TiedDense", tied, note="simulation only: another connection's weights, transposed"),
}
