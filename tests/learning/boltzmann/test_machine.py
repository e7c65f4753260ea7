"""Boltzmann machines: exact likelihoods, chains that reach the exact distribution, and phases that follow its gradient."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from neuromorph.data import load
from neuromorph.engine.chains import gibbs
from neuromorph.errors import ArtifactError, DivergenceError, RangeError
from neuromorph.learning.boltzmann.machine import METHODS, BoltzmannMachine, Sampler, binary_states
from neuromorph.phases import optimal_p

Array = npt.NDArray[np.float64]
OPTIMUM, UNIFORM = 32 * np.log(32) - 4 * np.log(2), 32 * 16 * np.log(2)
KINDS = pytest.mark.parametrize("coupled", [False, True], ids=["restricted", "semi-restricted"])


def bars_and_stripes() -> Array:
    return (load("bars-and-stripes").train_images.reshape(32, 16) > 0).astype(np.float64)


def machine(visible: int, hidden: int, coupled: bool = False, seed: int = 0) -> BoltzmannMachine:
    return BoltzmannMachine.drawn(visible, hidden, coupled=coupled, scale=1.0, seed=seed)


def joint(m: BoltzmannMachine) -> Array:
    """p(h, v) of all states, (2^hidden, 2^visible), from the energy and nothing else."""
    hidden, visible = m.weights.shape
    h, v = binary_states(hidden), binary_states(visible)
    minus_energy = h @ m.weights @ v.T + (h @ m.bias)[:, None]
    if m.couplings.size:
        minus_energy += 0.5 * (h @ m.couplings * h).sum(1)[:, None]
    p = np.exp(minus_energy)
    return p / p.sum()


def gradient(m: BoltzmannMachine, data: Array) -> dict[str, Array]:
    """Of the mean log-likelihood of the rows: clamped minus free expectations of h v^T, h and h h^T."""
    hidden, visible = m.weights.shape
    h, v, p = binary_states(hidden), binary_states(visible), joint(m)
    shown = np.array([(data == row).all(1).mean() for row in v])
    difference = p / p.sum(0) * shown - p
    couplings = (h.T * difference.sum(1)) @ h * (1 - np.eye(hidden))
    return {"weights": h.T @ difference @ v, "bias": h.T @ difference.sum(1), "couplings": couplings}


def test_a_machine_without_weights_is_uniform() -> None:
    blank = BoltzmannMachine(np.zeros((16, 16)), np.zeros(16), np.zeros((0, 0)))
    data = bars_and_stripes()
    assert blank.negative_log_likelihood(data) == pytest.approx(UNIFORM) == pytest.approx(354.9, abs=0.05)
    assert blank.total_variation(data) == pytest.approx(1 - 30 / 2**16)


def test_no_machine_beats_the_distribution_of_the_data() -> None:
    assert pytest.approx(108.13, abs=0.005) == OPTIMUM
    rows, counts = np.unique(bars_and_stripes(), axis=0, return_counts=True)
    assert len(rows) == 30
    assert -(counts * np.log(counts / 32)).sum() == pytest.approx(OPTIMUM)
    for seed in range(5):
        assert machine(16, 6, seed=seed).negative_log_likelihood(bars_and_stripes()) > OPTIMUM


def test_a_machine_with_one_unit_a_pattern_reaches_it() -> None:
    """A hidden unit that is on for one pattern alone multiplies its probability by (1 + e^c); bars and stripes of 3 x 3."""
    bits = (np.arange(8)[:, None] >> np.arange(3) & 1).astype(np.float64)
    bars = np.repeat(bits[:, None], 3, axis=1)
    data = np.concatenate([bars, bars.swapaxes(1, 2)]).reshape(16, 9)
    patterns, counts = np.unique(data, axis=0, return_counts=True)
    steep, lift = 60.0, 25.0
    exact = BoltzmannMachine(steep * (2 * patterns - 1), -steep * patterns.sum(1) + lift + np.log(counts), np.zeros((0, 0)))
    assert exact.negative_log_likelihood(data) == pytest.approx(16 * np.log(16) - 4 * np.log(2), abs=1e-6)
    assert exact.total_variation(data) < 1e-7


@KINDS
def test_likelihoods_are_those_of_the_energy(coupled: bool) -> None:
    m = machine(5, 4, coupled)
    p = np.exp(m.log_likelihoods(binary_states(5)))
    np.testing.assert_allclose(p, joint(m).sum(0), rtol=1e-12)
    data = binary_states(5)[[3, 3, 17]]
    q = np.bincount([3, 3, 17], minlength=32) / 3
    assert m.total_variation(data) == pytest.approx(0.5 * np.abs(p - q).sum())
    assert m.negative_log_likelihood(data) == pytest.approx(-2 * np.log(p[3]) - np.log(p[17]))


@KINDS
@pytest.mark.parametrize("clamped", [0, 2, 3])
def test_the_chain_settles_into_the_exact_distribution(coupled: bool, clamped: int) -> None:
    """Total variation between 30000 steps of the chain and p(h, v), or p(h, v | the first visible units). Counts of independent
    samples would give about 0.4 sqrt(states / steps) = 0.026."""
    m, steps = machine(3, 4, coupled, seed=3), 30_000
    v, h, clock = np.array([1.0, 0.0, 1.0]), np.zeros(4), np.zeros(3, dtype=np.int64)
    held = v[:clamped].copy()
    counts = np.zeros((16, 8))
    for _ in range(steps):
        gibbs(m.weights, m.bias, m.couplings, v, h, clamped, np.uint64(12345), clock)
        counts[int(h @ 2 ** np.arange(4)), int(v @ 2 ** np.arange(3))] += 1
    expected = joint(m) * (binary_states(3)[:, :clamped] == held).all(1)
    assert 0.5 * np.abs(counts / steps - expected / expected.sum()).sum() < 0.035
    assert clock[2] == steps


LONG = [
    ("cd", 30, 0.5, 20_000), ("pcd", 3, 0.5, 20_000), ("isd", 30, 0.5, 20_000), ("isd", 30, 0.25, 20_000),
    ("isd", 30, None, 20_000), ("always-on", 150, 0.4, 20_000), ("random-length", 150, 0.4, 30_000),
]  # fmt: skip


@KINDS
@pytest.mark.parametrize(("method", "length", "p", "changes"), LONG)
def test_with_long_phases_the_mean_change_is_the_gradient_of_the_likelihood(
    coupled: bool, method: str, length: int, p: float | None, changes: int
) -> None:
    """At a rate so small that the machine stands still. Every step of always-on learning counts: what is left of the last
    phase at its beginning biases it by (mixing time) / length."""
    m, data = machine(4, 3, coupled, seed=1), binary_states(4)[[3, 3, 5, 12]]
    before, rate = m.copy(), 1e-9
    Sampler(m, data, method, rate=rate, length=length, p=p).run(changes)
    for name, exact in gradient(before, data).items():
        if coupled or name != "couplings":
            mean = (getattr(m, name) - getattr(before, name)) / (rate * changes)
            np.testing.assert_allclose(mean, exact, atol=0.035, err_msg=name)


@KINDS
def test_particles_of_one_step_follow_the_gradient_where_chains_from_the_data_do_not(coupled: bool) -> None:
    """Of a machine that mixes slowly: PCD-1 sees the machine, CD-1 mostly the data."""

    def distance(method: str) -> float:
        m, data = machine(4, 3, coupled, seed=1), binary_states(4)[[3, 3, 5, 12]]
        m.weights *= 2
        before, rate, changes = m.copy(), 1e-9, 60_000
        Sampler(m, data, method, rate=rate, length=1).run(changes)
        means = {name: (getattr(m, name) - getattr(before, name)) / (rate * changes) for name in ("weights", "bias")}
        return max(float(np.abs(means[name] - gradient(before, data)[name]).max()) for name in means)

    assert distance("pcd") < 0.02
    assert distance("cd") > 0.15


@KINDS
def test_the_running_p_is_that_of_least_variance(coupled: bool) -> None:
    """p* of A and C, the exact means of |g|^2 (changes of W, b and off the diagonal of C) clamped and free."""
    m, data = machine(4, 3, coupled, seed=1), binary_states(4)[[15, 15, 7, 14]]
    m.weights -= 1
    h, v, p = binary_states(3), binary_states(4), joint(m)
    active = h.sum(1, keepdims=True)
    square = active * (v.sum(1) + 1 + (active - 1) * coupled)
    shown = np.array([(data == row).all(1).mean() for row in v])
    best = optimal_p(float((p / p.sum(0) * shown * square).sum()), float((p * square).sum()))
    assert abs(best - 0.5) > 0.05
    sampler = Sampler(m, data, "isd", rate=1e-9, length=30, p=None)
    sampler.phases.memory = 60_000
    sampler.run(60_000)
    assert sampler.phases.now == pytest.approx(best, abs=0.01)


def test_couplings_stay_symmetric_without_a_diagonal() -> None:
    m = machine(4, 5, coupled=True)
    Sampler(m, binary_states(4)[:5], "always-on", rate=0.1, length=10).run(300)
    np.testing.assert_array_equal(m.couplings, m.couplings.T)
    np.testing.assert_array_equal(np.diag(m.couplings), 0)


def trained(
    method: str, pieces: tuple[int, ...], *, coupled: bool = False, length: int = 7, p: float | None = 0.4
) -> BoltzmannMachine:
    """After so many changes, each piece by a sampler of its own that goes on from the last one's state."""
    m, state = machine(4, 3, coupled), None
    for count in pieces:
        sampler = Sampler(m, binary_states(4)[[3, 5, 12]], method, rate=0.05, length=length, p=p, seed=2)
        if state is not None:
            sampler.load_state_dict(state)
        sampler.run(count)
        state, m = sampler.state_dict(), m.copy()
    return m


