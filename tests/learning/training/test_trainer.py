"""The trainer: the same bits from one seed and across interruptions, honest splits, steps as the rule says them, errors that tell."""

import dataclasses
import math
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuromorph.data import Dataset
from neuromorph.errors import ArtifactError, DivergenceError, RangeError, RuleError
from neuromorph.learning.network.network import Network, convolutional, mlp
from neuromorph.learning.registry import RULES, make_rule, rule_class
from neuromorph.learning.rule import Batch, Outcome, Rule, Settings
from neuromorph.learning.training.batches import Batches, Samples, cropped
from neuromorph.learning.training.checkpoint import load
from neuromorph.learning.training.metrics import measure, saturation
from neuromorph.learning.training.options import parse_options
from neuromorph.learning.training.trainer import Trainer

SETTINGS = Settings(rate=0.01, batch=8, epochs=3)
LAYERS = (16, 6, 10)


def small_data(samples: int = 40, seed: int = 0) -> Dataset:
    """Images of 4 x 4, bright where their class says so."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, samples + 20)
    labels[:10] = range(10)
    images = random.integers(0, 100, (samples + 20, 4, 4), dtype=np.uint8)
    images.reshape(-1, 16)[np.arange(samples + 20), labels] += 150
    return Dataset("small", images[:samples], labels[:samples], images[samples:], labels[samples:], 10)


def coloured(images: np.ndarray) -> Samples:
    """Training samples of CIFAR-10's name, of one class each in turn."""
    labels = np.arange(len(images)) % min(10, len(images))
    data = Dataset("cifar10", images, labels, images, labels, int(labels.max()) + 1)
    return Samples(images, labels, data, mlp((3072, data.classes)))


def trainer(rule: Rule | str = "dp", settings: Settings = SETTINGS, data: Dataset | None = None, **options: Any) -> Trainer:
    rule = make_rule(rule) if isinstance(rule, str) else rule
    seed = options.get("seed", 0)
    return Trainer(rule.build(LAYERS, seed=seed), rule, data or small_data(), settings, **{"device": "cpu"} | options)


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Leaves of a state by their path; seconds differ between equal runs."""
    if isinstance(value, dict):
        items = {str(k): v for k, v in value.items() if k != "seconds"}
    elif isinstance(value, list | tuple):
        items = {str(k): v for k, v in enumerate(value)}
    else:
        return {path: value}
    return {name: leaf for key, entry in items.items() for name, leaf in flat(entry, f"{path}/{key}").items()}


def assert_same_bits(first: dict[str, Any], second: dict[str, Any]) -> None:
    a, b = flat(first), flat(second)
    assert a.keys() == b.keys()
    for name, leaf in a.items():
        same = torch.equal(leaf, b[name]) if isinstance(leaf, torch.Tensor) else repr(leaf) == repr(b[name])  # nan is nan
        assert same, name


@dataclasses.dataclass(kw_only=True)
class Scripted(Rule):
    """Backpropagation whose updates pass through `change(step, updates)`."""

    name, source = "scripted", "here"
    change: Any = None

    def __post_init__(self) -> None:
        self.steps = 0

    def step(self, network: Network, batch: Batch) -> Outcome:
        outcome = make_rule("backprop").step(network, batch)
        self.steps += 1
        return Outcome(self.change(self.steps, outcome.updates), outcome.output)


RESUMED = {
    "random schedule": ("dp", {"order": "random", "iterations": 3}, {"schedule": "warmup-cosine"}),
    "always on": ("ep-always-on", {"random": True, "length": 3}, {"optimizer": "sgd", "momentum": 0.5}),
    "particles": ("ep", {"free_steps": 4, "nudged_steps": 2}, {"optimizer": "sgd", "momentum": 0.9}),
}


@pytest.mark.parametrize("at", [1, 5, 6, 13])
@pytest.mark.parametrize("case", RESUMED)
def test_a_run_interrupted_after_any_batch_ends_with_the_same_bits(
    case: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parameters, optimiser, schedule, the rule's own state, accuracies of every epoch; 5 batches an epoch."""
    name, options, changes = RESUMED[case]
    made = [trainer(make_rule(name, **options), replace(SETTINGS, **changes), keep_best=True) for _ in range(3)]
    whole, broken, resumed = made
    whole.fit()
    steps, step = [], broken.rule.step

    def pressing(network: Network, batch: Batch) -> Outcome:
        steps.append(1)
        if len(steps) == at:
            signal.raise_signal(signal.SIGINT)
        return step(network, batch)

    monkeypatch.setattr(broken.rule, "step", pressing)
    with pytest.raises(KeyboardInterrupt):
        broken.fit()
    assert len(steps) <= at + 1
    broken.save(tmp_path / "checkpoint.h5")
    resumed.load(tmp_path / "checkpoint.h5")
    resumed.fit()
    assert_same_bits(whole.state_dict(), resumed.state_dict())
    assert whole.test_accuracy() == resumed.test_accuracy()


