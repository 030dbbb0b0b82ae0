"""Which figures belong to a run, a sweep or several of them, and where they are kept."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.errors import RunFolderError, UserError
from sgdlab.results import Run, Sweep
from sgdlab.runs import HISTORY, RunFolder

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Tell = Callable[[str], None]
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
        if not plots.has_accuracy(history):
            raise UserError(f"--kind accuracy: {run.path} is a regression and has none; choose loss")
        return plots.accuracy_figure(history, best, **{key: options[key] for key in options if key != "log_y"})
    draw = plots.curves_figure if kind == "curves" else plots.loss_figure
    return draw(history, best, **{"loss_label": loss_label(run)} | options)


def sweep_figure(sweep: Sweep, kind: str = "panels", **options: Any) -> "Figure":
    """A sweep's figure: a panel for each setting, or all of them overlaid."""
    return groups_figure(sweep_groups(sweep), kind, **options)


def groups_figure(groups: Mapping[str, Sequence["pd.DataFrame"]], kind: str = "overlay", **options: Any) -> "Figure":
    """Histories by label as panels or overlaid."""
    from sgdlab import plots

    if not groups:
        raise RunFolderError("there is no run with a readable history to draw")
    if _known(kind, GROUP_KINDS) == "panels":
        return plots.panels_figure(groups, **options)
    return plots.overlay_figure(groups, **options)


def sweep_groups(sweep: Sweep, left_out: Tell = lambda text: None) -> dict[str, list["pd.DataFrame"]]:
    """Label of each setting -> its histories over seeds; left_out hears of each run that is damaged."""
    groups: dict[str, list[pd.DataFrame]] = {}
    for entry in sweep.manifest.entries:
        history = _history(sweep.manifest.folder(entry), left_out)
        if history is not None:
            groups.setdefault(setting_label(entry.varied), []).append(history)
    return groups


def named_groups(opened: Sequence[Run | Sweep], left_out: Tell = lambda text: None) -> dict[str, list["pd.DataFrame"]]:
    """Several runs and sweeps together: a run under its folder's name, a sweep's settings under both."""
    groups: dict[str, list[pd.DataFrame]] = {}
    for each in opened:
        if not isinstance(each, Run):
            try:
                found = sweep_groups(each, left_out)
            except RunFolderError as error:
                left_out(str(error))
                continue
            groups |= {f"{each.path.name}: {label}": histories for label, histories in found.items()}
        elif (history := _history(each.folder, left_out)) is not None:
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


def draw_run(path: Path) -> list[Path]:
    """In a run's folder: loss.png, accuracy.png for a classification, and both in curves.png."""
    from sgdlab import plots

    run = Run(path)
    if run.history.empty:
        return []
    kinds = [kind for kind in RUN_KINDS if kind != "accuracy" or plots.has_accuracy(run.history)]
    return [plots.save_figure(run_figure(run, kind), run.path / f"{kind}.png") for kind in kinds]


def draw_sweep(path: Path) -> list[Path]:
    """In a sweep's folder: panels.png (of at most MOST_PANELS settings) and overlay.png."""
    from sgdlab import plots

    groups = sweep_groups(Sweep(path))
    if not groups:
        return []
    paths = [plots.save_figure(groups_figure(groups, "overlay"), path / "overlay.png")]
    if len(groups) <= MOST_PANELS:
        paths.insert(0, plots.save_figure(groups_figure(groups, "panels"), path / "panels.png"))
    return paths


def _history(folder: RunFolder, left_out: Tell) -> "pd.DataFrame | None":
    """The history where there is one yet; a damaged one is told of and left out."""
    if not (folder.path / HISTORY).exists() and folder.status() != "completed":
        return None
    try:
        history = folder.history()
    except RunFolderError as error:
        left_out(str(error))
        return None
    return None if history.empty else history


def _known(kind: str, kinds: Sequence[str]) -> str:
    if kind not in kinds:
        raise UserError(f"--kind {kind}: choose one of {', '.join(kinds)} here")
    return kind
