"""Imported before anything of Lava: the part of Lava that sets how multiprocessing starts workers, while it can.

Lava sets fork, and multiprocessing raises where that was settled before: by any Lock or Pool, as scikit-learn and data loaders make. Where
it was settled as fork too, it is unsettled first. Raises LavaRunError where it is anything else, for Lava works with fork only.
"""

from __future__ import annotations

import multiprocessing
import sys
from importlib import import_module

from neuromorph.errors import LavaRunError
from neuromorph.extras import has

WORKERS = "lava.magma.runtime.message_infrastructure.multiprocessing"

if has("lava") and WORKERS not in sys.modules:
    settled = multiprocessing.get_start_method(allow_none=True)
    if settled not in (None, "fork"):
        raise LavaRunError(
            f"Lava starts its workers by fork, and multiprocessing's start method is {settled}; leave it, or use get_context({settled!r})"
        )
    multiprocessing.set_start_method(None, force=True)
    import_module(WORKERS)
