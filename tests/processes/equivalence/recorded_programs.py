"""Small Programs that reach every law, kind of synapse and learning rule; what Lava's models make of them lies in recorded/."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from neuromorph.data import load
from neuromorph.laws.catalogue import POINTWISE
from neuromorph.laws.graded import INVERSE_ROOT
from neuromorph.laws.law import Law
from neuromorph.laws.lif import LIF, LIF_RESET, TERNARY_LIF
from neuromorph.laws.products.plasticity import SignMode
from neuromorph.laws.products.rule import GradedSpike
from neuromorph.networks.dyadic_mlp.network import DyadicMLP
from neuromorph.networks.dyadic_mlp.recipe import DIGITS_DEEP
from neuromorph.program import Program
from neuromorph.program.wiring import SPIKES, Part, Port, Wiring, plastic
from neuromorph.runs.chip import BITS, ChipTask, first_images

OF_LAVA_ALONE = {"prototype_lif", "novelty_detector", "allocator"}
"""Laws of which no process is made, for Lava's begin at their first step only: compared where a graph of Lava's is at hand."""
FOLDER = Path(__file__).with_name("recorded")
STEPS = 40
DW, DD, DT = "2^-1*x0*y1 - 2^-2*y0*x1 + 2^-3*u1*(x2-3)*y2", "2^0*x1*y0 - 2^-2*u1*d", "2^-1*(t+1)*x0 + 2^-4*w*y0"
SPARSE_DW = "2^-1*x0*y1 - 2^-2*y0*x1"
TAUGHT = "2^-4*x0*x1*y1 - 2^-6*x0*w*y2*y3 + 2^-5*u0*y3"
TRACES = {
    "x1_tau": 9, "x1_impulse": 40.5, "x2_tau": 3, "x2_impulse": 17, "y1_tau": 7, "y1_impulse": 30, "y2_tau": 12.5, "y2_impulse": 5,
}  # fmt: skip


def numbers(seed: int) -> np.random.RandomState:
    """NumPy promised never to change these streams."""
    return np.random.RandomState(seed)


def spikes(net: Wiring, rng: np.random.RandomState, name: str = "source", size: int = 5, top: int = 2) -> Port:
    return net.source(name, rng.randint(0, top, (7, size))).s_out


def neurons(net: Wiring, rng: np.random.RandomState, name: str, size: int = 4, law: Law = LIF) -> Part:
    decays = {"du": rng.randint(-1, 4096), "dv": rng.randint(0, 4096)}
    biases = {"bias_mant": rng.randint(-60, 200, size), "bias_exp": 1}
    thresholds = {"vth_hi": 9, "vth_lo": -7} if law is TERNARY_LIF else {"vth": 8}
    reset = {"reset_interval": 5, "reset_offset": 2} if law is LIF_RESET else {}
    return net.population(name, law, size, **decays, **biases, **thresholds, **reset)


def of_a_law(law: Law) -> Program:
    rng, net = numbers(1), Wiring()
    post = neurons(net, rng, "neurons", law=law)
    net.synapse("in", spikes(net, rng), post.a_in, 2 * rng.randint(-128, 128, (4, 5)), exponent=2)
    net.synapse("loop", post.s_out, post.a_in, 2 * rng.randint(-128, 128, (4, 4)))
    net.sink("sink", post.s_out, length=6)
    return net.program()


SETTINGS = {
    "vth": 40,
    "uth": 40,
    "state_exp": 3,
    "decay_bits": 12,
    "sin_decay": 2300,
    "cos_decay": 3100,
    "spike_exp": 2,
    "exp": 3,
}
"""Of pointwise neurons, where their law has such a parameter."""


def pointwise(law: Law) -> Program:
    """Neurons with a source on each input and a sink on each output."""
    rng, net, size = numbers(4), Wiring(), 1 if law is INVERSE_ROOT else 4
    settings = {v.name: SETTINGS[v.name] for v in law.parameters if v.name in SETTINGS}
    cells = net.population("neurons", law, size, **settings, **OF_LAW.get(law.name, {}))
    for v in law.inputs:
        net.link(net.source(v.name, rng.randint(max(v.low, -500), 500, (7, size))).s_out, getattr(cells, v.name))
    for v in law.outputs:
        net.sink(f"kept {v.name}", getattr(cells, v.name), length=STEPS)
    return net.program()


OF_LAW = {
    "delta": {"cum_error": 1},
    "resonate_zero": {"lst": 20000, "lct": [24000, 25000, -9000, 3000]},
    "atrlif": {
        "keep_i": 3000, "keep_v": 3500, "keep_theta": 2000, "keep_r": 1000, "theta_0": 64 * 30, "theta_step": 64 * 9,
        "bias_mant": [5, -7, 90, 300], "bias_exp": 2, "theta": 64 * 30,
    },
}  # fmt: skip


def static_synapses() -> Program:
    """Dense and sparse, with delays and without, of each sign, graded and binary, scaled up and down."""
    rng, net = numbers(2), Wiring()
    graded, binary = spikes(net, rng, "graded", top=200), spikes(net, rng, "binary")
    for k, (sparse, delayed) in enumerate([(False, False), (True, False), (False, True), (True, True)]):
        for low, step, sign in ((-128, 2, "mixed"), (0, 1, "excitatory"), (-255, 1, "inhibitory")):
            post = neurons(net, rng, f"neurons {sign} {k}")
            weights = step * rng.randint(low, low + 256, (4, 5)) * rng.randint(0, 2, (4, 5))
            options = {"exponent": int(rng.randint(-4, 3)), "graded": bool(k % 2)}
            if delayed:
                options["delays"] = rng.randint(0, 6, np.count_nonzero(weights) if sparse else weights.shape)
            pre = graded if k % 2 else binary
            net.synapse(f"synapse {sign} {k}", pre, post.a_in, csr_matrix(weights) if sparse else weights, **options)
    return net.program()


def two_factors(spike: GradedSpike) -> Program:
    """Dense and sparse synapses that make their post-traces themselves, with epochs, tags and delays that move."""
    rng, net = numbers(3), Wiring()
    traces = TRACES if spike == GradedSpike.USE_REGULAR_IMPULSE else {**TRACES, "x1_impulse": 0}
    payloads = net.source("payloads", 2 * rng.randint(0, 128, (7, 5)) * rng.randint(0, 2, (7, 5))).s_out
    for mode, low, high in ((SignMode.MIXED, -256, 256), (SignMode.EXCITATORY, 0, 256), (SignMode.INHIBITORY, -255, 1)):
        rule = plastic(DW, DD, DT, three_factor=False, graded_spike=spike, sign_mode=mode, t_epoch=3, rng_seed=4, **traces)
        post = neurons(net, rng, f"neurons {mode.name}")
        net.synapse(f"plastic {mode.name}", payloads, post.a_in, rng.randint(low, high, (4, 5)), rule)
    rule = plastic(SPARSE_DW, three_factor=False, graded_spike=spike, t_epoch=2, rng_seed=5, **traces)
    post = neurons(net, rng, "neurons sparse")
    weights = 2 * rng.randint(1, 128, (4, 5)) * rng.randint(0, 2, (4, 5))
    net.synapse("plastic sparse", payloads, post.a_in, csr_matrix(weights), rule)
    return net.program()


def three_factors() -> Program:
    """Post-traces that come from outside at every step."""
    rng, net = numbers(6), Wiring()
    rule = plastic(TAUGHT, graded_spike=GradedSpike.OVERWRITE, rng_seed=7, x1_tau=11)
    payloads = net.source("payloads", 2 * rng.randint(0, 128, (7, 5))).s_out
    post = neurons(net, rng, "neurons")
    synapse = net.synapse("plastic", payloads, post.a_in, rng.randint(-256, 256, (4, 5)), rule, taught_by=SPIKES)
    transposed = np.arange(6).reshape(2, 3).T.ravel()
    net.link(spikes(net, rng, size=6), neurons(net, rng, "transposed", 6).a_in, transposed)
    for y in ("y1", "y2", "y3"):
        net.link(net.source(y, rng.randint(0, 128, (9, 4))).s_out, getattr(synapse, f"s_in_{y}"))
    return net.program()


def dyads(feedback: str) -> Program:
    """A small network of dyads that learns: presenter, dyads, readout, weights up and down."""
    rng = numbers(8)
    network = DyadicMLP((64, 40, 20, 5), feedback=feedback, seed=9, recipe=DIGITS_DEEP)
    images = rng.randint(0, 256, (4, 64)).astype(np.uint8)
    return network.program(images, rng.randint(0, 5, 4), rate_interval=2)


def demo(trained: bool) -> Program:
    """The network of `neuromorph demo`: in the first steps of its training, or after it."""
    data = load("digits")
    task = ChipTask.settled({}, data, seed=0)
    network = task.begin(data).network
    if not trained:
        return network.training(data.train_images, data.train_labels, task.epochs).beginning(BITS)
    return first_images(network.fit(data.train_images, data.train_labels), data)


PROGRAMS: dict[str, Callable[[], Program]] = {
    "lif": lambda: of_a_law(LIF),
    "lif-reset": lambda: of_a_law(LIF_RESET),
    "ternary-lif": lambda: of_a_law(TERNARY_LIF),
    **{law.name.replace("_", "-"): partial(pointwise, law) for law in POINTWISE},
    "static-synapses": static_synapses,
    "two-factors": lambda: two_factors(GradedSpike.USE_REGULAR_IMPULSE),
    "two-factors-overwrite": lambda: two_factors(GradedSpike.OVERWRITE),
    "two-factors-add-saturating": lambda: two_factors(GradedSpike.ADD_WITH_SATURATION),
    "two-factors-add-wrapping": lambda: two_factors(GradedSpike.ADD_WITHOUT_SATURATION),
    "three-factors": three_factors,
    "dyads-learned": lambda: dyads("learned"),
    "dyads-random": lambda: dyads("random"),
    "dyads-tied": lambda: dyads("tied"),
}

DEMO: dict[str, tuple[Callable[[], Program], int]] = {
    "demo-start": (lambda: demo(trained=False), BITS),
    "demo-trained": (lambda: demo(trained=True), 60),
}
"""With how many steps are recorded."""
