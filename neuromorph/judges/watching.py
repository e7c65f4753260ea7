"""Where every number of a computation came from: labels on tensors, carried through all of PyTorch's operations.

`Watch` is a dispatch mode: while it is active it sees every operation, of eager code, of in-place writes and of autograd alike,
and gives the result the labels of what was read. A label says at which layer a value is present, and of which state it was made.
An operation that acts on each unit by itself keeps them as they are; one that mixes units, samples or both adds a flag.

A value that leaves the tensors, as a number of Python's, an array of NumPy's or the length of a result, cannot be followed: `Watch`
tells at once that it left, and whose code took it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class Label(NamedTuple):
    """A value present at layer `place` (k - 1/2: at the synapses between layers k - 1 and k), made of a state of layer `layer`.

    `states`: which States object, by number; INPUT, TARGET and WEIGHTS are none.
    """

    place: float
    layer: float
    states: int


INPUT, TARGET, WEIGHTS = -1, -2, -3

Labels = frozenset[Label | str]
"""Labels, and flags: "layer" (units of a layer were mixed), "batch" (samples were), "softmax", "slope", "transport", "autograd" (it
was made in a backward pass); or a part of the units, which may be combined with the same part of others."""
PART = "units "

NOTHING: Labels = frozenset()
UNITWISE = {
    "_to_copy", "_unsafe_view", "alias", "bernoulli", "bernoulli_", "clone", "copy_", "detach", "expand", "fill_", "lift_fresh",
    "masked_fill", "masked_fill_", "squeeze", "unsqueeze", "view", "zero_",
}  # fmt: skip
"""Operations on each unit by itself that PyTorch does not tag as pointwise."""
ALONG = {"select": 1, "slice": 1, "split": 2, "split_with_sizes": 2, "unbind": 1, "cat": 1, "index_select": 1}
"""Operations along one axis, and the place of that axis among their arguments; 0, the samples, when it is not given."""
HANDED_OUT = {
    "__array__", "__dlpack__", "__float__", "__index__", "__int__", "__repr__", "apply_", "data_ptr", "map_", "numpy", "storage", "tolist",
    "untyped_storage",
}  # fmt: skip
"""Functions that give away the numbers of a tensor without an operation that a dispatch mode would see."""
GATHERED = {"as_tensor", "asarray", "new", "new_tensor", "tensor"}
"""Functions that make a tensor of a list of numbers, which may be tensors and are read without an operation."""

Left = Callable[[Labels, FrameType], None]
"""Is told the labels of a value that left the tensors, and the frame that took it."""


class Watch(TorchDispatchMode):
    """Labels by storage, so that views and in-place writes share them; storages are kept, so that none is used twice.

    What leaves the tensors loses its labels, and `left` is told. (Only C code that is handed a tensor can take a value unseen.)
    """

    def __init__(self, left: Left) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._written: dict[int, tuple[torch.UntypedStorage, set[Label | str]]] = {}
        self._views: dict[tuple[int, ...], set[str]] = {}
        self._is_paused = False
        self._left = left
        self._functions = _Functions(self)

    def __enter__(self) -> Watch:
        self._functions.__enter__()  # type: ignore[no-untyped-call]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *reason: Any) -> None:
        super().__exit__(*reason)  # type: ignore[no-untyped-call]
        self._functions.__exit__(*reason)  # type: ignore[no-untyped-call]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is labelled inside."""
        before, self._is_paused = self._is_paused, True
        try:
            yield
        finally:
            self._is_paused = before

    def of(self, tensor: Tensor) -> Labels:
        """The labels of a tensor."""
        entry = self._written.get(_storage(tensor).data_ptr())
        return NOTHING if entry is None else frozenset(entry[1] | self._views.get(_geometry(tensor), set()))

    def label(self, tensor: Tensor, labels: Iterable[Label | str]) -> Tensor:
        """Give a tensor these labels and no others."""
        storage = _storage(tensor)
        if storage.data_ptr():
            self._written[storage.data_ptr()] = (storage, set(labels))
        return tensor

    def leaves(self, tensors: Iterable[Tensor]) -> None:
        """These tensors are read by what cannot be followed."""
        labels = NOTHING.union(*map(self.of, tensors))
        if labels and not self._is_paused:
            self._left(labels, _reader())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        inputs = list(_tensors((args, kwargs)))
        known = [] if self._is_paused else [(t, labels) for t in inputs if (labels := self.of(t))]
        before = {_storage(t).data_ptr(): _geometry(t) for t in inputs}
        result = func(*args, **kwargs)
        if not known:
            return result
        name = func.overloadpacket.__name__
        if _tells(func, name, args, {id(t) for t, _ in known}):
            self.leaves(t for t, _ in known)
        if not name.startswith("new_") and not name.endswith("_like"):
            flags = _mixing(func, name, args, kwargs, known)
            if torch._C._current_graph_task_id() >= 0:
                flags.add("autograd")
            writes = any(a.alias_info is not None and a.alias_info.is_write for a in func._schema.arguments)
            self._carry(result, before, writes, frozenset().union(*(labels for _, labels in known)), flags)
        return result

    def _carry(self, result: Any, before: dict[int, tuple[int, ...]], writes: bool, labels: Labels, flags: set[str]) -> None:
        for tensor in _tensors(result):
            key = _storage(tensor).data_ptr()
            if key in before and not writes:
                if _geometry(tensor) != before[key]:
                    inherited = {flag for flag in labels if isinstance(flag, str)}
                    self._views.setdefault(_geometry(tensor), set()).update(flags | inherited)
            elif key in self._written:
                self._written[key][1].update((labels - parts(labels)) | flags)
            else:
                self.label(tensor, labels | flags)


