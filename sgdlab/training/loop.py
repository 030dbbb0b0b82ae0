"""Minibatch SGD: draw batches, step, sometimes measure. Writes, prints and plots nothing."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sgdlab.runs.history import Record
from sgdlab.runs.selection import selection_loss
from sgdlab.training import generators
from sgdlab.training.engines.base import DeviceSplit, Engine, Workload
from sgdlab.training.losses import Scores
from sgdlab.training.models import state_copy
from sgdlab.training.sampling import BatchStream, Segment, batch_plan
from sgdlab.training.schedules import RateSchedule, total_steps

SEGMENT_SECONDS = 0.2
"""An engine works about so long before signals, progress and checkpoints get their turn."""

LEAST_STEP_SECONDS = 1e-7
"""No step is believed to be faster, which bounds the memory of a segment."""


def train(training: "Training") -> Iterator[Record | None]:
    """Run the algorithm; yields a Record at each evaluation and None between two segments.

    Row 0 is measured before the first update. The run ends when its budget is spent, its target
    reached, or a loss is no longer finite: then position.diverged_at names the step.
    """
    position = training.position
    while True:
        if position.due:
            yield note_record(training, measure(training))
        if training.finished():
            return
        started = time.perf_counter()
        segment = training.next_segment()  # the next batches and their learning rates
        losses = training.engine.run(segment)  # each batch: mean loss, its gradient, one update
        advance(training, segment, losses, time.perf_counter() - started)
        if not position.due:
            yield None


def advance(training: "Training", segment: Segment, losses: NDArray[np.float64], seconds: float) -> None:
    """Count the steps that were done; a non-finite loss ends the run at its step."""
    position = training.position
    position.train_seconds += seconds
    training.step_seconds = seconds / len(segment)
    undefined = np.flatnonzero(~np.isfinite(losses))
    done = int(undefined[0]) + 1 if len(undefined) else len(segment)
    position.step += done
    position.pending = np.concatenate([position.pending, losses[:done]])
    position.pending_sizes = np.concatenate([position.pending_sizes, segment.sizes[:done]])
    if len(undefined):
        position.diverged_at = position.step
    position.due = training.record_due(segment.first_step)


def measure(training: "Training") -> Record:
    """Evaluate on the whole splits and make the record of this moment."""
    workload, position, batches = training.workload, training.position, training.batches
    train_scores = _scores(training, workload.train)
    val_scores = _scores(training, workload.validation)
    step = position.step
    examples = batches.examples_at(step)
    epoch = batches.epoch_of(max(step - 1, 0))[0]
    sums = position.pending * position.pending_sizes  # not @: its last bits depend on BLAS's threads
    position.wall_seconds = time.perf_counter() - training.wall_start
    return Record(
        epoch=examples / batches.rows,
        step=step,
        examples=examples,
        learning_rate=training.schedule.lr_at(max(step - 1, 0)),
        batch_size=batches.size_in(epoch),
        batch_loss=float(position.pending[-1]) if step else math.nan,
        mean_batch_loss=float(sums.sum() / position.pending_sizes.sum()) if step else math.nan,
        train_loss=train_scores.loss,
        val_loss=val_scores.loss,
        train_accuracy=train_scores.accuracy,
        val_accuracy=val_scores.accuracy,
        train_seconds=position.train_seconds,
        wall_seconds=position.wall_seconds,
    )


def note_record(training: "Training", record: Record) -> Record | None:
    """Count the record and keep the model if it is the best; None where the model has diverged."""
    position, workload = training.position, training.workload
    position.due = False
    measured = [record.train_loss] if workload.validation is None else [record.train_loss, record.val_loss]
    if not all(map(math.isfinite, measured)):
        position.diverged_at = record.step
        return None
    position.records += 1
    position.last = record
    position.pending, position.pending_sizes = np.empty(0), np.empty(0, np.int64)
    position.measured_seconds = position.train_seconds
    rule, best = workload.config.stop_at, position.best
    position.reached = rule is not None and rule.reached(getattr(record, rule.metric))
    if record.step and (best is None or selection_loss(record) < selection_loss(best.record)):
        position.best = Best(record, state_copy(workload.model))
    return record


def _scores(training: "Training", rows: DeviceSplit | None) -> Scores:
    if rows is None:
        return Scores(math.nan, math.nan)
    with generators.undisturbed(training.workload.device):  # by a module that draws in an evaluation too
        return training.engine.evaluate(rows, training.between_chunks)


@dataclass
class Best:
    """The best record so far, row 0 aside, and the model's state at it."""

    record: Record
    state: dict[str, Any]


