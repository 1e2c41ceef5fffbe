"""What people see while they wait.

In: a console, and ticks `(done, total, what)`.
Out: a live line on a terminal; elsewhere a plain line now and then.
Promise: a log gets whole lines only; while `bar` is open no thread of ours runs, so that it can wrap a
measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from optimization.report.formats import seconds

PLAIN_INTERVAL_S = 5.0
"""Seconds between lines where there is no terminal."""

LIVE_INTERVAL_S = 0.1
"""Seconds between redrawings of the bar: each takes a millisecond or two from the work itself."""

WHAT_COLUMNS = 25
"""Width of the text beside the bar: "quantized, batch of 1,024" fits."""

Tick = Callable[[int, int, str], None]


@contextmanager
def stage(console: Console, title: str) -> Iterator[None]:
    """Show that `title` is under way: a spinner with the elapsed time; a line when it ends.

    Do not print from a subprocess meanwhile: it would write over the live line.
    """
    with _announced(console, title):
        if not _is_live(console):
            yield
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), _Times())
        with Progress(*columns, console=console, transient=True) as progress:
            progress.add_task(title, total=None)
            yield


@contextmanager
def bar(console: Console, title: str, *, budget_s: float | None = None) -> Iterator[Tick]:
    """Show a bar with elapsed and remaining time; the value is the `progress` argument of `measure`.

    `budget_s`, seconds that the work may take, is shown beside the elapsed time.
    """
    with _announced(console, title):
        if not _is_live(console):
            yield _plain_tick(console, title, budget_s)
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            _Times(budget_s, table_column=Column(no_wrap=True)),
            TextColumn(
                "{task.fields[what]}",
                markup=False,
                table_column=Column(width=WHAT_COLUMNS, no_wrap=True, overflow="ellipsis"),
            ),
        )
        # auto_refresh would redraw from a thread, in the middle of timed calls.
        with Progress(
            *columns, console=console, transient=True, auto_refresh=False, expand=True, get_time=monotonic
        ) as progress:
            yield _live_tick(progress, title)


def times(*, done: float, total: float | None, elapsed_s: float, budget_s: float | None = None) -> str:
    """Return "3.0 s elapsed, 4.0 s left", with a budget "3.0 s of 20 s, 4.0 s left".

    What is left assumes the same pace, and that the budget ends it.
    """
    text = f"{seconds(elapsed_s)} " + ("elapsed" if budget_s is None else f"of {seconds(budget_s)}")
    if not total or not done:
        return text
    left_s = elapsed_s * (total - done) / done
    if budget_s is not None:
        left_s = min(left_s, max(0.0, budget_s - elapsed_s))
    return f"{text}, {seconds(left_s)} left"


class _Times(ProgressColumn):
    """Elapsed and remaining time of a task."""

    def __init__(self, budget_s: float | None = None, table_column: Column | None = None) -> None:
        super().__init__(table_column)
        self.budget_s = budget_s

    def render(self, task: Task) -> Text:
        elapsed_s = task.elapsed or 0.0
        return Text(times(done=task.completed, total=task.total, elapsed_s=elapsed_s, budget_s=self.budget_s))


@contextmanager
def _announced(console: Console, title: str) -> Iterator[None]:
    """Print a line when the work ends, and where there is no terminal also when it begins."""
    started = monotonic()
    outcome = "failed after"
    if not _is_live(console):
        _print(console, f"{title} ...")
    try:
        yield
        outcome = "done in"
    finally:
        _print(console, f"{title}: {outcome} {seconds(monotonic() - started)}")


def _plain_tick(console: Console, title: str, budget_s: float | None) -> Tick:
    started = last = monotonic()

    def tick(done: int, total: int, what: str) -> None:
        nonlocal last
        now = monotonic()
        if now - last < PLAIN_INTERVAL_S:
            return
        last = now
        elapsed = times(done=done, total=total, elapsed_s=now - started, budget_s=budget_s)
        _print(console, f"{title}: {100 * done // total} %, {elapsed} ({what})")

    return tick


def _live_tick(progress: Progress, title: str) -> Tick:
    task = progress.add_task(title, total=None, what="")
    last = monotonic()

    def tick(done: int, total: int, what: str) -> None:
        nonlocal last
        progress.update(task, completed=done, total=total, what=what)
        if monotonic() - last >= LIVE_INTERVAL_S:
            progress.refresh()
            last = monotonic()

    return tick


def _is_live(console: Console) -> bool:
    """A real terminal that moves its cursor; FORCE_COLOR in a CI job does not make one."""
    return console.file.isatty() and not console.is_dumb_terminal


def _print(console: Console, line: str) -> None:
    console.print(Text(line), soft_wrap=True)
