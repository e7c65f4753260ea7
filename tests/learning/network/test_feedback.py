"""What comes down each way, written out, and who refuses which."""

import pytest
import torch
from torch import Tensor

from neuromorph.errors import RangeError
from neuromorph.learning.network.network import Network, mlp
from neuromorph.learning.registry import make_rule

SIZES = (5, 6, 7, 3)


def network_with(feedback: str) -> tuple[Network, list[Tensor], list[Tensor]]:
    """A network, states of its layers, and its feedback weights."""
    network = mlp(SIZES, feedback=feedback, seed=1).double()
    generator = torch.Generator().manual_seed(0)
    states = [torch.randn(4, size, generator=generator, dtype=torch.float64) for size in SIZES]
    return network, states, list(getattr(network.feedback, "weights", []))


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("feedback", ["tied", "random", "kolen-pollack", "sign", "direct"])
@torch.no_grad()
def test_what_comes_down_is_the_product_of_the_table(feedback: str, k: int) -> None:
    network, s, b = network_with(feedback)
    w = network.connection(k + 1).weight
    expected = {
        "tied": lambda: s[k + 1] @ w,
        "random": lambda: s[k + 1] @ b[k - 1],
        "kolen-pollack": lambda: s[k + 1] @ b[k - 1],
        "sign": lambda: s[k + 1] @ (b[k - 1].abs() * w.sign()),
        "direct": lambda: s[3] @ b[k - 1],
    }[feedback]()
    torch.testing.assert_close(network.down(k, s), expected, rtol=0, atol=1e-14)
    assert float(expected.abs().max()) > 0.1


@pytest.mark.parametrize("feedback", ["random", "kolen-pollack", "sign"])
@torch.no_grad()
def test_feedback_knows_nothing_of_the_weights_but_their_size(feedback: str) -> None:
    """Else it would be weight transport in the first step already. Nor of the stream that drew any of them."""
    network = mlp((300, 300, 300, 10), feedback=feedback, start="lecun")
    b = network.feedback.weights[0].flatten()
    for k in (1, 2):
        w = network.connection(k).weight.flatten()
        assert abs(float(torch.corrcoef(torch.stack([w, b]))[0, 1])) < 4 / 300
        assert float(b.std() / w.std()) == pytest.approx(1, abs=0.01)


def test_the_baseline_refuses_a_feedback_that_it_would_not_read() -> None:
    for feedback in ("random", "direct", "kolen-pollack", "sign"):
        for name in ("backprop", "ste+backprop"):
            with pytest.raises(RangeError, match="leave tied"):
                make_rule(name).fits(mlp(SIZES, feedback=feedback))
    make_rule("backprop").fits(mlp(SIZES))