@pytest.mark.parametrize("name", RULES)
def test_every_rule_goes_on_from_its_checkpoint(name: str, tmp_path: Path) -> None:
    rule = rule_class(name)
    settings = replace(rule.settings, batch=10, epochs=2, rate=1e-3)
    first, second = (trainer(name, settings, small_data(20), validation=0, metrics=1) for _ in range(2))
    first.run_epoch()
    first.save(tmp_path / "checkpoint.h5")
    second.load(tmp_path / "checkpoint.h5")
    assert first.run_epoch().keys() == second.run_epoch().keys()
    assert_same_bits(first.state_dict(), second.state_dict())


def test_one_seed_gives_one_result_and_another_seed_another() -> None:
    states = []
    for seed in (3, 3, 4):
        made = trainer(seed=seed)
        made.fit()
        states.append(made.state_dict())
    assert_same_bits(states[0], states[1])
    assert not torch.equal(states[0]["parameters"]["connections.0.weight"], states[2]["parameters"]["connections.0.weight"])


class Counting(Dataset):
    """Counts how often the test set is read."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("test_"):
            counts = super().__getattribute__("__dict__").setdefault("counts", [])
            counts.append(name)
        return super().__getattribute__(name)


def test_the_test_set_is_read_once_and_only_when_asked_for() -> None:
    data = Counting(*(getattr(small_data(), f.name) for f in dataclasses.fields(Dataset)))
    vars(data).pop("counts")  # of the checks when it was made
    made = trainer(data=data, keep_best=True, metrics=1)
    made.fit()
    assert vars(data).get("counts", []) == []
    made.test_accuracy()
    assert sorted(vars(data)["counts"]) == ["test_images", "test_labels"]


def test_held_out_images_change_nothing_but_their_own_accuracy() -> None:
    """Neither do test images: other ones, the same weights."""
    data, other = small_data(), small_data(seed=1)
    swapped = replace(data, test_images=other.test_images, test_labels=other.test_labels)
    swapped.train_labels[-4:] = (swapped.train_labels[-4:] + 1) % 10
    first, second = trainer(), trainer(data=swapped)
    assert len(first.batches.samples) == 36
    assert [e["validation_accuracy"] for e in first.fit()] != [e["validation_accuracy"] for e in second.fit()]
    assert_same_bits(first.state_dict()["parameters"], second.state_dict()["parameters"])


def test_the_best_epoch_is_tested_when_asked_for_and_the_last_otherwise() -> None:
    best, last = trainer(keep_best=True, settings=replace(SETTINGS, rate=0.3)), trainer(settings=replace(SETTINGS, rate=0.3))
    history = best.fit(6)
    assert last.fit(6)[-1] == last.tested
    assert best.tested["validation_accuracy"] == max(entry["validation_accuracy"] for entry in history)
    assert best.tested["epoch"] < 6
    again = trainer(settings=replace(SETTINGS, rate=0.3))
    again.fit(best.tested["epoch"])
    with best.tested_weights():
        assert_same_bits(dict(best.network.state_dict()), dict(again.network.state_dict()))
    assert_same_bits(dict(best.network.state_dict()), dict(last.network.state_dict()))


def test_a_step_of_sgd_adds_rate_times_update_each_connection_at_its_own_rate() -> None:
    made = trainer(settings=replace(SETTINGS, optimizer="sgd", rate=(0.5, 0.25)))
    before = {name: p.clone() for name, p in made.network.named_parameters()}
    share = next(made.batches.epoch(0))
    with torch.no_grad():
        updates = {name: u.clone() for name, u in made.rule.step(made.network, share.batch).updates.items()}
    made.batches.epoch = lambda *_: iter([share])  # type: ignore[method-assign]
    made.run_epoch()
    for name, p in made.network.named_parameters():
        rate = 0.5 if ".0." in name else 0.25
        torch.testing.assert_close(p.data, before[name] + rate * updates[name], rtol=0, atol=1e-7)


def test_training_by_backpropagation_is_what_plain_pytorch_does() -> None:
    made = trainer("backprop", replace(SETTINGS, weight_decay=0.01))
    plain = make_rule("backprop").build(LAYERS)
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.01, weight_decay=0.01)
    for epoch in range(3):
        for share in made.batches.epoch(epoch):
            optimizer.zero_grad()
            (0.5 * (plain(share.batch.x) - share.batch.y) ** 2).sum(1).mean().backward()
            optimizer.step()
    made.fit()
    for name, p in plain.named_parameters():
        torch.testing.assert_close(made.network.get_parameter(name), p, rtol=1e-5, atol=1e-5)


def test_kolen_pollack_feedback_meets_the_forward_weights_geometrically() -> None:
    """W - B is multiplied by 1 - rate * decay at every step, whatever the updates are."""
    rule = make_rule("dp")
    settings = replace(SETTINGS, optimizer="sgd", rate=0.1, weight_decay=0.5)
    network = rule.build(LAYERS, "kolen-pollack")
    made = Trainer(network.double(), rule, small_data(), settings, device="cpu")
    forward, back = network.connection(2).weight, network.feedback.weights[0]
    apart = (forward - back).detach().clone()
    made.fit(2)
    torch.testing.assert_close((forward - back).detach(), apart * (1 - 0.1 * 0.5) ** made.step, rtol=1e-10, atol=1e-14)
    with pytest.raises(RangeError, match="decay"):
        Trainer(rule.build(LAYERS, "kolen-pollack"), rule, small_data(), SETTINGS)


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("constant", {0: 1.0, 10: 1.0, 20: 1.0}),
        ("cosine", {0: 1.0, 10: 0.5, 20: 0.0}),
        ("warmup-cosine", {0: 0.2, 1: 0.6, 2: 1.0, 11: 0.5, 20: 0.0}),
        ("exponential", {0: 1.0, 5: 0.99, 20: 0.99**4}),
    ],
)
def test_schedules_follow_their_formulas(name: str, factors: dict[int, float]) -> None:
    """20 steps: 4 epochs of 5 batches."""
    made = trainer(settings=replace(SETTINGS, epochs=4, schedule=name))  # type: ignore[arg-type]
    for step in range(21):
        if step in factors:
            assert made.schedule.get_last_lr()[0] == pytest.approx(0.01 * factors[step], abs=1e-12)
        made.optimizer.step()
        made.schedule.step()
    trained, rates = trainer(settings=replace(SETTINGS, epochs=4, schedule=name)), []  # type: ignore[arg-type]
    trained.optimizer.register_step_pre_hook(lambda *_: rates.append(trained.optimizer.param_groups[0]["lr"]))
    trained.fit()
    assert len(rates) == 20
    assert {t: rates[t] for t in factors if t < 20} == pytest.approx({t: 0.01 * factors[t] for t in factors if t < 20})
    assert [entry["rate"] for entry in trained.history] == [rates[t] for t in (4, 9, 14, 19)]


def test_rules_that_learn_within_a_step_are_told_the_rate_of_that_step() -> None:
    made = trainer("ep-always-on", replace(SETTINGS, optimizer="sgd", epochs=1, schedule="cosine"))
    told, step = [], made.rule.step

    def noting(network: Network, batch: Batch) -> Outcome:
        told.append(made.rule.rates_now["connections.1.weight"])
        return step(network, batch)

    made.rule.step = noting  # type: ignore[method-assign]
    made.fit()
    assert told == pytest.approx([0.01 * (1 + math.cos(math.pi * t / 5)) / 2 for t in range(5)])


def test_rules_are_told_of_epochs_and_keep_their_bounds() -> None:
    """AdaSTE's mu grows by the epoch, and a conductance stays within its bounds after steps that would leave them."""
    made = trainer("adaste+dp")
    made.fit(3)
    assert made.rule.mu_now == pytest.approx(0.01 * 1.05**2)  # type: ignore[attr-defined]
    circuit = trainer("resistive", replace(SETTINGS, optimizer="sgd", rate=1.0, epochs=1))
    circuit.fit()
    assert min(float(circuit.network.connection(k).weight.detach().min()) for k in (1, 2)) == 0


