"""The table of what runs natively is made from the lowering."""

from pathlib import Path

from neuromorph.processes.lowering.support import support_table

PAGE = Path(__file__).parents[3] / "docs" / "native.md"


def test_the_support_table_is_the_generated_one() -> None:
    assert support_table() in PAGE.read_text(encoding="utf-8"), (
        "run python -m neuromorph.processes.lowering.support and paste it"
    )
