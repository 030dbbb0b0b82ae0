"""A study on disk, for notebooks, the command line and the report: its plan, what it found, what it recommends."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sgdlab.analysis.recommend import Recommendation
from sgdlab.analysis.tradeoff import Tradeoff
from sgdlab.errors import RunFolderError, UserError
from sgdlab.runs.names import PLAN, TUNING
from sgdlab.studies.answer import read_answer
from sgdlab.studies.folder import read_plan
from sgdlab.studies.plan import StudyPlan
from sgdlab.studies.result import Goal, StudyResult, fit_in_words, known_fit
from sgdlab.studies.rounds import next_round
from sgdlab.studies.study_run import manifest_of, read_study_runs

if TYPE_CHECKING:
    import pandas as pd


class Study:
    """A study as its files tell it; RunFolderError where the one that is asked for is damaged.

    They tell what was known when the study last came to an end, or was stopped; its run folders need not be there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @cached_property
    def plan(self) -> StudyPlan:
        """What was asked; the target once it is known."""
        return read_plan(self.path)

    @cached_property
    def result(self) -> StudyResult:
        """The rows, the fit and the notes; empty while nothing is measured."""
        return read_answer(self.path)

    @property
    def table(self) -> "pd.DataFrame":
        """A row for each batch size: rate, edge, reached, steps, examples and seconds with intervals."""
        return self.result.table

    @cached_property
    def tuning(self) -> "pd.DataFrame":
        """A row for each tuning run."""
        import pandas as pd

        path = self.path / TUNING
        try:
            return pd.read_csv(path) if path.exists() and path.stat().st_size > 1 else pd.DataFrame()
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{path}: damaged: {str(error)[:100]}") from None

    @property
    def fit(self) -> Tradeoff | None:
        """S_min, E_min and B_crit with intervals, or the reason why the data cannot tell."""
        return self.result.fit

    @property
    def b_crit(self) -> float | None:
        """The critical batch size in examples; None where the data cannot tell."""
        known = known_fit(self.fit)
        return None if known is None else known["b_crit"].estimate

    @property
    def notes(self) -> tuple[str, ...]:
        """What was held equal, and what is doubtful."""
        return self.result.notes

    @cached_property
    def complete(self) -> bool:
        """Whether no run is missing; where the list of runs was taken away, whether anything is measured."""
        if not (self.path / PLAN).exists():
            return bool(self.result.rows)
        runs = read_study_runs(manifest_of(self.path, self.plan), self.plan.metric, {})
        following = next_round(self.plan, runs)
        return not following.specs and following.target is None

    def recommend(self, goal: Goal = "time") -> Recommendation:
        """The batch size and rate for least time on this machine, or for least computation.

        Raises UserError while nothing is measured.
        """
        if not self.result.rows:
            raise UserError(f"{self.path}: nothing is measured yet; continue with: sgdlab resume {self.path}")
        return self.result.recommend(goal)

    def __repr__(self) -> str:
        return f"Study({str(self.path)!r}, {fit_in_words(self.fit)})"
