"""Runs a graph in Lava's real runtime so that it always ends: with a result, or with the reason."""

import contextlib
import multiprocessing
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.magma.runtime.runtime import Runtime

from neuromorph.errors import LavaRunError
from neuromorph.processes.equivalence.stepper import LavaStepper
from neuromorph.processes.lowering.discovery import describe

T = TypeVar("T")

_POLL = 0.005  # seconds between two looks at Lava's workers
_GRACE = 0.2  # seconds for the other workers, and for Lava itself, to report a failure too
_STOP_LIMIT = 5.0  # seconds for Lava to stop a run that has ended


def lava_run(
    process: AbstractProcess, steps: int, *, time_limit: float, tag: str = "fixed_pt", after: Callable[[], T]
) -> T:
    """Runs `steps` steps with `Loihi2SimCfg(select_tag=tag)`, calls `after`, which may read Vars, and stops.

    Returns what `after` returns. However it ends, all of Lava's workers have ended by then. `time_limit` is
    in seconds, for compiling and running; its last fifth (two seconds at most) is kept for finding the cause
    of a hang. Any thread may call it. Lava compiles a graph once, so the graph is used up.

    Raises LavaRunError: with the traceback of a model's exception and the process's name; with the exit code
    of a worker that died; for a run that does not end, with what LavaStepper says about the same graph; from
    whatever Lava raised while compiling.
    """
    if process.is_compiled:
        raise LavaRunError(
            f"{describe(process)} was compiled before, and Lava runs a graph once. Build it anew"
        )
    reserve = min(2.0, time_limit / 5)
    deadline = time.monotonic() + time_limit - reserve
    condition, run_cfg = RunSteps(num_steps=steps), Loihi2SimCfg(select_tag=tag)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", ImportWarning
            )  # networkx, which Lava compiles with, looks for pandas
            run = _Call(lambda: process.run(condition=condition, run_cfg=run_cfg))
            ended = _watch(run, process, deadline)
        if run.thread.is_alive() or run.error is not None:
            _kill(process.runtime)
            run.thread.join(_GRACE)
            cause = _exceptions(process.runtime) or (run.error and f"{type(run.error).__name__}: {run.error}")
            if not cause:
                found = _diagnosis(process, steps, tag, reserve)
                cause = f"{_deaths(process.runtime, ended) or f'no end within {time_limit} s'}. {found}"
            raise LavaRunError(
                f"{describe(process)}, {steps} steps in Lava's runtime: {cause}"
            ) from run.error
        result = after()
        _Call(process.stop).thread.join(_STOP_LIMIT)
        return result
    finally:
        _kill(process.runtime)
        _close(process.runtime)


class _Call:
    """A call into Lava, on a thread of its own, since it may never return."""

    def __init__(self, function: Callable[[], None]) -> None:
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=[function], name="lava-run", daemon=True)
        self.thread.start()

    def _run(self, function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as error:
            self.error = error


def _watch(run: _Call, process: AbstractProcess, deadline: float) -> list[Any]:
    """Waits until the run has ended, a worker has, or it is too late; returns the workers that have ended."""
    while run.thread.is_alive() and time.monotonic() < deadline:
        run.thread.join(_POLL)
        if _ended(process.runtime):
            run.thread.join(_GRACE)
            break
    return _ended(process.runtime)


def _workers(runtime: Runtime | None) -> list[Any]:
    """Lava's SystemProcesses: one for each leaf process in the executable's order, then the services."""
    if runtime is None or runtime._messaging_infrastructure is None:
        return []
    return list(runtime._messaging_infrastructure.actors)


def _ended(runtime: Runtime | None) -> list[Any]:
    return [worker for worker in _workers(runtime) if _has_ended(worker)]


def _has_ended(worker: Any) -> bool:
    try:
        return worker._is_done or bool(wait([worker.sentinel, worker._pconn], 0))
    except (ValueError, OSError):  # Lava is closing it at this moment
        return True


def _kill(runtime: Runtime | None) -> None:
    """Kills what is left of Lava's workers, and wakes the thread that waits for their answers."""
    for worker in _workers(runtime):
        with contextlib.suppress(ValueError):  # it is closed already
            worker.kill()
    if runtime is not None:
        for port in runtime.service_to_runtime:
            if port._req is not None:
                port._req.release()


def _close(runtime: Runtime | None) -> None:
    """Frees the runtime's threads, shared memory and dead workers; a later `stop` or `get` does no harm."""
    if runtime is None or runtime._messaging_infrastructure is None:
        return
    runtime._is_started = False
    runtime.join()
    runtime._messaging_infrastructure.stop()


def _exceptions(runtime: Runtime | None) -> str:
    """The tracebacks that workers sent before they ended."""
    texts = []
    for name, worker in zip(_names(runtime), _workers(runtime), strict=False):
        try:
            sent = worker.exception
        except Exception as error:  # what unpickling a user's exception may raise
            sent = (error, f"an exception that cannot be sent between processes: {error!r}")
        if sent is not None:
            texts.append(f"{name} raised {type(sent[0]).__name__}\n{sent[1]}")
    return "\n".join(texts)


def _deaths(runtime: Runtime | None, ended: list[Any]) -> str:
    """The workers that ended by themselves, but not in peace."""
    named = zip(_names(runtime), _workers(runtime), strict=False)
    dead = [(name, worker.exitcode) for name, worker in named if worker in ended and not worker._is_done]
    return "; ".join(f"the worker of {name} died with exit code {code}" for name, code in dead if code)


def _names(runtime: Runtime | None) -> list[str]:
    """Of the workers, in their order."""
    if runtime is None:
        return []
    services = len(runtime._executable.runtime_service_builders)
    return [describe(process) for process in runtime._executable.proc_builders] + [
        "a runtime service"
    ] * services


def _diagnosis(process: AbstractProcess, steps: int, tag: str, limit: float) -> str:
    """What LavaStepper says about the same graph; asked in a child process, since a model may never end."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(
        target=_step, args=(process, steps, tag, theirs), daemon=True
    )
    child.start()
    theirs.close()
    try:
        return (
            ours.recv() if ours.poll(limit) else "LavaStepper does not end either: a model computes on and on"
        )
    except EOFError:
        return "A worker that runs LavaStepper dies too"
    finally:
        child.kill()
        child.join()
        child.close()
        ours.close()


def _step(process: AbstractProcess, steps: int, tag: str, answer: Connection) -> None:
    try:
        LavaStepper(process, tag).step(steps)
        answer.send("LavaStepper runs the same graph to the end")
    except Exception:
        answer.send(f"LavaStepper fails on the same graph:\n{traceback.format_exc()}")
