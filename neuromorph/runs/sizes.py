"""How large a network suits the data when nobody says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from neuromorph.data import Dataset
from neuromorph.errors import NeuromorphError, RangeError

HIDDEN = {"digits": 128, "mnist": 512}
DEFAULT_HIDDEN = 256
TOO_LARGE = ("alloc", "too big", "too large", "maximum allowed", "overflow")
"""What NumPy and PyTorch say of arrays that they cannot make."""


def pixels(data: Dataset) -> int:
    """Values of one sample."""
    return int(data.train_images[0].size)


def hidden_units(data: Dataset) -> int:
    """Of one hidden layer."""
    return HIDDEN.get(data.name, DEFAULT_HIDDEN)


def typed(layers: Sequence[int]) -> str:
    """As the user types them."""
    return f"--layers {'-'.join(map(str, layers))}"


@contextmanager
def within_memory(layers: Sequence[int]) -> Iterator[None]:
    """Raises RangeError where a network of these sizes, made within, needs more memory than there is, or than can be counted."""
    try:
        yield
    except NeuromorphError:
        raise
    except (MemoryError, OverflowError, RuntimeError, TypeError, ValueError) as error:
        is_said = any(part in str(error).lower() for part in TOO_LARGE)
        if not is_said and not isinstance(error, MemoryError | OverflowError):
            raise
        raise RangeError(f"{typed(layers)} asks for more memory than there is; give smaller sizes") from None
