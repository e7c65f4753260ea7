"""docs/write-a-law.md, typed as printed into an empty folder: every command a process of its own, all with the same spikes."""

import re
from pathlib import Path

import pytest
from pages import typed

PAGE = (Path(__file__).parents[2] / "docs" / "write-a-law.md").read_text(encoding="utf-8")


def spikes(said: str) -> list[str]:
    return re.findall(r"\d+", said.split("[")[1])


def test_the_law_runs_natively_and_from_an_artifact_in_another_process(tmp_path: Path) -> None:
    said = dict(typed(PAGE, tmp_path, without=("check-bits",), apart=True))
    counts = spikes(said["python try_it.py"])
    assert 0 < int(counts[2]) < int(counts[1]) < int(counts[0])  # the more a spike raises the threshold, the fewer there are
    (again,) = (printed for command, printed in said.items() if "--laws" in command)
    assert spikes(again) == counts
    lines = re.search(r"```python\n# my_neuron\.py\n(.*?)```", PAGE, re.DOTALL)
    assert lines is not None
    assert len(lines[1].strip().splitlines()) <= 35


@pytest.mark.needs("lava")
def test_and_in_lava(tmp_path: Path) -> None:
    said = [printed for command, printed in typed(PAGE, tmp_path, apart=True) if "check-bits" in command]
    assert len(said) == 2
    assert all("all bits agree" in printed for printed in said)
