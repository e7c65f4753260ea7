"""Where compiled kernels are kept on disk; imported before any of them is compiled.

The folder's name holds a hash of everything that is compiled into kernels (laws, arithmetic, engine) and of Numba's version, so
an edited law is never run from stale code; Numba itself adds the CPU.
"""

import hashlib
import os
from importlib.metadata import version
from pathlib import Path

import numba

ROOT = Path(__file__).resolve().parents[1]
SIGNATURE_FOLDERS = ("laws", "arithmetic", "engine")


def sources_hash() -> str:
    digest = hashlib.sha256(version("numba").encode())
    for folder in SIGNATURE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled kernels lie: $NEUROMORPH_CACHE or ~/.cache/neuromorph, then the hash of their sources."""
    base = os.environ.get("NEUROMORPH_CACHE") or Path.home() / ".cache" / "neuromorph"
    return Path(base) / sources_hash()


numba.config.CACHE_DIR = str(cache_folder())
numba.config.THREADING_LAYER = "workqueue"  # OpenMP and the processes that Lava forks do not agree
