"""Runs a graph in Lava's real runtime so that it always ends: with a result, or with the reason."""

import neuromorph.processes.lava_first  # noqa: F401 (before anything of Lava)

# isort: split
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

from neuromorph.errors import LavaRunError, check_count
from neuromorph.processes.lowering.discovery import describe
from neuromorph.processes.simulating.simulate import restart
from neuromorph.processes.stepping.stepper import LavaStepper

T = TypeVar("T")

_POLL = 0.005  # seconds between two looks at Lava's workers
_GRACE = 0.2  # seconds for the other workers, and for Lava itself, to report a failure too
_STOP_LIMIT = 5.0  # seconds for Lava to stop a run that has ended


def lava_run(process: AbstractProcess, steps: int, *, time_limit: float, tag: str = "fixed_pt", after: Callable[[], T]) -> T:
    """Runs `steps` steps with `Loihi2SimCfg(select_tag=tag)`, calls `after`, which may read Vars, and stops.

    A graph that was simulated begins anew, from the values that its Vars hold.
    Returns what `after` returns. However it ends, all of Lava's workers have ended by then. `time_limit` is
    in seconds, for compiling, running and reading; its last fifth (two seconds at most) is kept for finding
    the cause of a hang. Any thread may call it. Lava compiles a graph once, so the graph is used up.

    Raises LavaRunError: with the traceback of a model's exception and the process's name; with the exit code
    of a worker that died; for a run that does not end, with what LavaStepper says about the same graph; from
    whatever Lava raised while compiling. An exception of `after` comes through.
    """
    check_count("steps", steps, 1)
    restart(process)
    if process.is_compiled:
        raise LavaRunError(f"{describe(process)} was compiled before, and Lava runs a graph once. Build it anew")
    end = time.monotonic() + time_limit
    lava = _Lava(process, end - min(2.0, time_limit / 5))
    condition, run_cfg = RunSteps(num_steps=steps), Loihi2SimCfg(select_tag=tag)
    try:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ImportWarning)  # networkx, which Lava compiles with, misses pandas
                lava.call(lambda: process.run(condition=condition, run_cfg=run_cfg))
        except Exception as error:
            cause = lava.exceptions()
            if not cause and not isinstance(error, _NoAnswer):
                cause = f"{type(error).__name__}: {error}"
            if not cause:
                found = _diagnosis(process, steps, tag, end - _GRACE)
                cause = f"{lava.deaths() or f'no end within {time_limit} s'}. {found}"
            raise LavaRunError(f"{describe(process)}, {steps} steps in Lava's runtime: {cause}") from error
        try:
            result = lava.call(after)
        except _NoAnswer:
            raise LavaRunError(
                f"{describe(process)}: reading did not end within {time_limit} s. Lava never answers for a "
                "Var whose value is None or a float"
            ) from None
        lava.stop()
        return result
    finally:
        lava.close()


class _NoAnswer(Exception):
    """A call into Lava that will not return."""


class _Call:
    """A function on a thread of its own, since it may never return."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=[function], name="lava", daemon=True)
        self._thread.start()

    def _run(self, function: Callable[[], Any]) -> None:
        try:
            self.result = function()
        except BaseException as error:
            self.error = error

    def returns_within(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()


class _Lava:
    """Lava's runtime behind a process, with an eye on its workers and on the clock."""

    def __init__(self, process: AbstractProcess, deadline: float) -> None:
        self._process = process
        self._deadline = deadline
        self._died: list[Any] = []  # workers that ended before they were killed

    def call(self, function: Callable[[], T]) -> T:
        """The function's result or exception; raises _NoAnswer if a worker ends or time is up."""
        call = _Call(function)
        while not call.returns_within(_POLL) and time.monotonic() < self._deadline:
            self._died = [worker for worker in self._workers() if _has_ended(worker)]
            if self._died:
                call.returns_within(_GRACE)
                self._died = [worker for worker in self._workers() if _has_ended(worker)]
                break
        if not call.returns_within(0):
            self._kill(call)
            raise _NoAnswer
        if call.error is not None:
            raise call.error
        result: T = call.result
        return result

    def stop(self) -> None:
        """Lava's own way to end the workers; those that do not end in time are left to `close`."""
        call = _Call(self._process.stop)
        if not call.returns_within(_STOP_LIMIT):
            self._kill(call)

    def close(self) -> None:
        """Frees workers, threads and shared memory; a later `stop` or `get` finds a stopped runtime."""
        runtime = self._process.runtime
        if runtime is None or runtime._messaging_infrastructure is None:
            return
        for worker in self._workers():
            _kill(worker)
        runtime._is_started = runtime._is_running = False
        runtime.join()
        runtime._messaging_infrastructure.stop()

    def exceptions(self) -> str:
        """The tracebacks that workers sent before they ended."""
        texts = []
        for name, worker in self._named_workers():
            try:
                sent = worker.exception
            except Exception as error:  # whatever unpickling a user's exception may raise
                sent = (error, f"an exception that cannot be sent between processes: {error!r}")
            if sent is not None:
                texts.append(f"{name} raised {type(sent[0]).__name__}\n{sent[1]}")
        return "\n".join(texts)

    def deaths(self) -> str:
        """The workers that ended by themselves, but not in peace."""
        dead = [(name, worker.exitcode) for name, worker in self._named_workers() if worker in self._died]
        return "; ".join(f"the worker of {name} died with exit code {code}" for name, code in dead if code)

    def _workers(self) -> list[Any]:
        """Lava's SystemProcesses: one for each leaf process in the executable's order, then the services."""
        runtime = self._process.runtime
        infrastructure = None if runtime is None else runtime._messaging_infrastructure
        return [] if infrastructure is None else [*infrastructure.actors]

    def _named_workers(self) -> list[tuple[str, Any]]:
        """The workers that Lava has not closed, with the names of their processes."""
        names = {}
        workers = self._workers()
        if workers:
            executable = self._process.runtime._executable
            names = dict(enumerate(describe(process) for process in executable.proc_builders))
        return [(names.get(i, "a runtime service"), worker) for i, worker in enumerate(workers)]

    def _kill(self, call: _Call) -> None:
        """Kills the workers, and wakes the call, which waits for their answers."""
        for worker in self._workers():
            _kill(worker)
        for _ in range(100):
            if self._process.runtime is None or call.returns_within(_POLL):
                return
            for port in self._process.runtime.service_to_runtime:
                port._req.release()


def _kill(worker: Any) -> None:
    with contextlib.suppress(ValueError):  # Lava has closed it
        worker.kill()


def _has_ended(worker: Any) -> bool:
    try:
        return worker._is_done or bool(wait([worker.sentinel, worker._pconn], 0))
    except (ValueError, OSError):  # Lava is closing it at this moment
        return True


def _diagnosis(process: AbstractProcess, steps: int, tag: str, deadline: float) -> str:
    """What LavaStepper says about the same graph; asked in a child process, since a model may never end."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=_step, args=(process, steps, tag, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(max(0.0, deadline - time.monotonic())):
            return "LavaStepper does not end either: a model computes on and on"
        return str(ours.recv())
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
