"""What commands say: progress bars, tables, and one JSON object at the end for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table


class Talk:
    """Speaks to a person, or (quiet) keeps still until the JSON object at the end."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._console = Console(highlight=False, soft_wrap=True)

    def say(self, text: str = "") -> None:
        if not self.quiet:
            self._console.print(text, markup=False)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows of text under column heads."""
        if self.quiet:
            return
        table = Table(*columns, title=title, title_justify="left")
        for row in rows:
            table.add_row(*map(escape, row))
        self._console.print(table)

    def result(self, values: dict[str, Any]) -> None:
        """The last line, as one object."""
        if self.quiet:
            print(json.dumps(values), flush=True)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Bar]:
        """A progress bar with time left; `advance(n)`, `note(text)`."""
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )  # fmt: skip
        with Progress(*columns, console=self._console, disable=self.quiet) as progress:
            yield Bar(progress, progress.add_task(what, total=total, note=""))


class Bar:
    """One line of progress."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, count: int) -> None:
        self._progress.advance(self._task, count)

    def note(self, text: str) -> None:
        self._progress.update(self._task, note=text)
