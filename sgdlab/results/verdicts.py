"""Which settings of runs differ for real: paired by seed, all pairs corrected, with what the comparison holds equal."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sgdlab.analysis.paired import PairedDifference, compare_pairs
from sgdlab.errors import RunFolderError, UserError
from sgdlab.results.held_equal import held_equal, left_unequal, meaning_differs
from sgdlab.results.listing import runs_below
from sgdlab.results.settings import MeasuredRun, Setting, differing_keys, group_by_setting, runs_apart, runs_of_plan
from sgdlab.runs.folder import is_sweep
from sgdlab.runs.selection import selection_metric
from sgdlab.sweeps.manifest import Manifest, read_manifest

METRICS = (
    "best_val_loss", "best_val_accuracy", "final_val_loss", "final_val_accuracy", "best_train_loss", "final_train_loss",
    "final_train_accuracy", "best_val_rmse", "test_loss", "test_accuracy", "test_rmse", "train_seconds", "steps",
)  # fmt: skip
"""What can be compared, of summary.json; more is better for accuracies only."""

MOST_SETTINGS = 200
"""More are not tested: 19,900 pairs take some six seconds."""
MOST_PAIRS = 45
"""Pairs shown; of more only those with the best setting are, though all are corrected for."""


@dataclass(frozen=True)
class Comparison:
    """Settings in their order, the best of them, and every pair.

    best: the setting with the best mean, of those of which no run diverged and at least half as many completed as of
    any (of all, where none is such); None where no run completed, or their numbers do not mean the same.
    pairs: Holm-corrected together; empty, with `reason`, where none can be judged.
    held_equal: the budget in words;  left_out: runs without a value, each with its reason;  notes: what is unequal.
    """

    metric: str
    settings: Sequence[Setting]
    best: Setting | None
    pairs: Sequence[PairedDifference]
    held_equal: str
    left_out: Sequence[str]
    reason: str
    notes: Sequence[str]

    @property
    def shown_pairs(self) -> Sequence[PairedDifference]:
        """Every pair, or of more than MOST_PAIRS those with the best setting."""
        if len(self.pairs) <= MOST_PAIRS or self.best is None:
            return self.pairs[:MOST_PAIRS]
        return [pair for pair in self.pairs if self.best.label in (pair.first, pair.second)]

    @property
    def rivals(self) -> list[Setting]:
        """The other settings of which a run completed, the closest first."""
        others = [setting for setting in self.settings if setting is not self.best and setting.finite]
        return sorted(others, key=lambda setting: _rank(setting, self.metric))

    @property
    def unresolved(self) -> list[Setting]:
        """The rivals that the best setting does not beat beyond chance."""
        return [setting for setting in self.rivals if not self.beaten(setting)]

    def against_best(self, setting: Setting) -> PairedDifference | None:
        """The comparison of a setting with the best one."""
        names = {setting.label, self.best.label if self.best else ""}
        return next((pair for pair in self.pairs if {pair.first, pair.second} == names), None)

    def beaten(self, setting: Setting) -> bool:
        """Whether the best setting is better, beyond chance."""
        pair = self.against_best(setting)
        return pair is not None and pair.outcome == ("second" if pair.first == setting.label else "first")

    def lines(self) -> list[str]:
        """What the terminal says below the table of settings."""
        shown, hidden = self.shown_pairs, len(self.pairs) - len(self.shown_pairs)
        better = "higher" if _more_is_better(self.metric) else "lower"
        lines = [f"{self.metric}, {better} is better; {self.held_equal}", *(pair.text for pair in shown)]
        if hidden:
            lines.append(f"{hidden} further pairs are not shown; all {len(self.pairs)} are corrected for together")
        if self.reason:
            lines.append(f"no verdicts: {self.reason}")
        return lines + [f"note: {note}" for note in self.notes] + [f"left out: {text}" for text in self.left_out]


def compare_runs(paths: Sequence[Path], metric: str | None = None, level: float = 0.95) -> Comparison:
    """Judge the runs at `paths`: which settings differ for real in `metric`, seeds paired.

    Settings are those of the plan where `paths` is one sweep, else what differs between the configs.
    metric: of METRICS; best_val_loss where any run has it, else best_train_loss. Raises UserError for a
    metric that no run has, RunFolderError where there are no runs.
    """
    folders = {folder.path.resolve(): folder for path in paths for folder in runs_below(path)}
    if len(paths) == 1 and is_sweep(paths[0]):
        with suppress(RunFolderError):  # a plan that cannot be read leaves the runs themselves
            return compare_sweep(read_manifest(paths[0]), metric, level)
    return _compare(runs_apart(folders.values()), metric, level)


def compare_sweep(manifest: Manifest, metric: str | None = None, level: float = 0.95) -> Comparison:
    """Judge the runs of a sweep, as `compare_runs`."""
    return _compare(runs_of_plan(manifest), metric, level)


def _compare(runs: Sequence[MeasuredRun], metric: str | None, level: float) -> Comparison:
    metric = _chosen_metric(metric, [run.summary for run in runs])
    settings, left_out = group_by_setting(runs, metric, level)
    values = {setting.label: setting.values for setting in settings if setting.values}
    configs = [run.config for run in runs if run.config]
    foreign = meaning_differs(differing_keys(configs), metric)
    reason = "one setting only; a comparison needs two" if len(values) < 2 else foreign or _nothing_to_test(values)
    pairs = [] if reason else compare_pairs(values, level, lower_is_better=not _more_is_better(metric))
    steps = {setting.label: [int(number) for number in setting.measured("steps")] for setting in settings}
    return Comparison(
        metric=metric,
        settings=settings,
        best=None if foreign else _best(settings, metric),
        pairs=pairs,
        held_equal=held_equal(configs),
        left_out=left_out,
        reason=reason,
        notes=left_unequal(configs, steps, metric),
    )


def _chosen_metric(wanted: str | None, summaries: Sequence[Mapping[str, Any]]) -> str:
    if wanted is None:
        return selection_metric(summaries)
    known = [name for name in METRICS if any(summary.get(name) is not None for summary in summaries)]
    if wanted not in known:
        have = f"choose one of {', '.join(known)}" if known else "no run here has a result yet"
        raise UserError(f"--metric {wanted[:60]}: no run here has it; {have}")
    return wanted


def _nothing_to_test(values: Mapping[str, Mapping[int, float]]) -> str:
    if all(len(seeds) < 2 for seeds in values.values()):
        return "one seed for each setting: chance alone may part them; `--seeds 0-4` would tell"
    if len(values) > MOST_SETTINGS:
        return f"{len(values)} settings are too many to test every pair; compare at most {MOST_SETTINGS}"
    return ""


def _best(settings: Sequence[Setting], metric: str) -> Setting | None:
    measured = [setting for setting in settings if setting.finite]
    most = max((len(setting.finite) for setting in measured), default=0)
    sound = [setting for setting in measured if not setting.diverged and 2 * len(setting.finite) >= most]
    return min(sound or measured, key=lambda setting: _rank(setting, metric), default=None)


def _rank(setting: Setting, metric: str) -> float:
    """The mean, so turned that lower is better."""
    mean = setting.interval.estimate if setting.interval else math.inf
    return -mean if _more_is_better(metric) else mean


def _more_is_better(metric: str) -> bool:
    return metric.endswith("accuracy")
