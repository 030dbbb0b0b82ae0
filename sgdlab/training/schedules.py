"""The learning rate of every step: a config's schedule laid over the steps of its budget."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sgdlab.config import Config
from sgdlab.schema.schedules.base import Schedule
from sgdlab.training.sampling import BatchPlan


@dataclass(frozen=True)
class RateSchedule:
    """eta at every step: (section, batch plan, total steps of the budget) -> lr_at(step).

    total_steps: None where the budget is in seconds.
    """

    section: Schedule
    batches: BatchPlan
    total_steps: int | None

    def lr_at(self, step: int) -> float:
        """Learning rate of 0-based `step`."""
        return float(self.rates(step, step + 1)[0])

    def rates(self, first: int, last: int) -> NDArray[np.float64]:
        """Learning rates of steps first..last-1, [steps]."""
        if self.section.schedule == "constant" and self.section.warmup == 0:
            return np.full(last - first, self.section.initial)
        times = np.arange(first, last) if self.section.per == "step" else self.batches.epochs_of(first, last)
        # one call for each time and not numpy's cosine on all of them: its last bit may depend on the length
        distinct, place = np.unique(times, return_inverse=True)
        return np.array([self.section.rate(t, self._horizon) for t in distinct.tolist()])[place]

    @cached_property
    def _horizon(self) -> float:
        """The end of the budget in the section's unit: epochs begun, or steps."""
        if not self.total_steps:
            return math.inf
        if self.section.per == "step":
            return self.total_steps
        return self.batches.epoch_of(self.total_steps - 1)[0] + 1


def total_steps(config: Config, batches: BatchPlan) -> int | None:
    """Updates that the budget allows; None where it is in seconds."""
    limit = config.total_budget
    match limit.unit:
        case "epochs":
            return max(batches.steps_until(limit.amount), 1)
        case "steps":
            return int(limit.amount)
        case "examples":
            return batches.step_reaching(int(limit.amount))
    return None
