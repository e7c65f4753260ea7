"""What a Lava Process and its models take from their `Law`: ports, Vars, types, range checks and the step."""

from __future__ import annotations

import neuromorph.processes.lava_first  # noqa: F401 (before anything of Lava)

# isort: split
import sys
from collections.abc import Callable, Iterable, Mapping
from types import new_class
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import AbstractPyPort, PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess, LogConfig
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from neuromorph.arithmetic import Arithmetic
from neuromorph.arithmetic.fixed import FIXED
from neuromorph.arithmetic.floating import FLOATING
from neuromorph.errors import LawError, RangeError, SimulationError, did_you_mean
from neuromorph.laws.catalogue import is_ours, register
from neuromorph.laws.law import Law, Variable

Array = npt.NDArray[Any]


def owner_of(process: AbstractProcess) -> str:
    """What errors call the process."""
    return f"process '{process.name}' ({type(process).__name__})"


def numbers(values: Any, name: str, owner: str) -> Array:
    """`values` as an array without NaN, int64 if all are whole; or a RangeError that names it."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise RangeError(f"{owner}: {name} = {values!r} is no number and no array of numbers") from None
    if np.isnan(array).any():
        raise RangeError(f"{owner}: {name} holds NaN; give numbers")
    exact = (np.abs(array) <= 2**53).all() and (array % 1 == 0).all()
    return array.astype(np.int64) if exact else array


def check_fixed(variables: Iterable[Variable], values: Mapping[str, Array], owner: str) -> None:
    """RangeError where a value is no integer or outside the Variable's range; nothing is rounded."""
    for variable in variables:
        variable.check(values[variable.name], owner)


class LawProcess(AbstractProcess):
    """A population of neurons that obey `law`, in any shape.

        class Mine(LawProcess):
            law = MINE

    Mine(shape=(3,), leak=2, v=0): parameters and states by their names in the law, the others have its defaults. Every input and
    output of the law is a port of the process's shape (a shared input: shape (1,), for all neurons), every parameter and state a Var:
    shape (1,) where it is shared, else the process's shape. Values have the same units in floating and in fixed point; ranges and
    whole numbers are demanded by the fixed-point model and by the lowering, what is nonsense for both is refused here: RangeError for
    a shape or a value, LawError for a name that the law does not have.
    """

    law: ClassVar[Law]
    signed: ClassVar[frozenset[str]] = frozenset({"bias"})
    """Parameters that may be negative in floating point."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "law" in vars(cls):
            _PROCESSES.setdefault(cls.law.key, cls)

    def __init__(
        self, *, shape: tuple[int, ...], name: str | None = None, log_config: LogConfig | None = None, **values: Any
    ) -> None:
        self._begin(shape, name, log_config)
        self._declare(self._by_law(values))

    def _begin(self, shape: tuple[int, ...], name: str | None, log_config: LogConfig | None) -> None:
        super().__init__(shape=shape, name=name, log_config=log_config)
        sizes = shape if isinstance(shape, tuple) and shape else (0,)
        if not all(isinstance(n, int | np.integer) and n > 0 for n in sizes):
            raise RangeError(f"{owner_of(self)}: shape = {shape!r} is not a tuple of positive integers")

    def _by_law(self, given: dict[str, Any]) -> dict[str, Any]:
        """What was given, by the names and in the units of the law: a subclass may ask for something more readable."""
        return given

    def _declare(self, given: Mapping[str, Any]) -> None:
        """Make ports and Vars."""
        shape = self.proc_params["shape"]
        variables = {v.name: v for v in self.law.parameters + self.law.states}
        for unknown in given.keys() - variables:
            raise LawError(f"{owner_of(self)}: law '{self.law.name}' has no {unknown}; {did_you_mean(unknown, variables)}")
        begin = {name: np.reshape(v.initial(int(np.prod(shape))), shape) for name, v in variables.items() if v.index}
        values = {name: self._value(v, given.get(name, begin.get(name, v.default))) for name, v in variables.items()}
        for port in self.law.inputs:
            setattr(self, port.name, InPort(shape=(1,) if port.shared else shape))
        for port in self.law.outputs:
            setattr(self, port.name, OutPort(shape=shape))
        for name, value in values.items():
            setattr(self, name, Var(shape=value.shape, init=value))
        self.proc_params["owner"] = owner_of(self)
        self.proc_params["values"] = values

    def _value(self, variable: Variable, given: Any) -> Array:
        name, owner, shape = variable.name, owner_of(self), self.proc_params["shape"]
        value = numbers(given, name, owner)
        if variable.shared and value.size != 1:
            raise RangeError(f"{owner}: {name} has {value.size} values; all its neurons share one")
        if not variable.shared and value.size != 1 and value.shape != shape:
            raise RangeError(f"{owner}: {name} has shape {value.shape}; give one value, or one a neuron: {shape}")
        if variable.low >= 0 and name not in self.signed and (value < 0).any():
            raise RangeError(f"{owner}: {name} = {value.min():g} is negative; at least 0 ({variable.meaning})")
        return value.reshape(1) if variable.shared else np.broadcast_to(value, shape).copy()


_PROCESSES: dict[str, type[LawProcess]] = {}
"""By the law's key, the first class that named it (Lava executes the files of Processes again and again)."""


