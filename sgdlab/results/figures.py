"""The figures of a run, a sweep or several of them, and those that are kept in their folders."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.errors import RunFolderError, UserError
from sgdlab.results.figure_kinds import KINDS, drawn_unasked, kind_named
from sgdlab.results.labels import LOSSES, setting_label
from sgdlab.runs.folder import RunFolder, is_sweep
from sgdlab.runs.names import HISTORY
from sgdlab.schema.nearest import nearest
from sgdlab.sweeps.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    Groups = Mapping[str, Sequence[pd.DataFrame]]

LeftOut = Callable[[str], object]
"""Hears of each run that is damaged and therefore not drawn."""


def run_figure(folder: RunFolder, kind: str = "curves", **options: Any) -> "Figure":
    """One run's figure; `options` are those of the kind's function in sgdlab.plots."""
    chosen, history = kind_named(kind, "run"), folder.history()
    if not chosen.suits(history):
        raise UserError(f"--kind {kind}: {folder.path} holds no {' or '.join(chosen.needs)}; choose another one")
    return chosen.draw(history, folder.summary().get("best_epoch"), **{"loss_label": loss_label(folder)} | options)


def groups_figure(groups: "Groups", kind: str = "overlay", **options: Any) -> "Figure":
    """Histories by label: a panel for each, or all of them overlaid; `options` as for `run_figure`."""
    if not groups:
        raise RunFolderError("there is no run with a readable history to draw")
    columns = list(next(iter(groups.values()))[0].columns)
    if (column := options.get("column", "val_loss")) not in columns:
        raise UserError(f"--column {column[:60]}: no column of a history{nearest(column, columns)}")
    return kind_named(kind, "groups").draw(groups, **options)


def figure_of(
    paths: Sequence[Path], kind: str | None = None, left_out: LeftOut = lambda text: None, **options: Any
) -> "tuple[Figure, str]":
    """The figure of a run, a sweep, or several together, and its kind: curves, panels or overlay unless told."""
    path, alone = paths[0], len(paths) == 1
    wants_groups = kind in KINDS and KINDS[kind].drawn_from == "groups"
    if alone and not is_sweep(path) and not wants_groups:
        kind = kind or "curves"
        return run_figure(RunFolder(path), kind, **options), kind
    if alone and is_sweep(path):
        kind, groups = kind or "panels", sweep_groups(read_manifest(path), left_out)
    else:
        kind, groups = kind or "overlay", named_groups(paths, left_out)
    return groups_figure(groups, kind, **options), kind


def sweep_groups(manifest: Manifest, left_out: LeftOut = lambda text: None) -> "dict[str, list[pd.DataFrame]]":
    """Label of each setting -> its histories over seeds."""
    groups: dict[str, list[pd.DataFrame]] = {}
    for entry in manifest.entries:
        history = _history(manifest.folder(entry), left_out)
        if history is not None:
            groups.setdefault(setting_label(entry.varied), []).append(history)
    return groups


def named_groups(paths: Sequence[Path], left_out: LeftOut = lambda text: None) -> "dict[str, list[pd.DataFrame]]":
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
    kinds = [kind.name for kind in drawn_unasked("run") if len(history) and kind.suits(history)]
    return [plots.save_figure(run_figure(folder, name), path / f"{name}.png") for name in kinds]


def draw_sweep(path: Path) -> list[Path]:
    """In a sweep's folder: panels.png, unless its settings are too many, and overlay.png."""
    from sgdlab import plots

    groups = sweep_groups(read_manifest(path))
    kinds = [kind.name for kind in drawn_unasked("groups") if 0 < len(groups) <= kind.most_groups]
    return [plots.save_figure(groups_figure(groups, name), path / f"{name}.png") for name in kinds]


def _history(folder: RunFolder, left_out: LeftOut) -> "pd.DataFrame | None":
    """The history where there is one yet; a damaged one is told of and left out."""
    if not (folder.path / HISTORY).exists() and folder.status() != "completed":
        return None
    try:
        history = folder.history()
    except RunFolderError as error:
        left_out(str(error))
        return None
    return None if history.empty else history
