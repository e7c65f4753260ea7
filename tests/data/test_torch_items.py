"""Items of a torch Dataset become arrays with channels last; other things that have items are refused by what they lack."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from neuromorph.data import Dataset
from neuromorph.errors import DataError


@pytest.mark.needs("torch")
@pytest.mark.parametrize(("shape", "kept"), [((5,), (5,)), ((4, 3), (4, 3)), ((1, 4, 3), (4, 3)), ((3, 4, 2), (4, 2, 3))])
def test_tensors_are_what_arrays_are(shape: tuple[int, ...], kept: tuple[int, ...]) -> None:
    import torch

    x, y = torch.rand(20, *shape), torch.arange(20) % 4
    data = Dataset.from_torch(torch.utils.data.TensorDataset(x, y), test=0.3, seed=5)
    array = x.numpy().transpose(0, 2, 3, 1) if len(shape) == 3 else x.numpy()
    assert data.fingerprint == Dataset.from_arrays(array.reshape(20, *kept), y.numpy(), 0.3, 5).fingerprint
    held = torch.utils.data.TensorDataset(x[:8], y[:8])
    both = Dataset.from_torch(torch.utils.data.TensorDataset(x, y), held)
    assert len(both.train_labels) == 20
    assert len(both.test_labels) == 8


@pytest.mark.needs("torch")
def test_a_part_may_be_any_number_and_a_gradient_is_left_behind() -> None:
    import torch

    x, y = torch.rand(20, 4), torch.arange(20) % 2
    of_learned = torch.utils.data.TensorDataset(x.clone().requires_grad_(), y)
    plain = Dataset.from_torch(torch.utils.data.TensorDataset(x, y), test=0.5)
    assert Dataset.from_torch(of_learned, test=np.float32(0.5)).fingerprint == plain.fingerprint


@pytest.mark.needs("torch")
@pytest.mark.parametrize(
    ("kind", "says"), [("bfloat16", "BFloat16"), ("to_sparse", "[Ss]parse"), ("requires_grad_", "requires grad.*detach")]
)
def test_tensors_that_are_no_arrays_are_refused_in_one_line(kind: str, says: str) -> None:
    import torch

    x, y = getattr(torch.rand(20, 4), kind)(), torch.arange(20) % 2
    with pytest.raises(DataError, match=f"^mine, training: samples cannot become an array: .*{says}") as caught:
        Dataset.from_arrays(x, y, name="mine")
    assert "\n" not in str(caught.value)
    if kind != "requires_grad_":
        with pytest.raises(
            DataError, match=f"^torch, training: the values of item 0 cannot become an array: .*{says}.*dense"
        ):
            Dataset.from_torch(torch.utils.data.TensorDataset(x, y))


def test_labels_of_numbers_and_texts_are_refused() -> None:
    with pytest.raises(DataError, match="unequal kinds"):
        Dataset.from_torch([(np.ones(2), "1"), (np.ones(2), 1)])


def test_pictures_and_texts_need_no_torch() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 4, 3, 3), dtype=np.uint8)
    items = [(Image.fromarray(picture), "ab"[k % 2]) for k, picture in enumerate(pixels)]
    assert Dataset.from_torch(items).fingerprint == Dataset.from_arrays(pixels, ["a", "b"] * 5).fingerprint


@pytest.mark.parametrize(
    ("items", "says"),
    [
        (iter([]), "no length or no items by number; give a torch Dataset"),
        ([1, 2], "item 0 is a int, not a pair"),
        ([(np.ones(2), 0), np.ones(2)], "item 1 is a ndarray, not a pair"),
        ([(np.ones(2), 0), (np.ones(3), 1)], r"samples have shapes \(2,\), \(3,\); give one shape"),
        ([], "samples have shapes none"),
        ([(np.ones(2), np.eye(3)[0])] * 2, r"label of item 0 has shape \(3,\)"),
    ],
)
def test_what_is_no_data_set_is_refused(items: Any, says: str) -> None:
    with pytest.raises(DataError, match=f"torch, training: .*{says}"):
        Dataset.from_torch(items)
