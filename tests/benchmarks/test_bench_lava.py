"""Every workload leaves the same in Lava's runtime and here, and its figures have the promised shape."""

import pytest

from neuromorph.benchmarks.lava import bench_lava, figures
from neuromorph.benchmarks.workloads import WORKLOADS
from neuromorph.console import Talk
from neuromorph.errors import RangeError


@pytest.mark.lava
def test_a_workload_leaves_in_lava_what_it_leaves_here() -> None:
    """The closed loop reads and sets Vars in every step, so one wrong bit sends it elsewhere."""
    (row,) = bench_lava(["closed loop"], runs=2, talk=Talk(quiet=True), steps=12)
    assert row.bits_equal
    assert not row.stepped
    found = figures([row])
    assert found["speedup"] == found["rows"][0]["speedup"] == row.lava.wall / row.native.wall
    assert found["rows"][0]["name"] == "closed loop, one step a call"


def test_a_workload_that_does_not_exist_is_named() -> None:
    with pytest.raises(RangeError, match="no workload begins with 'mnist'"):
        bench_lava(["mnist"], runs=1, talk=Talk(quiet=True))


@pytest.mark.full
@pytest.mark.lava
def test_every_workload_is_faster_than_lava_with_equal_bits() -> None:
    rows = bench_lava([], runs=1, talk=Talk(quiet=True))
    assert [row.name for row in rows] == [kind.name for kind in WORKLOADS]
    assert [row.name for row in rows if row.stepped or not row.bits_equal] == []
    assert min(row.speedup for row in rows) > 5
    assert rows[0].speedup > 50
