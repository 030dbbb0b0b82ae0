"""How a run goes while it goes: a bar on a terminal, a plain line now and then elsewhere."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sgdlab.analysis.wording import compact, number
from sgdlab.cli.console import console, say

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
        values = {"train": record.train_loss, "val": record.val_loss, "acc": accuracy_of(record)}
        parts += [f"{name} {number(value)}" for name, value in values.items() if not math.isnan(value)]
        if record.step != position.step:
            parts.append(f"(measured at epoch {number(record.epoch)})")
    if position.train_seconds:
        parts.append(f"{compact(batches.examples_at(position.step) / position.train_seconds)} ex/s")
    return "  ".join(parts)


def accuracy_of(record: "Record") -> float:
    """On validation, else on the training rows; NaN where there is none."""
    return record.train_accuracy if math.isnan(record.val_accuracy) else record.val_accuracy
