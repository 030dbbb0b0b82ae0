"""Figures of one run: loss, accuracy, and both side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgdlab.analysis.wording import typeset
from sgdlab.plots import axis
from sgdlab.plots.layout import LegendEntries, arrange
from sgdlab.plots.style import COLOURS, GRID, INK, LINES, name_axes, new_figure, ring, say_nothing_to_draw
from sgdlab.runs.selection import selection_split

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SPLITS = {"train": "training", "val": "validation"}


def has_accuracy(history: pd.DataFrame) -> bool:
    """Whether the history holds any accuracy (a regression holds none)."""
    return bool(history[["train_accuracy", "val_accuracy"]].notna().to_numpy().any())


def best_row(history: pd.DataFrame, best_epoch: float | None = None) -> int | None:
    """Position of the best row: nearest to best_epoch, else the first lowest val_loss (train_loss
    without a validation split). Row 0, before the first update, is never the best; None if there is no other.
    """
    if len(history) < 2:
        return None
    if best_epoch is not None:
        return 1 + int(np.argmin(np.abs(history["epoch"].to_numpy(dtype=float)[1:] - best_epoch)))
    column = f"{selection_split(history)}_loss"
    losses = history[column].to_numpy(dtype=float)[1:]
    losses = np.where(np.isfinite(losses), losses, np.inf)
    return 1 + int(np.argmin(losses)) if np.isfinite(losses).any() else None


def loss_figure(
    history: pd.DataFrame,
    best_epoch: float | None = None,
    *,
    x: str = "epoch",
    log_x: bool = False,
    log_y: bool = False,
    batch_loss: bool = False,
    loss_label: str = "loss",
    title: str = "",
) -> Figure:
    """Training and validation loss of one run against x, with the best epoch marked.

    history: the rows of history.csv; losses are means over examples. best_epoch: None finds it in the
    history. x: epoch, step, examples or seconds (train_seconds). batch_loss adds the loss of the last
    minibatch, which P plots as its training loss. loss_label: the y axis, with its unit. The y axis is
    fitted to the rows after the first update, so row 0 may lie above it.
    """
    figure, (axes,) = new_figure(6.0, 4.0)
    columns = {"batch_loss": "last minibatch"} if batch_loss else {}
    columns |= {f"{split}_loss": name for split, name in SPLITS.items()}
    entries = _draw_loss(axes, history, columns, x=x, log_x=log_x, log_y=log_y)
    entries += _mark_best(axes, history, best_epoch, "loss", x=x, log_x=log_x, with_value=True)
    name_axes(axes, axis.x_label(x), loss_label)
    return arrange(figure, title=title, legend=entries)


def accuracy_figure(
    history: pd.DataFrame, best_epoch: float | None = None, *, x: str = "epoch", log_x: bool = False, title: str = ""
) -> Figure:
    """Training and validation accuracy (0 to 1) of one run against x, with the epoch of the best loss marked.

    The arguments are those of `loss_figure`. The axis starts at the lowest accuracy after the first update.
    """
    figure, (axes,) = new_figure(6.0, 4.0)
    entries = _draw_accuracy(axes, history, x=x, log_x=log_x)
    entries += _mark_best(axes, history, best_epoch, "accuracy", x=x, log_x=log_x, with_value=True)
    name_axes(axes, axis.x_label(x), "accuracy")
    return arrange(figure, title=title, legend=entries)


def curves_figure(
    history: pd.DataFrame,
    best_epoch: float | None = None,
    *,
    x: str = "epoch",
    log_x: bool = False,
    log_y: bool = False,
    loss_label: str = "loss",
    title: str = "",
) -> Figure:
    """Loss and accuracy of one run side by side; the loss alone for a regression.

    The arguments are those of `loss_figure`.
    """
    if not has_accuracy(history):
        return loss_figure(history, best_epoch, x=x, log_x=log_x, log_y=log_y, loss_label=loss_label, title=title)
    figure, (left, right) = new_figure(9.6, 3.9, 1, 2)
    columns = {f"{split}_loss": name for split, name in SPLITS.items()}
    entries = _draw_loss(left, history, columns, x=x, log_x=log_x, log_y=log_y)
    entries += _mark_best(left, history, best_epoch, "loss", x=x, log_x=log_x, with_value=False)
    _draw_accuracy(right, history, x=x, log_x=log_x)
    _mark_best(right, history, best_epoch, "accuracy", x=x, log_x=log_x, with_value=False)
    name_axes(left, axis.x_label(x), loss_label, _value_there(history, best_epoch, "loss"))
    name_axes(right, axis.x_label(x), "accuracy", _value_there(history, best_epoch, "accuracy"))
    return arrange(figure, title=title, legend=entries)


def _draw_loss(
    axes: Axes, history: pd.DataFrame, columns: dict[str, str], *, x: str, log_x: bool, log_y: bool
) -> LegendEntries:
    """Draw loss columns (column -> name) and fit the axes to them; returns the legend's entries."""
    looks = {
        "batch_loss": {"color": GRID, "linewidth": 0.9, "alpha": 0.8},
        "train_loss": {"color": COLOURS[0], "linestyle": LINES[0]},
        "val_loss": {"color": COLOURS[1], "linestyle": LINES[1]},
    }
    many = len(history) > 3
    curves = {name: axis.curve(history, name, x, log_x=log_x, skip_start=many) for name in columns}
    shown = {name: each for name, each in curves.items() if each.drawable}
    limits = axis.loss_limits([each for name, each in shown.items() if name != "batch_loss"], log_y=log_y)
    entries: LegendEntries = []
    for name, each in shown.items():
        (line,) = axes.plot(each.x, axis.tame(each, limits), **_few(each) | looks[name])
        if name != "batch_loss":
            axis.mark_escape(axes, each, limits, str(looks[name]["color"]))
        entries.append((line, columns[name]))
    axis.set_x(axes, shown.values(), log_x=log_x)
    axis.set_loss_y(axes, limits, log_y=log_y)
    if not shown:
        say_nothing_to_draw(axes)
    return entries


