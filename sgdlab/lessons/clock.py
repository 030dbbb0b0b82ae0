"""Seconds per epoch by batch size, from interleaved repeats: the plain PyTorch loop, and the compiled engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgdlab.bench.conditions import conditions, in_words, torch_threads
from sgdlab.bench.plain_loop import plain_training
from sgdlab.bench.production import production
from sgdlab.bench.timing import OnDone, TimedTraining, interleaved, steps_to_time, unseen
from sgdlab.config import Config
from sgdlab.data import PreparedData
from sgdlab.training.resolve import resolve
from sgdlab.training.sampling import batch_plan

PLAIN, NATIVE = "plain loop", "native engine"
SAMPLE_SECONDS, LONGEST_SECONDS = 0.02, 0.25
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clock:
    """step_seconds: (loop, name) -> [rounds], seconds a step;  steps: in an epoch, by name."""

    step_seconds: Mapping[tuple[str, str], Floats]
    steps: Mapping[str, int]
    conditions: str

    def epoch(self, loop: str, name: str) -> Floats:
        """Seconds per epoch, [rounds]."""
        return self.step_seconds[loop, name] * self.steps[name]


def epoch_clock(
    jobs: Mapping[str, tuple[Config, PreparedData]],
    rounds: int,
    device: str = "cpu",
    loops: Sequence[str] = (PLAIN, NATIVE),
    on_done: OnDone = unseen,
) -> Clock:
    """Time each config on its data by each loop, one thread, every round through all of them.

    On the clock: batch order, rows, steps. Off it: data, model, warm-up, evaluation. A sample trains whole
    epochs of at least 20 ms, or of a long epoch as many steps as fit 0.25 s.
    """
    works, keys, steps = [], [], {}
    with torch_threads(1):
        for name, (config, data) in jobs.items():
            for loop in loops:
                engine = "native" if loop == NATIVE else "eager"
                changes = {"engine": engine, "threads": 1, "device": device}
                resolved = resolve(config.model_copy(update=changes), data).config
                steps[name] = batch_plan(resolved, len(data.train)).steps_in(0)
                run = production(resolved, data) if loop == NATIVE else plain_training(resolved, data)
                works.append(_Work(run, steps[name]))
                keys.append((loop, name))
        found = interleaved(works, rounds, on_done)
    facts = conditions(None)
    where = f"{rounds} interleaved rounds, one thread, {in_words(facts)}"
    return Clock(dict(zip(keys, found, strict=True)), steps, where)


class _Work:
    """One sample: seconds a step."""

    def __init__(self, run: TimedTraining, epoch: int) -> None:
        self.run = run
        self.count = steps_to_time(run, epoch, SAMPLE_SECONDS, LONGEST_SECONDS)

    def __call__(self) -> float:
        sample = self.run(self.count)
        return sample.seconds / sample.steps
