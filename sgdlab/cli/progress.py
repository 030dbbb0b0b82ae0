"""How a run or sweep goes while it goes: a live display on a terminal, a plain line now and then elsewhere."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sgdlab.analysis.wording import compact, count, duration, number
from sgdlab.cli.console import console, new_table, say
from sgdlab.sweeps.watch import Watch, Watcher

if TYPE_CHECKING:
    from sgdlab.runs.history import Record
    from sgdlab.training.loop import Training
    from sgdlab.training.session import RunObserver

SECONDS_BETWEEN_LINES, SECONDS_BETWEEN_DRAWINGS = 5.0, 0.1


@contextmanager
def run_display(quiet: bool) -> "Iterator[RunObserver]":
    """The display that fits the place: none, live, or plain lines."""
    if quiet:
        yield lambda training, record: None
    elif console().is_terminal:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (BarColumn(bar_width=18), TextColumn("{task.description}"), TimeRemainingColumn())
        with Progress(*columns, console=console(), transient=True, auto_refresh=False) as bar:
            yield _RunDisplay(bar)
    else:
        yield _RunDisplay(None)


class _RunDisplay:
    """Epoch, losses, accuracy, examples per second: on a bar; without one a line every few seconds and at the end."""

    def __init__(self, bar: Any) -> None:
        self.bar, self.shown = bar, time.monotonic()
        self.pause = SECONDS_BETWEEN_LINES if bar is None else SECONDS_BETWEEN_DRAWINGS
        self.task = None if bar is None else bar.add_task("preparing", total=None)
        self.record: Record | None = None

    def __call__(self, training: "Training", record: "Record | None") -> None:
        self.record = record or self.record
        if time.monotonic() - self.shown < self.pause and not training.finished():
            return
        self.shown, words = time.monotonic(), describe(training, self.record)
        if self.bar is None:
            say(words)
        else:
            done, total = share_done(training)
            self.bar.update(self.task, completed=done, total=total, description=words, refresh=True)


def share_done(training: "Training") -> tuple[float, float]:
    """Progress and its total: steps, or seconds where these are the budget."""
    if training.total_steps is None:
        return training.position.train_seconds, training.workload.config.total_budget.amount
    return training.position.step, training.total_steps


def describe(training: "Training", record: "Record | None") -> str:
    """`epoch 12  train 0.11  val 0.21  acc 0.941  81k ex/s`."""
    position, batches = training.position, training.batches
    parts = [f"epoch {number(batches.examples_at(position.step) / batches.rows)}"]
    if record is not None:
        values = {"train": record.train_loss, "val": record.val_loss, "acc": _accuracy(record)}
        parts += [f"{name} {number(value)}" for name, value in values.items() if not math.isnan(value)]
        if record.step != position.step:
            parts.append(f"(measured at epoch {number(record.epoch)})")
    if position.train_seconds:
        parts.append(f"{compact(batches.examples_at(position.step) / position.train_seconds)} ex/s")
    return "  ".join(parts)


def _accuracy(record: "Record") -> float:
    return record.train_accuracy if math.isnan(record.val_accuracy) else record.val_accuracy


class Downloads:
    """Told of downloads: a bar for each file, or a line where nobody watches. Nothing without downloads."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.tasks: dict[str, Any] = {}

    def __call__(self, file: str, done: int, total: int | None) -> None:
        if file not in self.tasks:
            self.tasks[file] = self._begin(file, total)
        if self.bar is not None:
            self.bar.update(self.tasks[file], completed=done, total=total)

    def _begin(self, file: str, total: int | None) -> Any:
        if not console(stderr=True).is_terminal:
            return console(stderr=True).print(f"downloading {file}", markup=False)
        if self.bar is None:
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

            columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
            self.bar = Progress(*columns, console=console(stderr=True), transient=True)
            self.bar.start()
        return self.bar.add_task(f"downloading {file}", total=total)


@contextmanager
def downloading() -> Iterator[Downloads]:
    """What to tell of downloads during the block."""
    downloads = Downloads()
    try:
        yield downloads
    finally:
        if downloads.bar is not None:
            downloads.bar.stop()


