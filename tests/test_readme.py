"""The README says what is: its table is the lowering's, its example runs."""

import re
from pathlib import Path
from typing import Any

import pytest

from neuromorph.processes.lowering.support import support_table

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_support_table_is_the_generated_one() -> None:
    assert support_table() in README, "run python -m neuromorph.processes.lowering.support and paste it"


@pytest.mark.parametrize("place", [0, 1])
def test_the_examples_learn(place: int) -> None:
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[place]
    said: list[Any] = []
    exec(compile(code, "README.md", "exec"), {"print": said.append})
    assert said[0] > 0.9