class _Functions(TorchFunctionMode):
    """Sees what PyTorch does before and without any operation."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in HANDED_OUT:
            self._watch.leaves(_tensors(args))
        elif name in GATHERED:
            self._watch.leaves(_tensors([value for value in (*args, *kwargs.values()) if not isinstance(value, Tensor)]))
        return func(*args, **kwargs)


def _storage(tensor: Tensor) -> torch.UntypedStorage:
    """Of a tensor, unseen by `_Functions`."""
    with torch._C.DisableTorchFunction():
        return tensor.untyped_storage()


def _reader() -> FrameType:
    """The innermost frame that is neither of this module nor of PyTorch or NumPy."""
    frame = sys._getframe(1)
    while frame.f_back and _passes_on(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return frame


def _passes_on(module: str) -> bool:
    return module == __name__ or module.partition(".")[0] in ("torch", "numpy")


def _tells(func: Any, name: str, args: Sequence[Any], known: set[int]) -> bool:
    """Whether an operation gives Python a number, or a length, that depends on what these known tensors hold."""
    if name == "index":
        return any(mask.dtype in (torch.bool, torch.uint8) and id(mask) in known for mask in _tensors(args[1]))
    return bool({torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(func.tags))


def _geometry(tensor: Tensor) -> tuple[int, ...]:
    return (_storage(tensor).data_ptr(), tensor.storage_offset(), *tensor.shape, *tensor.stride())


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
    elif isinstance(values, tuple | list):
        for value in values:
            yield from _tensors(value)


def parts(labels: Labels) -> Labels:
    """Which part of the units a value belongs to; nothing: all."""
    return frozenset(flag for flag in labels if isinstance(flag, str) and flag.startswith(PART))


def part(start: int, stop: int, step: int = 1) -> str:
    """The flag of these units."""
    return f"{PART}{start}:{stop}:{step}"


def _mixing(
    func: Any, name: str, args: Sequence[Any], kwargs: dict[str, Any], known: list[tuple[Tensor, Labels]]
) -> set[str]:
    """What an operation on these labelled tensors mixes."""
    first = known[0][0]
    if torch.Tag.pointwise in func.tags or name in UNITWISE:
        several = [(t, labels) for t, labels in known if t.numel() > 1]
        units = {(t.shape[1:] if t.dim() > 1 else t.shape, parts(labels)) for t, labels in several}
        return {"layer"} if len(units) > 1 else set()
    if name in ("_softmax", "_log_softmax"):
        return {"softmax"}
    if name in ALONG:
        axis = args[ALONG[name]] if len(args) > ALONG[name] else kwargs.get("dim", 0)
        if axis % first.dim() == 0:
            return set()
        return {part(*slice(*args[2:]).indices(first.shape[axis]))} if name == "slice" else {"layer"}
    if name in ("index", "index_put_"):
        return set() if len(args[1]) == 1 else {"layer"}
    if name in ("sum", "mean", "amax", "amin", "var", "std"):
        axes = args[1] if len(args) > 1 and isinstance(args[1], list | tuple) else []
        return {"batch"} if [axis % first.dim() for axis in axes] == [0] else {"layer"}
    return {"layer"}
