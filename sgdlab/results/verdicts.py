"""Verdicts on runs: grouped by everything but the seed, paired by seed, with what the comparison holds equal."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sgdlab.analysis.intervals import Interval, mean_interval
from sgdlab.analysis.paired import PairedDifference, compare_pairs
from sgdlab.errors import UserError
from sgdlab.results.listing import outcome_of, runs_below, settings_in
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.selection import selection_metric

METRICS = (
    "best_val_loss", "best_val_accuracy", "final_val_loss", "final_val_accuracy", "best_train_loss", "final_train_loss",
    "final_train_accuracy", "best_val_rmse", "test_loss", "test_accuracy", "test_rmse", "train_seconds", "steps",
)  # fmt: skip
"""What can be compared, of summary.json; more is better for accuracies only."""

MOST_PAIRS = 28
"""Pairs shown; of more groups only those with the best one are, though all are corrected for."""

_IGNORED = ("seed", "threads", "engine", "device", "checkpoint_every")
_WORDS = {"batch_size.initial": "batch", "learning_rate.initial": "rate", "optimizer.name": "", "model.name": ""}
_OTHER_TASK = ("dataset.", "loss", "model.output")


@dataclass(frozen=True)
class Group:
    """The runs of one setting: seed -> value; a run that diverged is NaN, and in `diverged`."""

    label: str
    values: Mapping[int, float]
    diverged: tuple[int, ...]
    interval: Interval | None


@dataclass(frozen=True)
class Verdicts:
    """pairs: every pair of groups, Holm-corrected together; empty, with `reason`, where none can be judged.

    held_equal: the budget in words;  left_out: runs without a value, each with its reason.
    """

    metric: str
    groups: list[Group]
    pairs: list[PairedDifference]
    held_equal: str
    left_out: list[str]
    reason: str = ""
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What the terminal says below the table of groups."""
        shown = self._shown()
        lines = [f"{self.metric}, {'higher' if _more_is_better(self.metric) else 'lower'} is better; {self.held_equal}"]
        lines += [pair.text for pair in shown]
        if len(shown) < len(self.pairs):
            rest = len(self.pairs) - len(shown)
            lines.append(f"{rest} further pairs are not shown; all {len(self.pairs)} are corrected for together")
        if self.reason:
            lines.append(f"no verdicts: {self.reason}")
        return lines + [f"note: {note}" for note in self.notes] + [f"left out: {text}" for text in self.left_out]

    def _shown(self) -> list[PairedDifference]:
        if len(self.pairs) <= MOST_PAIRS:
            return self.pairs
        sign = -1 if _more_is_better(self.metric) else 1
        known = [group for group in self.groups if group.interval is not None and not group.diverged]
        if not known:
            return self.pairs[:MOST_PAIRS]
        best = min(known, key=lambda g: sign * g.interval.estimate if g.interval else math.inf)
        return [pair for pair in self.pairs if best.label in (pair.first, pair.second)]


def verdicts(paths: Sequence[Path], metric: str | None = None, level: float = 0.95) -> Verdicts:
    """Judge the runs at `paths`: which settings differ for real in `metric`, seeds paired.

    metric: of METRICS; best_val_loss where any run has it, else best_train_loss. Raises UserError for a
    metric that no run has, RunFolderError where there are no runs.
    """
    folders = list({folder.path.resolve(): folder for path in paths for folder in runs_below(path)}.values())
    differing = _differing([settings_in(folder) for folder in folders])
    folders.sort(key=lambda folder: _order(settings_in(folder), differing))
    summaries = [outcome_of(folder) for folder in folders]
    settings = [settings_in(folder) for folder in folders]
    metric = _metric(metric, summaries)
    labels = [_label(each, differing) for each in settings]
    values, diverged, left_out = _values(folders, summaries, settings, labels, metric)
    groups = [
        Group(label, found, tuple(diverged.get(label, ())), _mean(found, level)) for label, found in values.items()
    ]
    held, notes = _held_equal(settings, summaries, metric)
    reason = _reason(groups, differing, metric)
    pairs = [] if reason else compare_pairs(values, level, lower_is_better=not _more_is_better(metric))
    return Verdicts(metric, groups, pairs, held, left_out, reason, notes)


def _metric(wanted: str | None, summaries: Sequence[Mapping[str, Any]]) -> str:
    known = [name for name in METRICS if any(summary.get(name) is not None for summary in summaries)]
    if wanted is None:
        return selection_metric(summaries)
    if wanted not in known:
        have = f"choose one of {', '.join(known)}" if known else "no run here has a result yet"
        raise UserError(f"--metric {wanted[:60]}: no run here has it; {have}")
    return wanted


