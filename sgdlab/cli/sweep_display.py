"""How a sweep goes while it goes: a live table on a terminal, a line for each run that ends elsewhere."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sgdlab.analysis.wording import count, duration, number
from sgdlab.cli.console import console, new_table, say
from sgdlab.cli.progress import accuracy_of
from sgdlab.cli.result import result_in_words
from sgdlab.sweeps.watch import Watch, Watcher

if TYPE_CHECKING:
    from sgdlab.runs.history import Record
    from sgdlab.sweeps.manifest import Entry
    from sgdlab.sweeps.worker import RunProgress


class SweepDisplay(Watcher):
    """The runs of a sweep as they go: a live table, or a plain line for each that ends."""

    MOST_ROWS = 16

    def __init__(self, entries: "list[Entry]", quiet: bool) -> None:
        self.entries, self.quiet = entries, quiet
        self.progress: dict[str, RunProgress] = {}
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

    def observe(self, entry: "Entry", progress: "RunProgress | None") -> None:
        """Take the newest progress of a run; None when it begins."""
        if progress is None:
            return
        self.progress[entry.name] = progress
        if progress.record is not None:
            self.records[entry.name] = progress.record
        ended = progress.summary is not None or progress.failure is not None
        if ended and self.live is None and not self.quiet:
            result = progress.failure or result_in_words(progress.summary or {})
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

    def _shown(self) -> "list[Entry]":
        """Running ones first of all, then those that ended last, then those still planned."""
        if len(self.entries) <= self.MOST_ROWS:
            return self.entries
        order = {"running": 0, "planned": 2}
        return sorted(self.entries, key=lambda entry: order.get(entry.status, 1))[: self.MOST_ROWS]

    def _row(self, entry: "Entry") -> list[str]:
        progress, record = self.progress.get(entry.name), self.records.get(entry.name)
        share = progress.step / progress.total_steps if progress is not None and progress.total_steps else None
        done = "100%" if entry.status == "completed" else "" if share is None else f"{100 * share:.0f}%"
        if record is None:
            return [entry.name, entry.status, done, "", "", "", ""]
        values = (record.epoch, record.train_loss, record.val_loss, accuracy_of(record))
        return [entry.name, entry.status, done, *("" if math.isnan(value) else number(value) for value in values)]


def watching(quiet: bool) -> Watch:
    """Watches several sweeps one after the other: each on a live table, then a line that it is done."""

    @contextmanager
    def watch(words: str, entries: "list[Entry]") -> Iterator[SweepDisplay]:
        started = time.monotonic()
        # without a terminal a line for each sweep is enough
        with SweepDisplay(entries, quiet or not console().is_terminal) as display:
            yield display
        if not quiet:
            say(f"{words}; {duration(time.monotonic() - started)}")

    return watch
