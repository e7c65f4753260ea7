"""An artifact keeps a law's name, source and signature; a user's law is given when it is read, and only that very one serves."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from commands import answer, call, refusal
from small_program import learner

from neuromorph.deploy.artifact.file import load, save
from neuromorph.deploy.artifact.hdf5 import CHECKSUM, digest, put_text
from neuromorph.deploy.artifact.provenance import Provenance
from neuromorph.engine.engine import Engine
from neuromorph.errors import ArtifactError, LawError
from neuromorph.laws.law import Law, Variable
from neuromorph.laws.lif import LIF
from neuromorph.program import Population, Program

TEXT = (Path(__file__).parent / "data" / "old_law.py").read_text(encoding="utf-8")


def law_in(path: Path, text: str = TEXT) -> Law:
    path.write_text(text, encoding="utf-8")
    names: dict[str, Any] = {}
    exec(compile(text, path, "exec", dont_inherit=True), names)
    return names["OLD"]  # type: ignore[no-any-return]


def cells(law: Law) -> Program:
    node = Population("cells", law, 3, {"leak": np.array([2]), "key": np.array([1, 2, 3])}, {"v": np.array([0, 70, -5])})
    return Program((node,), ())


def end(program: Program) -> np.ndarray:
    engine = Engine(program)
    engine.run(50)
    return engine.get("cells", "v")


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Path, Program]:
    """An artifact, the file of its law, the Program."""
    law_file, path = tmp_path / "law_of_a_user.py", tmp_path / "net.h5"
    program = cells(law_in(law_file))
    save(program, path, Provenance())
    return path, law_file, program


def test_a_users_law_comes_back_from_its_file_or_itself(saved: tuple[Path, Path, Program]) -> None:
    path, law_file, program = saved
    for laws in ([law_file], str(law_file), [LIF, program.populations[0].law]):
        loaded = load(path, laws=laws).program
        assert loaded.populations[0].law.key == program.populations[0].law.key
        assert np.array_equal(end(loaded), end(program))


def test_without_it_one_line_says_what_is_missing(
    saved: tuple[Path, Path, Program], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, law_file, _ = saved
    said = f"'{path}', /program/nodes/0: its neurons obey 'old', a law in a user's own file; give that: --laws FILE.py"
    for command in (["run", str(path), "--steps", "3"], ["inspect", str(path)]):
        assert said in refusal(monkeypatch, capsys, *command)
    assert call(monkeypatch, "run", str(path), "--steps", "3", "--laws", str(law_file), "--json") == 0
    assert answer(capsys)["step"] == 3
    assert call(monkeypatch, "inspect", str(path), "--laws", str(law_file), "--json") == 0
    assert answer(capsys)["nodes"][0]["law"] == "old"


def test_an_edited_law_is_another_one(saved: tuple[Path, Path, Program], tmp_path: Path) -> None:
    edited = law_in(tmp_path / "edited.py", TEXT.replace("v > 50", "v > 51"))
    with pytest.raises(ArtifactError, match="law 'old' was saved from another source than the one given has"):
        load(saved[0], laws=[edited])


def test_one_source_with_other_ranges_is_another_law(saved: tuple[Path, Path, Program]) -> None:
    law = saved[2].populations[0].law
    wider = replace(law, outputs=(Variable("s_out", 0, 4, "spike", even=True),))
    with pytest.raises(ArtifactError, match="law 'old' has other names or ranges there than the one given"):
        load(saved[0], laws=[wider])


def test_a_law_of_ours_is_known_by_its_signature_and_not_by_its_text(tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    save(learner(), path, Provenance())

    def reword(attribute: str, text: str) -> None:
        with h5py.File(path, "r+") as file:
            put_text(file["program/nodes/2"], attribute, text)
            put_text(file["program"], CHECKSUM, digest(file["program"]))

    reword("law_source", "0" * 64)
    assert load(path).program == learner()
    reword("law_signature", "{}")
    with pytest.raises(ArtifactError, match="law 'dyad' has other names or ranges there than this neuromorph's"):
        load(path)


def test_a_law_called_like_one_of_ours_is_not_saved(tmp_path: Path) -> None:
    lif = law_in(tmp_path / "law_called_lif.py", TEXT.replace('name="old"', 'name="lif"'))
    with pytest.raises(LawError, match="law 'lif': one of neuromorph's own"):
        save(cells(lif), tmp_path / "net.h5", Provenance())
    assert not (tmp_path / "net.h5").exists()


def test_a_file_without_a_law_is_refused(saved: tuple[Path, Path, Program], tmp_path: Path) -> None:
    (tmp_path / "lawless.py").write_text("from neuromorph.laws import LIF")
    with pytest.raises(LawError, match="holds no Law of its own"):
        load(saved[0], laws=[tmp_path / "lawless.py"])
