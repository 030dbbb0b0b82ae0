"""A study for notebooks and the command line: ask, carry out, extend, read, recommend."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sgdlab.analysis.recommend import Recommendation
from sgdlab.analysis.recommend import recommend as recommendation
from sgdlab.analysis.tradeoff import Tradeoff
from sgdlab.errors import UserError
from sgdlab.runs.new_folder import create_folder, group_name
from sgdlab.studies.conduct import conduct, manifest_of, read_trials
from sgdlab.studies.folder import read_question, write_question
from sgdlab.studies.question import Question
from sgdlab.studies.result import Result, fit_in_words, notes, result_of, table_of
from sgdlab.studies.rounds import next_round
from sgdlab.studies.trial import Key, Trial
from sgdlab.studies.writing import tuning_table, write_all
from sgdlab.sweeps.create import jobs_at_once
from sgdlab.sweeps.watch import Watch, unwatched

if TYPE_CHECKING:
    import pandas as pd


Goal = Literal["time", "computation"]


class Study:
    """A study on disk."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @cached_property
    def question(self) -> Question:
        """What was asked; the target once it is known."""
        return read_question(self.path)

    @cached_property
    def trials(self) -> dict[Key, Trial]:
        """Every run that has ended."""
        found: dict[Key, Trial] = {}
        read_trials(manifest_of(self.path, self.question), self.question, found)
        return found

    @cached_property
    def result(self) -> Result:
        """The rows and the fit, from the runs that there are."""
        return result_of(self.question, self.trials)

    @cached_property
    def table(self) -> "pd.DataFrame":
        """A row for each batch size: rate, edge, reached, steps, examples and seconds with intervals."""
        return table_of(self.result)

    @cached_property
    def tuning(self) -> "pd.DataFrame":
        """A row for each tuning run."""
        return tuning_table(self.question, self.trials)

    @property
    def fit(self) -> Tradeoff | None:
        """S_min, E_min and B_crit with intervals, or the reason why the data cannot tell."""
        return self.result.fit

    @property
    def notes(self) -> list[str]:
        """What was held equal, and what is doubtful."""
        return notes(self.result)

    @property
    def complete(self) -> bool:
        """Whether no run is missing."""
        following = next_round(self.question, self.trials)
        return not following.requests and following.target is None

    def recommend(self, goal: Goal = "time") -> Recommendation:
        """The batch size and rate for least time on this machine, or for least computation.

        Raises UserError while nothing is measured.
        """
        rows = [row.study for row in self.result.rows]
        if not rows:
            raise UserError(f"{self.path}: nothing is measured yet; continue with: sgdlab resume {self.path}")
        return recommendation(rows, "seconds" if goal == "time" else "examples")

    def __repr__(self) -> str:
        return f"Study({str(self.path)!r}, {fit_in_words(self.fit)})"


def create_study(question: Question, runs_dir: Path, name: str | None = None) -> Path:
    """The study's folder with its question on disk, before any run."""
    config = question.config(question.batch_sizes[0])
    path = create_folder(runs_dir, name, group_name(config, "study"))
    write_question(path, question)
    return path


def run_study(path: Path, jobs: int | None = None, watch: Watch = unwatched) -> Study:
    """Do what the study in `path` still needs, and write its tables and figures, also where it was stopped
    or runs failed. Raises RunFailed as `conduct`."""
    try:
        conduct(path, jobs, watch)
    finally:
        done = Study(path)
        write_all(path, done.result, done.trials, machine_in_words(done, jobs))
    return done


def machine_in_words(study: Study, jobs: int | None) -> str:
    """`training seconds on <cpu>, 2 runs at once`: what the seconds are of."""
    from sgdlab.runs.environment import cpu_name

    entries = manifest_of(study.path, study.question).entries
    measured = [entry for entry in entries if entry.name.startswith("measure")]
    devices = sorted({str(entry.resolved["device"]) for entry in measured}) or ["cpu"]
    at_once = jobs_at_once([int(entry.resolved["threads"]) for entry in measured], jobs)
    where = cpu_name() if devices == ["cpu"] else ", ".join(devices)
    return f"training seconds on {where}, " + ("one run at a time" if at_once == 1 else f"{at_once} runs at once")
