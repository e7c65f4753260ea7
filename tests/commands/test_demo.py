"""The demo, from training to picture: with Lava, or against Lava's recorded bits."""

from pathlib import Path

import pytest
from commands import answer, call

from neuromorph.commands.demo import BITS
from neuromorph.data import load
from neuromorph.processes.equivalence.recorded import check_recorded
from neuromorph.runs.chip import first_images, network_of
from neuromorph.runs.folder import RunFolder


@pytest.mark.lava
@pytest.mark.needs("matplotlib")
@pytest.mark.filterwarnings("ignore::neuromorph.laws.weights.QuantizationWarning")
def test_the_demo_learns_digits_with_lava_s_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "demo", "-o", str(tmp_path / "demo"), "--json") == 0
    told = answer(capsys)
    assert (told["first_bits_equal"], told["first_bits_steps"], told["bits_equal"]) == (True, BITS, True)
    assert told["test_accuracy"] == told["artifact_accuracy"] >= 0.97
    assert Path(told["artifact"]).is_file()
    assert Path(told["picture"]).read_bytes().startswith(b"\x89PNG")
    trained = first_images(network_of(RunFolder.open(tmp_path / "demo" / "run")), load("digits"))
    assert check_recorded(trained, BITS).equal, "run make records"
