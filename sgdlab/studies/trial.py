"""A trial: one run of a study as its run folder tells it, and what it says about a target."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sgdlab.analysis.steps_to_target import steps_to_target
from sgdlab.errors import RunFolderError
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.history import read_history
from sgdlab.runs.names import HISTORY

Stage = Literal["scan", "check", "refine", "measure"]
"""scan: the grid of rates; check: its best on more seeds, for the target; refine: about the best, with the
target; measure: what is reported, on seeds of its own."""
Key = tuple[Stage, int, float, int]
ENDED = ("completed", "diverged")


@dataclass(frozen=True)
class Request:
    """A run that a study asks for. budget, evaluate_every, stop_at: as a config writes them."""

    stage: Stage
    batch_size: int
    learning_rate: float
    seed: int
    budget: str
    evaluate_every: str
    stop_at: str | None

    @property
    def key(self) -> Key:
        """What identifies the run within its study."""
        return self.stage, self.batch_size, self.learning_rate, self.seed

    @property
    def varied(self) -> dict[str, Any]:
        """What the run changes in the base config."""
        return {
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "seed": self.seed,
            "budget": self.budget,
            "evaluate_every": self.evaluate_every,
            "stop_at": self.stop_at,
        }

    @property
    def name(self) -> str:
        """measure-bs8-lr0.001-seed0: the name of its run folder, its key in words."""
        return f"{self.stage}-bs{self.batch_size}-lr{self.learning_rate:g}-seed{self.seed}"


@dataclass(frozen=True)
class Arrival:
    """Where a run first reached a target. after: the evaluation before, at which it had not."""

    steps: float
    after: float
    examples: float
    seconds: float
    value: float


@dataclass(frozen=True)
class Trial:
    """A run that has ended. steps, examples, seconds, values: [T], one for each evaluation after row 0;
    seconds of training, evaluation excluded; values of the study's metric. steps_done: updates in all."""

    key: Key
    status: str
    steps_done: int
    train_seconds: float
    steps: NDArray[np.float64] = field(repr=False)
    examples: NDArray[np.float64] = field(repr=False)
    seconds: NDArray[np.float64] = field(repr=False)
    values: NDArray[np.float64] = field(repr=False)

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.key[3]

    @property
    def diverged(self) -> bool:
        """Whether the loss stopped being finite."""
        return self.status == "diverged"

    @property
    def met_at_start(self) -> bool:
        """Whether the target was met before the first step: such a run says nothing about steps."""
        return self.status == "completed" and self.steps_done == 0

    def best(self, lower_is_better: bool) -> float:
        """The best value of the metric; the worst possible, ±inf, for a run that diverged."""
        worst = math.inf if lower_is_better else -math.inf
        if self.diverged or not len(self.values):
            return worst
        return float(self.values.min() if lower_is_better else self.values.max())

    def arrival(self, target: float, lower_is_better: bool) -> Arrival | None:
        """Where the run first reached the target; None where it did not."""
        steps = steps_to_target(self.steps.tolist(), self.values.tolist(), target, lower_is_better)
        if steps is None:
            return None
        at = int(np.searchsorted(self.steps, steps))
        after = float(self.steps[at - 1]) if at else 0.0
        return Arrival(steps, after, float(self.examples[at]), float(self.seconds[at]), float(self.values[at]))

    @property
    def step_seconds(self) -> float:
        """Training seconds for one update; NaN before the first one."""
        return self.train_seconds / self.steps_done if self.steps_done else math.nan


def read_trial(folder: RunFolder, key: Key, metric: str) -> Trial | None:
    """The trial in a run folder; None while it has not ended, or has failed."""
    try:
        summary = folder.summary()
    except RunFolderError:
        return None
    if summary["status"] not in ENDED:
        return None
    table = read_history(folder.path / HISTORY)
    after = table[table["step"] > 0]
    columns = [after[name].to_numpy(dtype=float) for name in ("step", "examples", "train_seconds", metric)]
    return Trial(key, str(summary["status"]), int(summary["steps"]), float(summary["train_seconds"]), *columns)
