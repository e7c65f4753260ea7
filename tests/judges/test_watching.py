"""Labels follow a tensor through every operation, view and in-place write."""

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import Tensor

from neuromorph.judges.watching import Label, Watch

A, B = Label(1, 1, 0), Label(2, 2, 1)


def labelled(*of: Label) -> tuple[Watch, list[Tensor]]:
    watch = Watch(lambda labels, reader: None)
    return watch, [watch.label(torch.rand(4, 3) + 0.1, {label}) for label in of]


UNITWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "arithmetic": lambda a: 2 * a.exp() - a / (a + 1),
    "comparison": lambda a: torch.where(a > 0.5, a, -a),
    "chance": lambda a: torch.bernoulli(a.clamp(0, 1)),
    "another type": lambda a: a.double(),
    "another shape": lambda a: a.view(4, 3, 1).unsqueeze(0).squeeze().flatten(),
    "all units, sliced": lambda a: a[:, 0:],
    "some samples": lambda a: a[1:3][torch.tensor([1, 0])],
    "both compartments in one batch": lambda a: torch.cat([a, a + 1]),
    "a loop in place": lambda a: torch.zeros(4, 3).add_(a).mul_(2),
    "a bias of its own": lambda a: a + torch.ones(3),
}
MIXED: dict[str, Callable[[Tensor], Tensor]] = {
    "a sum": lambda a: a.sum(),
    "a mean of units": lambda a: a.mean(1),
    "a product of matrices": lambda a: a @ torch.ones(3, 2),
    "all pairs": lambda a: a.unsqueeze(2) * a.unsqueeze(1),
    "a unit": lambda a: a[:, 0],
    "a unit, seen by all": lambda a: a[:, 0].unsqueeze(1).expand(4, 3),
    "a unit, seen by all, in place": lambda a: torch.zeros(4, 3).add_(a[:, 1].unsqueeze(1)),
    "units turned round": lambda a: a.flip(1),
    "units by a mask": lambda a: a[:, torch.tensor([True, False, True])],
    "cumulated": lambda a: a.cumsum(1),
    "side by side": lambda a: torch.cat([a, a], 1),
}


@pytest.mark.parametrize("name", UNITWISE)
def test_what_acts_on_each_unit_by_itself_keeps_labels_as_they_are(name: str) -> None:
    watch, (a,) = labelled(A)
    with watch:
        found = UNITWISE[name](a)
    assert watch.of(found) == {A}


@pytest.mark.parametrize("name", MIXED)
def test_what_mixes_units_says_so_and_leaves_what_it_read_clean(name: str) -> None:
    watch, (a,) = labelled(A)
    with watch:
        found = MIXED[name](a)
    assert watch.of(found) == {A, "layer"}
    assert watch.of(a) == {A}


def test_a_part_of_the_units_goes_with_the_same_part_and_with_no_other() -> None:
    watch, (a, b) = labelled(A, B)
    with watch:
        assert watch.of(a[:, 1:] * b[:, -2:]) == {A, B, "units 1:3:1"}
        assert "layer" in watch.of(a[:, 1:] * b[:, :2])
        assert "layer" in watch.of(a[:, :1] * b)
        assert "layer" in watch.of(a[:, :1].expand(4, 3) * b)
        a[:, 1:] += b[:, 1:]
        assert watch.of(a) == {A, B}
        a[:, 1:] += b[:, :2]
        assert watch.of(a) == {A, B, "layer"}


def test_a_sum_over_samples_alone_mixes_samples_alone() -> None:
    watch, (a,) = labelled(A)
    with watch:
        assert watch.of(a.sum(0)) == watch.of(a.mean(dim=-2)) == {A, "batch"}
        assert watch.of(a.mean((0, 1))) == {A, "layer"}


def test_two_sources_are_two_labels() -> None:
    watch, (a, b) = labelled(A, B)
    with watch:
        assert watch.of(torch.lerp(a, b, 0.5)) == watch.of(torch.where(a > 0, b, 1.0)) == {A, B}


def test_a_write_through_a_view_reaches_the_whole() -> None:
    watch, (a, b) = labelled(A, B)
    with watch:
        a.view(-1)[2:5].copy_(b.view(-1)[:3])
    assert {A, B} <= watch.of(a)


def test_shapes_carry_nothing() -> None:
    watch, (a,) = labelled(A)
    with watch:
        assert watch.of(torch.zeros_like(a)) == watch.of(a.new_ones(2)) == watch.of(torch.zeros(a.shape)) == frozenset()


def test_a_gradient_carries_what_the_loss_was_made_of() -> None:
    watch, (a, b) = labelled(A, B)
    weight = torch.ones(3, requires_grad=True)
    with watch:
        (gradient,) = torch.autograd.grad(((a * weight).relu() * b).sum(), [weight])
    assert {A, B} <= watch.of(gradient)


LEAVING: dict[str, Callable[[Tensor], object]] = {
    "a number": lambda a: float(a.max()),
    "a truth": lambda a: bool((a > 0).all()),
    "a comparison": lambda a: torch.equal(a, a + 1),
    "an argument": lambda a: torch.full((2,), a[0, 0]),
    "numpy()": lambda a: a.numpy(),
    "an array": lambda a: np.asarray(a),
    "a function of NumPy": lambda a: np.sqrt(a),
    "tolist()": lambda a: a.tolist(),
    "a storage": lambda a: a.untyped_storage()[0],
    "an address": lambda a: a.data_ptr(),
    "another library": lambda a: np.from_dlpack(a),
    "a text": lambda a: str(a),
    "a function of Python": lambda a: a.apply_(lambda value: value),
    "a list of numbers": lambda a: torch.tensor([a[0, 0], a[0, 1]]),
    "a list of numbers, as one of its kind": lambda a: a.new_tensor([a[0, 0]]),
    "how many": lambda a: len(a[a > 0.5]),
    "where": lambda a: a.nonzero(),
    "how many differ": lambda a: a.unique(),
}


@pytest.mark.parametrize("name", LEAVING)
def test_a_value_that_leaves_the_tensors_is_told_with_its_labels_and_the_code_that_took_it(name: str) -> None:
    told = []
    watch = Watch(lambda labels, reader: told.append((A in labels, reader.f_code)))
    a = watch.label(torch.rand(4, 3) + 0.1, {A})
    with watch:
        LEAVING[name](a)
    assert set(told) == {(True, LEAVING[name].__code__)}


STAYING: dict[str, Callable[[Tensor], object]] = {
    "a shape": lambda a: a.new_zeros(len(a), *a.shape),
    "a tensor of other numbers": lambda a: a.new_tensor([1.0]) + torch.tensor([2.0]),
    "units by their places": lambda a: a[:, torch.tensor([2, 0])],
    "a pause": lambda a: a.tolist(),
}


@pytest.mark.parametrize("name", STAYING)
def test_a_value_that_stays_in_the_tensors_is_not_told(name: str) -> None:
    told = []
    watch = Watch(lambda labels, reader: told.append(labels))
    a = watch.label(torch.rand(4, 3), {A})
    with watch, watch.paused() if name == "a pause" else nullcontext():
        STAYING[name](a)
    a.tolist()
    assert told == []


def test_nothing_is_labelled_in_a_pause() -> None:
    watch, (a,) = labelled(A)
    with watch, watch.paused():
        assert watch.of(a + 1) == frozenset()