def _differing(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys in which readable configs differ, apart from those that say only where and how a run was made."""
    readable = [each for each in settings if each]
    keys = dict.fromkeys(key for each in readable for key in each)
    return [key for key in keys if key not in _IGNORED and len({str(each.get(key)) for each in readable}) > 1]


def _order(settings: Mapping[str, Any], differing: Sequence[str]) -> list[tuple[int, float, str]]:
    """Settings by their values, numbers before words, whatever their folders are called."""
    values = [settings.get(key) for key in differing]
    return [(0, float(v), "") if isinstance(v, int | float) else (1, 0.0, str(v)) for v in values]


def _label(settings: Mapping[str, Any], differing: Sequence[str]) -> str:
    """`batch 64, rate 0.1`."""
    parts = []
    for key in differing:
        value = settings.get(key)
        value = int(value) if isinstance(value, float) and value.is_integer() else value
        if value is not None:
            parts.append(f"{_WORDS.get(key, key)} {value}".strip())
    return ", ".join(parts) or "all runs"


def _values(
    folders: Sequence[RunFolder],
    summaries: Sequence[Mapping[str, Any]],
    settings: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    metric: str,
) -> tuple[dict[str, dict[int, float]], dict[str, list[int]], list[str]]:
    """Value by label and seed, NaN for a run that diverged; which diverged; what has no value, and why."""
    values: dict[str, dict[int, float]] = {}
    diverged: dict[str, list[int]] = {}
    left_out = []
    for folder, summary, each, label in zip(folders, summaries, settings, labels, strict=True):
        status, seed = summary["status"], int(each.get("seed", -1))
        if not each or status not in ("completed", "diverged"):
            left_out.append(f"{folder.name}: {status}" + (f", {summary['reason']}" if summary.get("reason") else ""))
            continue
        found = values.setdefault(label, {})
        if seed in found:
            left_out.append(f"{folder.name}: {label}, seed {seed} is there already")
        elif status == "diverged":
            found[seed] = math.nan
            diverged.setdefault(label, []).append(seed)
        elif isinstance(summary.get(metric), int | float):
            found[seed] = float(summary[metric])
        else:
            left_out.append(f"{folder.name}: has no {metric}")
    return {label: found for label, found in values.items() if found}, diverged, left_out


def _mean(found: Mapping[int, float], level: float) -> Interval | None:
    """Mean over the seeds that did not diverge, with its t interval."""
    finite = [value for value in found.values() if math.isfinite(value)]
    return mean_interval(finite, level) if finite else None


def _reason(groups: Sequence[Group], differing: Sequence[str], metric: str) -> str:
    """Why there is nothing to judge; empty where there is."""
    if len(groups) < 2:
        return "one setting only; a comparison needs two"
    foreign = [key for key in differing if key.startswith(_OTHER_TASK)]
    if foreign and metric not in ("train_seconds", "steps"):
        accuracy_alike = metric.endswith("accuracy") and not any(key.startswith("dataset.") for key in foreign)
        if not accuracy_alike:
            return f"the runs differ in {', '.join(foreign)}: their {metric} does not mean the same"
    if all(len(group.values) < 2 for group in groups):
        return "one seed for each setting; a sweep with --seeds 0-4 lets seeds be paired"
    return ""


def _held_equal(
    settings: Sequence[Mapping[str, Any]], summaries: Sequence[Mapping[str, Any]], metric: str
) -> tuple[str, list[str]]:
    """The budget that all runs share, and what that leaves unequal."""
    readable = [each for each in settings if each]
    budgets = list(dict.fromkeys(_budget(each) for each in readable))
    notes = []
    steps = sorted({int(s["steps"]) for s in summaries if s.get("status") == "completed" and s.get("steps")})
    if len(steps) > 1 and metric != "steps":
        notes.append(f"the runs made {steps[0]:,} to {steps[-1]:,} steps")
    for key in ("engine", "threads", "device"):
        found = sorted({str(each.get(key)) for each in readable})
        if len(found) > 1:
            notes.append(f"the runs differ in {key}: {', '.join(found)}; their seconds do not compare")
    looks = {str(each.get("evaluate_every")) for each in readable}
    if len(looks) > 1 and metric.startswith("best_"):
        notes.append(f"the runs were evaluated every {', '.join(sorted(looks))}: more looks find a better best")
    if any(each.get("stop_at") for each in readable):
        notes.append("runs stopped once their target was reached")
    rates = {str(each.get("learning_rate.initial")) for each in readable}
    sizes = {str(each.get("batch_size.initial")) for each in readable}
    if len(sizes) > 1 and len(rates) == 1:
        notes.append(f"one learning rate ({rates.pop()}) for all batch sizes: not tuned for each; see `sgdlab study`")
    if len(budgets) == 1:
        return f"held equal: {budgets[0]}", notes
    return f"not held equal: budgets of {', '.join(budgets[:6])}", notes


def _budget(settings: Mapping[str, Any]) -> str:
    if settings.get("budget"):
        return str(settings["budget"])
    epochs = settings.get("epochs")
    return f"{epochs:g} epoch{'s' if epochs != 1 else ''}" if isinstance(epochs, int | float) else "no budget"


def _more_is_better(metric: str) -> bool:
    return metric.endswith("accuracy")