def obeying(law: Law, *, shape: tuple[int, ...], name: str | None, values: Mapping[str, Any]) -> LawProcess | None:
    """A population with these parameters and states of the law, whatever the __init__ of its Process asks for; None without a Process."""
    kind = _PROCESSES.get(law.key)
    if kind is None:
        return None
    process = kind.__new__(kind)
    process._begin(shape, name, None)
    process._declare(values)
    process._post_init()  # what Lava calls after an __init__
    return process


class LawModel(PyLoihiProcessModel):
    """One step of the law over NumPy arrays. A subclass says `law=`; LavaPyTypes and step are derived.

    Attributes of the class's own are private: every other name is the law's, or Lava's (laws/check.py has those).
    """

    law: ClassVar[Law]
    _step: ClassVar[Callable[..., tuple[Any, ...]]]
    _arithmetic: ClassVar[Arithmetic]
    _computed: ClassVar[type]
    """The type in which the law computes."""
    _stored: ClassVar[type]
    """The type of Vars and messages."""
    _exact: ClassVar[bool]
    """Whether the ranges and bits of the law hold."""

    def __init_subclass__(cls, law: Law | None = None) -> None:
        super().__init_subclass__()
        if law is None:
            return
        cls.law, cls._step = law, staticmethod(law.make(cls._arithmetic))
        kinds = ((law.inputs, PyInPort.VEC_DENSE), (law.outputs, PyOutPort.VEC_DENSE))
        for variables, kind in (*kinds, (law.states + law.parameters, np.ndarray)):
            for variable in variables:
                bits = variable.bits if cls._exact else None
                setattr(cls, variable.name, LavaPyType(kind, cls._stored, precision=bits))

    def __setattr__(self, name: str, value: Any) -> None:
        """Ports are kept as <name>_port: Lava's models hold the phase of their protocol in `phase`."""
        super().__setattr__(f"{name}_port" if isinstance(value, AbstractPyPort) else name, value)

    def run_spk(self) -> None:
        law, shape = self.law, self.proc_params["shape"]
        inputs = [self._received(variable) for variable in law.inputs]
        held = [getattr(self, v.name).astype(self._computed) for v in law.states + law.parameters]
        results = self._step(np.array([self.time_step]), *inputs, *held)  # an array: a Python integer counts otherwise
        for variable, result in zip(law.results, results, strict=True):
            value: Array = self._checked(variable, np.broadcast_to(result, shape)).astype(self._stored)
            if variable in law.states:
                setattr(self, variable.name, value)
            else:
                getattr(self, f"{variable.name}_port").send(value)

    def _received(self, variable: Variable) -> Array:
        message: Array = getattr(self, f"{variable.name}_port").recv().astype(self._computed)
        return message

    def _checked(self, variable: Variable, result: Array) -> Array:
        return result


class FloatingModel(LawModel):
    """The law over float64: no range, no rounding."""

    _arithmetic = FLOATING
    _computed = float
    _stored = float
    _exact = False


class FixedModel(LawModel):
    """The law over integers, as the engine computes it, bit for bit.

    Raises RangeError when it is built: a parameter or a state that is no integer or outside the law's range.
    Raises SimulationError while it runs: an input outside the law's range; of a user's law also a state or output.
    """

    _arithmetic = FIXED
    _computed = np.int64
    _stored = np.int32
    _exact = True

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        owner, values = proc_params["owner"], proc_params["values"]
        check_fixed(self.law.parameters + self.law.states, values, owner)
        self.law.check(values, owner)

    def _received(self, variable: Variable) -> Array:
        message = super()._received(variable)
        top = variable.top(int(np.prod(self.proc_params["shape"])))
        wrong = (message < variable.low) | (message > top)
        if wrong.any():
            raise SimulationError(
                f"{self.proc_params['owner']}, step {self.time_step}: {variable.name} received "
                f"{message[wrong].flat[0]}, outside {variable.low}..{top} ({variable.meaning})"
            )
        return message

    def _checked(self, variable: Variable, result: Array) -> Array:
        if not is_ours(self.law) and ((result < variable.low) | (result > variable.high)).any():
            raise SimulationError(
                f"{self.proc_params['owner']}, step {self.time_step}: {variable.name} leaves {variable.low}..{variable.high}; "
                "widen its range, or let the law clip it"
            )
        return result


Model = TypeVar("Model", bound=LawModel)


def models_of(process: type[LawProcess]) -> tuple[type[FixedModel], type[FloatingModel]]:
    """Lava's two models of a Process that obeys a law, with the tags "fixed_pt" and "floating_pt"::

        PyMineModelFixed, PyMineModelFloat = models_of(Mine)

    Lava finds a model by its name in a module: keep these names, beside the Process or, in a package, in a file beside its own.
    Raises LawError for a Process without a law, and for a law that another one is taken for (catalogue.register).
    """
    if not isinstance(getattr(process, "law", None), Law):
        raise LawError(f"{process.__name__} says no law; write `law = ...` into the class")
    register(process.law)
    module = sys._getframe(1).f_globals["__name__"]  # as namedtuple does
    return (
        _model(process, FixedModel, f"Py{process.__name__}ModelFixed", module, "fixed_pt"),
        _model(process, FloatingModel, f"Py{process.__name__}ModelFloat", module, "floating_pt"),
    )


def _model(process: type[LawProcess], base: type[Model], name: str, module: str, kind: str) -> type[Model]:
    made = new_class(name, (base,), {"law": process.law}, lambda names: names.update(__module__=module))
    made = tag(kind)(requires(CPU)(implements(proc=process, protocol=LoihiProtocol)(made)))
    return made  # type: ignore[no-any-return]
