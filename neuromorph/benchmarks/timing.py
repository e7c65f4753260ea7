"""Fair times: medians of several runs, after a warm-up."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def median_seconds(action: Callable[[], object], runs: int) -> float:
    """Median wall-clock seconds of `runs` calls."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def processor_seconds() -> float:
    """What this process, and those that it has started and that still run, have used of all processors until now."""
    import psutil  # comes with Lava, whose processes it is for

    used = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return time.process_time() + float(sum(each.user + each.system for each in used))
