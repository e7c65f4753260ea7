"""The README's examples run, and the one that it leads to; it stays a page that one reads."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = README + (ROOT / "docs" / "by-hand.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGES, re.DOTALL)
NEEDS = {"from lava.": "lava", "neuromorph.learning": "torch"}
"""What an example imports, and the package behind it."""


def example(code: str, name: str) -> Any:
    needed = [package for words, package in NEEDS.items() if words in code]
    return pytest.param(code, id=name, marks=pytest.mark.needs(*needed))


@pytest.mark.parametrize("code", [*map(example, EXAMPLES, ("in four lines", "in Lava", "in batches", "by hand"))])
def test_the_examples_learn(code: str) -> None:
    said: list[Any] = []
    exec(compile(code, "README.md", "exec"), {"print": said.append})
    assert said[0] > 0.9


def test_it_is_one_page_of_public_names() -> None:
    assert len(README.splitlines()) <= 200
    imported = re.findall(r"from (neuromorph[\w.]*) import", README)
    assert imported
    assert max(module.count(".") for module in imported) == 1
