"""Floating point over batches: PyTorch tensors, on whatever device they are."""

import torch

from neuromorph.arithmetic.floating import FLOATING

TENSORS = FLOATING._replace(
    select=torch.where,
    clip=torch.clamp,
    floor=torch.floor,
    whole=lambda x: torch.as_tensor(x).to(torch.int64),
    add_portion=lambda x, y, p: torch.add(x, y, alpha=p / 256.0),
    approach=lambda x, y, p: torch.lerp(x, y, p / 256.0),
)
