"""Figures of several runs: a panel for each group (P's figure), or all in one (D's figure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sgdlab.analysis.wording import typeset
from sgdlab.plots import axis
from sgdlab.plots.curves import SPLITS, best_row, has_accuracy
from sgdlab.plots.layout import LegendEntries, arrange, wrap_label
from sgdlab.plots.seeds import BANDS, SeedBand, spread_over_seeds
from sgdlab.plots.style import COLOURS, LINES, look, marker, name_axes, new_figure, say_nothing_to_draw

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Groups = Mapping[str, "pd.DataFrame | Sequence[pd.DataFrame]"]

PANELS_IN_A_ROW = 4
NAMES = {
    "val_loss": "validation loss",
    "train_loss": "training loss",
    "batch_loss": "loss of the last minibatch",
    "mean_batch_loss": "mean minibatch loss since the row before",
    "val_accuracy": "validation accuracy",
    "train_accuracy": "training accuracy",
    "learning_rate": "learning rate",
    "batch_size": "batch size",
}


def panels_figure(
    groups: Groups,
    *,
    x: str = "epoch",
    log_x: bool = False,
    log_y: bool = False,
    band: str = "range",
    loss_label: str = "loss",
    title: str = "",
    budget: str | None = None,
) -> Figure:
    """A panel for each group with training and validation loss, after the notebook's four-size figure.

    groups: label (`batch 8`) -> history, or histories over seeds (their mean with a band). Each panel
    states the validation accuracy of its best model (row of lowest validation loss; mean ± standard
    deviation over seeds), for a regression its best loss. Four panels to a row, one y axis for all, whose
    limits neither the start nor a diverging run can spoil. budget: what the groups hold equal, in words;
    None reads it off the histories.
    """
    runs = {label: _as_list(group) for label, group in groups.items()}
    columns = min(max(len(runs), 1), PANELS_IN_A_ROW)
    rows = max(1, -(-len(runs) // columns))
    figure, axes = new_figure(max(3.0 * columns + 0.4, 5.2), 2.6 * rows + 0.9, rows, columns, share_y=True)
    spreads = {
        label: {
            split: spread_over_seeds(seeds, f"{split}_loss", x, log_x=log_x, band=band)
            for split in SPLITS
            if any(seed[f"{split}_loss"].notna().any() for seed in seeds)
        }
        for label, seeds in runs.items()
    }
    curves = [each for pair in spreads.values() for spread in pair.values() for each in spread.curves]
    limits = axis.loss_limits(curves, log_y=log_y)
    entries: dict[str, Any] = {}
    for panel, (label, pair) in zip(axes, spreads.items(), strict=False):
        _draw_panel(panel, pair, limits, entries, log_x=log_x, log_y=log_y)
        name_axes(panel, title=f"{wrap_label(label, 30)}\n{best_in_words(runs[label])}")
    _name_outer_axes(axes, len(runs), columns, axis.x_label(x), loss_label)
    if not runs:
        say_nothing_to_draw(axes[0], "no runs to draw")
    note = _note(list(runs.values()), band, budget)
    legend = [(handle, name) for name, handle in entries.items()]
    return arrange(figure, title=title, note=note, legend=legend)


def overlay_figure(
    groups: Groups,
    column: str = "val_loss",
    *,
    x: str = "epoch",
    log_x: bool = False,
    log_y: bool = False,
    band: str = "range",
    column_label: str | None = None,
    title: str = "",
    budget: str | None = None,
) -> Figure:
    """One curve for each group: the mean over its seeds with a band, a single run as a plain line.

    groups: label -> history or histories over seeds. column: a column of history.csv (val_loss gives way
    to train_loss where there is no validation split). band: `range` (lowest to highest) or `std` (±1).
    With x = "seconds" and log_x this is the chapter's figure of loss against seconds. A seed that ended
    before half of the longest is drawn thin by itself. budget: as in `panels_figure`.
    """
    runs = {label: _as_list(group) for label, group in groups.items()}
    seeds = [seed for group in runs.values() for seed in group]
    if column == "val_loss" and not any(seed[column].notna().any() for seed in seeds):
        column = "train_loss"
    figure, (axes,) = new_figure(8.0, 4.6)
    spreads = {
        label: spread_over_seeds(group, column, x, log_x=log_x, band=band) for label, group in runs.items() if group
    }
    curves = [each for spread in spreads.values() for each in spread.curves]
    of_accuracy = column.endswith("accuracy") and not log_y
    limits = axis.accuracy_limits(curves) if of_accuracy else axis.loss_limits(curves, log_y=log_y)
    entries: LegendEntries = []
    for i, (label, spread) in enumerate(spreads.items()):
        line = _draw_spread(axes, spread, limits, look(i) | _sparse_marker(i, spread))
        entries.append((line, _with_n(label, spread.n, len(runs[label]))))
    axis.set_x(axes, [each for each in curves if each.drawable], log_x=log_x)
    axis.set_loss_y(axes, limits, log_y=log_y)
    if not any(each.drawable for each in curves):
        say_nothing_to_draw(axes, "no runs to draw" if not runs else "nothing to draw yet")
    name_axes(axes, axis.x_label(x), column_label or NAMES.get(column, column))
    note = _note(list(runs.values()), band, budget)
    return arrange(figure, title=title, note=note, legend=entries, legend_at="auto")


def best_in_words(seeds: Sequence[pd.DataFrame]) -> str:
    """`val. accuracy 0.953 ± 0.004 (best model)`, or the best loss where there is no accuracy."""
    rows = [(seed, row) for seed in seeds if (row := best_row(seed)) is not None]
    if not rows:
        return "no best epoch"
    kind = "accuracy" if has_accuracy(rows[0][0]) else "loss"
    validated = any(seed[f"val_{kind}"].notna().any() for seed, _ in rows)
    column = f"{'val' if validated else 'train'}_{kind}"
    values = np.array([float(seed[column].iloc[row]) for seed, row in rows])
    values = values[np.isfinite(values)]
    if not values.size:
        return "no best epoch"
    mean = f"{values.mean():.3f}" if kind == "accuracy" else typeset(float(values.mean()), 4)
    deviation = f" ± {typeset(float(values.std(ddof=1)), 1)}" if len(values) > 1 else ""
    return f"best {column.replace('_', '. ')} {mean}{deviation}"


def _as_list(group: pd.DataFrame | Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    histories = [group] if hasattr(group, "columns") else group
    return [cast("pd.DataFrame", history) for history in histories if len(history)]


def _draw_spread(axes: Axes, spread: SeedBand, limits: tuple[float, float], style: dict[str, Any]) -> Any:
    """The mean, the band, thin tails, and arrowheads where a curve leaves the axes; returns the line."""
    mean, colour = spread.mean, style["color"]
    ceiling = limits[1] * 1e6 + 1
    if spread.n > 1:
        axes.fill_between(
            mean.x,
            np.clip(spread.low, -ceiling, ceiling),
            np.clip(spread.high, -ceiling, ceiling),
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
    (line,) = axes.plot(mean.x, axis.tame(mean, limits), **{"linewidth": 1.7} | style)
    for tail in spread.tails:
        axes.plot(tail.x, axis.tame(tail, limits), color=colour, linewidth=0.7, alpha=0.8)
    for each in spread.curves if len(spread.tails) <= 3 else [mean]:
        axis.mark_escape(axes, each, limits, colour)
    return line


def _draw_panel(
    axes: Axes,
    pair: dict[str, SeedBand],
    limits: tuple[float, float],
    entries: dict[str, Any],
    *,
    log_x: bool,
    log_y: bool,
) -> None:
    for i, (split, name) in enumerate(SPLITS.items()):
        if split not in pair:
            continue
        spread = pair[split]
        few = {"marker": "o", "markersize": 4} if np.isfinite(spread.mean.y).sum() <= 6 else {}
        style = {"color": COLOURS[i], "linestyle": LINES[i], **few}
        entries.setdefault(name, _draw_spread(axes, spread, limits, style))
    drawable = [each for spread in pair.values() for each in spread.curves if each.drawable]
    axis.set_x(axes, drawable, log_x=log_x)
    axis.set_loss_y(axes, limits, log_y=log_y)
    if not drawable:
        say_nothing_to_draw(axes)


def _name_outer_axes(axes: list[Axes], n: int, columns: int, x: str, y: str) -> None:
    """x labels under the lowest panel of each column, the y label at the left; unused panels go."""
    for i, panel in enumerate(axes):
        if i >= max(n, 1):
            panel.remove()
            continue
        short = x.split(",")[0]
        name_axes(panel, short if i + columns >= n else "", y if i % columns == 0 else "")


def _sparse_marker(index: int, spread: SeedBand) -> dict[str, Any]:
    """About six markers on a curve, shifted from curve to curve, so that they fall apart."""
    points = len(spread.mean.x)
    stride = max(1, points // 6)
    return {"marker": marker(index), "markersize": 4.5, "markevery": (index * stride // 6 % stride, stride)}


def _with_n(label: str, kept: int, n: int) -> str:
    if n <= 1:
        return label
    return f"{label} (n={n})" if kept == n else f"{label} (n={kept}, {n - kept} ended early)"


def _note(groups: list[list[pd.DataFrame]], band: str, budget: str | None) -> str:
    seeds = [seed for group in groups for seed in group]
    held = axis.equal_budget(seeds) if budget is None else budget
    parts = [f"budget: {held}"] if held and seeds else []
    if any(len(group) > 1 for group in groups):
        parts.append(f"line: mean over seeds; {BANDS[band]}")
    return "; ".join(parts)
