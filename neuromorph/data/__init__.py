"""Data sets: ours by name and anyone's own, checked once, and scaled for batches and for the chip.

`load` reads a name, an .npz, a .csv, a folder of pictures or of IDX files; `Dataset.from_arrays` and `Dataset.from_torch` take what is
in memory. `Dataset.scaling` says how values become numbers of a batch and payloads of the chip. docs/your-data.md leads through all.
"""

from neuromorph.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