def test_feedback_that_learns_takes_the_rate_of_its_connection() -> None:
    rule = make_rule("dp")
    network = rule.build(LAYERS, "kolen-pollack").double()
    apart = (network.connection(2).weight - network.feedback.weights[0]).detach().clone()
    settings = replace(SETTINGS, optimizer="sgd", rate=(0.5, 0.1), weight_decay=0.5)
    made = Trainer(network, rule, small_data(), settings, device="cpu")
    made.fit(1)
    expected = apart * (1 - 0.1 * 0.5) ** made.step
    torch.testing.assert_close(
        (network.connection(2).weight - network.feedback.weights[0]).detach(), expected, rtol=1e-10, atol=1e-14
    )


def test_every_epoch_has_an_order_and_crops_of_its_own() -> None:
    """Each image is mirrored every other time, and moved by -4..4 pixels either way, all alike."""
    samples = coloured(np.zeros((900, 32, 32, 3), np.uint8))
    batches = Batches(samples, 900, seed=0)
    orders = [next(batches.epoch(epoch)).batch.places for epoch in (0, 1)]
    assert not torch.equal(*orders)
    assert all(torch.equal(order.sort().values, torch.arange(900)) for order in orders)
    crops = [batches._crops(epoch) for epoch in (0, 1)]
    assert float((crops[0] == crops[1]).all(1).double().mean()) < 0.03
    for drawn in crops:
        assert float(drawn[:, 2].double().mean()) == pytest.approx(0.5, abs=4 * 0.5 / 30)
        for moved in drawn[:, :2].unbind(1):
            counts = torch.bincount(moved, minlength=9).double()
            assert len(counts) == 9
            assert float(((counts - 100) ** 2 / 100).sum()) < 27  # chi-squared, 8 degrees of freedom


