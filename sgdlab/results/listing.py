"""Tables of run folders for `ls` and `compare`: damaged ones are shown as damaged, the rest go on."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sgdlab.config import flat_keys
from sgdlab.errors import RunFolderError, UserError
from sgdlab.runs.folder import ENDED, RunFolder, is_run, is_sweep, runs_in
from sgdlab.sweeps.manifest import read_manifest

_RESULTS = (
    "status", "best_val_loss", "best_val_accuracy", "best_epoch", "final_val_loss", "steps", "train_seconds", "engine",
)  # fmt: skip


def list_folder(runs_dir: Path) -> list[list[Any]]:
    """A row for each run and sweep directly in `runs_dir`, by name.

    Columns: name, kind, status, best validation loss, its accuracy, epochs, seconds of training.
    """
    rows = []
    for path in sorted(runs_dir.iterdir()):
        if is_sweep(path):
            rows.append(_sweep_row(path))
        elif is_run(path):
            rows.append(_run_row(RunFolder(path)))
    return rows


def _run_row(folder: RunFolder) -> list[Any]:
    summary = folder.readable_summary(check=True)
    best = (summary.get("best_val_loss"), summary.get("best_val_accuracy"))
    return [folder.name, "run", summary["status"], *best, summary.get("final_epoch"), summary.get("train_seconds")]


def _sweep_row(path: Path) -> list[Any]:
    try:
        summaries = [folder.readable_summary(check=True) for folder in runs_in(path)]
        count = len(read_manifest(path).entries)
    except UserError:
        return [path.name, "sweep", "damaged", None, None, None, None]
    ended = sum(s["status"] in ENDED for s in summaries)
    failed = sum(s["status"] in ("failed", "damaged") for s in summaries)
    status = f"{ended}/{count} done" + (f", {failed} failed" if failed else "")
    judged = [s for s in summaries if s.get("best_val_loss") is not None]
    best = min(judged, key=lambda s: s["best_val_loss"], default={})
    seconds = sum(s.get("train_seconds") or 0.0 for s in summaries)
    epochs = max((s.get("final_epoch") or 0.0 for s in summaries), default=None)
    return [path.name, "sweep", status, best.get("best_val_loss"), best.get("best_val_accuracy"), epochs, seconds]


def side_by_side(paths: Sequence[Path]) -> tuple[list[str], list[list[Any]]]:
    """Headers and a row for each run at `paths`: its name, the config keys that differ, its results."""
    folders = [folder for path in paths for folder in runs_below(path)]
    settings = [readable_config(folder) for folder in folders]
    keys = list(dict.fromkeys(key for each in settings for key in each))
    differing = [key for key in keys if len({str(each.get(key)) for each in settings}) > 1]
    summaries = [folder.readable_summary(check=True) for folder in folders]
    shown = [name for name in _RESULTS if any(summary.get(name) is not None for summary in summaries)]
    shown = [name for name in shown if name not in differing]
    rows = [
        [folder.name, *(each.get(key) for key in differing), *(summary.get(name) for name in shown)]
        for folder, each, summary in zip(folders, settings, summaries, strict=True)
    ]
    return ["run", *differing, *(name.replace("_", " ") for name in shown)], rows


def runs_below(path: Path) -> list[RunFolder]:
    """The run folders at `path`: itself, those in it, or those of the sweeps in it; RunFolderError without any."""
    if not os.path.exists(path):
        raise RunFolderError(f"{path}: does not exist")
    found = runs_in(path)
    if not found and not is_sweep(path):
        found = [folder for child in sorted(path.iterdir()) if is_sweep(child) for folder in runs_in(child)]
    if not found:
        raise RunFolderError(f"{path}: holds no runs")
    return found


def readable_config(folder: RunFolder) -> dict[str, Any]:
    """The config, flat: dotted key -> value; empty for a damaged one."""
    try:
        return flat_keys(folder.config())
    except UserError:
        return {}
