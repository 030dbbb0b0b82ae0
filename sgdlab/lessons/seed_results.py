"""What the runs of a sweep left, by seed: results, and moments of their histories."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sgdlab.errors import RunFolderError
from sgdlab.results.opened import Sweep

if TYPE_CHECKING:
    import pandas as pd

    Reading = Callable[[pd.DataFrame], float]


@dataclass(frozen=True)
class SeedResults:
    """table: a row for each run, as results.csv;  histories: by the run's name."""

    table: "pd.DataFrame"
    histories: "Mapping[str, pd.DataFrame]"

    def by_seed(self, column: str, **where: Any) -> dict[int, float]:
        """Seed -> a column of the results; NaN for a run that did not complete."""
        rows = self._rows(where)
        done = rows["status"] == "completed"
        values = rows[column].astype(float).where(done, math.nan)
        return {int(seed): float(value) for seed, value in zip(rows["seed"], values, strict=True)}

    def read(self, reading: "Reading", **where: Any) -> dict[int, float]:
        """Seed -> what `reading` makes of a run's history; NaN for a run without one."""
        found = {}
        for row in self._rows(where).to_dict("records"):
            history = self.histories.get(row["run"])
            found[int(row["seed"])] = math.nan if history is None or history.empty else reading(history)
        return found

    def seeds_histories(self, **where: Any) -> "list[pd.DataFrame]":
        """The histories of a setting, for figures."""
        return [self.histories[run] for run in self._rows(where)["run"] if run in self.histories]

    def _rows(self, where: Mapping[str, Any]) -> "pd.DataFrame":
        rows = self.table
        for key, value in where.items():
            rows = rows[rows[key] == value]
        return rows


def seed_results(sweep: Sweep) -> SeedResults:
    """The results of a sweep on disk; a run whose history cannot be read has none."""
    histories = {}
    for run in sweep.runs:
        try:
            histories[run.path.name] = run.history
        except RunFolderError:
            continue
    return SeedResults(sweep.results, histories)


def value_at(column: str, key: str, moment: float) -> "Reading":
    """Reads `column` in the row where `key` first reaches the moment; NaN where none does.

    >>> results.read(value_at("train_loss", "step", 6))
    """

    def reading(history: "pd.DataFrame") -> float:
        reached = history.loc[history[key] >= moment - 1e-9, column]
        return float(reached.iloc[0]) if len(reached) else math.nan

    return reading


def first_reaching(column: str, target: float) -> "Reading":
    """Reads the step of the first row after the start whose `column` is at most the target; infinite where none is."""

    def reading(history: "pd.DataFrame") -> float:
        reached = history.loc[(history["step"] > 0) & (history[column] <= target), "step"]
        return float(reached.iloc[0]) if len(reached) else math.inf

    return reading


def spread_of_last_half(column: str, around: str) -> "Reading":
    """Reads the standard deviation of `column` − `around` over the rows of the last half of the run."""

    def reading(history: "pd.DataFrame") -> float:
        last = history[history["epoch"] >= history["epoch"].iloc[-1] / 2]
        return float((last[column] - last[around]).std())

    return reading