def test_every_image_of_a_batch_takes_its_own_crop() -> None:
    random = np.random.default_rng(0)
    images = random.integers(1, 256, (30, 32, 32, 3), dtype=np.uint8)
    samples = coloured(images)
    batches = Batches(samples, 7, seed=0)
    crops = batches._crops(3)
    for share in batches.epoch(3):
        expected = samples.batch(share.batch.places, torch.stack([crops[place] for place in share.batch.places]))
        assert torch.equal(share.batch.x, expected.x)


def test_shares_of_processes_partition_every_batch_and_a_sample_stays_with_its_process() -> None:
    """Three processes, batches of 7, 7 and 1: two of them have no sample of the last."""
    data = small_data(15)
    samples = Samples(data.train_images, data.train_labels, data, mlp(LAYERS))
    whole = [share.batch.places for share in Batches(samples, 7, seed=5).epoch(2)]
    assert sorted(torch.cat(whole).tolist()) == list(range(15))
    shares = [list(Batches(samples, 7, 5, rank, 3).epoch(2)) for rank in range(3)]
    for index, *own in zip(whole, *shares, strict=True):
        assert sum(share.part for share in own) == pytest.approx(1)
        parts = [share.batch.places.tolist() if share.part else [] for share in own]
        assert sorted(place for places in parts for place in places) == sorted(index.tolist())
        assert all(place % 3 == rank for rank, places in enumerate(parts) for place in places)
        assert {share.total for share in own} == {len(index)}
        assert all(len(share.batch.x) for share in own)


