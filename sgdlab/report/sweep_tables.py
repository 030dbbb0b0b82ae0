"""The tables of a sweep's report: every setting, every pair of them, every run."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sgdlab.analysis.paired import PairedDifference
from sgdlab.analysis.wording import with_interval
from sgdlab.report.page import Block
from sgdlab.report.tables import Cell, Table, cell, count_cell, status_cell, table
from sgdlab.report.verdicts import Setting, Verdict

if TYPE_CHECKING:
    import pandas as pd

MOST_PAIRS, FEW_RUNS = 45, 24
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


def settings_table(verdict: Verdict) -> Table:
    keys = list(verdict.settings[0].varied)
    several = any(len(setting.rows) > 1 for setting in verdict.settings)
    name = METRICS[verdict.metric]
    has_accuracy = any(not math.isnan(setting.over_seeds("best_val_accuracy")) for setting in verdict.settings)
    columns = [*(keys or ["setting"]), "done", f"best {name.replace('validation', 'val')}"]
    columns += ["± std"] if several else []
    columns += ["accuracy"] if has_accuracy else []
    columns += ["updates", "seconds", "against the best"]
    rows = []
    for setting in verdict.settings:
        done, mean = len(setting.finite), setting.mean
        row: list[Any] = [*(_value_cell(setting.varied.get(key)) for key in keys)] or ["all runs"]
        row += [count_cell(done, len(setting.rows)), None if mean is None else mean.estimate]
        row += [_deviation(setting)] if several else []
        row += [setting.over_seeds("best_val_accuracy")] if has_accuracy else []
        row += [setting.over_seeds("steps"), setting.over_seeds("train_seconds"), _against_best(verdict, setting)]
        rows.append(row)
    note = "Accuracy: of the best model; seconds: of training."
    if several:
        note += (
            " Means over the seeds that completed; differences paired by seed, with Holm's correction over all pairs."
        )
    return table("Settings, best of each run", columns, rows, note)


def _value_cell(value: Any) -> Cell:
    return cell(value if isinstance(value, int | float | bool | None) else str(value))


def _deviation(setting: Setting) -> float:
    n, values = len(setting.finite), setting.finite
    mean = sum(values) / n if n else math.nan
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else math.nan


def _against_best(verdict: Verdict, setting: Setting) -> Cell:
    if setting is verdict.best:
        return Cell("best", None, "good")
    if setting.diverged == len(setting.rows):
        return Cell("diverged", None, "bad")
    pair = verdict.against_best(setting)
    if pair is None or pair.difference is None:
        return cell(None)
    sign = -1 if verdict.best is not None and pair.first == verdict.best.label else 1
    ends = sorted((sign * pair.difference.low, sign * pair.difference.high))
    size = with_interval(sign * pair.difference.estimate, *ends)
    worse = "worse by" if verdict.beaten(setting) else "cannot tell:"
    return Cell(f"{worse} {size}")


def pairs_table(verdict: Verdict) -> tuple[Block, ...]:
    pairs = verdict.pairs
    if not pairs:
        return ()
    note = "Mean differences with 95 % t intervals, one comparison each; p after Holm's correction over all pairs."
    if len(pairs) > MOST_PAIRS and verdict.best is not None:
        pairs = [pair for pair in pairs if verdict.best.label in (pair.first, pair.second)]
        note += f" Shown: those with the best setting, of {len(verdict.pairs)}."
    columns = ["first", "second", "difference", "interval from", "to", "seeds", "p (Holm)", "verdict"]
    name = METRICS[verdict.metric]
    return (
        table(
            f"Differences in {name} between settings, first − second",
            columns,
            [_pair_row(pair) for pair in pairs],
            note,
        ),
    )


def _pair_row(pair: PairedDifference) -> list[Any]:
    difference = pair.difference
    ends = (difference.estimate, difference.low, difference.high) if difference else (None, None, None)
    return [pair.first, pair.second, *ends, pair.n, pair.p_holm, pair.text]


def runs_table(results: "pd.DataFrame", keys: Sequence[str]) -> Table:
    shown = [name for name in _COLUMNS if name not in keys and results[name].notna().any()]
    rows = [
        [row["run"], *(_value_cell(row[key]) for key in keys), *(_outcome_cell(name, row[name]) for name in shown)]
        for row in results.to_dict(orient="records")
    ]
    columns = ["run", *keys, *(_COLUMNS[name] for name in shown)]
    return table("Every run, as in results.csv", columns, rows, folded=len(rows) > FEW_RUNS)


def _outcome_cell(name: str, value: Any) -> Cell:
    return status_cell(str(value)) if name == "status" else cell(value)
