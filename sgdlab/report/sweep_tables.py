"""The tables of a sweep's report: every setting, every pair of them, every run."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sgdlab.analysis.paired import PairedDifference
from sgdlab.analysis.wording import with_interval
from sgdlab.report.page import Block
from sgdlab.report.tables import Cell, Table, cell, count_cell, named_cell, table
from sgdlab.results.settings import Setting
from sgdlab.results.verdicts import Comparison

if TYPE_CHECKING:
    import pandas as pd

FEW_RUNS = 24
METRICS = {"best_val_loss": "validation loss", "best_train_loss": "training loss"}
_COLUMNS = {
    "status": "status",
    "best_val_loss": "best val loss",
    "best_val_accuracy": "accuracy there",
    "best_epoch": "at epoch",
    "best_train_loss": "train loss there",
    "test_loss": "test loss",
    "test_accuracy": "test accuracy",
    "final_val_loss": "final val loss",
    "steps": "updates",
    "train_seconds": "train seconds",
    "engine": "engine",
    "reason": "reason",
}


def settings_table(comparison: Comparison) -> Table:
    """A row for each setting: how many runs completed, their means, and how it stands against the best."""
    settings = comparison.settings
    keys = list(settings[0].varied)
    several = any(len(setting.runs) > 1 for setting in settings)
    accuracies = any(mean_of(setting, "best_val_accuracy") is not None for setting in settings)
    means = {"best_val_accuracy": "accuracy", "steps": "updates", "train_seconds": "seconds"}
    shown = list(means)[0 if accuracies else 1 :]
    columns = [*(keys or ["setting"]), "done", f"best {METRICS[comparison.metric].replace('validation', 'val')}"]
    columns += [*(["± std"] if several else []), *(means[name] for name in shown), "against the best"]
    rows = []
    for setting in settings:
        row: list[Any] = [_value_cell(setting.varied.get(key)) for key in keys] or [setting.label]
        row += [count_cell(len(setting.finite), len(setting.runs)), setting.interval and setting.interval.estimate]
        row += [statistics.stdev(setting.finite) if len(setting.finite) > 1 else None] if several else []
        row += [*(mean_of(setting, name) for name in shown), _against_best(comparison, setting)]
        rows.append(row)
    note = "Accuracy: of the best model; seconds: of training."
    if several:
        note += " Means over the seeds that completed; differences paired by seed, Holm-corrected over all pairs."
    return table("Settings, best of each run", columns, rows, note)


def mean_of(setting: Setting, name: str) -> float | None:
    """The mean of a number of summary.json over the runs that completed; None where none has it."""
    found = setting.measured(name)
    return statistics.fmean(found) if found else None


def _value_cell(value: Any) -> Cell:
    return cell(value if isinstance(value, int | float | bool | None) else str(value))


def _against_best(comparison: Comparison, setting: Setting) -> Cell:
    if setting is comparison.best:
        return Cell("best", None, "good")
    if setting.diverged == len(setting.runs):
        return Cell("diverged", None, "bad")
    pair = comparison.against_best(setting)
    if pair is None or pair.difference is None:
        return cell(None)
    sign = 1 if pair.first == setting.label else -1
    ends = sorted((sign * pair.difference.low, sign * pair.difference.high))
    size = with_interval(sign * pair.difference.estimate, *ends)
    worse = "worse by" if comparison.beaten(setting) else "cannot tell:"
    return Cell(f"{worse} {size}")


def pairs_table(comparison: Comparison) -> tuple[Block, ...]:
    """A row for each pair of settings; nothing where none can be judged."""
    if not comparison.pairs:
        return ()
    note = "Mean differences with 95 % t intervals, one comparison each; p after Holm's correction over all pairs."
    if len(comparison.shown_pairs) < len(comparison.pairs):
        note += f" Shown: those with the best setting, of {len(comparison.pairs)}."
    columns = ["first", "second", "difference", "interval from", "to", "seeds", "p (Holm)", "verdict"]
    caption = f"Differences in {METRICS[comparison.metric]} between settings, first − second"
    return (table(caption, columns, [_pair_row(pair) for pair in comparison.shown_pairs], note),)


def _pair_row(pair: PairedDifference) -> list[Any]:
    difference = pair.difference
    ends = (difference.estimate, difference.low, difference.high) if difference else (None, None, None)
    return [pair.first, pair.second, *ends, pair.n, pair.p_holm, pair.text]


def runs_table(results: "pd.DataFrame", keys: Sequence[str]) -> Table:
    """A row for each run of results.csv, what was varied first."""
    shown = [name for name in _COLUMNS if name not in keys and results[name].notna().any()]
    rows = [
        [row["run"], *(_value_cell(row[key]) for key in keys), *(named_cell(name, row[name]) for name in shown)]
        for row in results.to_dict(orient="records")
    ]
    columns = ["run", *keys, *(_COLUMNS[name] for name in shown)]
    return table("Every run, as in results.csv", columns, rows, folded=len(rows) > FEW_RUNS)
