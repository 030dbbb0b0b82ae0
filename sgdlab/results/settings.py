"""Settings: the runs that differ in their seed alone, with a metric of each by its seed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sgdlab.analysis.intervals import Interval, mean_interval
from sgdlab.analysis.wording import count
from sgdlab.results.labels import setting_label
from sgdlab.results.listing import readable_config
from sgdlab.runs.folder import ENDED, RunFolder, is_run
from sgdlab.sweeps.manifest import Manifest
from sgdlab.sweeps.plan import without_seed

_LAST = ("batch_size.initial", "learning_rate.initial")
_SAY_ONLY_HOW = ("seed", "threads", "engine", "device", "checkpoint_every")


@dataclass(frozen=True)
class MeasuredRun:
    """A run as it is compared.

    varied: what sets it apart, the seed aside;  config: dotted key -> value, empty where it is not known;
    summary: at least its status, as in summary.json, or planned, or damaged.
    """

    name: str
    varied: Mapping[str, Any]
    config: Mapping[str, Any]
    summary: Mapping[str, Any]

    @property
    def status(self) -> str:
        """How it stands."""
        return str(self.summary["status"])


@dataclass(frozen=True)
class Setting:
    """The runs that differ in their seed alone.

    values: seed -> the metric, NaN where the run diverged;  interval: the mean over the seeds that completed with its
    t interval, None without one.
    """

    label: str
    varied: Mapping[str, Any]
    runs: Sequence[MeasuredRun]
    values: Mapping[int, float]
    interval: Interval | None

    @property
    def finite(self) -> list[float]:
        """The values of the runs that completed."""
        return [value for value in self.values.values() if math.isfinite(value)]

    @property
    def diverged(self) -> int:
        """How many runs diverged."""
        return sum(run.status == "diverged" for run in self.runs)

    def measured(self, name: str) -> list[float]:
        """A number of summary.json, of the runs that completed and have it."""
        found = [run.summary.get(name) for run in self.runs if run.status == "completed"]
        return [float(value) for value in found if isinstance(value, int | float)]


def runs_of_plan(manifest: Manifest) -> list[MeasuredRun]:
    """The runs of a sweep in the order of its plan, apart as the plan has it."""
    return [_measured(manifest.folder(entry), without_seed(entry.varied)) for entry in manifest.entries]


def runs_apart(folders: Iterable[RunFolder]) -> list[MeasuredRun]:
    """Any runs, set apart by the keys in which their configs differ and in the order of these."""
    runs = [_measured(folder, {}) for folder in folders]
    keys = differing_keys([run.config for run in runs])
    runs.sort(key=lambda run: [_sort_key(run.config.get(key)) for key in keys])
    return [
        replace(run, varied={key: run.config[key] for key in keys if run.config.get(key) is not None}) for run in runs
    ]


def differing_keys(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys in which the known configs differ, batch size and learning rate last as in a sweep's plan.

    Without the keys that say only where and how a run was made.
    """
    known = [config for config in configs if config]
    keys = dict.fromkeys(key for config in known for key in config if key not in _SAY_ONLY_HOW)
    return sorted(
        (key for key in keys if len({str(config.get(key)) for config in known}) > 1),
        key=lambda key: _LAST.index(key) if key in _LAST else -1,
    )


def group_by_setting(runs: Sequence[MeasuredRun], metric: str, level: float) -> tuple[list[Setting], list[str]]:
    """The settings in the order of their first run; and the runs without a value, each with its reason."""
    grouped: dict[str, list[MeasuredRun]] = {}
    for run in runs:
        grouped.setdefault(setting_label(run.varied), []).append(run)
    settings, left_out = [], []
    for label, group in grouped.items():
        values, without = _values(group, metric)
        finite = [value for value in values.values() if math.isfinite(value)]
        interval = mean_interval(finite, level) if finite else None
        settings.append(Setting(label, group[0].varied, group, values, interval))
        left_out += without
    waiting = sum(run.status == "planned" for run in runs)
    return settings, left_out + ([f"{count(waiting, 'run')} not begun yet"] if waiting else [])


def _values(runs: Sequence[MeasuredRun], metric: str) -> tuple[dict[int, float], list[str]]:
    values: dict[int, float] = {}
    left_out = []
    for run in (run for run in runs if run.status != "planned"):
        seed, reason, value = int(run.config.get("seed", -1)), run.summary.get("reason"), run.summary.get(metric)
        if not run.config or run.status not in ENDED:
            left_out.append(f"{run.name}: {run.status}" + (f", {reason}" if reason else ""))
        elif seed in values:
            left_out.append(f"{run.name}: {setting_label(run.varied)}, seed {seed} is there already")
        elif run.status == "diverged":
            values[seed] = math.nan
        elif isinstance(value, int | float):
            values[seed] = float(value)
        else:
            left_out.append(f"{run.name}: has no {metric}")
    return values, left_out


def _measured(folder: RunFolder, varied: Mapping[str, Any]) -> MeasuredRun:
    summary = folder.readable_summary(check=True) if is_run(folder.path) else {"status": "planned"}
    return MeasuredRun(folder.name, varied, readable_config(folder), summary)


def _sort_key(value: Any) -> tuple[int, float, str]:
    """Numbers before words, whatever their folders are called."""
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))