class SweepDisplay(Watcher):
    """The runs of a sweep as they go: a live table, or a plain line for each that ends."""

    MOST_ROWS = 16

    def __init__(self, entries: list[Any], quiet: bool) -> None:
        self.entries, self.quiet = entries, quiet
        self.reports: dict[str, Any] = {}
        self.records: dict[str, Record] = {}
        self.started = self.drawn = time.monotonic()
        self.live: Any = None

    def __enter__(self) -> "SweepDisplay":
        if not self.quiet and console().is_terminal:
            from rich.live import Live

            self.live = Live(self._table(), console=console(), transient=True, auto_refresh=False)
            self.live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        if self.live is not None:
            self.live.__exit__(*error)

    def observe(self, entry: Any, report: Any) -> None:
        """Take the newest report of a run; None when it begins."""
        if report is None:
            return
        self.reports[entry.name] = report
        if report.record is not None:
            self.records[entry.name] = report.record
        ended = report.summary is not None or report.failure is not None
        if ended and self.live is None and not self.quiet:
            result = report.failure or result_in_words(report.summary)
            say(f"[{self._done()}/{len(self.entries)}] {entry.name}: {entry.status}, {result}")

    def tick(self) -> None:
        """Redraw the table now and then."""
        if self.live is not None and time.monotonic() - self.drawn >= 0.2:
            self.drawn = time.monotonic()
            self.live.update(self._table(), refresh=True)

    def _done(self) -> int:
        return sum(entry.status not in ("planned", "running") for entry in self.entries)

    def _table(self) -> Any:
        from rich.text import Text

        seconds = duration(time.monotonic() - self.started)
        table = new_table(f"{self._done()} of {count(len(self.entries), 'run')} done, {seconds}")
        for header in ("run", "status", "done", "epoch", "train", "val", "acc"):
            table.add_column(header, justify="left" if header in ("run", "status") else "right")
        for entry in self._shown():
            table.add_row(*(Text(text) for text in self._row(entry)))
        return table

    def _shown(self) -> list[Any]:
        """Running ones first of all, then those that ended last, then those still planned."""
        if len(self.entries) <= self.MOST_ROWS:
            return self.entries
        order = {"running": 0, "planned": 2}
        return sorted(self.entries, key=lambda entry: order.get(entry.status, 1))[: self.MOST_ROWS]

    def _row(self, entry: Any) -> list[str]:
        report, record = self.reports.get(entry.name), self.records.get(entry.name)
        share = report.step / report.total_steps if report is not None and report.total_steps else None
        done = "100%" if entry.status == "completed" else "" if share is None else f"{100 * share:.0f}%"
        if record is None:
            return [entry.name, entry.status, done, "", "", "", ""]
        values = (record.epoch, record.train_loss, record.val_loss, _accuracy(record))
        return [entry.name, entry.status, done, *("" if math.isnan(value) else number(value) for value in values)]


def watching(quiet: bool) -> Watch:
    """Watches several sweeps one after the other: each on a live table, then a line that it is done."""

    @contextmanager
    def watch(words: str, entries: list[Any]) -> Iterator[SweepDisplay]:
        started = time.monotonic()
        # without a terminal a line for each sweep is enough
        with SweepDisplay(entries, quiet or not console().is_terminal) as display:
            yield display
        if not quiet:
            say(f"{words}; {duration(time.monotonic() - started)}")

    return watch


def result_in_words(summary: dict[str, Any]) -> str:
    """A run's result in one line."""
    from sgdlab.runs.selection import best_loss, best_split

    reason = summary.get("reason")
    if reason:
        return str(reason)
    loss = best_loss(summary)
    if loss is None:
        return count(summary.get("steps", 0), "step")
    split = best_split(summary)
    text = f"best {split} loss {number(loss)} at epoch {number(summary['best_epoch'])}"
    accuracy = summary.get(f"best_{split}_accuracy")
    return text + (f", accuracy {number(accuracy)}" if accuracy is not None else "")
