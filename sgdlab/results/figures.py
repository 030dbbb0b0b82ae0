"""Which figures belong to a run, a sweep or several of them, and where they are kept."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.errors import RunFolderError, UserError
from sgdlab.results.labels import LOSSES, setting_label
from sgdlab.runs.folder import RunFolder, is_sweep
from sgdlab.runs.names import HISTORY
from sgdlab.sweeps.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

RUN_KINDS = ("curves", "loss", "accuracy")
GROUP_KINDS = ("panels", "overlay")
MOST_PANELS = 24


def run_figure(folder: RunFolder, kind: str = "curves", **options: Any) -> "Figure":
    """One run's figure; `options` are those of the function in sgdlab.plots."""
    from sgdlab import plots

    history, best = folder.history(), folder.summary().get("best_epoch")
    if _known(kind, RUN_KINDS) == "accuracy":
        if not plots.has_accuracy(history):
            raise UserError(f"--kind accuracy: {folder.path} is a regression and has none; choose loss")
        return plots.accuracy_figure(history, best, **{key: options[key] for key in options if key != "log_y"})
    draw = plots.curves_figure if kind == "curves" else plots.loss_figure
    return draw(history, best, **{"loss_label": loss_label(folder)} | options)


def sweep_figure(manifest: Manifest, kind: str = "panels", **options: Any) -> "Figure":
    """A sweep's figure: a panel for each setting, or all of them overlaid."""
    return groups_figure(sweep_groups(manifest), kind, **options)


def groups_figure(groups: Mapping[str, Sequence["pd.DataFrame"]], kind: str = "overlay", **options: Any) -> "Figure":
    """Histories by label as panels or overlaid."""
    from sgdlab import plots

    if not groups:
        raise RunFolderError("there is no run with a readable history to draw")
    if _known(kind, GROUP_KINDS) == "panels":
        return plots.panels_figure(groups, **options)
    return plots.overlay_figure(groups, **options)


def sweep_groups(
    manifest: Manifest, left_out: Callable[[str], None] = lambda text: None
) -> dict[str, list["pd.DataFrame"]]:
    """Label of each setting -> its histories over seeds; left_out hears of each run that is damaged."""
    groups: dict[str, list[pd.DataFrame]] = {}
    for entry in manifest.entries:
        history = _history(manifest.folder(entry), left_out)
        if history is not None:
            groups.setdefault(setting_label(entry.varied), []).append(history)
    return groups


def named_groups(
    paths: Sequence[Path], left_out: Callable[[str], None] = lambda text: None
) -> dict[str, list["pd.DataFrame"]]:
    """Several runs and sweeps together: a run under its folder's name, a sweep's settings under both."""
    groups: dict[str, list[pd.DataFrame]] = {}
    for path in paths:
        if is_sweep(path):
            try:
                found = sweep_groups(read_manifest(path), left_out)
            except RunFolderError as error:
                left_out(str(error))
                continue
            groups |= {f"{path.name}: {label}": histories for label, histories in found.items()}
        elif (history := _history(RunFolder(path), left_out)) is not None:
            groups[path.name if path.name not in groups else str(path)] = [history]
    return groups


def loss_label(folder: RunFolder) -> str:
    """The name of a run's loss with its unit."""
    try:
        return LOSSES.get(folder.config().loss, "loss")
    except UserError:
        return "loss"


def draw_run(path: Path) -> list[Path]:
    """In a run's folder: loss.png, accuracy.png for a classification, and both in curves.png."""
    from sgdlab import plots

    folder = RunFolder(path)
    history = folder.history()
    if history.empty:
        return []
    kinds = [kind for kind in RUN_KINDS if kind != "accuracy" or plots.has_accuracy(history)]
    return [plots.save_figure(run_figure(folder, kind), path / f"{kind}.png") for kind in kinds]


def draw_sweep(path: Path) -> list[Path]:
    """In a sweep's folder: panels.png (of at most MOST_PANELS settings) and overlay.png."""
    from sgdlab import plots

    groups = sweep_groups(read_manifest(path))
    if not groups:
        return []
    paths = [plots.save_figure(groups_figure(groups, "overlay"), path / "overlay.png")]
    if len(groups) <= MOST_PANELS:
        paths.insert(0, plots.save_figure(groups_figure(groups, "panels"), path / "panels.png"))
    return paths


def _history(folder: RunFolder, left_out: Callable[[str], None]) -> "pd.DataFrame | None":
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
