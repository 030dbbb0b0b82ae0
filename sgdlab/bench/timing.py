"""Timing: contenders take turns; medians and quartiles of what each took."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sample:
    """What one timed piece of training did. seconds: on the clock, set-up and evaluation excluded."""

    seconds: float
    steps: int
    examples: int


TimedTraining = Callable[[int], Sample]
"""Trains from the initial weights for about so many steps (a peer that knows only epochs: at least so many)."""

OnDone = Callable[[int, int], None]
"""Called after each measurement: how many are done, of how many."""

SAMPLE_SECONDS = 0.05
PROBE_SECONDS = 0.005


class StepTimer:
    """Seconds a step of a training, a sample at each call; warmed up, `sample` is the last one.

    epoch: steps in one. A sample takes 50 ms or more in whole epochs, see `steps_to_time`.
    """

    def __init__(self, run: TimedTraining, epoch: int, at_most: float = 0.5) -> None:
        self.run, self.steps = run, steps_to_time(run, epoch, SAMPLE_SECONDS, at_most)

    def __call__(self) -> float:
        self.sample = self.run(self.steps)
        return self.sample.seconds / self.sample.steps


def unseen(done: int, total: int) -> None:
    """Nobody looks on."""


@dataclass(frozen=True)
class Quartiles:
    """Median, quartiles and range of the repeats."""

    median: float
    low: float
    high: float
    smallest: float
    largest: float

    def columns(self, name: str) -> dict[str, float]:
        """The median under a column's name, the quartiles under that with _low and _high."""
        return {name: self.median, f"{name}_low": self.low, f"{name}_high": self.high}


def spread(values: NDArray[np.float64]) -> Quartiles:
    """values: [repeats], at least one."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return Quartiles(float(median), float(low), float(high), float(values.min()), float(values.max()))


def times_faster(values: NDArray[np.float64], baseline: NDArray[np.float64]) -> float:
    """Median over the rounds of baseline / values, both [repeats] from the same rounds: above 1 is faster."""
    return float(np.median(baseline / values))


def interleaved(
    works: Sequence[Callable[[], float]], repeats: int, on_done: OnDone = unseen
) -> list[NDArray[np.float64]]:
    """What each work returned in each round, [repeats] each.

    A round goes through all works before the next begins; odd rounds go backwards, so that nobody always
    comes after the same neighbour.
    """
    order = list(range(len(works)))
    turns = [i for turn in range(repeats) for i in (order if turn % 2 == 0 else order[::-1])]
    found: list[list[float]] = [[] for _ in works]
    for done, i in enumerate(turns, 1):
        found[i].append(works[i]())
        on_done(done, len(turns))
    return [np.array(values) for values in found]


def seconds_per_call(work: Callable[[], object], at_least: float) -> float:
    """Seconds of one call, the mean of as many as take `at_least` seconds; not warmed up."""
    count, seconds, started = 0, -1.0, time.perf_counter()
    while seconds < at_least:
        work()
        count += 1
        seconds = time.perf_counter() - started
    return seconds / count


def steps_to_time(run: TimedTraining, epoch: int, at_least: float, at_most: float) -> int:
    """How many steps a sample should train, so that it takes `at_least` seconds.

    Whole epochs (epoch: steps in one) where these fit into `at_most` seconds, so that the batch order
    weighs what it weighs in a run; else as many steps as fit. What is run to find out is warm-up.
    """
    run(1)  # whatever only the first call pays for
    steps, sample = 1, run(1)
    while sample.seconds < PROBE_SECONDS and steps < epoch:
        steps = min(steps * 4, epoch)
        sample = run(steps)
    step_seconds = max(sample.seconds / sample.steps, 1e-9)
    epochs = math.ceil(at_least / (step_seconds * epoch))
    if epochs * epoch * step_seconds <= at_most:
        return epochs * epoch
    return max(int(at_most / step_seconds), 1)
