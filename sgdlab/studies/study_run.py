"""One run of a study: what it is to do, what its run folder tells, and where it reached a target."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sgdlab.analysis.steps_to_target import steps_to_target
from sgdlab.config import StopRule
from sgdlab.errors import RunFolderError
from sgdlab.runs.folder import ENDED, RunFolder
from sgdlab.runs.history import read_history
from sgdlab.runs.names import HISTORY, PLAN
from sgdlab.studies.plan import StudyPlan
from sgdlab.sweeps.manifest import Entry, Manifest, read_manifest

Stage = Literal["scan", "check", "refine", "measure"]
"""scan: the grid of rates; check: its best on more seeds, for the target; refine: about the best, with the
target; measure: what is reported, on seeds of its own."""


class RunKey(NamedTuple):
    """What identifies a run within its study."""

    stage: Stage
    batch_size: int
    learning_rate: float
    seed: int


@dataclass(frozen=True)
class RunSpec:
    """A run that a study needs. budget, evaluate_every, stop_at: as a config writes them."""

    stage: Stage
    batch_size: int
    learning_rate: float
    seed: int
    budget: str
    evaluate_every: str
    stop_at: str | None

    @property
    def key(self) -> RunKey:
        """What identifies the run within its study."""
        return RunKey(self.stage, self.batch_size, self.learning_rate, self.seed)

    @property
    def varied(self) -> dict[str, Any]:
        """What the run changes in the base config."""
        return {key: value for key, value in asdict(self).items() if key != "stage"}

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
class StudyRun:
    """A run that has ended. steps, examples, seconds, values: [T], one for each evaluation after row 0;
    seconds of training, evaluation excluded; values of the study's metric. steps_done: updates in all."""

    key: RunKey
    metric: str
    status: str
    steps_done: int
    train_seconds: float
    steps: NDArray[np.float64] = field(repr=False)
    examples: NDArray[np.float64] = field(repr=False)
    seconds: NDArray[np.float64] = field(repr=False)
    values: NDArray[np.float64] = field(repr=False)

    @property
    def diverged(self) -> bool:
        """Whether the loss stopped being finite."""
        return self.status == "diverged"

    @property
    def met_at_start(self) -> bool:
        """Whether the target was met before the first step: such a run says nothing about steps."""
        return self.status == "completed" and self.steps_done == 0

    @property
    def best(self) -> float:
        """The best value of the metric; the worst possible, ±inf, for a run that diverged."""
        losses = self.metric.endswith("loss")
        if self.diverged or not len(self.values):
            return math.inf if losses else -math.inf
        return float(self.values.min() if losses else self.values.max())

    def arrival(self, target: StopRule | None) -> Arrival | None:
        """Where the run first reached the target; None where it did not, or there is none yet."""
        if target is None:
            return None
        losses = target.metric.endswith("loss")
        steps = steps_to_target(self.steps.tolist(), self.values.tolist(), target.value, losses)
        if steps is None:
            return None
        at = int(np.searchsorted(self.steps, steps))
        after = float(self.steps[at - 1]) if at else 0.0
        return Arrival(steps, after, float(self.examples[at]), float(self.seconds[at]), float(self.values[at]))


StudyRuns = dict[RunKey, StudyRun]


def manifest_of(path: Path, plan: StudyPlan) -> Manifest:
    """The runs of a study, as sweep.yaml in its folder lists them."""
    return read_manifest(path) if (path / PLAN).exists() else Manifest(path, plan.base, [])


def key_of(entry: Entry) -> RunKey:
    """The key of a listed run, from its name and what it varies."""
    varied, stage = entry.varied, entry.name.partition("-")[0]
    return RunKey(stage, varied["batch_size"], float(varied["learning_rate"]), varied["seed"])  # type: ignore[arg-type]


def read_study_runs(manifest: Manifest, metric: str, known: StudyRuns) -> StudyRuns:
    """Every run that has ended; those of `known` are not read again."""
    runs = dict(known)
    for entry in manifest.entries:
        key = key_of(entry)
        if key not in runs and (run := read_study_run(manifest.folder(entry), key, metric)) is not None:
            runs[key] = run
    return runs


def read_study_run(folder: RunFolder, key: RunKey, metric: str) -> StudyRun | None:
    """The run in a folder; None while it has not ended, or has failed."""
    try:
        summary = folder.summary()
    except RunFolderError:
        return None
    if summary["status"] not in ENDED:
        return None
    table = read_history(folder.path / HISTORY)
    after = table[table["step"] > 0]
    columns = [after[name].to_numpy(dtype=float) for name in ("step", "examples", "train_seconds", metric)]
    return StudyRun(key, metric, summary["status"], int(summary["steps"]), float(summary["train_seconds"]), *columns)
