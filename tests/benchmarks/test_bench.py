"""The benchmarks check their results before they time, and their figures have the promised shape."""

from neuromorph.benchmarks.sparsity import bench_sparsity
from neuromorph.console import Talk


def test_the_dense_kernel_and_the_engine_do_the_same_work() -> None:
    found = bench_sparsity(steps=100, runs=3, talk=Talk(quiet=True))
    assert found["results_agree"]
    assert found["cost_ratio"] < 0.6  # the promise, one fifth, is measured by the command on a quiet machine
