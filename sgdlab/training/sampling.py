"""The batch order: which rows each step sees, as a pure function of (seed, epoch)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sgdlab.config import Config
from sgdlab.streams import generator

Sampling = Literal["shuffle", "replacement", "fixed"]


@dataclass(frozen=True)
class BatchPlan:
    """Everything that decides which rows stand in which batch.

    batch_size: of epoch 0; `growth` epochs later it is multiplied by `factor`, up to `maximum`.
    """

    rows: int
    batch_size: int
    sampling: Sampling
    seed: int
    growth: int | None = None
    factor: int = 2
    maximum: int | None = None

    def size_in(self, epoch: int) -> int:
        """Batch size in that epoch, never above the number of rows."""
        largest = min(self.maximum or self.rows, self.rows)
        if self.growth is None or self.batch_size >= largest:
            return self.batch_size
        growths = min(epoch // self.growth, 64)  # 2**64 is above any number of rows
        return int(min(self.batch_size * self.factor**growths, largest))

    @cached_property
    def _phases(self) -> list[tuple[int, int]]:
        """(first epoch, first step) of each range of epochs with one batch size; the last has no end."""
        phases = [(0, 0)]
        while self.growth is not None and self.size_in(phases[-1][0]) != self.size_in(phases[-1][0] + self.growth):
            epoch, step = phases[-1]
            phases.append((epoch + self.growth, step + self.growth * self.steps_in(epoch)))
        return phases

    def steps_in(self, epoch: int) -> int:
        """Updates in that epoch; the last one may see fewer rows."""
        return -(-self.rows // self.size_in(epoch))

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Rows of that epoch in the order they are seen, [rows].

        A full batch has no order: without replacement its rows come as they stand.
        """
        if self.sampling == "replacement":
            return generator(self.seed, "order", epoch).integers(0, self.rows, self.rows)
        if self.sampling == "fixed" or self.size_in(epoch) >= self.rows:
            return np.arange(self.rows)
        return generator(self.seed, "order", epoch).permutation(self.rows)

    def epoch_of(self, step: int) -> tuple[int, int]:
        """The epoch in which 0-based `step` falls, and its place within that epoch."""
        first_epoch, first_step = max(phase for phase in self._phases if phase[1] <= step)
        ahead, place = divmod(step - first_step, self.steps_in(first_epoch))
        return first_epoch + ahead, place

    def epochs_of(self, first: int, last: int) -> NDArray[np.int64]:
        """The epochs in which steps first..last-1 fall, [steps]."""
        if self.growth is None:
            return np.arange(first, last) // self.steps_in(0)
        epochs = range(self.epoch_of(first)[0], self.epoch_of(last - 1)[0] + 1)
        return np.repeat(epochs, [self.steps_in(epoch) for epoch in epochs])[self.epoch_of(first)[1] :][: last - first]

    def examples_in(self, epochs: float) -> Fraction:
        """Examples in so many epochs, exactly: 24/5 in 0.1 epochs of 48 rows.

        The nearest fraction with a denominator up to a million, so that 0.6666666667 epochs are 2/3.
        """
        return (Fraction(epochs) * self.rows).limit_denominator(10**6)

    def steps_until(self, epochs: float) -> int:
        """Updates in so many epochs; a part of an epoch counts up to the update that completes it."""
        return self.step_reaching(math.ceil(self.examples_in(epochs)))

    def examples_at(self, step: int) -> int:
        """Examples seen once `step` updates are done."""
        epoch, place = self.epoch_of(step)
        return epoch * self.rows + place * self.size_in(epoch)

    def step_reaching(self, examples: int) -> int:
        """The first number of updates after which so many examples have been seen."""
        epoch, rest = divmod(examples, self.rows)
        first_epoch, first_step = max(phase for phase in self._phases if phase[0] <= epoch)
        return first_step + (epoch - first_epoch) * self.steps_in(epoch) + -(-rest // self.size_in(epoch))


def batch_rows(size: int | Literal["full"], rows: int) -> int:
    """The number that a batch size of a config means: `full` is all rows."""
    return rows if size == "full" else size


def batch_plan(config: Config, rows: int) -> BatchPlan:
    """The plan of a config on so many training rows."""
    size = config.batch_size
    initial = batch_rows(size.initial, rows)
    return BatchPlan(rows, initial, config.sampling, config.seed, size.every, size.factor, size.maximum)


@dataclass(frozen=True)
class Segment:
    """Consecutive steps to be executed in one go.

    Step s of it sees rows indices[offsets[s]:offsets[s + 1]] at learning_rates[s];
    first_step updates were done before.
    """

    indices: NDArray[np.int64]
    offsets: NDArray[np.int64]
    learning_rates: NDArray[np.float64]
    first_step: int

    def __len__(self) -> int:
        return len(self.learning_rates)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Examples in each batch, [steps]."""
        return np.diff(self.offsets)


class BatchStream:
    """Hands out index segments from any step on; keeps the current epoch's order."""

    def __init__(self, plan: BatchPlan) -> None:
        self.plan = plan
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    def take(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices and offsets of steps first..last-1 (0-based)."""
        parts = list(self._parts(first, last))
        indices = parts[0][0] if len(parts) == 1 else np.concatenate([part for part, _ in parts])
        sizes = np.concatenate([size for _, size in parts])
        return indices, np.concatenate([[0], np.cumsum(sizes)])

    def _parts(self, first: int, last: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Rows and batch sizes of each epoch that the steps touch."""
        while first < last:
            epoch, place = self.plan.epoch_of(first)
            if epoch != self._epoch:
                self._order, self._epoch = self.plan.order(epoch), epoch
            size, rows = self.plan.size_in(epoch), self.plan.rows
            steps = min(last - first, self.plan.steps_in(epoch) - place)
            begin, end = place * size, min((place + steps) * size, rows)
            sizes = np.full(steps, size)
            sizes[-1] = end - begin - (steps - 1) * size
            yield self._order[begin:end], sizes
            first += steps