def test_crops_move_and_mirror_images_out_of_a_black_margin() -> None:
    images = torch.randint(1, 256, (3, 2, 8, 8), dtype=torch.uint8)
    still = torch.tensor([[4, 4, 0]] * 3)
    assert torch.equal(cropped(images, still), images)
    assert torch.equal(cropped(images, torch.tensor([[4, 4, 1]] * 3)), images.flip(3))
    moved = cropped(images, torch.tensor([[0, 8, 0]] * 3))
    assert torch.equal(moved[:, :, 4:, :4], images[:, :, :4, 4:])
    assert int(moved[:, :, :4].sum()) == int(moved[:, :, :, 4:].sum()) == 0


def test_cifar10_is_normalised_and_its_test_images_are_not_cropped() -> None:
    samples = coloured(np.full((4, 32, 32, 3), 51, np.uint8))
    x = next(samples.chunks()).x.view(4, 3, 32, 32)
    expected = (0.2 - torch.tensor([0.4914, 0.4822, 0.4465])) / torch.tensor([0.2023, 0.1994, 0.2010])
    torch.testing.assert_close(x.mean((0, 2, 3)), expected)
    trained = next(Batches(samples, 4, 0).epoch(0)).batch.x
    assert float(trained.view(4, 3, 32, 32).var((2, 3)).sum()) > 0


def test_metrics_know_the_gradient_and_leave_no_trace() -> None:
    rule, network = make_rule("dp", order="random", iterations=3), mlp(LAYERS)
    data = small_data()
    batch = Samples(data.train_images, data.train_labels, data, network).batch(torch.arange(30))
    before = rule.state_dict()["random"].clone()
    measure(network, rule, batch)
    assert torch.equal(rule.state_dict()["random"], before)
    exact = measure(network, make_rule("backprop"), batch)
    assert max(exact["angle"]) < 1e-5
    assert exact["norm_ratio"] == pytest.approx([1.0, 1.0])
    near, far = (max(measure(network, make_rule("dp", beta=beta), batch)["angle"]) for beta in (1e-3, 2.0))
    assert near < 0.1 < far
    product = (network.connection(2).weight @ network.connection(1).weight).detach()
    assert exact["lipschitz"] == pytest.approx(float(torch.linalg.svdvals(product)[0]))
    norms = [float(torch.linalg.svdvals(network.connection(k).weight.detach())[0]) for k in (1, 2)]
    assert exact["norm"] == pytest.approx(norms, rel=0.01)
    with torch.no_grad():
        network.connection(1).bias[:3] = -100.0
        network.connection(1).bias[3:] = 100.0
    assert saturation(network, batch.x) == [0.5, 0.0]


