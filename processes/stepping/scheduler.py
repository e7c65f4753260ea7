"""Runs functions that may wait for one another, one at a time, in one fixed order.

Lava gives every process an operating system's process. Here all of them share this one, and exactly one runs
at any moment: it holds the baton. A function that must wait is suspended on its thread, and the baton goes to
another thread, which starts the next function or resumes a waiting one. So a function never runs twice, and
where nothing waits no thread is needed at all. Processes that only exchange messages through blocking
channels (Lava's do) give the same results in any order, and if no function can go on in this order, none can
in any other: a deadlock.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue

from neuromorph.processes.stepping.random_state import RandomStates


class Deadlock(Exception):
    """No function can go on; says what each one waits for."""


class _Abandoned(BaseException):
    """Unwinds a function that will never be resumed, since another one failed."""


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(eq=False)
class _Waiting:
    ready: Callable[[], bool]
    reason: Callable[[], str]
    resume: threading.Lock = field(default_factory=_locked)


@dataclass(frozen=True)
class Later:
    """A function that never waits on its way, to be started when it is `ready`: it needs no thread. `reason`: as in `wait`."""

    ready: Callable[[], bool]
    reason: Callable[[], str]
    function: Callable[[], None]

    def __call__(self) -> None:
        self.function()


class Scheduler:
    """`run` a list of functions to the end; inside of them, `wait` until something is so."""

    def __init__(self, random_states: RandomStates) -> None:
        """`random_states`: of whoever waits they are there again when it goes on."""
        self._random_states = random_states
        self._later: list[Later] = []
        self._pending: deque[Callable[[], None]] = deque()
        self._waiting: list[_Waiting] = []
        self._finished = _locked()
        self._error: BaseException | None = None

    def run(self, functions: Iterable[Callable[[], None]]) -> None:
        """Runs the functions, started in this order, a Later one as soon as it is ready. Raises the first one's exception, or Deadlock.

        After an exception the functions that were waiting are gone, and so is this scheduler.
        """
        for function in functions:
            if isinstance(function, Later):
                self._later.append(function)
            else:
                self._pending.append(function)
        try:
            self._advance()
            self._finished.acquire()
        except BaseException as error:  # an interrupt that reached this thread while another one had the baton
            self._fail(error)
        if self._error is not None:
            raise self._error

    def wait(self, ready: Callable[[], bool], reason: Callable[[], str]) -> None:
        """Suspends the calling function until `ready()`; `reason()` is what it waits for, in words."""
        if self._error is not None:
            raise _Abandoned
        while self._find_later():
            self._start_next()
        if ready():
            return
        waiting, owner = _Waiting(ready, reason), self._random_states.owner
        self._waiting.append(waiting)
        if self._pending:
            _start(self._advance)
        else:
            self._hand_over()
        waiting.resume.acquire()
        if self._error is not None:
            raise _Abandoned
        self._random_states.take(owner)

    def _advance(self) -> None:
        """Starts one function after the other; the caller holds the baton, and gives it away at the end."""
        while (self._pending or self._find_later()) and self._error is None:
            try:
                self._start_next()
            except _Abandoned:
                return
        if self._error is None:
            self._hand_over()

    def _start_next(self) -> None:
        try:
            self._pending.popleft()()
        except _Abandoned:
            raise
        except BaseException as error:
            self._fail(error)
            raise _Abandoned from None

    def _find_later(self) -> bool:
        """Puts the first Later one that is ready at the head of the line; whether there is one."""
        for later in self._later:
            if later.ready():
                self._later.remove(later)
                self._pending.appendleft(later)
                return True
        return False

    def _hand_over(self) -> None:
        for waiting in self._waiting:
            if waiting.ready():
                self._waiting.remove(waiting)
                waiting.resume.release()
                return
        if self._waiting or self._later:
            reasons = [*(one.reason for one in self._waiting), *(one.reason for one in self._later)]
            self._fail(Deadlock("; ".join(reason() for reason in reasons)))
        else:
            self._finished.release()

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
            for waiting in self._waiting:
                waiting.resume.release()
            self._finished.release()


_Task = Callable[[], None]
_idle: list[SimpleQueue[_Task]] = []  # mailboxes of threads kept for the next task: starting one costs more than a step
os.register_at_fork(after_in_child=_idle.clear)  # a forked child has none of these threads


def _start(task: _Task) -> None:
    try:
        mailbox = _idle.pop()
    except IndexError:
        mailbox = SimpleQueue()
        threading.Thread(target=_work, args=[mailbox], name="neuromorph-step", daemon=True).start()
    mailbox.put(task)


def _work(mailbox: "SimpleQueue[_Task]") -> None:
    while True:
        mailbox.get()()
        _idle.append(mailbox)
