"""The state of a training in one HDF5 file: nested dicts and lists of tensors, numbers, texts. Nothing is pickled.

Tensors are datasets, named by the path that leads to them (parameters/connections.0.weight); all else is one JSON text, the
attribute "document", in which a tensor is {"tensor": path} and a dict with keys that are not texts {"entries": [[key, value]]}.
What is loaded has the same bits; tuples come back as lists. A file is written whole beside its place and then moved there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from neuromorph.errors import ArtifactError, OutputError

KIND = "neuromorph training, version 2"


def save(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Replaces an older file at once or not at all. Raises OutputError."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with h5py.File(unfinished, "w") as file:
            file.attrs["kind"] = KIND
            # an attribute holds at most 64 KiB, a scalar dataset any text
            file.create_dataset("document", data=json.dumps(_written(file.create_group("tensors"), (), state)))
        os.replace(unfinished, path)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error}; its folder must exist, be writable and have room") from None
    finally:
        unfinished.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What was saved, tensors on the CPU. Raises ArtifactError for a file that is none, damaged or cut off."""
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("kind") != KIND:
                raise ArtifactError(f"'{path}' holds no training: it is not '{KIND}'; give a checkpoint of neuromorph train")
            return dict(_read(file["tensors"], json.loads(file["document"].asstr()[()])))
    except FileNotFoundError:
        raise ArtifactError(f"'{path}' does not exist; there is no checkpoint to go on from") from None
    except ArtifactError:
        raise
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ArtifactError(f"'{path}' is not an HDF5 file, cut off or damaged: {reason}; use an older checkpoint") from None


def _written(group: h5py.Group, path: tuple[str, ...], value: Any) -> Any:
    """`value` for JSON, its tensors in the group."""
    if isinstance(value, Tensor):
        values = value.detach().cpu().numpy()
        group.create_dataset("/".join(path), data=values, fletcher32=values.ndim > 0 and values.size > 0)
        return {"tensor": "/".join(path)}
    if isinstance(value, dict):
        entries = {key: _written(group, (*path, str(key)), entry) for key, entry in value.items()}
        is_plain = all(isinstance(key, str) for key in value) and not value.keys() & {"tensor", "entries"}
        return entries if is_plain else {"entries": [[key, entry] for key, entry in entries.items()]}
    if isinstance(value, list | tuple):
        return [_written(group, (*path, str(place)), entry) for place, entry in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ArtifactError(
        f"{'/'.join(path)} is {type(value).__name__}, which a checkpoint cannot hold; use tensors, numbers, texts"
    )


def _read(group: h5py.Group, value: Any) -> Any:
    if isinstance(value, list):
        return [_read(group, entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"tensor"}:
        return torch.from_numpy(np.array(group[value["tensor"]][()]))
    if value.keys() == {"entries"}:
        return {key: _read(group, entry) for key, entry in value["entries"]}
    return {key: _read(group, entry) for key, entry in value.items()}