def test_with_convolutions_the_lipschitz_scale_is_the_product_of_exact_norms() -> None:
    network = convolutional((2, 6, 6), (3, 4), (10,)).double()
    network.connection(2).weight.data.mul_(5)
    x = torch.rand(5, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = measure(network, make_rule("backprop"), Batch(x, torch.eye(10, dtype=torch.float64)[:5], torch.arange(5)))
    norms = []
    for k in (1, 2, 3):
        connection = network.connection(k)
        units = torch.eye(math.prod(connection.pre), dtype=torch.float64).view(-1, *connection.pre)
        matrix = (connection.up(units) - connection.up(torch.zeros_like(units))).detach().flatten(1)
        norms.append(float(torch.linalg.svdvals(matrix)[0]))
    assert found["norm"] == pytest.approx(norms, rel=0.01)
    assert found["lipschitz"] == pytest.approx(math.prod(norms), rel=0.03)


@pytest.mark.parametrize("at", [7, 53])
def test_the_first_update_that_is_not_finite_is_told_with_layer_step_and_checkpoint(at: int, tmp_path: Path) -> None:
    def spoil(step: int, updates: Any) -> Any:
        if step == at:
            for name in ("weight", "bias"):
                updates[f"connections.0.{name}"].view(-1)[0] = math.nan
        return updates

    made = trainer(Scripted(change=spoil), replace(SETTINGS, epochs=20))
    made.run_epoch()
    path = tmp_path / "checkpoint.h5"
    made.save(path)
    with pytest.raises(DivergenceError, match=rf"update of layer 1 is not finite at step {at} .*checkpoint.h5' \(step 5\)"):
        made.fit()
    with pytest.raises(DivergenceError, match="not finite"):
        made.save(path)
    assert all(values.isfinite().all() for values in load(path)["parameters"].values())


def test_weights_that_explode_are_told() -> None:
    with pytest.raises(DivergenceError, match="of layer 1 is not finite at step 2"):
        trainer(settings=replace(SETTINGS, rate=1e30)).fit()


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    trainer().save(tmp_path / "dp.h5")
    for other in (trainer("ep"), trainer(settings=replace(SETTINGS, optimizer="sgd", rate=(0.1, 0.1)))):
        with pytest.raises(ArtifactError, match="another training"):
            other.load(tmp_path / "dp.h5")
    with pytest.raises(ArtifactError, match="another training"):
        Trainer(mlp((16, 7, 10)), make_rule("dp"), small_data(), SETTINGS, device="cpu").load(tmp_path / "dp.h5")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"optimizer": "adamant"}, "unknown optimizer 'adamant'; did you mean adamax.*adam"),
        ({"schedule": "linear"}, "unknown schedule 'linear'; did you mean cosine.*known are constant"),
        ({"momentum": 0.9}, "adam has no momentum"),
        ({"rate": 0.0}, "trains nothing"),
        ({"rate": (0.1, 0.1, 0.1)}, "3 rates for 2 connections"),
        ({"batch": 0}, "at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(RangeError, match=says):
        trainer(settings=replace(SETTINGS, **changes))


@pytest.mark.parametrize(
    ("options", "says"),
    [({"validation": 40}, "leave nothing"), ({"validation": 0, "keep_best": True}, "none are"), ({"device": "tpu"}, "tpu")],
)
def test_arguments_that_make_no_sense_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(RangeError, match=says):
        trainer(**options)


def test_networks_and_rules_that_do_not_fit_are_refused() -> None:
    rule = make_rule("dp")
    for sizes, says in (((15, 6, 10), "does not fit"), ((16, 6, 9), "scores 9 classes.*small has 10: .*with 10 outputs")):
        with pytest.raises(RangeError, match=says):
            Trainer(rule.build(sizes), rule, small_data(), SETTINGS, device="cpu")
    with pytest.raises(RuleError, match=r"changes nothing\.weight"):
        trainer(Scripted(change=lambda step, updates: {"nothing.weight": torch.ones(1)})).fit()


def test_options_are_converted_to_the_types_of_the_rule_s_fields() -> None:
    rule = rule_class("dp")
    found = parse_options(rule, ["alpha=0.25", "iterations=3", "damped=yes", "order=random", "loss = cross-entropy"])
    assert found == {"alpha": 0.25, "iterations": 3, "damped": True, "order": "random", "loss": "cross-entropy"}
    for text, says in (
        ("gamma=1", "has no option 'gamma'.*alpha, beta"),
        ("alpha", "name=value"),
        ("iterations=2.5", "iterations of rule dp cannot be '2.5'"),
        ("damped=perhaps", "true or"),
        ("order=perhaps", "forward-backward or parallel or random"),
    ):
        with pytest.raises(RangeError, match=says):
            parse_options(rule, [text])
