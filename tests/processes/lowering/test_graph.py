"""flatten_graph against NumPy, and against what was connected."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import AbstractVirtualPort, InPort, OutPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import Dense
from lava.proc.io import sink
from lava.proc.lif.process import LIF
from lava.proc.monitor.process import Monitor

from neuromorph.errors import LoweringError
from neuromorph.processes.lowering.graph import flatten_graph


class Source(AbstractProcess):
    def __init__(self, shape):
        super().__init__()
        self.out = OutPort(shape)


@implements(proc=Source, protocol=LoihiProtocol)
@requires(CPU)
class SourceModel(PyLoihiProcessModel):
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)


class Target(AbstractProcess):
    def __init__(self, shape):
        super().__init__()
        self.inp = InPort(shape)


@implements(proc=Target, protocol=LoihiProtocol)
@requires(CPU)
class TargetModel(PyLoihiProcessModel):
    inp: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)


class Peeker(AbstractProcess):
    def __init__(self, shape):
        super().__init__()
        self.ref = RefPort(shape)


@implements(proc=Peeker, protocol=LoihiProtocol)
@requires(CPU)
class PeekerModel(PyLoihiProcessModel):
    ref: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)


class Box(AbstractProcess):
    """A LIF with its ports reshaped, or with another Box before it."""

    def __init__(self, depth=0):
        super().__init__(depth=depth)
        self.inp = InPort((2, 3))
        self.out = OutPort((3, 2))
        self.v = Var((6,), init=0)


@implements(proc=Box, protocol=LoihiProtocol)
@tag("fixed_pt")
class BoxModel(AbstractSubProcessModel):
    def __init__(self, proc):
        depth = proc.proc_params["depth"]
        self.last = LIF(shape=(6,))
        if depth:
            self.first = Box(depth - 1)
            proc.inp.connect(self.first.inp)
            self.first.out.flatten().connect(self.last.a_in)
        else:
            proc.inp.transpose().flatten().connect(self.last.a_in)
        self.last.s_out.reshape((3, 2)).connect(proc.out)
        proc.v.alias(self.first.v if depth else self.last.v)


class Hollow(AbstractProcess):
    def __init__(self):
        super().__init__()
        self.out = OutPort((2,))
        self.v = Var((2,), init=0)


@implements(proc=Hollow, protocol=LoihiProtocol)
@tag("fixed_pt")
class HollowModel(AbstractSubProcessModel):
    def __init__(self, proc):
        self.lif = LIF(shape=(2,))


class FloatOnly(AbstractProcess):
    pass


@implements(proc=FloatOnly, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class FloatOnlyModel(PyLoihiProcessModel):
    pass


class NoModel(AbstractProcess):
    pass


class Undeclared(Source):
    def __init__(self, shape):
        super().__init__(shape)
        self.extra = Var((1,), init=0)


@implements(proc=Undeclared, protocol=LoihiProtocol)
@requires(CPU)
class UndeclaredModel(PyLoihiProcessModel):
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)


def deliver(graph, sent):
    """What each InPort receives when each OutPort sends `sent[port]`, by the definition of Edge."""
    received = {}
    for edge in graph.edges:
        data = received.setdefault(edge.target, np.zeros(edge.target.shape, int))
        index = np.arange(data.size) if edge.index is None else edge.index
        arrives = index >= 0
        data.ravel()[arrives] += sent[edge.source].ravel()[index[arrives]]
    return received


@st.composite
def virtual_ports(draw):
    """A shape and a chain of operations on it: ("reshape", shape), ("flatten",) or ("transpose", axes)."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    chain, current = [], shape
    for kind in draw(st.lists(st.sampled_from(["reshape", "flatten", "transpose", "reverse"]), max_size=4)):
        if kind == "reshape":
            current = tuple(draw(st.permutations((*current, 1))))
            chain.append(("reshape", current))
        elif kind == "flatten":
            current = (int(np.prod(current)),)
            chain.append(("flatten",))
        elif kind == "transpose":
            axes = tuple(draw(st.permutations(range(len(current)))))
            current = tuple(current[a] for a in axes)
            chain.append(("transpose", axes))
        else:
            current = current[::-1]
            chain.append(("transpose",))
    return shape, chain


