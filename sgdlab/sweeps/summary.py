"""results.csv, a row for each run of a sweep, and summary.csv, grouped over everything but the seed."""

from typing import TYPE_CHECKING, Any

from sgdlab.runs.files import write_table
from sgdlab.runs.names import RESULTS, SETTINGS_SUMMARY
from sgdlab.sweeps.manifest import Entry, Manifest
from sgdlab.sweeps.plan import without_seed

if TYPE_CHECKING:
    import pandas as pd

AVERAGED = (
    "best_val_loss", "best_val_accuracy", "best_train_loss", "final_train_loss", "final_val_loss", "final_val_accuracy",
    "train_seconds",
)  # fmt: skip
_COLUMNS = (
    "status", "best_epoch", "best_step", "best_val_loss", "best_val_accuracy", "best_train_loss", "best_train_accuracy",
    "best_val_rmse", "test_loss", "test_accuracy", "final_epoch", "final_train_loss", "final_val_loss",
    "final_train_accuracy", "final_val_accuracy", "steps", "examples", "train_seconds", "wall_seconds",
    "engine", "device", "threads", "seed", "reason",
)  # fmt: skip


def results(manifest: Manifest) -> "pd.DataFrame":
    """One row for each run of the plan, in its order: what was varied, then how it ended."""
    import pandas as pd

    return pd.DataFrame([_row(manifest, entry) for entry in manifest.entries])


def summarize(table: "pd.DataFrame", varied: list[str]) -> "pd.DataFrame":
    """Means and standard deviations over seeds for each setting, of the runs that completed.

    n: completed runs; runs: all of the setting. std is NaN where n < 2.
    """
    import pandas as pd

    keys = list(without_seed(dict.fromkeys(varied)))
    nested = [key for key in keys if any(isinstance(value, list | dict) for value in table[key])]
    table = table.assign(**{key: table[key].map(str) for key in nested})  # pandas groups by no list
    groups = table.groupby(keys, sort=False, dropna=False) if keys else [((), table)]
    rows = []
    for values, group in groups:
        done = group[group["status"] == "completed"]
        row: dict[str, Any] = dict(zip(keys, values if isinstance(values, tuple) else (values,), strict=True))
        row |= {"runs": len(group), "n": len(done)}
        for name in (name for name in AVERAGED if name in table and table[name].notna().any()):
            row |= {f"{name}_mean": done[name].mean(), f"{name}_std": done[name].std()}
        rows.append(row)
    return pd.DataFrame(rows)


def varied_keys(manifest: Manifest) -> list[str]:
    """The keys that the sweep varies, in the order they were given."""
    return list(manifest.entries[0].varied) if manifest.entries else []


def write_tables(manifest: Manifest) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Write results.csv and summary.csv, and return both."""
    table = results(manifest)
    grouped = summarize(table, varied_keys(manifest))
    write_table(manifest.path / RESULTS, table)
    write_table(manifest.path / SETTINGS_SUMMARY, grouped)
    return table, grouped


def _row(manifest: Manifest, entry: Entry) -> dict[str, Any]:
    folder = manifest.folder(entry)
    row: dict[str, Any] = {"run": entry.name, **entry.varied}
    summary = folder.readable_summary() if entry.status != "planned" else {"status": "planned"}
    return row | {name: summary.get(name) for name in _COLUMNS if name not in row}
