"""docs/write-a-rule.md does what it says when it is typed into an empty folder."""

import json
from pathlib import Path

import pytest
from pages import typed

PAGE = (Path(__file__).parents[2] / "docs" / "write-a-rule.md").read_text(encoding="utf-8")


@pytest.mark.needs("torch")
@pytest.mark.timeout(600)
def test_the_page_works_as_printed(tmp_path: Path) -> None:
    said = dict(typed(PAGE, tmp_path))
    assert len(said) == PAGE.count("\n    neuromorph ")
    tied, random, smooth = (text for command, text in said.items() if "check-gradient" in command)
    for text in (tied, smooth):
        assert "worst angle 0.00" in text
    assert float(random.split("worst angle ")[1].split()[0]) > 60
    (local,) = (text for command, text in said.items() if "check-locality" in command)
    assert "local in space: yes; local in time: no" in local
    assert "not local:" not in local
    (cost,) = (text for command, text in said.items() if "bench" in command)
    assert [line.split()[0] for line in cost.splitlines() if "of its products" in line] == ["my_rule.py:Downward", "dp"]
    assert "an error, a layer" in said["neuromorph rules my_rule.py:Downward"]
    mine = json.loads((tmp_path / "mine" / "run.json").read_text())
    assert len(mine["history"]) == 12
    assert mine["results"]["test_accuracy"] > 0.9
    assert "test accuracy" in said["neuromorph train --rule ste+my_rule.py:Downward --epochs 2 -o one_bit"]
