"""Moments along a run at which something is measured; the run itself is not changed by it."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from sgdlab.training.loop import Training
from sgdlab.training.sampling import Segment
from sgdlab.training.session import Session

Spacing = Literal["even", "geometric"]


def moments(total: float, points: int, spacing: Spacing, whole: bool) -> list[float]:
    """0 and `points` moments up to `total` (steps, or seconds where not whole), in order, none twice.

    even: total · i/points;  geometric: total^(i/points) for steps, from total/1000 on for seconds.
    """
    if points == 0:
        return [0.0]
    if spacing == "even":
        found = np.linspace(0, total, points + 1)[1:]
    elif points == 1:
        found = np.array([float(total)])
    else:
        found = np.geomspace(1.0 if whole else total / 1000, total, points)
    return [0.0, *sorted({float(round(m)) if whole else float(m) for m in found} - {0.0})]


class PausingTraining(Training):
    """A run whose segments also end at given steps; the updates are those of the run without them."""

    def __init__(self, session: Session, pauses: list[float]) -> None:
        super().__init__(session.workload, session.engine)
        self.pauses = sorted(int(step) for step in pauses)

    def next_segment(self) -> Segment:
        """See Training.next_segment; cut at the next pause."""
        segment = super().next_segment()
        first = self.position.step
        ahead = next((step - first for step in self.pauses if step > first), len(segment))
        if ahead >= len(segment):
            return segment
        offsets = segment.offsets[: ahead + 1]
        return Segment(segment.indices[: offsets[-1]], offsets, segment.learning_rates[:ahead], segment.first_step)


class Pauses:
    """Calls `measure` at each moment that a run reaches: exactly at steps, at the first chance after seconds."""

    def __init__(self, session: Session, points: int, spacing: Spacing, measure: Callable[[Training], None]) -> None:
        total = session.training.total_steps
        self._in_steps = total is not None
        amount = total if total is not None else session.config.total_budget.amount
        self._left = moments(amount, points, spacing, self._in_steps)
        self._measure = measure
        self._last: int | None = None
        if self._in_steps:
            session.training = PausingTraining(session, self._left)

    def __call__(self, training: Training) -> None:
        """Measure if a moment has come; a model that has diverged has no gradient worth measuring."""
        position = training.position
        now = position.step if self._in_steps else position.train_seconds
        if self._left and now >= self._left[0] and position.diverged_at is None:
            self._left = [moment for moment in self._left if moment > now]
            self._take(training)

    def close(self, training: Training) -> None:
        """Measure at the end of a run that stopped before its last moment (its target was reached)."""
        if self._left and training.position.diverged_at is None and training.finished():
            self._take(training)

    def _take(self, training: Training) -> None:
        if self._last != training.position.step:
            self._last = training.position.step
            self._measure(training)
