"""Writes down anew what Lava's models make of the demo's network and of the tests' Programs: `make records`, on Python 3.10."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "processes" / "equivalence"))

from recorded_programs import DEMO, FOLDER, PROGRAMS, STEPS

from neuromorph.processes.equivalence.recorded import RECORDS
from neuromorph.processes.equivalence.recording import record

if __name__ == "__main__":
    for folder, programs in ((FOLDER, {name: (make, STEPS) for name, make in PROGRAMS.items()}), (RECORDS, DEMO)):
        folder.mkdir(exist_ok=True)
        for name, (make, steps) in programs.items():
            record(make(), steps).save(folder / f"{name}.npz")
            print(folder / f"{name}.npz")
