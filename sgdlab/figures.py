"""Which figures belong to a run, a sweep or several of them, and where they are kept."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.errors import RunFolderError, UserError
from sgdlab.history import read_history
from sgdlab.results import Run, Sweep
from sgdlab.runs import HISTORY, RunFolder

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

RUN_KINDS = ("curves", "loss", "accuracy")
GROUP_KINDS = ("panels", "overlay")
MOST_PANELS = 24
_WORDS = {"batch_size": "batch", "learning_rate": "rate", "optimizer": "", "model": ""}
_LOSS_LABELS = {
    "cross_entropy": "cross-entropy (nats)",
    "mse": "mean squared error",
    "half_mse": "half the squared error",
}


def run_figure(run: Run, kind: str = "curves", **options: Any) -> "Figure":
    """One run's figure; `options` are those of the function in sgdlab.plots."""
    from sgdlab import plots

    history, best = run.history, run.summary.get("best_epoch")
    if _known(kind, RUN_KINDS) == "accuracy":
        return plots.accuracy_figure(history, best, **{key: options[key] for key in options if key != "log_y"})
    draw = plots.curves_figure if kind == "curves" else plots.loss_figure
    return draw(history, best, **{"loss_label": loss_label(run)} | options)


def sweep_figure(sweep: Sweep, kind: str = "panels", **options: Any) -> "Figure":
    """A sweep's figure: a panel for each setting, or all of them overlaid."""
    return groups_figure(sweep_groups(sweep), kind, **options)


def groups_figure(groups: Mapping[str, Sequence["pd.DataFrame"]], kind: str = "overlay", **options: Any) -> "Figure":
    """Histories by label as panels or overlaid."""
    from sgdlab import plots

    if _known(kind, GROUP_KINDS) == "panels":
        return plots.panels_figure(groups, **options)
    return plots.overlay_figure(groups, **options)


def sweep_groups(sweep: Sweep) -> dict[str, list["pd.DataFrame"]]:
    """Label of each setting -> its histories over seeds; runs without a readable history are left out."""
    groups: dict[str, list[pd.DataFrame]] = {}
    for entry in sweep.manifest.entries:
        history = _history(sweep.manifest.folder(entry))
        if history is not None:
            groups.setdefault(setting_label(entry.varied), []).append(history)
    return groups


def named_groups(opened: Sequence[Run | Sweep]) -> dict[str, list["pd.DataFrame"]]:
    """Several runs and sweeps together: a run under its folder's name, a sweep's settings under both."""
    groups: dict[str, list[pd.DataFrame]] = {}
    for each in opened:
        if not isinstance(each, Run):
            groups |= {f"{each.path.name}: {label}": found for label, found in sweep_groups(each).items()}
        elif (history := _history(each.folder)) is not None:
            label = each.path.name
            groups[label if label not in groups else str(each.path)] = [history]
    return groups


def setting_label(varied: Mapping[str, Any]) -> str:
    """`batch 8, rate 0.1`: the varied keys but the seed, in words."""
    parts = [f"{_WORDS.get(key, key)} {value}".strip() for key, value in varied.items() if key != "seed"]
    return ", ".join(parts) or "all seeds"


def loss_label(run: Run) -> str:
    """The name of a run's loss with its unit."""
    try:
        return _LOSS_LABELS.get(run.config.loss, "loss")
    except UserError:
        return "loss"


def draw_run(run: Run) -> list[Path]:
    """loss.png, accuracy.png for a classification, and both in curves.png."""
    from sgdlab import plots

    if run.history.empty:
        return []
    kinds = [kind for kind in RUN_KINDS if kind != "accuracy" or plots.has_accuracy(run.history)]
    return [plots.save_figure(run_figure(run, kind), run.path / f"{kind}.png") for kind in kinds]


def draw_sweep(sweep: Sweep) -> list[Path]:
    """panels.png (of at most MOST_PANELS settings) and overlay.png."""
    from sgdlab import plots

    groups = sweep_groups(sweep)
    if not groups:
        return []
    paths = [plots.save_figure(groups_figure(groups, "overlay"), sweep.path / "overlay.png")]
    if len(groups) <= MOST_PANELS:
        paths.insert(0, plots.save_figure(groups_figure(groups, "panels"), sweep.path / "panels.png"))
    return paths


def _history(folder: RunFolder) -> "pd.DataFrame | None":
    try:
        history = read_history(folder.path / HISTORY)
    except RunFolderError:
        return None
    return None if history.empty else history


def _known(kind: str, kinds: Sequence[str]) -> str:
    if kind not in kinds:
        raise UserError(f"--kind {kind}: choose one of {', '.join(kinds)} here")
    return kind
