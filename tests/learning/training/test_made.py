"""A training goes on as it was made: other arguments are refused, and nobody who uses its parts changes it."""

import copy
import math
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from neuromorph.data import Dataset, load
from neuromorph.errors import ArtifactError, RangeError
from neuromorph.learning.registry import make_rule
from neuromorph.learning.rule import Rule, Settings
from neuromorph.learning.training import checkpoint
from neuromorph.learning.training.trainer import Trainer

LAYERS = (64, 12, 10)
SETTINGS = Settings(batch=20, epochs=4, schedule="cosine")
DATA = load("digits").first(60)


def training(
    rule: Rule | str = "dp",
    data: Dataset = DATA,
    seed: int = 0,
    feedback: str = "tied",
    keep_best: bool = True,
    **settings: Any,
) -> Trainer:
    """`options` of the rule are among the settings, as option_NAME."""
    options = {name[7:]: settings.pop(name) for name in list(settings) if name.startswith("option_")}
    rule = make_rule(rule, **options) if isinstance(rule, str) else rule
    return Trainer(
        rule.build(LAYERS, feedback), rule, data, replace(SETTINGS, **settings), seed=seed, validation=10, keep_best=keep_best, device="cpu"
    )  # fmt: skip


def weights(made: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in made.network.parameters()])


OTHER = {
    "rate": {"rate": 1e-2},
    "weight_decay": {"weight_decay": 0.1},
    "optimizer": {"optimizer": "adamw"},
    "momentum": {"optimizer": "sgd", "momentum": 0.5},
    "batch": {"batch": 25},
    "seed": {"seed": 5},
    "rule": {"rule": "dp-transpose"},
    "option beta": {"option_beta": 0.1},
    "schedule": {"schedule": "warmup-cosine"},
    "first": {"first": "lecun"},
    "feedback": {"feedback": "random"},
    "keep_best": {"keep_best": False},
    "data's fingerprint": {"data": load("digits").first(61)},
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, path = training(), tmp_path_factory.mktemp("made") / "dp.h5"
    made.fit(1)
    made.save(path)
    return path


@pytest.mark.parametrize("what", OTHER)
def test_a_checkpoint_of_a_training_with_anything_else_is_refused_and_told(what: str, saved: Path) -> None:
    with pytest.raises(ArtifactError, match=f"of another training: .*its {what}.* is .*, here ") as found:
        training(**OTHER[what]).load(saved)
    assert "\n" not in str(found.value)


def test_a_training_that_lasts_longer_goes_on_and_paths_may_be_texts(saved: Path, tmp_path: Path) -> None:
    longer = training(epochs=6)
    longer.load(str(saved))
    assert longer.epoch == 1
    longer.save(str(tmp_path / "longer.h5"))
    assert checkpoint.load(str(tmp_path / "longer.h5"))["epoch"] == 1


@pytest.mark.parametrize("options", [{}, {"persistent": True}])
def test_one_rule_trains_many_networks_and_each_as_if_it_were_the_first(options: dict[str, Any]) -> None:
    """Its random signs and the particles of the samples are those of the training, not of the rule."""
    rule = make_rule("ep", **options)
    before = rule.state_dict()["random"].tolist()
    found = []
    for _ in range(2):
        made = training(rule, optimizer="sgd")
        made.fit(2)
        found.append(weights(made))
    assert torch.equal(*found)
    assert rule.state_dict()["random"].tolist() == before
    assert rule.state_dict()["particles"] == []
    Trainer(rule.build((64, 9, 10)), rule, DATA, SETTINGS, device="cpu").fit(1)  # other layers


def test_looking_at_the_test_set_leaves_the_training_as_it_is() -> None:
    alone, watched = training(rate=0.05), training(rate=0.05)
    for _ in range(6):
        alone.fit(1)
        watched.fit(1)
        watched.test_accuracy()
        watched.network.zero_grad()
    assert torch.equal(weights(alone), weights(watched))
    best = watched.tested["epoch"]
    assert best < 6  # so that other weights than the last ones were tested
    again = training(rate=0.05)
    again.fit(best)
    assert again.accuracy(again._samples(DATA.test_images, DATA.test_labels)) == watched.test_accuracy()


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))], ids=["deepcopy", "pickle"]
)
def test_a_trainer_that_was_sent_elsewhere_ends_with_the_same_bits(copied: Any) -> None:
    made = training("ep-isd")
    made.fit(1)
    sent = copied(made)
    made.fit(2)
    assert not torch.equal(weights(made), weights(sent))
    sent.fit(2)
    assert torch.equal(weights(made), weights(sent))
    assert [entry["train_accuracy"] for entry in sent.history] == [entry["train_accuracy"] for entry in made.history]


RULE = """
from dataclasses import dataclass
from neuromorph.learning.rules.dual_propagation import DualPropagation

@dataclass(kw_only=True)
class Mine(DualPropagation):
    beta: float = 0.25
"""


def test_a_checkpoint_of_a_rule_whose_file_has_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    file = tmp_path / "made_of_mine.py"
    file.write_text(RULE)
    made = training(f"ste+{file}:Mine")
    made.save(tmp_path / "mine.h5")
    training(f"ste+{file}:Mine").load(tmp_path / "mine.h5")
    file.write_text(RULE + "# as before, but who knows")
    with pytest.raises(ArtifactError, match=r"its rule's file, by SHA-256, is '.*', here '"):
        training(f"ste+{file}:Mine").load(tmp_path / "mine.h5")


@pytest.mark.parametrize("count", [2.5, -1, True, "3", math.nan])
def test_counts_are_whole_numbers(count: Any) -> None:
    with pytest.raises(RangeError, match=r"epochs = .*: give a whole number, at least 0"):
        training().fit(count)
    for name in ("batch", "epochs"):
        with pytest.raises(RangeError, match=f"{name} = .*: give a whole number"):
            training(**{name: count})
    for arguments in ({"validation": count}, {"metrics": count}):
        with pytest.raises(RangeError, match="give a whole number, at least 0"):
            Trainer(make_rule("dp").build(LAYERS), make_rule("dp"), DATA, SETTINGS, **arguments)