def equal(first: BoltzmannMachine, second: BoltzmannMachine) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ("weights", "bias", "couplings"))


@KINDS
@pytest.mark.parametrize(("method", "p"), [*((method, 0.4) for method in METHODS), ("isd", None)])
def test_a_run_cut_anywhere_gives_the_same_bits(
    method: str, p: float | None, coupled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(method, (60,), coupled=coupled, p=p)
    assert not equal(whole, machine(4, 3, coupled))
    assert equal(trained(method, (17, 1, 42), coupled=coupled, p=p), whole)
    monkeypatch.setattr("neuromorph.learning.boltzmann.machine.BLOCK", 30)
    assert equal(trained(method, (60,), coupled=coupled, p=p), whole)


def test_always_on_learning_of_one_step_phases_is_isd() -> None:
    assert equal(trained("always-on", (500,), length=1), trained("isd", (500,), length=1))
    assert not equal(trained("always-on", (500,), length=2), trained("isd", (500,), length=2))


def test_an_interrupted_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuromorph.learning.boltzmann.machine.BLOCK", 30)
    m, met = machine(4, 3), []
    sampler = Sampler(m, binary_states(4)[[3, 5, 12]], "isd", rate=0.05, length=7, p=0.4, seed=2)

    def press(count: int) -> None:
        met.append(count)
        if len(met) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sampler.run(60, press)
    sampler.run(60 - sum(met))
    assert equal(m, trained("isd", (60,)))


def test_random_lengths_are_geometric() -> None:
    """E T = mean, E T^2 = 2 mean^2 - mean, E T^3 = 6 mean^3 - 6 mean^2 + mean; fixed ones are what they are."""
    mean, count = 6, 20_000
    random, fixed = (
        Sampler(machine(2, 2), binary_states(2), method, rate=0.0, length=mean, seed=1)
        for method in ("random-length", "isd")
    )
    ends = np.zeros(count + 1)
    for k in range(count):
        random.run(1)
        ends[k + 1] = random.steps
    lengths = np.diff(ends)
    for power, moment in ((1, mean), (2, 2 * mean**2 - mean), (3, 6 * mean**3 - 6 * mean**2 + mean)):
        powers = lengths**power
        assert abs(powers.mean() - moment) < 4 * powers.std() / np.sqrt(count)
    fixed.run(50)
    assert fixed.steps == 50 * mean


def test_seeds_decide() -> None:
    runs = []
    for seed in (0, 0, 1):
        m = machine(4, 3)
        Sampler(m, binary_states(4), "isd", rate=0.1, length=5, seed=seed).run(200)
        runs.append(m)
    assert equal(runs[0], runs[1])
    assert not equal(runs[0], runs[2])


def test_what_makes_no_sense_is_refused() -> None:
    m = machine(4, 3)
    with pytest.raises(RangeError, match="unknown method 'cdk'"):
        Sampler(m, binary_states(4), "cdk", rate=0.1, length=1)
    for data in (binary_states(3), 0.5 * binary_states(4), np.zeros((0, 4))):
        with pytest.raises(RangeError, match="rows of 4 zeros and ones"):
            Sampler(m, data, "cd", rate=0.1, length=1)
    with pytest.raises(RangeError, match="method isd, not always-on"):
        Sampler(m, binary_states(4), "always-on", rate=0.1, length=1, p=None)
    with pytest.raises(RangeError, match="2\\^21 states"):
        machine(3, 21).log_likelihoods(binary_states(3))


@pytest.mark.full
def test_flexible_phases_learn_bars_and_stripes() -> None:
    """Section 4.1: ISD and always-on learning come close to the optimum in 80000 phases; one step of CD does not."""
    data, found = bars_and_stripes(), {}
    for method, length, rate in (
        ("isd", 100, 0.0045),
        ("always-on", 100, 0.0045),
        ("random-length", 150, 0.0031),
        ("cd", 1, 0.01),
    ):
        m = BoltzmannMachine.drawn(16, 16)
        Sampler(m, data, method, rate=rate, length=length).run(80_000)
        found[method] = m.negative_log_likelihood(data)
    assert found["isd"] < 135
    assert found["always-on"] < 145
    assert found["random-length"] < 155
    assert found["cd"] > 200


@KINDS
def test_sums_in_blocks_are_the_sum_over_all_states(coupled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    m, data = machine(5, 7, coupled), binary_states(5)[::3]
    whole = m.log_likelihoods(data)
    for at_once in (1, 100, 1000):
        monkeypatch.setattr("neuromorph.learning.boltzmann.machine.AT_ONCE", at_once)
        np.testing.assert_allclose(m.log_likelihoods(data), whole, rtol=1e-13)
    assert np.exp(m.log_likelihoods(binary_states(5))).sum() == pytest.approx(1)


def test_an_exact_sum_takes_little_memory() -> None:
    """2^16 states of 200 pixels and samples at once would be 100 MiB for every array."""
    import tracemalloc

    m, data = machine(64, 16), np.random.default_rng(0).integers(0, 2, (136, 64)).astype(float)
    tracemalloc.start()
    m.log_likelihoods(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * 2**20


@pytest.mark.parametrize("method", METHODS)
def test_weights_that_grow_without_end_are_told_with_the_step(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuromorph.learning.boltzmann.machine.BLOCK", 10)
    sampler = Sampler(machine(4, 3), binary_states(4), method, rate=1e308, length=2)

    def run_and_look() -> None:
        sampler.run(500)
        sampler.machine.negative_log_likelihood(binary_states(4))  # weights may come and go below the largest float

    with pytest.raises(DivergenceError, match=r"method .*, after [0-9]+ Gibbs steps: .* not finite; lower|likelihood"):
        run_and_look()


def test_a_likelihood_that_overflows_is_told() -> None:
    m = BoltzmannMachine(np.full((3, 4), 1e308), np.zeros(3), np.zeros((0, 0)))
    with pytest.raises(DivergenceError, match="likelihood of a machine is not finite"):
        m.negative_log_likelihood(binary_states(4))


@pytest.mark.parametrize(
    ("weights", "bias", "couplings", "says"),
    [
        (np.zeros((4, 6), int), np.zeros(4), np.zeros((0, 0)), "weights are int64, which learning cannot move"),
        (np.zeros((4, 6)), np.zeros(4, np.float32), np.zeros((0, 0)), "bias are float32"),
        ([[0.0]], np.zeros(1), np.zeros((0, 0)), "weights are list"),
        (
            np.zeros((3, 6)),
            np.zeros(4),
            np.zeros((0, 0)),
            r"weights have shape \(3, 6\), which does not go with 4 hidden",
        ),
        (np.zeros(4), np.zeros(4), np.zeros((0, 0)), r"weights have shape \(4,\)"),
        (np.zeros((4, 6)), 1.5, np.zeros((0, 0)), "bias are float"),
        (np.zeros((4, 6)), np.zeros(4), np.zeros((4, 3)), r"couplings have shape \(4, 3\)"),
        (np.zeros((2, 6)), np.zeros(2), np.array([[0.0, 1.0], [2.0, 0.0]]), "not symmetric"),
        (np.zeros((2, 6)), np.zeros(2), np.eye(2), "couple a unit with itself"),
    ],
)
def test_arrays_that_could_not_learn_are_refused(weights: Any, bias: Any, couplings: Any, says: str) -> None:
    with pytest.raises(RangeError, match=says):
        BoltzmannMachine(weights, bias, couplings)


def test_weights_that_are_not_finite_make_no_machine() -> None:
    with pytest.raises(DivergenceError, match="weights are not finite"):
        BoltzmannMachine(np.full((2, 3), np.nan), np.zeros(2), np.zeros((0, 0)))


OTHER = {
    "method": {"method": "pcd"},
    "rate": {"rate": 0.2},
    "length": {"length": 3},
    "seed": {"seed": 1},
    "samples": {"data": binary_states(4)[:9]},
    "hidden units": {"machine": machine(4, 2)},
    "coupled": {"machine": machine(4, 3, coupled=True)},
}


@pytest.mark.parametrize("what", OTHER)
def test_the_state_of_another_sampler_is_refused_and_told(what: str) -> None:
    given = {"machine": machine(4, 3), "data": binary_states(4), "method": "cd", "rate": 0.1, "length": 2}
    state = Sampler(**given).state_dict()  # type: ignore[arg-type]
    Sampler(**given).load_state_dict(state)  # type: ignore[arg-type]
    with pytest.raises(ArtifactError, match=f"of another training: .*its {what}.* is .*, here "):
        Sampler(**given | OTHER[what]).load_state_dict(state)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [2.5, -1, True])
def test_counts_of_a_sampler_are_whole_numbers(count: float) -> None:
    with pytest.raises(RangeError, match=r"changes = .*: give a whole number"):
        Sampler(machine(4, 3), binary_states(4), "cd", rate=0.1, length=2).run(count)  # type: ignore[arg-type]
    with pytest.raises(RangeError, match=r"length = .*: give a whole number"):
        Sampler(machine(4, 3), binary_states(4), "cd", rate=0.1, length=count)  # type: ignore[arg-type]
