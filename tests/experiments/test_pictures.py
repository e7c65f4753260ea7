"""Pictures of experiments: texts that can be read, bars that begin at zero or are marked, the paper's claims beside ours."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from pictures import faults, is_cut

from neuromorph.experiments import pictures, summary
from neuromorph.experiments.catalogue import experiment

RESULTS = {file.stem: file for file in sorted((Path(__file__).parents[2] / summary.RESULTS).glob("*.json"))}
GRIDS = ("adaste-binary", "dp-schedules", "ep-mnist", "feedback-paths", "two-tales-1", "two-tales-2", "two-tales-3-quick")


def result_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULTS[name].read_text())
    return found


def drawn(result: dict[str, Any]) -> Figure:
    return pictures.picture(experiment(result["name"]).draw, result)


def bars_of(figure: Figure) -> Iterator[Any]:
    """Axes with bars."""
    return (axes for axes in figure.axes if axes.containers and any(hasattr(c, "patches") for c in axes.containers))


@pytest.mark.parametrize("name", RESULTS)
def test_a_committed_result_can_be_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No text lies over another one or leaves the picture; bars begin at zero or say that they do not; every claim is there."""
    result = result_of(name)
    figure = drawn(result)
    assert faults(figure, monkeypatch) == []
    assert all(axes.get_xlim()[0] == 0 or is_cut(axes) for axes in bars_of(figure))
    assert ("QUICK" in figure.get_suptitle()) == result["quick"]
    table = " ".join(figure.get_supxlabel().split())
    assert all(str(entry["name"]).split()[0] in table for entry in result["claims"])


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("told", ["diverged", "not run"])
def test_rows_without_a_figure_say_why(name: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = result_of(name)
    result["rows"] = [row | {"test %": told, "+-": None} for row in result["rows"]]
    figure = drawn(result)
    assert faults(figure, monkeypatch) == []
    assert all(told in label.get_text() for label in next(bars_of(figure)).child_axes[0].get_yticklabels())


def test_long_names_many_rows_and_several_bars_a_row_do_not_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"cell": f"a row with a rather long name, number {k}", "test %": 60.0 + k, "+-": 20.0} for k in range(40)]
    claim = {"paper": "word " * 40, "ours": "figure " * 40, "spread": None, "holds": None}
    claims = [claim | {"name": row["cell"] + " and more " * 10} for row in rows[:5]]
    result = {"name": "", "title": "a title " * 30, "quick": True, "seeds": 3, "rows": rows, "claims": claims}
    assert faults(pictures.picture(pictures.bars, result), monkeypatch) == []


@pytest.mark.parametrize(
    ("values", "cut"), [((98.0, 97.0), True), ((98.0, 60.0), False), ((98.0,), True), ((0.0, 0.0), False)]
)
def test_an_axis_is_cut_only_where_all_bars_are_long(values: tuple[float, ...], cut: bool) -> None:
    axes = pictures.horizontal(Figure().subplots(), [str(v) for v in values], {"ours": [(v, 0.1) for v in values]})
    low, high = axes.get_xlim()
    assert is_cut(axes) == cut == (low > 0)
    assert low < min(values) + 1e-9
    assert high > max(values)


def test_bars_and_their_spreads_are_those_of_the_rows() -> None:
    result = result_of("feedback-paths")
    axes = next(bars_of(drawn(result)))
    bars = next(container for container in axes.containers if hasattr(container, "patches"))
    assert [bar.get_width() for bar in bars] == [row["test %"] for row in result["rows"]]
    (spreads,) = bars.errorbar.lines[2]
    halves = [(segment[1][0] - segment[0][0]) / 2 for segment in spreads.get_segments()]
    assert halves == pytest.approx([row["+-"] for row in result["rows"]])


def test_what_the_paper_says_stands_beside_the_bar() -> None:
    figure = drawn(result_of("two-tales-2"))
    said = [label.get_text() for label in next(bars_of(figure)).child_axes[0].get_yticklabels()]
    assert said[1] == "87.72 ± 4.43   paper: fails"


def test_all_pictures_are_made_again_from_their_results(tmp_path: Path) -> None:
    (tmp_path / "isd-ff.json").write_text(RESULTS["isd-ff"].read_text())
    summary.redraw(tmp_path)
    assert (tmp_path / "isd-ff.png").read_bytes().startswith(b"\x89PNG")
