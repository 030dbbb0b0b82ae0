"""The settings of a sweep: each with its values by seed, the best of them, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sgdlab.analysis.intervals import Interval, mean_interval
from sgdlab.analysis.paired import PairedDifference, compare_pairs
from sgdlab.report.provenance import finite_number
from sgdlab.results.figures import setting_label
from sgdlab.sweeps.manifest import Manifest

if TYPE_CHECKING:
    import pandas as pd

ENDED = ("completed", "diverged")
MOST_SETTINGS = 60  # 1,770 pairs; more take seconds, and after Holm's correction tell nothing apart


@dataclass(frozen=True)
class Setting:
    """Everything of a sweep that differs in the seed alone.

    rows: a dict for each run as in results.csv; values: seed -> the metric at the run's best, inf where it diverged.
    """

    label: str
    varied: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    values: dict[int, float] = field(default_factory=dict)

    @property
    def finite(self) -> list[float]:
        """The values of the runs that completed."""
        return [value for value in self.values.values() if math.isfinite(value)]

    @property
    def diverged(self) -> int:
        """How many runs diverged."""
        return sum(row["status"] == "diverged" for row in self.rows)

    @property
    def mean(self) -> Interval | None:
        """Mean over the seeds that completed, with its t interval; None without one."""
        return mean_interval(self.finite) if self.finite else None

    def over_seeds(self, name: str) -> float:
        """The mean of a column over the runs that completed; NaN without one."""
        found = [finite_number(row.get(name)) for row in self.rows if row["status"] == "completed"]
        values = [value for value in found if value is not None]
        return sum(values) / len(values) if values else math.nan


@dataclass(frozen=True)
class Verdict:
    """The settings in the order of the plan, the best of them (None: no run completed) and every pair compared.

    pairs: empty where nothing can be compared (one setting, one seed, or more settings than MOST_SETTINGS).
    """

    metric: str
    settings: list[Setting]
    best: Setting | None
    pairs: list[PairedDifference]

    def against_best(self, setting: Setting) -> PairedDifference | None:
        """The comparison of a setting with the best one."""
        if self.best is None:
            return None
        names = {setting.label, self.best.label}
        return next((pair for pair in self.pairs if {pair.first, pair.second} == names), None)

    @property
    def unresolved(self) -> list[Setting]:
        """The rivals that the best setting does not beat beyond chance."""
        return [setting for setting in self.rivals if not self.beaten(setting)]

    @property
    def rivals(self) -> list[Setting]:
        """The other settings of which a run completed, the closest first."""
        others = [setting for setting in self.settings if setting is not self.best and setting.finite]
        return sorted(others, key=lambda setting: setting.mean.estimate if setting.mean else math.inf)

    def beaten(self, setting: Setting) -> bool:
        """Whether the best setting is better, beyond chance."""
        pair = self.against_best(setting)
        if pair is None or self.best is None:
            return False
        return pair.outcome == ("first" if pair.first == self.best.label else "second")


def judge(manifest: Manifest, table: "pd.DataFrame") -> Verdict:
    """The verdict on a sweep's results (a row for each run of the plan), by the lowest validation loss, or
    training loss where there is no validation split.

    The best is the lowest mean among the settings of which no run diverged and as many completed as of any;
    the lowest of all where none is such.
    """
    metric = "best_val_loss" if table["best_val_loss"].notna().any() else "best_train_loss"
    settings: dict[str, Setting] = {}
    for entry, row in zip(manifest.entries, table.to_dict(orient="records"), strict=True):
        label = setting_label(entry.varied)
        varied = {key: value for key, value in entry.varied.items() if key != "seed"}
        setting = settings.setdefault(label, Setting(label, varied))
        values = {str(key): value for key, value in row.items()}
        setting.rows.append(values)
        value = finite_number(values.get(metric))
        if values["status"] == "diverged":
            setting.values[int(entry.varied.get("seed", 0))] = math.inf
        elif values["status"] == "completed" and value is not None:
            setting.values[int(entry.varied.get("seed", 0))] = value
    found = list(settings.values())
    return Verdict(metric, found, _best(found), _pairs(found))


def _best(settings: Sequence[Setting]) -> Setting | None:
    measured = [setting for setting in settings if setting.finite]
    most = max((len(setting.finite) for setting in measured), default=0)
    sound = [setting for setting in measured if not setting.diverged and len(setting.finite) == most]
    return min(sound or measured, key=lambda setting: sum(setting.finite) / len(setting.finite), default=None)


def _pairs(settings: Sequence[Setting]) -> list[PairedDifference]:
    values = {setting.label: setting.values for setting in settings if setting.values}
    several = any(len(each) > 1 for each in values.values())
    return compare_pairs(values) if several and 2 <= len(values) <= MOST_SETTINGS else []