def _few(each: axis.Curve) -> dict[str, Any]:
    """Dots on a curve of few points, or with gaps, where a bare line could show nothing."""
    points = int(np.isfinite(each.y).sum())
    return {"linewidth": 1.7} | ({"marker": "o", "markersize": 4} if points <= 6 else {})


def _draw_accuracy(axes: Axes, history: pd.DataFrame, *, x: str, log_x: bool) -> LegendEntries:
    entries: LegendEntries = []
    curves = [axis.curve(history, f"{split}_accuracy", x, log_x=log_x, skip_start=True) for split in SPLITS]
    for i, (each, name) in enumerate(zip(curves, SPLITS.values(), strict=True)):
        if each.drawable:
            (line,) = axes.plot(each.x, each.y, color=COLOURS[i], linestyle=LINES[i], **_few(each))
            entries.append((line, name))
    axis.set_x(axes, [each for each in curves if each.drawable], log_x=log_x)
    axes.set_ylim(*axis.accuracy_limits(curves))
    if not entries:
        say_nothing_to_draw(axes, "no accuracy in this history")
    return entries


def _mark_best(
    axes: Axes, history: pd.DataFrame, best_epoch: float | None, kind: str, *, x: str, log_x: bool, with_value: bool
) -> LegendEntries:
    """A dotted vertical line and a ring at the best row; returns the legend's entry."""
    row = best_row(history, best_epoch)
    if row is None:
        return []
    at = float(history[axis.X_AXES[x][0]].iloc[row])
    value = float(history[f"{selection_split(history)}_{kind}"].iloc[row])
    if not (np.isfinite(at) and np.isfinite(value)) or (log_x and at <= 0):
        return []
    axes.axvline(at, color=INK, linestyle=":", linewidth=1, gid="best")
    best = ring(axes, at, value, 8, ls=":", color=INK, zorder=5)
    epoch = typeset(float(history["epoch"].iloc[row]), 4)
    return [(best, f"best: {typeset(value, 4)} at epoch {epoch}" if with_value else f"best: epoch {epoch}")]


def _value_there(history: pd.DataFrame, best_epoch: float | None, kind: str) -> str:
    row = best_row(history, best_epoch)
    if row is None:
        return kind
    column = f"{selection_split(history)}_{kind}"
    split = SPLITS[column.split("_")[0]]
    return f"{kind}: {split} {typeset(float(history[column].iloc[row]), 4)} at best"
