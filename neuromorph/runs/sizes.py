"""How large a network suits the data when nobody says."""

from __future__ import annotations

from neuromorph.data import Dataset

HIDDEN = {"digits": 128, "mnist": 512}
DEFAULT_HIDDEN = 256


def pixels(data: Dataset) -> int:
    """Values of one sample."""
    return int(data.train_images[0].size)


def hidden_units(data: Dataset) -> int:
    """Of one hidden layer."""
    return HIDDEN.get(data.name, DEFAULT_HIDDEN)