@given(virtual_ports())
@settings(max_examples=60, deadline=None)
def test_a_chain_of_virtual_ports_does_what_numpy_does(case):
    shape, chain = case
    source = Source(shape)
    data = np.random.default_rng(0).integers(0, 99, shape)
    port, expected = source.out, data
    for name, *arguments in chain:
        port = getattr(port, name)(*arguments)
        expected = getattr(expected, name)(*arguments)
    target = Target(port.shape)
    port.connect(target.inp)
    graph = flatten_graph(source)
    assert np.array_equal(deliver(graph, {source.out: data})[target.inp], expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_concat_is_numpy_s_and_each_element_comes_from_one_edge(axis):
    shapes = [(2, 3), (2, 3), (4, 3) if axis == 0 else (2, 1)]
    parts = [Source(shape) for shape in shapes]
    data = [np.random.default_rng(i).integers(0, 99, shape) for i, shape in enumerate(shapes)]
    joined = parts[0].out.concat_with([part.out for part in parts[1:]], axis)
    target = Target(joined.shape[::-1])
    joined.transpose().connect(target.inp)
    graph = flatten_graph(target)
    sent = {part.out: numbers for part, numbers in zip(parts, data, strict=True)}
    assert np.array_equal(deliver(graph, sent)[target.inp], np.concatenate(data, axis).T)
    assert sum((edge.index >= 0).sum() for edge in graph.edges) == target.inp.size


def test_fan_in_is_summed_and_fan_out_reaches_all():
    one, two = Source((4,)), Source((2, 2))
    first, second = Target((4,)), Target((2, 2))
    one.out.connect(first.inp)
    two.out.flatten().connect(first.inp)
    two.out.connect(second.inp)
    data = {one.out: np.arange(4), two.out: np.arange(10, 14).reshape(2, 2)}
    received = deliver(flatten_graph(second), data)
    assert np.array_equal(received[first.inp], np.arange(4) + np.arange(10, 14))
    assert np.array_equal(received[second.inp], data[two.out])


def test_every_process_leads_to_the_same_graph_in_the_order_of_creation():
    source, dense, lif, back = (
        Source((3,)),
        Dense(weights=np.eye(3)),
        LIF(shape=(3,)),
        Dense(weights=np.eye(3)),
    )
    monitor = Monitor()
    source.out.connect(dense.s_in)
    dense.a_out.connect(lif.a_in)
    lif.s_out.connect(back.s_in)
    back.a_out.connect(lif.a_in)
    monitor.probe(lif.u, 5)
    processes = (source, dense, lif, back, monitor)
    Source((3,))  # not connected
    for start in processes:
        graph = flatten_graph(start)
        assert graph.processes == processes
        assert [(e.source, e.target) for e in graph.edges] == [
            (source.out, dense.s_in),
            (dense.a_out, lif.a_in),
            (back.a_out, lif.a_in),
            (lif.s_out, back.s_in),
        ]
        assert graph.models[lif].__name__ == "PyLifModelBitAcc"
        assert all(edge.index is None for edge in graph.edges)
    assert flatten_graph(lif, "floating_pt").models[lif].__name__ == "PyLifModelFloat"


def test_probes_name_monitor_target_and_data():
    lif, of_var, of_port, peeker = LIF(shape=(3,)), Monitor(), Monitor(), Peeker((3,))
    of_var.probe(lif.v, 7)
    of_port.probe(lif.s_out, 7)
    peeker.ref.connect_var(lif.u)
    probes = {probe.process: probe for probe in flatten_graph(lif).probes}
    assert len(probes) == 3
    assert (probes[of_var].port, probes[of_var].target) == (of_var.ref_port_0, lif.v)
    assert probes[of_var].data is of_var.var_read_0
    assert (probes[of_port].port, probes[of_port].target) == (of_port.in_port_0, lif.s_out)
    assert probes[of_port].data is of_port.out_read_0
    assert (probes[peeker].target, probes[peeker].data) == (lif.u, None)


@pytest.mark.parametrize("depth", [0, 1])
def test_a_hierarchical_process_becomes_its_leaves(depth):
    source, box, target, monitor = Source((3, 2)), Box(depth), Target((6,)), Monitor()
    source.out.transpose().connect(box.inp)
    box.out.flatten().connect(target.inp)
    monitor.probe(box.v, 3)
    graph = flatten_graph(source)
    lifs = [p for p in graph.processes if isinstance(p, LIF)]
    assert set(graph.processes) == {source, target, monitor, *lifs}
    assert len(lifs) == depth + 1
    (into_first,) = (e for e in graph.edges if e.source is source.out)
    (into_target,) = (e for e in graph.edges if e.target is target.inp)
    assert into_first.index is None  # the transposition outside and the one inside cancel
    assert into_target.index is None
    (probe,) = graph.probes
    assert probe.target is graph.aliases[box.v] is into_first.target.process.v


def test_flattening_leaves_the_graph_as_it_was():
    source, box, target, monitor = Source((2, 3)), Box(1), Target((3, 2)), Monitor()
    source.out.connect(box.inp)
    box.out.connect(target.inp)
    monitor.probe(box.v, 3)
    ports = [*box.in_ports, *box.out_ports, *box.var_ports]

    def state():
        return (
            [(port.in_connections, port.out_connections) for port in ports],
            box.v.aliased_var,
            box.procs.members,
        )

    before = [([*i], [*o]) for i, o in state()[0]], None, []
    one, two = flatten_graph(source), flatten_graph(source)
    assert state() == before
    assert not box.is_compiled
    assert [type(p) for p in one.processes] == [type(p) for p in two.processes]
    assert one.aliases[box.v] is not two.aliases[box.v]


def test_a_pair_of_ports_connected_twice_is_refused():
    source, target = Source((4,)), Target((4,))
    source.out.connect(target.inp)
    source.out.reshape((4,)).connect(target.inp)
    with pytest.raises(LoweringError, match=r"'inp' of process .*\(Target\).*'out' of process .*\(Source\).*twice"):
        flatten_graph(source)


def test_virtual_ports_between_ref_port_and_var_are_kept_in_their_order():
    lif, peeker = LIF(shape=(6,)), Peeker((2, 3))
    peeker.ref.transpose((1, 0)).flatten().connect(RefPort.create_implicit_var_port(lif.u))
    (probe,) = flatten_graph(lif).probes
    assert [type(virtual).__name__ for virtual in probe.through] == ["TransposePort", "ReshapePort"]


def test_a_concatenation_of_ref_ports_is_refused():
    lif, one, two = LIF(shape=(4,)), Peeker((2,)), Peeker((2,))
    one.ref.concat_with([two.ref], axis=0).connect(RefPort.create_implicit_var_port(lif.u))
    with pytest.raises(LoweringError, match=r"'ref' of process .*\(Peeker\) goes through a ConcatPort"):
        flatten_graph(lif)


def test_an_unknown_virtual_port_is_refused():
    class Mirror(AbstractVirtualPort):
        def get_transform_func_fwd(self):
            raise NotImplementedError

        get_transform_func_bwd = get_transform_func_fwd

    source, target = Source((4,)), Target((4,))
    mirror = Mirror((4,))
    source.out._connect_forward([mirror], AbstractVirtualPort, [None])
    mirror._connect_forward([target.inp], InPort, [None])
    with pytest.raises(LoweringError, match=r"\(Source\).*Mirror"):
        flatten_graph(source)


def test_ports_and_vars_of_a_hierarchical_process_that_lead_nowhere_are_refused():
    hollow, target = Hollow(), Target((2,))
    hollow.out.connect(target.inp)
    with pytest.raises(LoweringError, match=r"'out' of process .*\(Hollow\).*nothing inside sends"):
        flatten_graph(target)
    hollow, peeker = Hollow(), Peeker((2,))
    peeker.ref.connect_var(hollow.v)
    with pytest.raises(LoweringError, match=r"\(Peeker\).*\(Hollow\).*alias"):
        flatten_graph(peeker)


def test_a_monitor_of_two_targets_is_refused():
    lif, monitor = LIF(shape=(3,)), Monitor()
    monitor.probe(lif.u, 5)
    monitor.probe(lif.v, 5)
    with pytest.raises(LoweringError, match=r"\(Monitor\).*a Monitor for each"):
        flatten_graph(lif)


def test_a_var_that_the_model_does_not_declare_is_named():
    with pytest.raises(LoweringError, match=r"\(Undeclared\).*UndeclaredModel has no Var 'extra'.*LavaPyType"):
        flatten_graph(Undeclared((2,)))


def test_a_process_without_a_model_is_named_with_what_to_do():
    with pytest.raises(LoweringError, match=r"\(NoModel\) has no ProcessModel .*in one file or in a package"):
        flatten_graph(NoModel())
    with pytest.raises(LoweringError, match=r"\(FloatOnly\) .* tag 'fixed_pt', only FloatOnlyModel \['floating_pt'\]"):
        flatten_graph(FloatOnly())
    sink_ = sink.RingBuffer(shape=(2,), buffer=3)
    with pytest.raises(LoweringError, match=r"\(RingBuffer\).*'mystery'"):
        flatten_graph(sink_, "mystery")


PROCESS = """
from lava.magma.core.process.process import AbstractProcess

class Lonely(AbstractProcess):
    pass
"""
MODEL = """
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from {package}.process import Lonely

{line}

@implements(proc=Lonely, protocol=LoihiProtocol)
@requires(CPU)
class LonelyModel(PyLoihiProcessModel):
    pass
"""


@pytest.fixture
def package(tmp_path, monkeypatch, request):
    """A package with process.py and models.py, the latter with one more line; gives the Process class."""
    name = f"graph_{request.node.callspec.id}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "process.py").write_text(PROCESS)
    (folder / "models.py").write_text(MODEL.format(package=name, line=request.param))
    (folder / "zoo.py").write_text(f"from {name}.models import LonelyModel")
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__(f"{name}.process", fromlist=["Lonely"]).Lonely
    for module in [m for m in sys.modules if m.split(".")[0] == name]:
        del sys.modules[module]


@pytest.mark.parametrize("package", [""], ids=["good"], indirect=True)
def test_a_model_in_a_file_beside_the_process_is_found_and_its_file_executed_once(package):
    model = flatten_graph(package()).models
    first = sys.modules["graph_good.models"]
    flatten_graph(package())
    assert sys.modules["graph_good.models"] is first
    assert [m.__module__ for m in model.values()] == ["graph_good.models"]


@pytest.mark.parametrize("package", ["import a_module_that_is_missing"], ids=["broken"], indirect=True)
def test_a_model_file_that_cannot_be_imported_is_named(package):
    with pytest.raises(LoweringError, match=r"\(Lonely\).*graph_broken\.models.*ModuleNotFoundError.*a_module_that"):
        flatten_graph(package())
