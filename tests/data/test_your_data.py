"""docs/your-data.md does what it says when it is typed into an empty folder."""

from importlib.util import find_spec
from pathlib import Path

from pages import typed

PAGE = (Path(__file__).parents[2] / "docs" / "your-data.md").read_text(encoding="utf-8")


def test_the_page_works_as_printed(tmp_path: Path) -> None:
    without = () if find_spec("torch") else ("--rule", "from_torch.py")
    said = dict(typed(PAGE, tmp_path, without))
    assert len(said) == PAGE.count("\n    python ") + PAGE.count("\n    neuromorph ") - 2 * bool(without)
    assert all("test accuracy" in text for command, text in said.items() if command.startswith("neuromorph"))
    assert "mine: 400 training and 100 test samples of 16, 4 classes, scaled as table" in said["python in_python.py"]
    assert "254 32" in said["python in_python.py"]
