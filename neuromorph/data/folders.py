"""Where the files of a data set that has a name are looked for.

In `data_dir` if it is given, otherwise in `$NEUROMORPH_DATA` and then in `./data`; in each of these first in the subfolder named after the
set, then in the folder itself. The first folder that holds all the files of the set is read.
"""

from __future__ import annotations

import os
from pathlib import Path

from neuromorph.errors import DataError


def find_folder(
    name: str, data_dir: Path | str | None, files: tuple[tuple[str, ...], ...], *, only_named: bool = False
) -> Path:
    """Return the first folder that holds, of each tuple in `files`, at least one; `only_named`: of those named after the set."""
    folders = [folder for root in _roots(data_dir) for folder in (root / name, root)]
    if only_named:
        folders = [folder for folder in folders if folder.absolute().name == name]
    for folder in folders:
        if all(any((folder / file).is_file() for file in alternatives) for alternatives in files):
            return folder
    looked_in = ", ".join(str(folder.absolute()) for folder in folders)
    looked_for = ", ".join(" or ".join(alternatives) for alternatives in files)
    raise DataError(
        f"data set {name!r} not found: looked in {looked_in} for {looked_for}. Nothing is downloaded: put "
        "the files there, or say where they are with --data-dir (data_dir=) or $NEUROMORPH_DATA."
    )


def _roots(data_dir: Path | str | None) -> list[Path]:
    if data_dir is not None:
        return [Path(data_dir)]
    from_environment = os.environ.get("NEUROMORPH_DATA")
    return [Path(from_environment), Path("data")] if from_environment else [Path("data")]