@dataclass
class Position:
    """How far a run has come; with the model and the optimiser all that continuing it needs.

    pending: losses of the batches since the last record, and pending_sizes the examples in each,
    [steps]. due: a record is to be made before the next step. diverged_at: the step whose loss was no
    longer finite. generators: torch's generators as a checkpoint holds them, None where they are to be seeded.
    """

    step: int = 0
    records: int = 0
    due: bool = True  # row 0
    pending: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    pending_sizes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    measured_seconds: float = 0.0  # train_seconds at the last record
    train_seconds: float = 0.0
    wall_seconds: float = 0.0
    best: Best | None = None
    last: Record | None = None
    diverged_at: int | None = None
    reached: bool = False
    generators: dict[str, Tensor] | None = None


class Stopped(Exception):
    """What `Training.between_chunks` raises to leave a long evaluation; its record stays due."""


class Training:
    """One run in progress: iterate `train(training)` to move it.

    between_chunks: called now and then during an evaluation; it may raise Stopped.
    """

    def __init__(self, workload: Workload, engine: Engine, position: Position | None = None) -> None:
        self.workload, self.engine = workload, engine
        self.batches = batch_plan(workload.config, len(workload.train.x))
        self.total_steps = total_steps(workload.config, self.batches)
        self.schedule = RateSchedule(workload.config.learning_rate, self.batches, self.total_steps)
        self.stream = BatchStream(self.batches)
        self.step_seconds: float | None = None  # of the last segment, to size the next one
        self.between_chunks: Callable[[], None] = lambda: None
        self.start_from(position or Position())

    def start_from(self, position: Position) -> None:
        """Go on from there; model and optimiser are the caller's to put back."""
        self.position = position
        self.wall_start = time.perf_counter() - position.wall_seconds

    def finished(self) -> bool:
        """Whether the budget is spent, the target reached, or the loss no longer finite."""
        p = self.position
        if self.total_steps is None:
            spent = p.train_seconds >= self.workload.config.total_budget.amount
        else:
            spent = p.step >= self.total_steps
        return spent or p.reached or p.diverged_at is not None

    def next_segment(self) -> Segment:
        """The steps up to the next record, or about SEGMENT_SECONDS of work, whichever is nearer."""
        first, affordable = self.position.step, 1
        if self.step_seconds is not None:
            affordable = max(int(self._seconds_to_spend() / max(self.step_seconds, LEAST_STEP_SECONDS)), 1)
        last = min(first + affordable, self.next_record(first))
        indices, offsets = self.stream.take(first, last)
        return Segment(indices, offsets, self.schedule.rates(first, last), first)

    def next_record(self, step: int) -> int:
        """The first update after `step` that reaches a multiple of evaluate_every, or ends the run."""
        every, batches = self.workload.config.evaluate_every, self.batches
        end = self.total_steps if self.total_steps is not None else 2**62  # seconds end where they end
        match every.unit:
            case "seconds":
                return end
            case "steps":
                return min((step // int(every.amount) + 1) * int(every.amount), end)
            case "examples":
                spacing = Fraction(every.amount)
            case "epochs":
                spacing = max(batches.examples_in(every.amount), Fraction(1))  # an update sees no fewer
        multiple = batches.examples_at(step) // spacing + 1
        return min(batches.step_reaching(math.ceil(multiple * spacing)), end)

    def record_due(self, before: int) -> bool:
        """Whether a record is due after the updates since step `before`; none is where the run diverged."""
        every, p = self.workload.config.evaluate_every, self.position
        if p.diverged_at is not None:
            return False
        if every.unit == "seconds":
            reached = p.train_seconds // every.amount > p.measured_seconds // every.amount
        else:
            reached = p.step >= self.next_record(before)
        return reached or self.finished()

    def _seconds_to_spend(self) -> float:
        every, p = self.workload.config.evaluate_every, self.position
        ends = [p.train_seconds + SEGMENT_SECONDS]
        if self.total_steps is None:
            ends.append(self.workload.config.total_budget.amount)
        if every.unit == "seconds":
            ends.append((p.measured_seconds // every.amount + 1) * every.amount)
        return max(min(ends) - p.train_seconds, 0.0)
